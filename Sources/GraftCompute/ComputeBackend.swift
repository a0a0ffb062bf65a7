import GraftTensors

/// A library of compute kernels: at least `gemm`.
///
/// Everything else has a default. A backend that only multiplies matrices in float32 fits on a screen:
///
///     public struct MyBackend: ComputeBackend {
///       public static let name = "mine"
///       public let threads: ThreadPool
///       public init(threads: Int) throws { self.threads = ThreadPool(count: threads) }
///       public func gemm(_ product: MatrixProduct, …) { my_sgemm(…) }
///     }
///
/// One that multiplies in bfloat16 as well has ``init(threads:precision:)``, ``precision`` and the other `gemm`.
public protocol ComputeBackend: Sendable {
  /// The name that the backend is registered and chosen by.
  static var name: String { get }

  /// A guess of how fast the backend is on this machine. When no backend is named, the highest that initialises is
  /// taken. The reference backend is 0.
  static var preference: Int { get }

  /// A backend that multiplies in float32.
  ///
  /// - Parameter threads: How many threads kernels may use, at least one.
  /// - Throws: `GraftError` when a library or a CPU feature is missing; the text says what to install.
  init(threads: Int) throws

  /// - Parameters:
  ///   - threads: How many threads kernels may use, at least one.
  ///   - precision: What products should multiply in. Where the CPU gains nothing by it, or the library
  ///     does not, they do in float32: ``precision`` says so, and ``precisionLimit`` why.
  /// - Throws: as ``init(threads:)``; `GraftError` when the backend knows no other precision than float32.
  init(threads: Int, precision: Precision) throws

  var threads: ThreadPool { get }

  /// What the products of linear layers multiply in, and those of attention where no weights are packed.
  var precision: Precision { get }

  /// Why ``precision`` is not the one that was asked for, where that is not the CPU: a sentence without its full stop, for
  /// people. `nil` otherwise.
  var precisionLimit: String? { get }

  /// What was found, for people: the library, its version, the kernels it picked.
  var summary: String { get }

  /// The vector kernels; the reference ones unless the backend has better.
  var kernels: any Kernels { get }

  /// `C = op(A) · op(B)`, or `C += op(A) · op(B)`, on row-major float32 matrices, on the calling thread alone.
  ///
  /// May be called from several threads at once.
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
  func gemm(
    _ product: MatrixProduct,
    _ a: UnsafePointer<Float>,
    lda: Int,
    _ b: UnsafePointer<Float>,
    ldb: Int,
    to c: UnsafeMutablePointer<Float>,
    ldc: Int,
    accumulating: Bool
  )

  /// The same on bfloat16 matrices, with sums and result in float32. Called when ``precision`` is bfloat16.
  func gemm(
    _ product: MatrixProduct,
    _ a: UnsafePointer<BFloat16>,
    lda: Int,
    _ b: UnsafePointer<BFloat16>,
    ldb: Int,
    to c: UnsafeMutablePointer<Float>,
    ldc: Int,
    accumulating: Bool
  )
}

extension ComputeBackend {
  public static var preference: Int { 1 }
  public var precisionLimit: String? { nil }

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
    preconditionFailure("backend '\(Self.name)' has the precision bfloat16 and no gemm for it")
  }

  public init(threads: Int, precision: Precision) throws {
    guard precision == .float32 else {
      throw GraftError(
        .unsupported,
        "multiplies in float32 alone",
        subject: "backend '\(Self.name)'",
        expected: precision.rawValue,
        advice: "Leave out \(option: "precision"), or choose another \(option: "backend")."
      )
    }
    try self.init(threads: threads)
  }

  public var precision: Precision { .float32 }
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

  /// Floating-point operations: a multiplication and an addition for each pair of elements.
  public var operations: Double { 2 * Double(m) * Double(n) * Double(k) }
}
