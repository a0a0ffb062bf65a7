import GraftTensors

/// Products of matrices that fit a core's cache, such as those of attention, on the calling thread.
public protocol SmallProducts: Sendable {
  /// How many floats a product needs for itself.
  func scratch(_ product: MatrixProduct) -> Int

  /// `C = op(A) · op(B)`, or `C += …`, with sums in float32.
  ///
  /// An element depends on its row of `op(A)` and its column of `op(B)` alone.
  ///
  /// - Parameters:
  ///   - product: Extents and transpositions.
  ///   - a: `[m, k]`, or `[k, m]` when transposed.
  ///   - lda: Elements from row to row of `a`.
  ///   - b: `[k, n]`, or `[n, k]` when transposed.
  ///   - ldb: Elements from row to row of `b`.
  ///   - c: `[m, n]`.
  ///   - ldc: Elements from row to row of `c`.
  ///   - accumulating: Whether to add to `c`, which is not read otherwise.
  ///   - scratch: Of the size that ``scratch(_:)`` gives.
  func multiply(
    _ product: MatrixProduct,
    _ a: UnsafePointer<Float>,
    lda: Int,
    _ b: UnsafePointer<Float>,
    ldb: Int,
    to c: UnsafeMutablePointer<Float>,
    ldc: Int,
    accumulating: Bool,
    scratch: UnsafeMutablePointer<Float>
  )
}

/// The products of a backend where it has no small ones of its own.
struct BackendProducts: SmallProducts {
  let backend: any ComputeBackend

  func scratch(_ product: MatrixProduct) -> Int { 0 }

  func multiply(
    _ product: MatrixProduct,
    _ a: UnsafePointer<Float>,
    lda: Int,
    _ b: UnsafePointer<Float>,
    ldb: Int,
    to c: UnsafeMutablePointer<Float>,
    ldc: Int,
    accumulating: Bool,
    scratch: UnsafeMutablePointer<Float>
  ) {
    backend.gemm(product, a, lda: lda, b, ldb: ldb, to: c, ldc: ldc, accumulating: accumulating)
  }
}

extension ComputeBackend {
  /// Small products in float32.
  var smallProducts: any SmallProducts {
    kernels.smallProducts(in: .float32) ?? BackendProducts(backend: self)
  }
}
