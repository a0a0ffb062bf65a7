import COneDNN
import GraftCompute
import GraftTensors

/// The library oneDNN, opened at run time through a C shim that is compiled against the library's headers.
///
/// Reference: https://uxlfoundation.github.io/oneDNN/v2.6/group_dnnl_api.html
struct OneDNNLibrary: @unchecked Sendable {
  // What it points to is not changed after it was opened, and may be used by all threads.
  private let library: OpaquePointer
  /// Such as `2.6.3`.
  let version: String

  /// The library of this process: it is loaded once and stays.
  static let loaded: Result<OneDNNLibrary, GraftError> = Result { () throws(GraftError) in
    try OneDNNLibrary(["libdnnl.so.\(headersVersion)", "libdnnl.so"])
  }

  /// The major version of the headers that the shim was compiled with; 0 when there were none.
  static var headersVersion: Int { Int(graft_onednn_headers_version()) }

  /// Opens the first library that serves.
  ///
  /// - Parameter fileNames: What to look for where the system keeps libraries, in this order.
  /// - Throws: ``GraftError`` when the shim was compiled without headers or there is no library; what is wrong with
  ///   the first, when there are some.
  init(_ fileNames: [String]) throws(GraftError) {
    var failure: GraftOneDNNProblem?
    for name in fileNames {
      var problem = GraftOneDNNProblem()
      if let library = graft_onednn_open(name, &problem) {
        self.library = library
        var numbers: (Int32, Int32, Int32) = (0, 0, 0)
        withUnsafeMutableBytes(of: &numbers) {
          graft_onednn_version(library, $0.assumingMemoryBound(to: Int32.self).baseAddress)
        }
        version = "\(numbers.0).\(numbers.1).\(numbers.2)"
        return
      }
      // A library that does not serve says more than one that is not there.
      if failure == nil || failure?.kind == GraftOneDNNNotFound { failure = problem }
    }
    throw OneDNNLibrary.error(failure ?? GraftOneDNNProblem(), fileNames)
  }

  private static func error(_ problem: GraftOneDNNProblem, _ fileNames: [String]) -> GraftError {
    let detail = withUnsafeBytes(of: problem.detail) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    func error(
      _ kind: GraftError.Kind, _ text: String, expected: String?, found: String?, advice: String
    ) -> GraftError {
      GraftError(
        kind, text, subject: "backend '\(OneDNNBackend.name)'", expected: expected, found: found,
        advice: Advice(advice))
    }
    let package = "Install the Debian package libdnnl2, which is built for OpenMP, or use another backend."
    switch problem.kind {
    case GraftOneDNNWithoutHeaders:
      return error(
        .unsupported, "built without oneDNN's headers", expected: "oneapi/dnnl/dnnl.h of version 2 or 3",
        found: "nothing",
        advice: "For bfloat16 and faster float32, install the Debian package libdnnl-dev and build again "
          + "from a clean state; or use another backend.")
    case GraftOneDNNNotFound:
      return error(
        .missing, "oneDNN is not installed", expected: fileNames.joined(separator: " or "), found: detail,
        advice:
          "For bfloat16 and faster float32, install the Debian package libdnnl2; or use another backend.")
    case GraftOneDNNOtherVersion:
      return error(
        .unsupported, "this oneDNN is of another version than the headers that Graft was built with",
        expected: "version \(headersVersion)", found: detail,
        advice: "Install oneDNN \(headersVersion), or build again with the headers of the installed version.")
    case GraftOneDNNLacksFunction:
      return error(
        .unsupported, "this oneDNN lacks a function", expected: detail, found: nil, advice: package)
    default:
      return error(
        .unsupported, "this oneDNN does not start", expected: "success of \(detail)", found: nil,
        advice: package)
    }
  }

  // MARK: Multiplying

  /// The type of A and B.
  enum Operands {
    case float32, bfloat16

    fileprivate var code: GraftOneDNNType {
      switch self {
      case .float32: GraftOneDNNFloat32
      case .bfloat16: GraftOneDNNBFloat16
      }
    }
  }

  /// `C = op(A) · op(B)`, or `C += …`, in float32 on the calling thread, without making a primitive first.
  ///
  /// - Returns: Whether the library succeeded. It fails before it writes to C.
  func sgemm(
    _ product: MatrixProduct, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
    to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
  ) -> Bool {
    var description = GraftOneDNNProduct(product, lda: lda, ldb: ldb, ldc: ldc, accumulating: accumulating)
    return graft_onednn_sgemm(library, &description, a, b, c)
  }

  /// `C = op(A) · op(B)`, or `C += …`, by a matmul primitive on the calling thread.
  ///
  /// The library keeps the primitives that it has made; asking for one again takes some microseconds.
  ///
  /// - Returns: Whether the library has a primitive for it and succeeded. It fails before it writes to C.
  func matmul(
    _ product: MatrixProduct, _ operands: Operands, _ a: UnsafeRawPointer, lda: Int, _ b: UnsafeRawPointer,
    ldb: Int, to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
  ) -> Bool {
    var description = GraftOneDNNProduct(product, lda: lda, ldb: ldb, ldc: ldc, accumulating: accumulating)
    return graft_onednn_matmul(library, &description, operands.code, a, b, c)
  }

  /// Whether the library has bfloat16 primitives, which it lacks where it is told to use older instructions.
  var multipliesBFloat16: Bool {
    let (operand, product) = (
      [BFloat16](repeating: BFloat16(Float(1)), count: 64), MatrixProduct(m: 8, n: 8, k: 8)
    )
    var result = [Float](repeating: 0, count: 64)
    return [false, true].allSatisfy { accumulating in
      matmul(
        product, .bfloat16, operand, lda: 8, operand, ldb: 8, to: &result, ldc: 8, accumulating: accumulating)
    } && result.allSatisfy { $0 == 16 }
  }
}

extension GraftOneDNNProduct {
  fileprivate init(_ product: MatrixProduct, lda: Int, ldb: Int, ldc: Int, accumulating: Bool) {
    self.init(
      m: Int64(product.m), n: Int64(product.n), k: Int64(product.k), lda: Int64(lda), ldb: Int64(ldb),
      ldc: Int64(ldc), transposes_a: product.transposesA, transposes_b: product.transposesB,
      accumulates: accumulating)
  }
}
