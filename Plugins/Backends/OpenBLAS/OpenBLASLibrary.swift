import Foundation
import GraftCompute
import GraftTensors

/// The functions of OpenBLAS that Graft calls, found in the shared library at run time.
struct OpenBLASLibrary: Sendable {
  /// `cblas_sgemm(order, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)` with 32-bit extents.
  private typealias SGEMM =
    @convention(c) @Sendable (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32, UnsafePointer<Float>,
      Int32,
      Float, UnsafeMutablePointer<Float>, Int32
    ) -> Void
  private typealias Text = @convention(c) () -> UnsafePointer<CChar>?
  private typealias SetThreads = @convention(c) (Int32) -> Void
  private typealias Parallel = @convention(c) () -> Int32

  private let cblasSGEMM: SGEMM
  /// What the library says about its version and its build.
  let configuration: String
  /// The CPU whose kernels it picked, such as `SkylakeX`.
  let coreName: String

  /// The library of this process: it is loaded once and stays.
  static let loaded: Result<OpenBLASLibrary, GraftError> = Result { () throws(GraftError) in
    try OpenBLASLibrary()
  }

  /// Opens the first library there is.
  ///
  /// - Parameter fileNames: What to look for where the system keeps libraries, in this order.
  static func open(_ fileNames: [String]) throws(GraftError) -> UnsafeMutableRawPointer {
    for name in fileNames {
      if let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) { return handle }
    }
    throw GraftError(
      .missing, "OpenBLAS is not installed", subject: "backend 'openblas'",
      expected: fileNames.joined(separator: " or "),
      found: dlerror().map { String(cString: $0) } ?? "nothing",
      advice: "Install the Debian package libopenblas0 (or libopenblas-dev), or use the reference backend.")
  }

  private init() throws(GraftError) {
    let handle = try OpenBLASLibrary.open(["libopenblas.so.0", "libopenblas.so"])
    func find<Function>(_ name: String, _: Function.Type) throws(GraftError) -> Function {
      guard let symbol = dlsym(handle, name) else {
        throw GraftError(
          .unsupported, "this OpenBLAS lacks a function", subject: "backend 'openblas'", expected: name,
          advice: "Install the Debian package libopenblas0, or use the reference backend.")
      }
      return unsafeBitCast(symbol, to: Function.self)
    }
    cblasSGEMM = try find("cblas_sgemm", SGEMM.self)
    // A build without threads has no locks around its buffers either.
    guard try find("openblas_get_parallel", Parallel.self)() != 0 else {
      throw GraftError(
        .unsupported, "this OpenBLAS may not be called from several threads", subject: "backend 'openblas'",
        expected: "a build with threads", found: "one without",
        advice: "Install the Debian package libopenblas0-pthread, or use the reference backend.")
    }
    // No threads of its own.
    try find("openblas_set_num_threads", SetThreads.self)(1)
    configuration =
      try find("openblas_get_config", Text.self)().map { String(cString: $0) }?
      .trimmingCharacters(in: .whitespaces) ?? "OpenBLAS"
    coreName = try find("openblas_get_corename", Text.self)().map { String(cString: $0) } ?? "unknown"
  }

  /// `C = op(A) · op(B)`, or `C += …`, on the calling thread.
  func sgemm(
    _ product: MatrixProduct, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
    to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
  ) {
    let (rowMajor, plain, transposed): (Int32, Int32, Int32) = (101, 111, 112)
    cblasSGEMM(
      rowMajor, product.transposesA ? transposed : plain, product.transposesB ? transposed : plain,
      Int32(product.m), Int32(product.n), Int32(product.k), 1, a, Int32(lda), b, Int32(ldb),
      accumulating ? 1 : 0, c, Int32(ldc))
  }
}
