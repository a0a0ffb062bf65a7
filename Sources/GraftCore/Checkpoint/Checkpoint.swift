import Foundation
import GraftTensors

/// A model as data: configuration, a backbone's tensors, any number of heads, tokenizer.
///
/// Tensors are lazy and in canonical names; nothing is read before a model is made or a file is written.
/// One head may be *active*: it is what the checkpoint predicts with and what its architecture names. The
/// others are *parked*: kept, and put back by swapping heads.
public struct Checkpoint: Sendable {
  /// The configuration without what belongs to heads.
  private var base: Configuration
  public let backboneType: any Backbone.Type
  /// The backbone's parameters in canonical names, the pooler included when there is one.
  public var backbone: Weights
  /// Every head, active ones first. None is a combination: its parts are listed instead.
  public var heads: [HeadRecord]
  /// The registered name of the active head, which may be a combination such as `pretraining`.
  public var activeHead: (any Head.Type)?
  public var tokenizer: (any Tokenizer)?
  /// Whether the pooler was trained, when Graft made or trained it; `nil` when it came with the checkpoint.
  public var poolerHistory: HeadRecord.History?
  /// Tensors that nothing recognises, in their stored names.
  public var extra: Weights
  /// Its `README.md`, which goes where it goes.
  public var card: ModelCard?
  /// What it was opened from, by the name that cards give it.
  public var source: String?
  /// How the checkpoint came to be, as far as Graft knows; the first step first.
  public var lineage: [LineageStep] = []

  public init(
    configuration: Configuration,
    backboneType: any Backbone.Type,
    backbone: Weights,
    heads: [HeadRecord] = [],
    activeHead: (any Head.Type)? = nil,
    tokenizer: (any Tokenizer)? = nil,
    extra: Weights = Weights()
  ) {
    base = configuration
    self.backboneType = backboneType
    self.backbone = backbone
    self.heads = heads
    self.activeHead = activeHead
    self.tokenizer = tokenizer
    self.extra = extra
  }

  /// What `config.json` says: the model's configuration with the active head's settings.
  public var configuration: Configuration {
    get {
      let neutral = heads.reduce(base) { $0.removingSettings(of: $1.type) }
      return activeRecords.reduce(neutral) { $0.applying($1) }
    }
    set {
      base = newValue
      let active = Set(activeRecords.map(\.id))
      for index in heads.indices where active.contains(heads[index].id) {
        heads[index].settings = newValue.settings(of: heads[index].type)
      }
    }
  }

  /// The class that the configuration names: `BertForMaskedLM`; `BertModel` without a head.
  public var architecture: String { backboneType.architecture + (activeHead?.architecture ?? "Model") }

  /// The backbone that the configuration describes.
  ///
  /// - Throws: ``GraftError`` when the configuration is not usable.
  public func makeBackbone() throws -> any Backbone { try backboneType.init(configuration) }

  /// The active head on the backbone.
  ///
  /// - Throws: ``GraftError`` when the configuration is not usable.
  public func makeHead() throws -> (any Head)? {
    let backbone = try makeBackbone()
    return try activeHead.map { try $0.init(configuration, on: backbone) }
  }

  /// The task as the Hub calls it; that of the bare encoder without a head.
  public var pipelineTag: String? { activeHead.map { $0.pipelineTag } ?? "feature-extraction" }

  /// The records of the active head's parts.
  public var activeRecords: [HeadRecord] {
    (activeHead?.parts ?? []).compactMap { part in heads.first { $0.id == part.name } }
  }

  /// The records of the other heads.
  public var parkedRecords: [HeadRecord] {
    let active = Set(activeRecords.map(\.id))
    return heads.filter { !active.contains($0.id) }
  }

  /// The tensors that the active architecture is made of, in canonical names: without a pooler that its
  /// class does not have.
  ///
  /// - Parameter dialect: The framework whose class it is; `nil` is transformers.
  public func activeWeights(_ dialect: Dialect? = nil) throws -> Weights {
    let unused = try unusedBackboneParameters(dialect)
    var weights = Weights(
      backbone.tensors.filter { !unused.contains($0.key) },
      metadata: backbone.metadata
    )
    for record in activeRecords { weights.tensors.merge(record.weights.tensors) { first, _ in first } }
    return weights
  }

  /// The backbone parameters that the active architecture has no place for.
  func unusedBackboneParameters(_ dialect: Dialect?) throws -> Set<String> {
    guard activeHead?.needsPooler != true, activeHead != nil || dialect?.leavesOutHeads == true else {
      return []
    }
    let required = dialect?.rows.filter { $0.presence == .required }.map(\.canonical) ?? []
    return try makeBackbone().poolerParameters.subtracting(required)
  }

  /// Marks the active parts that training changed, and the pooler, as trained on something.
  ///
  /// - Parameters:
  ///   - training: What they were trained on.
  ///   - parameters: The canonical names of what was changed. A part that has none of them, such as a
  ///     next-sentence head whose rows had no labels, stays what it was.
  /// - Throws: ``GraftError`` when the configuration is not usable.
  public mutating func markTrained(on training: HeadRecord.Training, parameters: Set<String>) throws {
    let active = Set(activeRecords.map(\.id))
    for index in heads.indices where active.contains(heads[index].id) {
      guard heads[index].weights.tensors.keys.contains(where: parameters.contains) else { continue }
      heads[index].history = .trained(on: training)
    }
    if !(try makeBackbone().poolerParameters.isDisjoint(with: parameters)) {
      poolerHistory = .trained(on: training)
    }
  }

  /// Refuses to predict with a head, or through a pooler, whose weights are random.
  ///
  /// - Throws: ``GraftError`` of kind `refused` naming the head.
  public func requireTrainedHead() throws {
    let advice = "Train it with 'graft train', or pass --allow-untrained."
    if let untrained = activeRecords.first(where: { !$0.history.isTrained }) {
      throw GraftError(
        .refused, "the head '\(untrained.id)' was never trained: its predictions would be random",
        advice: advice)
    }
    if let activeHead, activeHead.needsPooler, poolerHistory == .untrained {
      throw GraftError(
        .refused,
        "the pooler that the head '\(activeHead.name)' reads was never trained: its predictions would be random",
        advice: advice)
    }
  }
}

extension Configuration {
  /// This configuration with a head's settings in the place of any other head's.
  public func applying(_ record: HeadRecord) -> Configuration {
    var result = removingSettings(of: record.type)
    result.values.merge(record.settings.values) { _, new in new }
    return result
  }

  /// This configuration without the keys that belong to a head.
  func removingSettings(of head: any Head.Type) -> Configuration {
    Configuration(values.filter { !head.settingKeys.contains($0.key) })
  }

  /// The keys that belong to a head.
  public func settings(of head: any Head.Type) -> Configuration {
    Configuration(values.filter { head.settingKeys.contains($0.key) })
  }
}
