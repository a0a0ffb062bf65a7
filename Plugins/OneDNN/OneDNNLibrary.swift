import Foundation
import GraftCore

/// The functions of oneDNN that Graft calls, found in the shared library at run time. They are the same in
/// versions 2 and 3. Reference: https://uxlfoundation.github.io/oneDNN/v2.6/group_dnnl_api_blas.html
struct OneDNNLibrary: Sendable {
  /// `dnnl_sgemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)` on row-major matrices; 0 is
  /// success.
  private typealias SGEMM =
    @convention(c) @Sendable (
      CChar, CChar, Int64, Int64, Int64, Float, UnsafePointer<Float>, Int64, UnsafePointer<Float>, Int64,
      Float, UnsafeMutablePointer<Float>, Int64
    ) -> Int32
  /// A structure that begins with the major, minor and patch version.
  private typealias Version = @convention(c) () -> UnsafePointer<Int32>
  private typealias SetThreads = @convention(c) @Sendable (Int32) -> Void

  private let dnnlSGEMM: SGEMM
  private let setThreads: SetThreads
  /// Such as `2.6.0`.
  let version: String

  /// The library of this process: it is loaded once and stays.
  static let loaded: Result<OneDNNLibrary, GraftError> = Result { () throws(GraftError) in
    try OneDNNLibrary(["libdnnl.so.3", "libdnnl.so.2", "libdnnl.so"])
  }

  /// Opens the first library there is.
  ///
  /// - Parameter fileNames: What to look for where the system keeps libraries, in this order.
  init(_ fileNames: [String]) throws(GraftError) {
    let handle = fileNames.lazy.compactMap { dlopen($0, RTLD_NOW | RTLD_LOCAL) }.first
    guard let handle else {
      throw GraftError(
        .missing, "oneDNN is not installed", subject: "backend 'onednn'",
        expected: fileNames.joined(separator: " or "),
        found: dlerror().map { String(cString: $0) } ?? "nothing",
        advice: "Install the Debian package libdnnl2 (or libdnnl-dev), or pass another --backend.")
    }
    func find<Function>(_ name: String, _: Function.Type) throws(GraftError) -> Function {
      guard let symbol = dlsym(handle, name) else {
        throw GraftError(
          .unsupported, "this oneDNN lacks a function", subject: "backend 'onednn'", expected: name,
          advice: "Install the Debian package libdnnl2, which is built for OpenMP.")
      }
      return unsafeBitCast(symbol, to: Function.self)
    }
    dnnlSGEMM = try find("dnnl_sgemm", SGEMM.self)
    // OpenMP's, which the library's own loops follow.
    setThreads = try find("omp_set_num_threads", SetThreads.self)
    let numbers = try find("dnnl_version", Version.self)()
    version = "\(numbers[0]).\(numbers[1]).\(numbers[2])"
  }

  /// ``ComputeBackend/gemm(_:alpha:_:lda:_:ldb:beta:_:ldc:)``.
  func sgemm(
    _ product: MatrixProduct, alpha: Float, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>,
    ldb: Int, beta: Float, _ c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    guard product.k > 0 else {
      // The library leaves C as it is.
      for row in 0..<product.m {
        for column in 0..<product.n {
          c[row * ldc + column] = beta == 0 ? 0 : beta * c[row * ldc + column]
        }
      }
      return
    }
    // Each thread has a setting of its own.
    setThreads(1)
    let (plain, transposed) = (CChar(bitPattern: UInt8(ascii: "N")), CChar(bitPattern: UInt8(ascii: "T")))
    let status = dnnlSGEMM(
      product.transposesA ? transposed : plain, product.transposesB ? transposed : plain, Int64(product.m),
      Int64(product.n), Int64(product.k), alpha, a, Int64(lda), b, Int64(ldb), beta, c, Int64(ldc))
    precondition(status == 0, "dnnl_sgemm: status \(status) for \(product)")
  }
}
