import GraftCompute
import GraftCore
import GraftTensors
import VectorKernels

/// Matrix products by oneDNN, in float32 or bfloat16, everything else by ``VectorKernels``.
///
/// The library is looked for when the backend is made, so that Graft builds and starts without it; its headers are
/// looked for when Graft is built. It runs single-threaded: Graft cuts the work itself.
public struct OneDNNBackend: ComputeBackend {
  public static let name = "onednn"
  // Ahead of OpenBLAS: its products are 5 to 10 % faster at the sizes of linear layers, on Zen 4 and Zen 5.
  public static let preference = 20
  public let threads: ThreadPool
  public let precision: Precision
  public let kernels: any Kernels
  public let precisionLimit: String?
  public let summary: String
  private let library: OneDNNLibrary
  /// For products that the library fails at.
  private let reference: ReferenceBackend

  /// - Throws: ``GraftError`` when the library is not installed, or its headers were not when Graft was built.
  public init(threads: Int) throws { try self.init(threads: threads, precision: .float32) }

  /// - Throws: ``GraftError`` when the library is not installed, or its headers were not when Graft was built.
  public init(threads: Int, precision: Precision) throws {
    library = try OneDNNLibrary.loaded.get()
    reference = try ReferenceBackend(threads: 1)
    let vectorKernels = VectorKernels()
    self.threads = ThreadPool(count: threads)
    let isLimited = precision != .float32 && InstructionSet.gainsByBFloat16 && !library.multipliesBFloat16
    precisionLimit = isLimited ? "oneDNN has no bfloat16 here, or is told to use older instructions" : nil
    self.precision = InstructionSet.gainsByBFloat16 && !isLimited ? precision : .float32
    kernels = vectorKernels
    summary = "oneDNN \(library.version); vector kernels: \(vectorKernels.name)"
  }

  public func gemm(
    _ product: MatrixProduct, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
    to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
  ) {
    guard product.k > 0 else { return empty(product, c, ldc, accumulating) }
    // Making a primitive is worth it where it multiplies for a while.
    if product.operations >= 4e6,
      library.matmul(
        product, .float32, a, lda: lda, b, ldb: ldb, to: c, ldc: ldc, accumulating: accumulating)
    {
      return
    }
    if library.sgemm(product, a, lda: lda, b, ldb: ldb, to: c, ldc: ldc, accumulating: accumulating) {
      return
    }
    // The library is out of memory, or knows a limit that Graft does not: slow and right.
    reference.gemm(product, a, lda: lda, b, ldb: ldb, to: c, ldc: ldc, accumulating: accumulating)
  }

  public func gemm(
    _ product: MatrixProduct, _ a: UnsafePointer<BFloat16>, lda: Int, _ b: UnsafePointer<BFloat16>, ldb: Int,
    to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
  ) {
    guard product.k > 0 else { return empty(product, c, ldc, accumulating) }
    if library.matmul(
      product, .bfloat16, a, lda: lda, b, ldb: ldb, to: c, ldc: ldc, accumulating: accumulating)
    {
      return
    }
    reference.gemm(product, a, lda: lda, b, ldb: ldb, to: c, ldc: ldc, accumulating: accumulating)
  }

  /// Sums of nothing, which the library leaves out.
  private func empty(
    _ product: MatrixProduct, _ c: UnsafeMutablePointer<Float>, _ ldc: Int, _ accumulating: Bool
  ) {
    guard !accumulating else { return }
    for row in 0..<product.m { (c + row * ldc).update(repeating: 0, count: product.n) }
  }
}

/// Registers ``OneDNNBackend`` as `onednn`.
public enum OneDNNPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(OneDNNBackend.self) }
}
