/// A library of compute kernels: at least `gemm`.
///
/// Everything else has a default. A backend that only multiplies matrices fits on a screen:
///
///     public struct MyBackend: ComputeBackend {
///       public static let name = "mine"
///       public let threads: ThreadPool
///       public init(threads: Int) throws { self.threads = ThreadPool(count: threads) }
///       public func gemm(_ product: MatrixProduct, …) { my_sgemm(…) }
///     }
public protocol ComputeBackend: Sendable {
  /// The name on the command line: `--backend NAME`.
  static var name: String { get }

  /// A guess of how fast the backend is on this machine, for `--backend auto`, which takes the highest that
  /// initialises. The reference backend is 0.
  static var preference: Int { get }

  /// - Parameter threads: How many threads kernels may use, at least one.
  /// - Throws: ``GraftError`` when a library or a CPU feature is missing; the text says what to install.
  init(threads: Int) throws

  var threads: ThreadPool { get }

  /// What was found, for `graft doctor`: the library, its version, the kernels it picked.
  var summary: String { get }

  /// The vector kernels; the reference ones unless the backend has better.
  var kernels: any Kernels { get }

  /// `C = alpha · op(A) · op(B) + beta · C` on row-major float32 matrices, on the calling thread alone.
  ///
  /// May be called from several threads at once. When `beta` is 0, `C` is not read.
  ///
  /// - Parameters:
  ///   - product: Extents and transpositions.
  ///   - alpha: What the product is multiplied by.
  ///   - a: `[m, k]`, or `[k, m]` when transposed.
  ///   - lda: Floats from row to row of `a`.
  ///   - b: `[k, n]`, or `[n, k]` when transposed.
  ///   - ldb: Floats from row to row of `b`.
  ///   - beta: What the old `c` is multiplied by.
  ///   - c: `[m, n]`.
  ///   - ldc: Floats from row to row of `c`.
  func gemm(
    _ product: MatrixProduct,
    alpha: Float,
    _ a: UnsafePointer<Float>,
    lda: Int,
    _ b: UnsafePointer<Float>,
    ldb: Int,
    beta: Float,
    _ c: UnsafeMutablePointer<Float>,
    ldc: Int
  )
}

extension ComputeBackend {
  public static var preference: Int { 1 }
  public var summary: String { Self.name }
  public var kernels: any Kernels { ReferenceKernels() }
}

/// The extents of a matrix product: `op(A)` is `[m, k]`, `op(B)` is `[k, n]`.
public struct MatrixProduct: Sendable, Hashable {
  public var m: Int
  public var n: Int
  public var k: Int
  /// Whether A is stored as its transpose, `[k, m]`.
  public var transposesA: Bool
  /// Whether B is stored as its transpose, `[n, k]`.
  public var transposesB: Bool

  public init(m: Int, n: Int, k: Int, transposesA: Bool = false, transposesB: Bool = false) {
    self.m = m
    self.n = n
    self.k = k
    self.transposesA = transposesA
    self.transposesB = transposesB
  }
}
