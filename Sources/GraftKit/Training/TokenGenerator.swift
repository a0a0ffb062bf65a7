import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// A model of masked tokens that fills what a task hides, and does not learn: ELECTRA's generator. See
/// `Task.readsGenerator`.
public struct TokenGenerator {
  private let model: Model
  private let head: Model.ActiveHead
  private let backend: any ComputeBackend
  private let pool = MemoryPool()

  /// - Parameters:
  ///   - model: With a head for masked tokens.
  ///   - other: The model whose tokens it fills.
  ///   - backend: The compute kernels.
  /// - Throws: `GraftError` when it has no such head, or another vocabulary.
  public init(_ model: Model, for other: Model, backend: any ComputeBackend) throws {
    (self.model, self.backend) = (model, backend)
    head = try model.requireTokenHead()
    let (own, theirs) = (model.backbone.vocabularySize, other.backbone.vocabularySize)
    guard own == theirs else {
      throw GraftError(
        .mismatch, "the generator has another vocabulary", option: "generator", expected: "\(theirs) tokens",
        found: "\(own)")
    }
  }

  /// What it says of some tokens of a batch: `[tokens, vocabulary]`.
  ///
  /// - Throws: `GraftError` when a sequence is too long for it.
  func scores(_ batch: Batch, _ tokens: [Int32]) throws -> Tensor {
    var prepared = PreparedBatch(batch)
    prepared.select(tokens, for: type(of: head.task))
    let tape = Tape(backend, recording: false, pool: pool)
    guard let scores = try model.scores(prepared, tape)[head.name]?.value else {
      throw GraftError(.missing, "the generator says nothing")
    }
    try requireNumbers(scores, "scores of the generator")
    return scores
  }
}

extension TokenGenerator {
  /// The generator of a checkpoint's directory, for a model whose head wants one.
  ///
  /// - Parameters:
  ///   - path: The directory; `nil` for none.
  ///   - model: The model whose tokens it fills.
  /// - Returns: `nil` where none is given and none is wanted.
  /// - Throws: `GraftError` when one is wanted and not given, or the other way round, or it does not fit.
  public init?(
    at path: String?, for model: Model, backend: any ComputeBackend, registry: Registry
  ) throws {
    let isWanted = model.heads.contains { type(of: $0.task).readsGenerator }
    switch (path, isWanted) {
    case (nil, false): return nil
    case (nil, true):
      throw GraftError(
        .missing, "the head '\(model.headName ?? "")' learns from tokens that a generator fills",
        option: "generator", advice: "Name a checkpoint whose head predicts tokens.")
    case (_?, false):
      throw GraftError(
        .refused, "the head '\(model.headName ?? "")' does without a generator", option: "generator",
        advice: "Leave the option out.")
    case (let path?, true):
      try self.init(
        registry.open(URL(filePath: path)).checkpoint.makeModel(), for: model, backend: backend)
    }
  }
}
