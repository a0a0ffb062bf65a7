import Foundation
import GraftCore
import GraftTensors
import OrderedCollections

/// How a run writes its models and reads them again.
public protocol ModelStore {
  /// Tells apart what models are written with besides their weights: a run is resumed with the same alone.
  var fingerprint: String { get }

  /// Writes a model's files into a directory that exists.
  ///
  /// - Parameters:
  ///   - steps: How many steps it was trained for.
  ///   - trained: The names of the parameters that were trained.
  func write(_ model: Model, into directory: URL, steps: Int, trained: Set<String>) throws

  /// Writes what people read about a model that was written, where the store has a form for it.
  ///
  /// - Parameter facts: What the run has done so far.
  func writeCard(into directory: URL, _ facts: TrainingFacts) throws

  /// Puts the weights of a written model into this one.
  ///
  /// - Throws: `GraftError` when a parameter is missing or of another shape.
  func read(_ model: Model, from directory: URL) throws
}

extension ModelStore {
  public func writeCard(into directory: URL, _ facts: TrainingFacts) throws {}
}

/// Writes models as complete checkpoints in the Hugging Face layout: parked heads and the tokenizer included.
public struct CheckpointStore: ModelStore {
  private let checkpoint: Checkpoint
  private let output: OutputOptions
  private let registry: Registry
  private let data: [String]
  private let evaluationData: [String]
  private let examples: Int
  private let dataHash: String?

  /// - Parameters:
  ///   - checkpoint: What the model was made of.
  ///   - output: The weight format and dialect of what is written.
  ///   - data: The names of the training data, for the head's record.
  ///   - evaluationData: The names of the evaluation data, for the model card.
  ///   - examples: The number of training examples.
  ///   - dataHash: What tells the data from any other, for the lineage.
  ///   - registry: The plugins.
  public init(
    _ checkpoint: Checkpoint,
    output: OutputOptions = OutputOptions(),
    data: [String],
    evaluationData: [String] = [],
    examples: Int,
    dataHash: String? = nil,
    registry: Registry
  ) {
    self.checkpoint = checkpoint
    self.output = output
    self.data = data
    self.evaluationData = evaluationData
    self.examples = examples
    self.dataHash = dataHash
    self.registry = registry
  }

  /// A hash of the configuration, the tokenizer and all tensors' specifications, parked heads included.
  public var fingerprint: String { Self.description(of: checkpoint) }

  /// The fingerprint of a checkpoint, all but its weights.
  package static func description(of checkpoint: Checkpoint) -> String {
    var hash = Fingerprint()
    hash.add(checkpoint.architecture)
    hash.add(checkpoint.configuration.text)
    if let tokenizer = checkpoint.tokenizer {
      for id in 0..<Int32(clamping: tokenizer.vocabularySize) { hash.add(tokenizer.token(of: id) ?? "") }
      // Settings, such as whether case is kept, show in what becomes of a text.
      for id in tokenizer.encode("Él said: naïve 東京, WORDS").ids { hash.add(UInt64(UInt32(bitPattern: id))) }
    }
    hash.add(checkpoint.backbone)
    hash.add(checkpoint.extra)
    for head in checkpoint.heads {
      hash.add(head.id)
      hash.add(head.settings.text)
      hash.add(head.weights)
    }
    return hash.text
  }

  public func write(_ model: Model, into directory: URL, steps: Int, trained: Set<String>) throws {
    var checkpoint = checkpoint
    checkpoint.takeWeights(of: model)
    try checkpoint.markTrained(
      on: HeadRecord.Training(data: data, examples: examples, steps: steps), parameters: trained)
    var facts: OrderedDictionary<String, JSON> = [:]
    facts["head"] = checkpoint.activeHead.map { .string($0.name) }
    facts["data"] = .array(data.map { .string($0) })
    facts["data_hash"] = dataHash.map { .string($0) }
    facts["examples"] = JSON(examples)
    facts["steps"] = JSON(steps)
    checkpoint.lineage.append(LineageStep("train", facts))
    try checkpoint.write(
      into: directory, output.resolve(registry, backbone: checkpoint.backboneType.name))
  }

  public func writeCard(into directory: URL, _ facts: TrainingFacts) throws {
    let dialect = try output.resolve(registry, backbone: checkpoint.backboneType.name).dialect
    let card = try ModelCard.trained(
      checkpoint, dialect: dialect, data: data, evaluationData: evaluationData, facts)
    try FileWriter.write(directory.appendingPathComponent(ModelCard.fileName), text: card.text)
  }

  public func read(_ model: Model, from directory: URL) throws {
    let stored = try registry.open(directory).checkpoint
    var weights = stored.backbone.tensors
    for record in stored.activeRecords { weights.merge(record.weights.tensors) { first, _ in first } }
    for parameter in model.parameters.all {
      guard let tensor = weights[parameter.name], tensor.spec == TensorSpec(.float32, parameter.shape) else {
        throw GraftError(
          .mismatch, "not the model that is trained", file: directory.path,
          subject: "tensor '\(parameter.name)'", expected: TensorSpec(.float32, parameter.shape).description,
          found: weights[parameter.name]?.spec.description ?? "nothing",
          advice: "Start a new run in another directory.")
      }
      try tensor.copyFloats(to: parameter.value.buffer)
      parameter.weightsDidChange()
    }
  }
}
