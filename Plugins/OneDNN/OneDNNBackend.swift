import GraftCore
import VectorKernels

/// Matrix products by oneDNN, everything else by ``VectorKernels``. float32.
///
/// The library is looked for when the backend is made, so that Graft builds and starts without it. It runs
/// single-threaded: Graft cuts the work itself.
public struct OneDNNBackend: ComputeBackend {
  public static let name = "onednn"
  // Ahead of OpenBLAS: on Zen 4 its products are some 8 % faster at the sizes of linear layers.
  public static let preference = 20
  public let threads: ThreadPool
  public let kernels: any Kernels
  public let summary: String
  private let library: OneDNNLibrary

  /// - Throws: ``GraftError`` when the library is not installed.
  public init(threads: Int) throws {
    library = try OneDNNLibrary.loaded.get()
    let vectorKernels = VectorKernels()
    self.threads = ThreadPool(count: threads)
    kernels = vectorKernels
    summary = "oneDNN \(library.version); vector kernels: \(vectorKernels.name)"
  }

  public func gemm(
    _ product: MatrixProduct, alpha: Float, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>,
    ldb: Int, beta: Float, _ c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    library.sgemm(product, alpha: alpha, a, lda: lda, b, ldb: ldb, beta: beta, c, ldc: ldc)
  }
}

/// Registers ``OneDNNBackend`` as `onednn`.
public enum OneDNNPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(OneDNNBackend.self) }
}
