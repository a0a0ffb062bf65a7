import GraftCompute
import GraftTensors
import OrderedCollections

/// Which parameters training leaves alone.
///
///     try checkpoint.makeModel(frozen: .backbone)
public struct Freezing: Sendable {
  private let isFrozen: @Sendable (Component, String) -> Bool

  /// - Parameter isFrozen: Whether a parameter of a component, by its canonical name, stays as it is.
  public init(_ isFrozen: @escaping @Sendable (_ component: Component, _ parameter: String) -> Bool) {
    self.isFrozen = isFrozen
  }

  /// Everything is trained.
  public static let none = Freezing { _, _ in false }

  /// Only the heads are trained, and a pooler that is new.
  public static let backbone = Freezing { component, _ in !component.isHead && !component.isUntrained }

  func holds(_ component: Component, _ parameter: String) -> Bool { isFrozen(component, parameter) }
}

extension Checkpoint {
  /// Reads the weights and makes the model: backbone, active heads, and the pooler when there is one.
  ///
  /// - Parameters:
  ///   - frozen: What training leaves alone.
  ///   - other: A model of another head of the same checkpoint, whose backbone and pooler are this one's as well: not
  ///     copies, so that what one model learns the other has. Their frozen parameters are the other's too.
  ///   - qualifier: What the names of the heads' parameters begin with, where models that share a backbone have heads of
  ///     one task; `nil` is nothing. Canonical names stay what they are.
  /// - Throws: `GraftError` when a tensor cannot be read.
  public func makeModel(
    frozen: Freezing = .none, sharing other: Model? = nil, qualifier: String? = nil
  ) throws -> Model {
    let checkpoint = try confirmed()
    let configuration = checkpoint.configuration
    let backbone = try checkpoint.makeBackbone()
    let pooler = try checkpoint.makePooler(on: backbone)
    let heads = try checkpoint.activeHeads.compactMap(\.task).map { task in
      let made = try checkpoint.makeHead(task, configuration, on: backbone)
      return Model.ActiveHead(task: made.task, head: made.head)
    }
    var parameters: OrderedDictionary<String, Parameter> = [:]
    if let component = checkpoint[Component.backbone] {
      parameters.merge(try component.parameters(backbone.parameters, frozen: frozen, sharing: other)) { $1 }
    }
    if let pooler, let component = checkpoint[Component.pooler] {
      parameters.merge(try component.parameters(pooler.parameters, frozen: frozen, sharing: other)) { $1 }
    }
    for (component, active) in zip(checkpoint.activeHeads, heads) {
      parameters.merge(
        try component.parameters(active.head.parameters, frozen: frozen, qualifier: qualifier)
      ) { $1 }
    }
    return Model(
      configuration: configuration, backbone: backbone, pooler: pooler, heads: heads,
      headName: activeHead?.name, parkedHeads: parkedTasks, tokenizer: tokenizer,
      tokenizerError: unreadTokenizer?.error, parameters: ParameterStore(named: parameters),
      weightsLeftInFloat32: try checkpoint.weightsLeftInFloat32())
  }

  /// Reads a parked head alone, for states that the backbone has made already.
  ///
  /// - Parameters:
  ///   - component: A head whose task is known, of a checkpoint whose copies are confirmed.
  ///   - backbone: The checkpoint's.
  /// - Returns: The head, and its parameters.
  /// - Throws: `GraftError` when no plugin knows the head, or a tensor cannot be read.
  package func makeParkedHead(
    _ component: Component, on backbone: any Backbone
  ) throws -> (head: Model.ActiveHead, parameters: ParameterStore) {
    guard let task = component.task else {
      throw GraftError(.unsupported, "no plugin knows the head '\(component.id)'")
    }
    let made = try makeHead(task, configuration.applying(component), on: backbone)
    let parameters = try component.parameters(made.head.parameters, frozen: .none)
    return (Model.ActiveHead(task: made.task, head: made.head), ParameterStore(named: parameters))
  }

  /// The pooler of a checkpoint that has one.
  func makePooler(on backbone: any Backbone) throws -> (any Head)? {
    guard self[Component.pooler] != nil else { return nil }
    return try family.makePooler(configuration, on: backbone)
  }

  /// Takes the weights of a trained model in the place of its own, for writing.
  ///
  /// The tensors stay shared with the model: write before training goes on.
  ///
  /// - Throws: as ``confirmCopies()``: what a file stores as a copy is compared with what it was a copy of, and not
  ///   with what became of that.
  public mutating func takeWeights(of model: Model) throws {
    try confirmCopies()
    let active = Set([Component.backbone, Component.pooler] + activeHeads.map(\.id))
    for index in components.indices where active.contains(components[index].id) {
      for (name, parameter) in model.parameters.entries where components[index].weights[name] != nil {
        components[index].weights[name] = LazyTensor(parameter.value)
      }
    }
    var layers = Weights()
    for (name, parameter) in model.parameters.entries where sentences?.weights[name] != nil {
      layers[name] = LazyTensor(parameter.value)
    }
    if !layers.tensors.isEmpty { sentences = sentences?.taking(layers) }
  }
}

extension Component {
  /// Reads its parameters, or takes those of another model. Each stands under its canonical name.
  fileprivate func parameters(
    _ specs: [ParameterSpec], frozen: Freezing, sharing other: Model? = nil, qualifier: String? = nil
  ) throws -> OrderedDictionary<String, Parameter> {
    // Opening the checkpoint has made sure that each is there.
    try specs.reduce(into: [:]) { parameters, spec in
      if let shared = other?.parameters[spec.name] {
        parameters[spec.name] = shared
      } else if let stored = weights[spec.name] {
        let name = qualifier.map { "\($0).\(spec.name)" } ?? spec.name
        let isFrozen = frozen.holds(self, spec.name)
        parameters[spec.name] =
          if let quantized = stored.quantized {
            Parameter(name, try QuantizedMatrix(quantized), decays: spec.decays, frozen: isFrozen)
          } else {
            Parameter(name, try Tensor(stored), decays: spec.decays, frozen: isFrozen)
          }
      }
    }
  }
}

extension Tensor {
  /// Reads a stored tensor as float32.
  ///
  /// - Throws: what reading throws.
  public convenience init(_ tensor: LazyTensor) throws {
    self.init(uninitialized: tensor.spec.shape)
    try tensor.copyFloats(to: buffer)
  }
}

extension LazyTensor {
  /// A model's tensor, shared, not copied.
  public init(_ tensor: Tensor) {
    self.init(TensorSpec(.float32, tensor.shape)) { consume in
      try LazyTensor.chunks(of: UnsafeRawBufferPointer(tensor.buffer), elementSize: 4, consume)
    }
  }
}
