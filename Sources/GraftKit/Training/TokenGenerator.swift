import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import OrderedCollections

/// A model of masked tokens that fills what a task hides: ELECTRA's generator. See `Task.readsGenerator`.
///
/// It stays as it is, or learns beside the model: then both read the same embeddings, and its loss is that of the tokens
/// that it fills. Clark et al., arXiv:2003.10555, 3.1 and 3.2.
public struct TokenGenerator {
  /// The name of its loss, and of the folder that it is written to.
  static let name = "generator"

  /// What it was made of.
  let checkpoint: Checkpoint
  let model: Model
  /// What it has of its own to learn, by names that no parameter of the model has; empty where it does not learn.
  package let ownParameters: [Parameter]
  private let head: Model.ActiveHead
  private let backend: any ComputeBackend
  private let pool = MemoryPool()

  /// - Parameters:
  ///   - checkpoint: With a head for masked tokens.
  ///   - other: The model whose tokens it fills.
  ///   - learns: Whether it learns beside that model.
  ///   - dropout: How much it leaves out while it learns; `nil` is as its configuration says.
  ///   - backend: The compute kernels.
  /// - Throws: `GraftError` when it has no such head, another vocabulary or, to learn, embeddings of another shape.
  public init(
    _ checkpoint: Checkpoint, for other: Model, learns: Bool = false, dropout: Double? = nil,
    backend: any ComputeBackend
  ) throws {
    (self.checkpoint, self.backend) = (checkpoint, backend)
    var trained = checkpoint
    if let dropout {
      trained.configuration = trained.family.overridingDropout(dropout, in: trained.configuration)
    }
    let own = try trained.makeModel()
    try Self.check((own.backbone, own.tokenizer), for: (other.backbone, other.tokenizer))
    (model, ownParameters) = learns ? try own.sharingEmbeddings(of: other) : (own, [])
    head = try model.requireTokenHead()
  }

  /// Fills what a task has hidden in a batch.
  ///
  /// - Throws: `GraftError` when a sequence is too long for it.
  func fill(_ batch: inout PreparedBatch, for task: any Task, _ context: BatchContext) throws {
    let hidden = try task.hiddenTokens(of: batch)
    let scores = try scores(of: hidden, in: batch, Tape(backend, recording: false, pool: pool))
    try task.fill(&batch, probabilities(of: scores.value), context)
  }

  /// Fills what the heads of a model have hidden in a batch, so that it learns from that.
  ///
  /// - Returns: Its loss over the hidden tokens; `nil` where nothing was left to fill.
  /// - Throws: `GraftError` when a sequence is too long for it.
  func fill(_ batch: inout PreparedBatch, of other: Model, _ tape: Tape) throws -> Model.HeadLoss? {
    guard let context = batch.drawing else { return nil }
    let hidden = try other.hiddenTokens(of: batch)
    let scores = try scores(of: hidden, in: batch, tape)
    let probabilities = probabilities(of: scores.value)
    for active in other.heads where type(of: active.task).readsGenerator {
      try active.task.fill(&batch, probabilities, context)
    }
    return Model.HeadLoss(
      head: Self.name, value: tape.crossEntropy(scores, classes: hidden.ids), count: hidden.ids.count,
      weight: Double(hidden.ids.count))
  }

  /// What it says of hidden tokens: `[tokens, vocabulary]`.
  private func scores(of hidden: HiddenTokens, in batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    var prepared = PreparedBatch(batch.inputs)
    prepared.select(hidden.places, for: type(of: head.task))
    guard let scores = try model.scores(prepared, tape)[head.name] else {
      throw GraftError(.missing, "the generator says nothing")
    }
    try requireNumbers(scores.value, "scores of the generator")
    return scores
  }

  /// The softmax of each row; the scores stay as they are.
  private func probabilities(of scores: Tensor) -> Tensor {
    let probabilities = Tensor(uninitialized: scores.shape, pool: pool)
    let width = scores.columns
    backend.threads.run(scores.rows) { row in
      let place = probabilities.pointer + row * width
      place.update(from: scores.pointer + row * width, count: width)
      backend.kernels.softmax(place, scale: 1, rows: 1, columns: width)
    }
    return probabilities
  }
}

extension Model {
  /// The tokens of a batch that a generator fills for the head that wants one.
  func hiddenTokens(of batch: PreparedBatch) throws -> HiddenTokens {
    try heads.first { type(of: $0.task).readsGenerator }?.task.hiddenTokens(of: batch) ?? HiddenTokens()
  }

  /// This model with another's embeddings, tables and norm, and what it then has of its own, renamed.
  ///
  /// As in Google's code, a projection of the embeddings to the width of the hidden states is each model's own:
  /// https://github.com/google-research/electra/blob/master/model/modeling.py
  fileprivate func sharingEmbeddings(of other: Model) throws -> (model: Model, own: [Parameter]) {
    var (named, own) = (OrderedDictionary<String, Parameter>(), [Parameter]())
    for (name, parameter) in parameters.entries {
      if name.hasPrefix("embeddings."), !name.hasPrefix("embeddings.projection.") {
        guard let shared = other.parameters[name], shared.shape == parameter.shape else {
          throw GraftError(
            .mismatch, "the generator's embeddings are not of the model's shape",
            subject: "tensor '\(name)'", option: "generator",
            expected: other.parameters[name].map { TensorSpec(.float32, $0.shape).description } ?? "nothing",
            found: TensorSpec(.float32, parameter.shape).description,
            advice:
              "Leave out \(option: "train-generator"), or make a generator with embeddings like the model's.")
        }
        named[name] = shared
      } else {
        let renamed = Parameter(
          "\(TokenGenerator.name).\(name)", parameter.value, decays: parameter.decays)
        named[name] = renamed
        own.append(renamed)
      }
    }
    let model = Model(
      configuration: configuration, backbone: backbone, pooler: pooler, heads: heads, headName: headName,
      tokenizer: tokenizer, parameters: ParameterStore(named: named))
    return (model, own)
  }
}

extension TokenGenerator {
  /// The generator of a checkpoint's directory, for a model whose head wants one.
  ///
  /// - Parameters:
  ///   - path: The directory; `nil` for none.
  ///   - model: The model whose tokens it fills.
  ///   - learns: Whether it learns beside that model.
  ///   - dropout: How much it leaves out while it learns; `nil` is as its configuration says.
  ///   - backend: The compute kernels.
  ///   - registry: The plugins.
  /// - Returns: `nil` where none is given and none is wanted.
  /// - Throws: `GraftError` when one is wanted and not given, or the other way round, or it does not fit.
  public init?(
    at path: String?, for model: Model, learns: Bool = false, dropout: Double? = nil,
    backend: any ComputeBackend, registry: Registry
  ) throws {
    try Self.check(
      path, isWanted: model.heads.contains { type(of: $0.task).readsGenerator }, by: model.headName)
    guard let path else { return nil }
    do {
      let checkpoint = try registry.open(URL(filePath: path)).checkpoint
      try Self.requireTokenHead(checkpoint)
      try self.init(checkpoint, for: model, learns: learns, dropout: dropout, backend: backend)
    } catch var error as GraftError {
      error.option = error.option ?? "generator"
      throw error
    }
  }

  /// Makes sure that a generator is named for heads that want one, and for no others.
  ///
  /// - Throws: `GraftError` naming the head.
  package static func check(_ path: String?, for heads: HeadSet?) throws {
    try check(path, isWanted: heads?.tasks.contains { $0.readsGenerator } == true, by: heads?.name)
  }

  /// Makes sure that a checkpoint's head fills tokens as another one knows them.
  ///
  /// - Throws: `GraftError` when it has no such head, or another vocabulary.
  package static func check(_ generator: Checkpoint, for other: Checkpoint) throws {
    try requireTokenHead(generator)
    try check(
      (generator.makeBackbone(), generator.tokenizer), for: (other.makeBackbone(), other.tokenizer))
  }

  private static func requireTokenHead(_ generator: Checkpoint) throws {
    guard generator.activeHead?.tasks.contains(where: { $0.predictsTokens }) == true else {
      throw GraftError(
        .mismatch,
        generator.activeHead.map { "the generator's head '\($0.name)' does not predict tokens" }
          ?? "the generator has no active head",
        option: "generator",
        advice: "Name a checkpoint whose head predicts tokens.")
    }
  }

  private typealias Reader = (backbone: any Backbone, tokenizer: (any Tokenizer)?)

  private static func check(_ own: Reader, for other: Reader) throws {
    let (size, theirs) = (own.backbone.vocabularySize, other.backbone.vocabularySize)
    guard size == theirs else {
      throw GraftError(
        .mismatch, "the generator has another vocabulary", option: "generator", expected: "\(theirs) tokens",
        found: "\(size)")
    }
    if let tokens = own.tokenizer, let others = other.tokenizer,
      let id = (0..<Int32(max(tokens.vocabularySize, others.vocabularySize))).first(where: {
        tokens.token(of: $0) != others.token(of: $0)
      })
    {
      throw GraftError(
        .mismatch, "the generator has another vocabulary", option: "generator",
        expected: "'\(others.token(of: id) ?? "")' as token \(id)", found: "'\(tokens.token(of: id) ?? "")'")
    }
  }

  private static func check(_ path: String?, isWanted: Bool, by head: String?) throws {
    guard (path != nil) != isWanted else { return }
    throw isWanted
      ? GraftError(
        .missing, "the head '\(head ?? "")' learns from tokens that a generator fills", option: "generator",
        advice: "Name a checkpoint whose head predicts tokens.")
      : GraftError(
        .refused, "the head '\(head ?? "")' does without a generator", option: "generator",
        advice: "Leave the option out.")
  }
}
