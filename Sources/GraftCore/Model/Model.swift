import GraftCompute
import GraftTensors

/// A backbone with at most one head, their parameters, and the tokenizer: what trains and predicts.
public final class Model {
  public let configuration: Configuration
  public let backbone: any Backbone
  public let head: (any Head)?
  public let tokenizer: (any Tokenizer)?
  /// Backbone's and head's parameters by canonical name.
  public let parameters: ParameterStore

  /// - Precondition: `parameters` has every required parameter of the backbone and the head.
  public init(
    configuration: Configuration,
    backbone: any Backbone,
    head: (any Head)?,
    tokenizer: (any Tokenizer)?,
    parameters: ParameterStore
  ) {
    self.configuration = configuration
    self.backbone = backbone
    self.head = head
    self.tokenizer = tokenizer
    self.parameters = parameters
  }

  /// The backbone's output for a batch.
  ///
  /// - Throws: ``GraftError`` when a token id is outside the vocabulary, a sequence is too long, or a
  ///   position is beyond the table.
  public func encode(_ batch: Batch, _ tape: Tape) throws -> BackboneOutput {
    try check(batch)
    return try backbone.forward(batch, Scope(parameters), tape)
  }

  /// The head's logits for a batch.
  ///
  /// - Throws: ``GraftError`` when the model has no head; as ``encode(_:_:)``.
  public func logits(_ batch: Batch, _ tape: Tape) throws -> Logits {
    try requireHead().forward(try encode(batch, tape), batch, Scope(parameters), tape)
  }

  /// The head, or the error that there is none.
  public func requireHead() throws -> any Head {
    guard let head else {
      throw GraftError(
        .missing,
        "the checkpoint has no head",
        advice: "Put one on with 'graft head swap CKPT --to NAME --output DIR'."
      )
    }
    return head
  }

  /// The tokenizer, or the error that there is none.
  public func requireTokenizer() throws -> any Tokenizer {
    guard let tokenizer else {
      throw GraftError(
        .missing,
        "the checkpoint has no tokenizer files",
        advice: "Put vocab.txt or tokenizer.json beside its weights."
      )
    }
    return tokenizer
  }

  private func check(_ batch: Batch) throws {
    let size = Int32(backbone.vocabularySize)
    if let stray = batch.ids.first(where: { $0 < 0 || $0 >= size }) {
      throw GraftError(
        .mismatch,
        "a token id is outside the model's vocabulary",
        expected: "0 ..< \(size)",
        found: "\(stray)",
        advice: "The tokenizer belongs to another model."
      )
    }
    for (start, end) in zip(batch.offsets, batch.offsets.dropFirst())
    where end - start > backbone.maximumLength {
      throw GraftError(
        .mismatch,
        "a sequence is longer than the model's positions",
        expected: "at most \(backbone.maximumLength) tokens",
        found: "\(end - start)",
        advice: "Truncate with --max-length."
      )
    }
    // A short sequence may still stand far to the right in a padded row.
    if let stray = batch.positions.first(where: { $0 < 0 || $0 >= backbone.maximumLength }) {
      throw GraftError(
        .mismatch,
        "a token's position is outside the model's table",
        expected: "0 ..< \(backbone.maximumLength)",
        found: "\(stray)"
      )
    }
  }
}
