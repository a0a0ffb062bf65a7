import CVectorKernels
import GraftCompute
import GraftTensors

/// Kernels in the CPU's widest vectors, for backends to use: 16 floats at a time with AVX-512, AVX2 or what
/// every CPU has, chosen when the program runs.
///
/// A row's result depends on the row alone, an element's on the element alone, however the work is cut.
/// Functions are polynomial approximations, exact to about 10⁻⁶ of the value; sums of more than some hundred
/// floats are in double precision. Dropout draws the very words of ``RandomKey``.
public struct VectorKernels: Kernels, @unchecked Sendable {
  // Constant: pointers to functions and to a literal.
  private let table: GraftVectorKernels
  private let set: InstructionSet

  /// The kernels for this CPU.
  public init() {
    self =
      VectorKernels(.best)
      ?? VectorKernels(table: graft_vector_kernels(GraftLevelBaseline).pointee, .baseline)
  }

  /// The kernels of an instruction set, unless this CPU lacks it.
  public init?(_ set: InstructionSet) {
    guard let table = graft_vector_kernels(set.level) else { return nil }
    self.init(table: table.pointee, set)
  }

  private init(table: GraftVectorKernels, _ set: InstructionSet) {
    self.table = table
    self.set = set
  }

  /// What the kernels are compiled for, for people.
  public var name: String { self.set.rawValue }

  public func addBias(
    _ bias: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, rows: Int, columns: Int
  ) {
    table.add_bias(bias, y, rows, columns)
  }

  public func addColumnSums(
    of x: UnsafePointer<Float>, rows: Int, columns: Int, to sums: UnsafeMutablePointer<Float>
  ) {
    table.add_column_sums(x, rows, columns, sums)
  }

  public func add(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int) {
    table.add(x, y, count)
  }

  public func round(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<BFloat16>, count: Int) {
    table.round(x, y.bits, count)
  }

  public func squaredNorm(_ x: UnsafePointer<Float>, count: Int) -> Double { table.squared_norm(x, count) }

  public func activate(
    _ activation: Activation, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int
  ) {
    guard let code = activation.code else {
      return ReferenceKernels().activate(activation, x, to: y, count: count)
    }
    table.activate(code, x, y, count)
  }

  public func activationGradient(
    _ activation: Activation, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
    to dx: UnsafeMutablePointer<Float>, count: Int
  ) {
    guard let code = activation.code else {
      return ReferenceKernels().activationGradient(activation, x: x, dy: dy, to: dx, count: count)
    }
    table.activation_gradient(code, x, dy, dx, count)
  }

  public func layerNorm(
    _ x: UnsafePointer<Float>, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>, epsilon: Float,
    to y: UnsafeMutablePointer<Float>, statistics: UnsafeMutablePointer<Float>, rows: Int, columns: Int
  ) {
    table.layer_norm(x, weight, bias, epsilon, y, statistics, rows, columns)
  }

  public func layerNormGradient(
    x: UnsafePointer<Float>, weight: UnsafePointer<Float>, statistics: UnsafePointer<Float>,
    dy: UnsafePointer<Float>, to dx: UnsafeMutablePointer<Float>, dWeight: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>, rows: Int, columns: Int
  ) {
    table.layer_norm_gradient(x, weight, statistics, dy, dx, dWeight, dBias, rows, columns)
  }

  public func softmax(_ x: UnsafeMutablePointer<Float>, scale: Float, rows: Int, columns: Int) {
    table.softmax(x, scale, rows, columns)
  }

  public func attend(_ head: AttentionHead) {
    guard head.width.isMultiple(of: 16) else { return ReferenceKernels().attend(head) }
    var description = GraftAttention(
      query: head.query, key: head.key, value: head.value, result: head.result, stride: head.stride,
      length: head.length, width: head.width, scale: head.scale, window: head.window ?? -1,
      scratch: head.scratch)
    table.attend(&description)
  }

  public func attentionScratch(length: Int, width: Int) -> Int { table.attention_scratch(length, width) }

  public func softmaxGradient(
    p: UnsafePointer<Float>, dp: UnsafeMutablePointer<Float>, scale: Float, rows: Int, columns: Int
  ) {
    table.softmax_gradient(p, dp, scale, rows, columns)
  }

  public func softmaxStatistics(
    _ x: UnsafePointer<Float>, to statistics: UnsafeMutablePointer<Double>, rows: Int, columns: Int
  ) {
    table.softmax_statistics(x, statistics, rows, columns)
  }

  public func crossEntropyGradient(
    _ logits: UnsafePointer<Float>, classes: UnsafePointer<Int32>, statistics: UnsafePointer<Double>,
    scale: Float, to gradient: UnsafeMutablePointer<Float>, rows: Int, columns: Int
  ) {
    table.cross_entropy_gradient(logits, classes, statistics, scale, gradient, rows, columns)
  }

  public func dropout(
    _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int, probability: Float,
    key: RandomKey,
    start: Int
  ) {
    precondition(start.isMultiple(of: 4), "dropout starts at a multiple of 4, not \(start)")
    let threshold = UInt32((Double(probability) * 0x1p32).rounded(.up))
    let seed = [UInt32(truncatingIfNeeded: key.seed), UInt32(truncatingIfNeeded: key.seed >> 32)]
    let counter = [
      key.place, UInt32(truncatingIfNeeded: key.step), UInt32(truncatingIfNeeded: key.step >> 32),
    ]
    table.dropout(
      x, y, count, 1 / (1 - probability), threshold, seed, counter, UInt32(truncatingIfNeeded: start / 4))
  }

  public func panels(for precision: WeightPrecision) -> (any PanelKernels)? {
    VectorPanelKernels(set, precision)
  }

  public func smallProducts(in precision: Precision) -> (any SmallProducts)? {
    VectorSmallProducts(set, precision)
  }

  /// A function of each element as the kernels approximate it, for the tests of its accuracy.
  public func evaluate(_ function: Function, _ x: [Float]) -> [Float] {
    [Float](unsafeUninitializedCapacity: x.count) { y, count in
      if let start = y.baseAddress { table.evaluate(function.code, x, start, x.count) }
      count = x.count
    }
  }

  /// The functions that activations and losses are made of.
  public enum Function: Sendable, CaseIterable {
    case exp
    /// Φ, the distribution function of the standard normal distribution.
    case normalDistribution
    case tanh

    fileprivate var code: GraftFunction {
      switch self {
      case .exp: GraftExp
      case .normalDistribution: GraftNormalDistribution
      case .tanh: GraftTanhFunction
      }
    }
  }
}

extension UnsafeMutablePointer<BFloat16> {
  /// A BFloat16 is its bits.
  fileprivate var bits: UnsafeMutablePointer<UInt16> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: UInt16.self)
  }
}

extension Activation {
  /// `nil` for those that have no vector kernel.
  fileprivate var code: GraftActivation? {
    switch self {
    case .gelu: GraftGELU
    case .geluTanh: GraftGELUTanh
    case .relu: GraftReLU
    case .tanh: GraftTanh
    case .sigmoid: GraftSigmoid
    case .silu: GraftSiLU
    case .quickGELU: GraftQuickGELU
    case .clippedGELU, .mish, .identity: nil
    }
  }
}
