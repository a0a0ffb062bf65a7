import GraftCompute
import GraftCore
import VectorKernels

/// Matrix products by OpenBLAS, in float32; everything else by ``VectorKernels``.
///
/// The library is looked for when the backend is made, so that Graft builds and starts without it. It runs
/// single-threaded: Graft cuts the work itself.
public struct OpenBLASBackend: ComputeBackend {
  public static let name = "openblas"
  public static let preference = 10
  public let threads: ThreadPool
  public let kernels: any Kernels
  public let summary: String
  private let library: OpenBLASLibrary

  /// - Throws: ``GraftError`` when the library is not installed.
  public init(threads: Int) throws {
    library = try OpenBLASLibrary.loaded.get()
    let vectorKernels = VectorKernels()
    self.threads = ThreadPool(count: threads)
    kernels = vectorKernels
    let reason = OpenBLASLibrary.chosenCore == nil ? "" : " as OPENBLAS_CORETYPE asks"
    summary =
      "\(library.configuration), \(library.coreName) kernels\(reason); vector kernels: \(vectorKernels.name)"
  }

  public func gemm(
    _ product: MatrixProduct, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
    to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
  ) {
    library.sgemm(product, a, lda: lda, b, ldb: ldb, to: c, ldc: ldc, accumulating: accumulating)
  }
}

/// Registers ``OpenBLASBackend`` as `openblas`.
public enum OpenBLASPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(OpenBLASBackend.self) }
}
