extension Dialect {
  /// What frameworks call a weight and its bias, and how they lay them out.
  public struct PairNames: Sendable {
    public let weight: String
    public let bias: String
    public let weightLayout: Layout
    public let biasLayout: Layout

    public init(
      _ weight: String, _ bias: String, _ weightLayout: Layout = .same, _ biasLayout: Layout = .same
    ) {
      self.weight = weight
      self.bias = bias
      self.weightLayout = weightLayout
      self.biasLayout = biasLayout
    }

    /// The same of a layer whose outputs are divided among the attention heads.
    public var splitOutputs: PairNames { PairNames(weight, bias, .outputsSplit, .biasSplit) }
    /// The same of a layer whose inputs are divided among the attention heads.
    public var splitInputs: PairNames { PairNames(weight, bias, .inputsSplit) }

    /// PyTorch's modules, linear or normalising.
    public static let torch = PairNames(".weight", ".bias")
    /// A dense layer's variables in TensorFlow.
    public static let dense = PairNames("/kernel", "/bias", .transposed)
    /// A normalisation's variables in TensorFlow.
    public static let norm = PairNames("/gamma", "/beta")
    /// A dense layer in Keras 2, which numbers the outputs of TensorFlow's operations.
    public static let denseOutputs = PairNames("/kernel:0", "/bias:0", .transposed)
    /// A normalisation in Keras 2.
    public static let normOutputs = PairNames("/gamma:0", "/beta:0")
    /// A dense layer in Keras 3, which numbers a layer's variables.
    public static let denseVariables = PairNames("/vars/0", "/vars/1", .transposed)
    /// A normalisation in Keras 3.
    public static let normVariables = PairNames("/vars/0", "/vars/1")
  }
}
