import Foundation

/// A model as data: configuration, a backbone's tensors, any number of heads, tokenizer.
///
/// Tensors are lazy and in canonical names; nothing is read before a model is made or a file is written.
/// One head may be *active*: it is what the checkpoint predicts with and what its architecture names. The
/// others are *parked*: kept, and put back by swapping heads.
public struct Checkpoint: Sendable {
  /// The model's configuration; the active head's settings are part of it.
  public var configuration: Configuration
  public let backboneType: any Backbone.Type
  /// The backbone's parameters in canonical names, the pooler included when there is one.
  public var backbone: Weights
  /// Every head, active ones first. None is a combination: its parts are listed instead.
  public var heads: [HeadRecord]
  /// The registered name of the active head, which may be a combination such as `pretraining`.
  public var activeHead: (any Head.Type)?
  public var tokenizer: (any Tokenizer)?
  /// Tensors that nothing recognises, in their stored names.
  public var extra: Weights

  public init(
    configuration: Configuration,
    backboneType: any Backbone.Type,
    backbone: Weights,
    heads: [HeadRecord] = [],
    activeHead: (any Head.Type)? = nil,
    tokenizer: (any Tokenizer)? = nil,
    extra: Weights = Weights()
  ) {
    self.configuration = configuration
    self.backboneType = backboneType
    self.backbone = backbone
    self.heads = heads
    self.activeHead = activeHead
    self.tokenizer = tokenizer
    self.extra = extra
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
  public func activeWeights() throws -> Weights {
    let unused = try unusedBackboneParameters()
    var weights = Weights(
      backbone.tensors.filter { !unused.contains($0.key) },
      metadata: backbone.metadata
    )
    for record in activeRecords { weights.tensors.merge(record.weights.tensors) { first, _ in first } }
    return weights
  }

  /// The backbone parameters that the active architecture has no place for.
  func unusedBackboneParameters() throws -> Set<String> {
    guard let activeHead, !activeHead.needsPooler else { return [] }
    return try makeBackbone().poolerParameters
  }

  /// Marks every active part as trained on something.
  public mutating func markTrained(on training: HeadRecord.Training) {
    let active = Set(activeRecords.map(\.id))
    for index in heads.indices where active.contains(heads[index].id) {
      heads[index].history = .trained(on: training)
    }
  }

  /// Refuses to predict with a head whose weights are random.
  ///
  /// - Throws: ``GraftError`` of kind `refused` naming the head.
  public func requireTrainedHead() throws {
    if let untrained = activeRecords.first(where: { !$0.history.isTrained }) {
      throw GraftError(
        .refused,
        "the head '\(untrained.id)' was never trained: its predictions would be random",
        advice: "Train it with 'graft train', or pass --allow-untrained."
      )
    }
  }
}
