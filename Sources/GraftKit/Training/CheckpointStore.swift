import Foundation
import GraftCore
import GraftTensors
import OrderedCollections

/// Writes models as complete checkpoints in the Hugging Face layout: parked heads and the tokenizer included.
public struct CheckpointStore: ModelStore {
  private let checkpoint: Checkpoint
  private let output: OutputOptions
  private let registry: Registry
  private let data: [String]
  private let examples: Int
  private let dataHash: String?
  private let inputs: TrainedInputs?

  /// - Parameters:
  ///   - checkpoint: What the model was made of.
  ///   - output: The weight format and dialect of what is written.
  ///   - data: The names of the training data, for the head's record.
  ///   - examples: The number of training examples.
  ///   - dataHash: What tells the data from any other, for the lineage.
  ///   - inputs: How the rows became inputs, for the head's record.
  ///   - registry: The plugins.
  public init(
    _ checkpoint: Checkpoint,
    output: OutputOptions = OutputOptions(),
    data: [String],
    examples: Int,
    dataHash: String? = nil,
    inputs: TrainedInputs? = nil,
    registry: Registry
  ) {
    self.inputs = inputs
    self.checkpoint = checkpoint
    self.output = output
    self.data = data
    self.examples = examples
    self.dataHash = dataHash
    self.registry = registry
  }

  /// A hash of the configuration, the tokenizer and all tensors' types and shapes, parked heads included.
  public var fingerprint: String { checkpoint.specificationHash }

  public func write(_ model: Model, into directory: URL, steps: Int, trained: Set<String>) throws {
    var checkpoint = checkpoint
    try checkpoint.takeWeights(of: model)
    checkpoint.markTrained(
      on: Component.Training(data: data, examples: examples, steps: steps, inputs: inputs),
      parameters: trained)
    var facts: OrderedDictionary<String, JSON> = [:]
    facts["head"] = checkpoint.activeHead.map { .string($0.name) }
    facts["data"] = .array(data.map { .string($0) })
    facts["data_hash"] = dataHash.map { .string($0) }
    facts["examples"] = JSON(examples)
    facts["steps"] = JSON(steps)
    checkpoint.lineage.append(LineageStep("train", facts))
    try checkpoint.write(
      into: directory, output.resolve(registry, for: checkpoint.family))
  }

  public func writeCard(into directory: URL, _ facts: TrainingFacts) throws {
    let dialect = try output.resolve(registry, for: checkpoint.family).dialect
    let card = try ModelCard.trained(
      checkpoint, dialect: dialect, data: data, facts)
    try FileWriter.write(directory.appendingPathComponent(ModelCard.fileName), text: card.text)
  }

  public func read(_ model: Model, from directory: URL) throws {
    try registry.open(directory).checkpoint.put(into: model, from: directory)
  }
}

extension Checkpoint {
  /// Puts the weights of the encoder and of the active heads into a model.
  ///
  /// - Parameter directory: Where they are from, for errors.
  /// - Throws: `GraftError` when a parameter is missing or of another shape.
  func put(into model: Model, from directory: URL) throws {
    let encoder = components.filter { !$0.isHead }
    let weights = (encoder + activeHeads).reduce(into: Weights()) { all, component in
      all.tensors.merge(component.weights.tensors) { first, _ in first }
    }
    let all = weights.tensors.merging(sentences?.weights.tensors ?? [:]) { first, _ in first }
    for (name, parameter) in model.parameters.entries {
      guard let tensor = all[name], tensor.spec == TensorSpec(.float32, parameter.shape) else {
        throw GraftError(
          .mismatch, "not the model that is trained", file: directory.path, subject: "tensor '\(name)'",
          expected: TensorSpec(.float32, parameter.shape).description,
          found: all[name]?.spec.description ?? "nothing",
          advice: "Start a new run in another directory.")
      }
      try tensor.copyFloats(to: parameter.value.buffer)
      parameter.weightsDidChange()
    }
  }
}
