import GraftCompute
import GraftTensors

extension Checkpoint {
  /// Reads the weights and makes the model: backbone, active head, and the pooler when there is one.
  ///
  /// - Parameters:
  ///   - frozenBackbone: Whether training leaves the backbone alone; a pooler that is new learns all the same.
  /// - Throws: ``GraftError`` when a tensor cannot be read.
  public func makeModel(frozenBackbone: Bool = false) throws -> Model {
    let backbone = try makeBackbone()
    let head = try makeHead()
    var parameters: [Parameter] = []
    for spec in backbone.parameters {
      // Only a pooler may be absent; opening the checkpoint has made sure of the rest.
      guard let tensor = self.backbone[spec.name] else { continue }
      let isNewPooler = poolerHistory == .untrained && backbone.poolerParameters.contains(spec.name)
      parameters.append(try Parameter(spec, tensor, frozen: frozenBackbone && !isNewPooler))
    }
    for record in activeRecords {
      for (name, tensor) in record.weights.tensors {
        let decays = tensor.spec.shape.count > 1
        parameters.append(Parameter(name, try Tensor(tensor), decays: decays))
      }
    }
    return Model(
      configuration: configuration,
      backbone: backbone,
      head: head,
      tokenizer: tokenizer,
      parameters: ParameterStore(parameters)
    )
  }

  /// Takes the weights of a trained model in the place of its own, for writing.
  ///
  /// The tensors stay shared with the model: write before training goes on.
  public mutating func takeWeights(of model: Model) {
    for parameter in model.parameters.all {
      let tensor = LazyTensor(parameter.value)
      if backbone[parameter.name] != nil { backbone[parameter.name] = tensor }
      for index in heads.indices where heads[index].id == heads[index].type.name {
        if heads[index].weights[parameter.name] != nil { heads[index].weights[parameter.name] = tensor }
      }
    }
  }
}

extension Parameter {
  fileprivate convenience init(_ spec: ParameterSpec, _ tensor: LazyTensor, frozen: Bool) throws {
    self.init(spec.name, try Tensor(tensor), decays: spec.decays, frozen: frozen)
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
