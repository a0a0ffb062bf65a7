import GraftTensors

/// Kernels that work on rows, on the calling thread. Ops cut the rows into pieces and run them in parallel.
///
/// Every requirement has a naive default: the oracle that faster kernels are tested against, and what a
/// backend gets that brings none of its own. Matrices are row-major without gaps.
public protocol Kernels: Sendable {
  /// `y[r, c] += bias[c]`.
  func addBias(_ bias: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, rows: Int, columns: Int)

  /// `sums[c] += Σ_r x[r, c]`, rows in order.
  func addColumnSums(
    of x: UnsafePointer<Float>,
    rows: Int,
    columns: Int,
    to sums: UnsafeMutablePointer<Float>
  )

  /// `y[i] += x[i]`.
  func add(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int)

  /// `y[i] = f(x[i])`. `y` may be `x`.
  func activate(
    _ activation: Activation,
    _ x: UnsafePointer<Float>,
    to y: UnsafeMutablePointer<Float>,
    count: Int
  )

  /// `dx[i] = dy[i] · f'(x[i])`. `dx` may be `dy`.
  func activationGradient(
    _ activation: Activation,
    x: UnsafePointer<Float>,
    dy: UnsafePointer<Float>,
    to dx: UnsafeMutablePointer<Float>,
    count: Int
  )

  /// LayerNorm of each row of `x`: `y = (x − mean) · rstd · weight + bias`. `y` may be `x`.
  ///
  /// `statistics`, `[rows, 2]`, receives each row's mean and reciprocal standard deviation.
  func layerNorm(
    _ x: UnsafePointer<Float>,
    weight: UnsafePointer<Float>,
    bias: UnsafePointer<Float>,
    epsilon: Float,
    to y: UnsafeMutablePointer<Float>,
    statistics: UnsafeMutablePointer<Float>,
    rows: Int,
    columns: Int
  )

  /// The gradients of LayerNorm: writes `dx`, adds to `dWeight` and `dBias`, rows in order. `dx` may be `dy`.
  func layerNormGradient(
    x: UnsafePointer<Float>,
    weight: UnsafePointer<Float>,
    statistics: UnsafePointer<Float>,
    dy: UnsafePointer<Float>,
    to dx: UnsafeMutablePointer<Float>,
    dWeight: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>,
    rows: Int,
    columns: Int
  )

  /// Replaces each row by `softmax(scale · row)`.
  func softmax(_ x: UnsafeMutablePointer<Float>, scale: Float, rows: Int, columns: Int)

  /// Attention of one head in one sequence: `y = softmax(scale · Q · Kᵀ) · V`.
  ///
  /// A row's result depends on its sequence alone.
  func attend(_ head: AttentionHead)

  /// The elements of ``AttentionHead/scratch``.
  func attentionScratch(length: Int, width: Int) -> Int

  /// Given `p = softmax(scale · x)`, replaces `dp` by `dx = scale · p · (dp − Σ p · dp)`, row by row.
  func softmaxGradient(
    p: UnsafePointer<Float>,
    dp: UnsafeMutablePointer<Float>,
    scale: Float,
    rows: Int,
    columns: Int
  )

  /// What the softmax of a row divides by, from reading the row once: writes its largest element `m` and
  /// `Σ_c exp(x[r, c] − m)` to `statistics`, `[rows, 2]`.
  func softmaxStatistics(
    _ x: UnsafePointer<Float>,
    to statistics: UnsafeMutablePointer<Double>,
    rows: Int,
    columns: Int
  )

  /// The gradient of the cross-entropy of each row of logits with its class:
  /// `gradient[r] = scale · (softmax(x[r]) − onehot(class))`, or 0 where the class is negative.
  ///
  /// `statistics` is what ``softmaxStatistics(_:to:rows:columns:)`` gives. `gradient` may be `logits`.
  func crossEntropyGradient(
    _ logits: UnsafePointer<Float>,
    classes: UnsafePointer<Int32>,
    statistics: UnsafePointer<Double>,
    scale: Float,
    to gradient: UnsafeMutablePointer<Float>,
    rows: Int,
    columns: Int
  )

  /// Inverted dropout: `y[i] = x[i] / (1 − p)` where word `start + i` of the key's stream, as a fraction of
  /// 2³², is at least `p`; else 0. `y` may be `x`.
  ///
  /// `start`, the place of the first element in the stream, is a multiple of 4.
  func dropout(
    _ x: UnsafePointer<Float>,
    to y: UnsafeMutablePointer<Float>,
    count: Int,
    probability: Float,
    key: RandomKey,
    start: Int
  )

  /// Rounds to bfloat16, to the nearest, ties to even; a NaN stays a NaN.
  func round(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<BFloat16>, count: Int)

  /// `Σ x[i]²`, in double precision.
  func squaredNorm(_ x: UnsafePointer<Float>, count: Int) -> Double

  /// The kernels for products with packed weights; `nil` where there are none for a precision. Products then
  /// read weights where they are.
  func panels(for precision: WeightPrecision) -> (any PanelKernels)?

  /// Products of small matrices whose elements are rounded to a precision; `nil` where there are none.
  /// Products in float32 are then taken, or the backend's.
  func smallProducts(in precision: Precision) -> (any SmallProducts)?
}

extension Kernels {
  public func panels(for precision: WeightPrecision) -> (any PanelKernels)? {
    nil
  }

  public func smallProducts(in precision: Precision) -> (any SmallProducts)? {
    nil
  }
}

/// One head of attention in one sequence, for a kernel.
public struct AttentionHead {
  /// `[length, width]` each, from the head's first number of the first token on.
  public var query: UnsafePointer<Float>
  public var key: UnsafePointer<Float>
  public var value: UnsafePointer<Float>
  public var result: UnsafeMutablePointer<Float>
  /// Elements from token to token of all four.
  public var stride: Int
  public var length: Int
  public var width: Int
  /// What scores are multiplied by, above 0.
  public var scale: Float
  /// How far a token sees in both directions; `nil` for its whole sequence.
  public var window: Int?
  /// Of the size that ``Kernels/attentionScratch(length:width:)`` gives.
  public var scratch: UnsafeMutablePointer<Float>

  public init(
    query: UnsafePointer<Float>, key: UnsafePointer<Float>, value: UnsafePointer<Float>,
    result: UnsafeMutablePointer<Float>, stride: Int, length: Int, width: Int, scale: Float, window: Int?,
    scratch: UnsafeMutablePointer<Float>
  ) {
    (self.query, self.key, self.value, self.result) = (query, key, value, result)
    (self.stride, self.length, self.width, self.scale) = (stride, length, width, scale)
    (self.window, self.scratch) = (window, scratch)
  }
}
