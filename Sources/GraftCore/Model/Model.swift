import GraftCompute
import GraftTensors
import OrderedCollections

/// A backbone with its active heads, their parameters, and the tokenizer: what trains and predicts.
public final class Model {
  /// A task, and the head that computes its scores.
  public struct ActiveHead {
    public let task: any Task
    public let head: any Head

    /// The task's name.
    public var name: String { type(of: task).name }
  }

  public let configuration: Configuration
  public let backbone: any Backbone
  /// Makes ``BackboneOutput/pooled``; `nil` when the model has no pooler.
  public let pooler: (any Head)?
  /// The heads that are active together, the one that is scored first; empty for a bare encoder.
  public let heads: [ActiveHead]
  /// What they are called together, such as `masked-lm` or `pretraining`; `nil` for a bare encoder.
  public let headName: String?
  /// The tasks of the heads that are parked, by the heads' names.
  public let parkedHeads: OrderedDictionary<String, any Task.Type>
  public let tokenizer: (any Tokenizer)?
  /// Why there is no tokenizer, where its files cannot be read.
  private let tokenizerError: GraftError?
  /// All parameters by canonical name.
  public let parameters: ParameterStore
  /// Weights of the encoder's linear layers that were left in floating-point numbers where others became whole ones, and
  /// that multiply in float32 in a session in int8, too.
  public let weightsLeftInFloat32: Set<String>

  /// - Precondition: `parameters` has every parameter of the backbone, the pooler and the heads.
  public init(
    configuration: Configuration,
    backbone: any Backbone,
    pooler: (any Head)?,
    heads: [ActiveHead],
    headName: String?,
    parkedHeads: OrderedDictionary<String, any Task.Type> = [:],
    tokenizer: (any Tokenizer)?,
    tokenizerError: GraftError? = nil,
    parameters: ParameterStore,
    weightsLeftInFloat32: Set<String> = []
  ) {
    self.configuration = configuration
    self.backbone = backbone
    self.pooler = pooler
    self.heads = heads
    self.headName = headName
    self.parkedHeads = parkedHeads
    self.tokenizer = tokenizer
    self.tokenizerError = tokenizerError
    self.parameters = parameters
    self.weightsLeftInFloat32 = weightsLeftInFloat32
  }

  /// The scores of each active head, by its task's name.
  public typealias Scores = [String: Variable]

  /// The backbone's output for a batch.
  ///
  /// - Parameters:
  ///   - batch: The sequences.
  ///   - tape: The ops.
  ///   - pooling: Whether the pooler's result is wanted; it is `nil` without a pooler.
  ///   - firstTokensAlone: Whether the other tokens' states may be left out, where nothing is recorded.
  /// - Throws: `GraftError` when a token id is outside the vocabulary, a sequence is empty or too long, or a
  ///   position is beyond the table.
  public func encode(
    _ batch: Batch, _ tape: Tape, pooling: Bool = false, firstTokensAlone: Bool = false
  ) throws -> BackboneOutput {
    try backbone.check(batch)
    return try BackboneOutput(
      batch, backbone, pooling ? pooler : nil, firstTokensAlone: firstTokensAlone && !tape.isRecording,
      Scope(parameters), tape)
  }

  /// The scores of the active heads for a batch.
  ///
  /// - Throws: `GraftError` when the model has no head; as ``encode(_:_:pooling:)``.
  public func scores(_ batch: PreparedBatch, _ tape: Tape) throws -> Scores {
    try requireHead()
    return try scores(
      of: encode(batch.inputs, tape, pooling: readsPooled, firstTokensAlone: readsFirstTokensAlone), batch,
      tape)
  }

  /// The scores of one of the active heads for a batch; the others are not computed.
  ///
  /// - Throws: as ``encode(_:_:pooling:)``.
  public func scores(of active: ActiveHead, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    let states = try encode(
      batch.inputs, tape, pooling: active.head.readsPooled,
      firstTokensAlone: readsFirstTokensAlone(active.head))
    return try scores(of: active, states, batch, tape)
  }

  private func scores(
    of active: ActiveHead, _ states: BackboneOutput, _ batch: PreparedBatch, _ tape: Tape
  ) throws -> Variable {
    try active.head.forward(
      states, states.batch, selection: batch.selections[active.name], Scope(parameters), tape)
  }

  /// Whether an active head reads what the pooler makes.
  public var readsPooled: Bool { heads.contains { $0.head.readsPooled } }

  /// Whether all that the active heads read is made of the sequences' first tokens.
  public var readsFirstTokensAlone: Bool { heads.allSatisfy { readsFirstTokensAlone($0.head) } }

  private func readsFirstTokensAlone(_ head: any Head) -> Bool {
    head.readsPooled ? pooler?.readsFirstTokens == true : head.readsFirstTokens
  }

  /// The scores of the active heads for what a backbone has made of a batch: this model's, or that of a model that it
  /// shares the backbone with.
  ///
  /// - Parameters:
  ///   - states: What ``encode(_:_:pooling:)`` returned for the batch, pooled where a head reads that.
  ///   - batch: The batch.
  ///   - tape: The ops.
  /// - Throws: `GraftError` when a head cannot read the states.
  public func scores(of states: BackboneOutput, _ batch: PreparedBatch, _ tape: Tape) throws -> Scores {
    try heads.reduce(into: [:]) { scores, active in
      scores[active.name] = try self.scores(of: active, states, batch, tape)
    }
  }

  /// What a head's loss is for a batch.
  public struct HeadLoss {
    /// The name of the head's task.
    public let head: String
    /// The mean over the head's predictions, a scalar.
    public let value: Variable
    /// How many predictions that are.
    public let count: Int
    /// What the mean is over: ``count``, or the sum of the classes' weights.
    public let weight: Double

    public init(head: String, value: Variable, count: Int, weight: Double) {
      self.head = head
      self.value = value
      self.count = count
      self.weight = weight
    }
  }

  /// The loss of each active head that has targets in a prepared batch, in the heads' order.
  ///
  /// - Parameters:
  ///   - scores: What ``scores(_:_:)`` returned for the batch.
  ///   - batch: The prepared batch.
  ///   - tape: The ops.
  /// - Throws: `GraftError` when the batch was not prepared for any of them.
  public func losses(_ scores: Scores, _ batch: PreparedBatch, _ tape: Tape) throws -> [HeadLoss] {
    let losses = try heads.compactMap { active -> HeadLoss? in
      let task = type(of: active.task)
      guard batch.hasTargets(of: task), let own = scores[active.name] else { return nil }
      return HeadLoss(
        head: active.name, value: try active.task.loss(own, batch, tape),
        count: batch.targetCount(of: task), weight: batch.targetWeight(of: task))
    }
    guard !losses.isEmpty else {
      throw GraftError(.missing, "the batch has no targets for any head of the model")
    }
    return losses
  }

  /// The loss of a prepared batch, a scalar: the sum over the active heads that have targets in it.
  ///
  /// - Parameters:
  ///   - scores: What ``scores(_:_:)`` returned for the batch.
  ///   - batch: The prepared batch.
  ///   - tape: The ops.
  /// - Throws: `GraftError` when the batch was not prepared for any of them.
  public func loss(_ scores: Scores, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    let losses = try losses(scores, batch, tape).map(\.value)
    return losses.dropFirst().reduce(losses[0], tape.add)
  }

  /// The first of the active heads.
  ///
  /// - Throws: `GraftError` when there is none.
  @discardableResult
  public func requireHead() throws -> ActiveHead { try requireHead("") { _ in true } }

  /// The active head that scores the tokens of the vocabulary.
  ///
  /// - Throws: `GraftError` when there is none.
  public func requireTokenHead() throws -> ActiveHead {
    try requireHead("does not predict tokens") { $0.predictsTokens }
  }

  /// The first active head of a kind.
  ///
  /// - Parameters:
  ///   - lack: What the first active head does not do where none is of the kind, as the end of a sentence about it.
  ///   - advice: What to do then; by default, to swap them.
  ///   - isWanted: Whether a head of a task is of the kind.
  /// - Throws: `GraftError` when there is none, with the parked head that is.
  @discardableResult
  package func requireHead(
    _ lack: String, advice: Advice? = nil, where isWanted: (any Task.Type) -> Bool
  ) throws -> ActiveHead {
    guard let head = heads.first(where: { isWanted(type(of: $0.task)) }) else {
      throw GraftError.noHead(
        heads.first.map { "the head '\($0.name)' \(lack)" }, advice: advice, parked: parkedHeads,
        where: isWanted)
    }
    return head
  }

  /// The tokenizer, or the error that there is none or that it cannot be read.
  public func requireTokenizer() throws -> any Tokenizer {
    guard let tokenizer else { throw tokenizerError ?? Checkpoint.noTokenizer }
    return tokenizer
  }
}

extension Backbone {
  /// Makes sure that the model can read a batch.
  ///
  /// - Throws: `GraftError` when a token id is outside the vocabulary, or a sequence is empty or too long.
  package func check(_ batch: Batch) throws {
    let size = Int32(vocabularySize)
    if let stray = batch.ids.first(where: { $0 < 0 || $0 >= size }) {
      throw GraftError(
        .mismatch,
        "a token id is outside the model's vocabulary",
        expected: "0 ..< \(size)",
        found: "\(stray)",
        advice: "Tokens were added without resizing the model, or the tokenizer is another model's."
      )
    }
    for (start, end) in zip(batch.offsets, batch.offsets.dropFirst()) {
      guard end > start else {
        throw GraftError(
          .mismatch, "a text has no tokens, and the model reads one at least",
          advice: "Leave it out: this tokenizer adds no special tokens.")
      }
      guard end - start > maximumLength else { continue }
      throw GraftError(
        .mismatch,
        "a sequence is longer than the model's positions",
        expected: "at most \(maximumLength) tokens",
        found: "\(end - start)",
        advice: "Truncate it: lower \(option: "max-length")."
      )
    }
  }
}

extension BackboneOutput {
  /// What heads read of a batch.
  init(
    _ batch: Batch, _ backbone: any Backbone, _ pooler: (any Head)?, firstTokensAlone: Bool = false,
    _ scope: Scope, _ tape: Tape
  ) throws {
    let hidden = try tape.inParts(of: batch, width: backbone.hiddenSize, perSequence: firstTokensAlone) {
      try firstTokensAlone ? backbone.firstTokens($0, scope, $1) : backbone.forward($0, scope, $1)
    }
    let embedding = try scope[backbone.wordEmbedding].parameter
    let batch = firstTokensAlone ? batch.ofFirstTokens : batch
    let states = BackboneOutput(of: batch, hiddenStates: hidden, pooled: nil, wordEmbedding: embedding)
    self.init(
      of: batch, hiddenStates: hidden,
      pooled: try pooler?.forward(states, batch, selection: nil, scope, tape), wordEmbedding: embedding)
  }
}
