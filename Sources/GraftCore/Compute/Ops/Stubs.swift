// Signatures only, so that the rest compiles; each moves to its own file with its pullback.
extension Tape {
  /// `y = Σ table_i[ids_i]`: the sum of rows of several embedding tables.
  ///
  /// - Parameter lookups: Tables `[entries, hidden]` with `[tokens]` row numbers each.
  /// - Returns: `[tokens, hidden]`.
  public func embeddingSum(_ lookups: [(table: Variable, ids: [Int32])]) -> Variable { fatalError() }

  /// LayerNorm over the last axis of `x`, or of `x + residual`. Ba et al., arXiv:1607.06450.
  ///
  /// - Parameters:
  ///   - x: `[tokens, hidden]`.
  ///   - residual: Of the same shape, or nothing.
  ///   - weight: `[hidden]`.
  ///   - bias: `[hidden]`.
  ///   - epsilon: Added to the variance.
  public func layerNorm(
    _ x: Variable, residual: Variable?, weight: Variable, bias: Variable, epsilon: Float
  ) -> Variable { fatalError() }

  /// Inverted dropout while training; `x` itself when evaluating or when `probability` is 0.
  public func dropout(_ x: Variable, probability: Float) -> Variable { fatalError() }

  /// An activation, element by element.
  public func activate(_ x: Variable, _ activation: Activation) -> Variable { fatalError() }

  /// Multi-head self-attention inside each sequence: `softmax(Q · Kᵀ / √d) · V` per head.
  ///
  /// - Parameters:
  ///   - query: `[tokens, hidden]`; so are `key` and `value`.
  ///   - heads: Number of heads; `hidden` is a multiple of it.
  ///   - offsets: Where sequences start: `[sequences + 1]`.
  ///   - dropout: Probability applied to the attention weights while training.
  /// - Returns: `[tokens, hidden]`.
  public func attention(
    query: Variable, key: Variable, value: Variable, heads: Int, offsets: [Int], dropout: Float
  ) -> Variable { fatalError() }

  /// The given rows of `x`, in that order; a row may be taken more than once.
  public func gatherRows(_ x: Variable, _ rows: [Int32]) -> Variable { fatalError() }

  /// Mean softmax cross-entropy of `[rows, classes]` logits: a scalar. Rows of class −100 are left out.
  public func crossEntropy(_ logits: Variable, classes: [Int32]) -> Variable { fatalError() }

  /// Mean binary cross-entropy with logits over all elements: a scalar.
  public func binaryCrossEntropy(_ logits: Variable, targets: [Float]) -> Variable { fatalError() }

  /// Mean squared error over all elements: a scalar.
  public func meanSquaredError(_ x: Variable, targets: [Float]) -> Variable { fatalError() }

  /// `x + y`, of one shape.
  public func add(_ x: Variable, _ y: Variable) -> Variable { fatalError() }
}

extension ComputeBackend {
  /// `C = op(A) · op(B)`, or `C += …`, on all threads. Cut into pieces by shape alone.
  public func multiply(
    _ product: MatrixProduct, _ a: Tensor, _ b: Tensor, to c: Tensor, accumulating: Bool = false
  ) { fatalError() }
  /// `y[r, c] += bias[c]`, on all threads.
  public func addBias(_ bias: Tensor, to y: Tensor) { fatalError() }
  /// `sums[c] = Σ_r x[r, c]`, or `+=`, on all threads in a fixed order.
  public func sumColumns(of x: Tensor, to sums: Tensor, accumulating: Bool) { fatalError() }
}

/// The naive kernels.
public struct ReferenceKernels: Kernels { public init() {} }

/// Naive kernels in plain Swift: the oracle that other backends are tested against.
public struct ReferenceBackend: ComputeBackend {
  public static let name = "reference"
  public static let preference = 0
  public let threads: ThreadPool
  public init(threads: Int) throws { self.threads = ThreadPool(count: threads) }
  public func gemm(
    _ product: MatrixProduct, alpha: Float, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>,
    ldb: Int, beta: Float, _ c: UnsafeMutablePointer<Float>, ldc: Int) { fatalError() }
}

extension Kernels {
  public func addBias(_ bias: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, rows: Int, columns: Int) { fatalError() }
  public func addColumnSums(of x: UnsafePointer<Float>, rows: Int, columns: Int, to sums: UnsafeMutablePointer<Float>) { fatalError() }
  public func add(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int) { fatalError() }
  public func activate(_ activation: Activation, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int) { fatalError() }
  public func activationGradient(_ activation: Activation, x: UnsafePointer<Float>, dy: UnsafePointer<Float>, to dx: UnsafeMutablePointer<Float>, count: Int) { fatalError() }
  public func layerNorm(_ x: UnsafePointer<Float>, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>, epsilon: Float, to y: UnsafeMutablePointer<Float>, statistics: UnsafeMutablePointer<Float>, rows: Int, columns: Int) { fatalError() }
  public func layerNormGradient(x: UnsafePointer<Float>, weight: UnsafePointer<Float>, statistics: UnsafePointer<Float>, dy: UnsafePointer<Float>, to dx: UnsafeMutablePointer<Float>, dWeight: UnsafeMutablePointer<Float>, dBias: UnsafeMutablePointer<Float>, rows: Int, columns: Int) { fatalError() }
  public func softmax(_ x: UnsafeMutablePointer<Float>, scale: Float, rows: Int, columns: Int) { fatalError() }
  public func softmaxGradient(p: UnsafePointer<Float>, dp: UnsafeMutablePointer<Float>, scale: Float, rows: Int, columns: Int) { fatalError() }
  public func crossEntropy(_ logits: UnsafePointer<Float>, classes: UnsafePointer<Int32>, loss: UnsafeMutablePointer<Float>, gradient: UnsafeMutablePointer<Float>?, rows: Int, columns: Int) { fatalError() }
  public func dropout(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int, probability: Float, key: RandomKey, start: Int) { fatalError() }
  public func scale(_ x: UnsafeMutablePointer<Float>, by factor: Float, count: Int) { fatalError() }
  public func squaredNorm(_ x: UnsafePointer<Float>, count: Int) -> Double { fatalError() }
  public func adamW(_ update: AdamWUpdate, weights: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, firstMoment: UnsafeMutablePointer<Float>, secondMoment: UnsafeMutablePointer<Float>, count: Int) { fatalError() }
}
