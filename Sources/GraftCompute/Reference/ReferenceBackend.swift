import GraftTensors

/// Naive kernels in plain Swift: the oracle that other backends are tested against.
public struct ReferenceBackend: ComputeBackend {
  public static let name = "reference"
  public static let preference = 0
  public let threads: ThreadPool
  public let precision: Precision

  /// Never fails.
  public init(threads: Int) throws { try self.init(threads: threads, precision: .float32) }

  /// Never fails.
  public init(threads: Int, precision: Precision) throws {
    self.threads = ThreadPool(count: threads)
    self.precision = precision
  }

  public func gemm(
    _ product: MatrixProduct,
    _ a: UnsafePointer<Float>,
    lda: Int,
    _ b: UnsafePointer<Float>,
    ldb: Int,
    to c: UnsafeMutablePointer<Float>,
    ldc: Int,
    accumulating: Bool
  ) {
    naiveProduct(product, a, lda, b, ldb, c, ldc, accumulating) { Double($0) }
  }

  public func gemm(
    _ product: MatrixProduct,
    _ a: UnsafePointer<BFloat16>,
    lda: Int,
    _ b: UnsafePointer<BFloat16>,
    ldb: Int,
    to c: UnsafeMutablePointer<Float>,
    ldc: Int,
    accumulating: Bool
  ) {
    naiveProduct(product, a, lda, b, ldb, c, ldc, accumulating) { Double(Float($0)) }
  }
}

/// Three loops; sums are in double precision.
func naiveProduct<Element>(
  _ product: MatrixProduct,
  _ a: UnsafePointer<Element>,
  _ lda: Int,
  _ b: UnsafePointer<Element>,
  _ ldb: Int,
  _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int,
  _ accumulating: Bool,
  _ value: (Element) -> Double
) {
  let (aRow, aColumn) = product.transposesA ? (1, lda) : (lda, 1)
  let (bRow, bColumn) = product.transposesB ? (1, ldb) : (ldb, 1)
  let columns = (0..<product.n).map { j in (0..<product.k).map { value(b[$0 * bRow + j * bColumn]) } }
  for i in 0..<product.m {
    let row = (0..<product.k).map { value(a[i * aRow + $0 * aColumn]) }
    for j in 0..<product.n {
      let sum = naiveSum(of: row, times: columns[j], from: accumulating ? Double(c[i * ldc + j]) : 0)
      c[i * ldc + j] = Float(sum)
    }
  }
}

/// `start` + Σ xᵢ · yᵢ, by a loop that is fast in debug builds, too, where tests run it.
///
/// - Parameter offset: Where `y` begins.
func naiveSum(of x: [Double], times y: [Double], at offset: Int = 0, from start: Double = 0) -> Double {
  x.withUnsafeBufferPointer { x in
    y.withUnsafeBufferPointer { y in
      var (sum, index) = (start, 0)
      while index < x.count {
        sum += x[index] * y[offset + index]
        index += 1
      }
      return sum
    }
  }
}

/// The naive kernels: every default of ``Kernels``.
public struct ReferenceKernels: Kernels {
  public init() {}

  public func panels(for precision: WeightPrecision) -> (any PanelKernels)? {
    ReferencePanelKernels(precision)
  }

  public func smallProducts(in precision: Precision) -> (any SmallProducts)? {
    ReferenceSmallProducts(precision: precision)
  }
}
