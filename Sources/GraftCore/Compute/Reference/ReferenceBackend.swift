/// Naive kernels in plain Swift: the oracle that other backends are tested against.
public struct ReferenceBackend: ComputeBackend {
  public static let name = "reference"
  public static let preference = 0
  public let threads: ThreadPool

  /// Never fails.
  public init(threads: Int) throws { self.threads = ThreadPool(count: threads) }

  /// Three loops; sums are in double precision.
  public func gemm(
    _ product: MatrixProduct,
    alpha: Float,
    _ a: UnsafePointer<Float>,
    lda: Int,
    _ b: UnsafePointer<Float>,
    ldb: Int,
    beta: Float,
    _ c: UnsafeMutablePointer<Float>,
    ldc: Int
  ) {
    let (aRow, aColumn) = product.transposesA ? (1, lda) : (lda, 1)
    let (bRow, bColumn) = product.transposesB ? (1, ldb) : (ldb, 1)
    for i in 0..<product.m {
      for j in 0..<product.n {
        var sum = 0.0
        for l in 0..<product.k {
          sum += Double(a[i * aRow + l * aColumn]) * Double(b[l * bRow + j * bColumn])
        }
        let old = beta == 0 ? 0 : Double(beta) * Double(c[i * ldc + j])
        c[i * ldc + j] = Float(Double(alpha) * sum + old)
      }
    }
  }
}

/// The naive kernels: every default of ``Kernels``.
public struct ReferenceKernels: Kernels {
  public init() {}
}
