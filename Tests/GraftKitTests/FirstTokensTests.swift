import Foundation
import GraftCompute
import GraftCore
import TestSupport
import Testing

@testable import GraftKit

/// The states of first tokens alone, which leave out the others in the last layer.
@Suite struct FirstTokensTests {
  private func batch(_ model: Model, count: Int = 9) -> Batch {
    var batch = Batch()
    for sequence in 0..<Int32(count) {
      let ids = (0..<3 + sequence % 5).map { 5 + ($0 * 7 + sequence) % 25 }
      batch.append(ids: ids, tokenTypes: ids.map { _ in 0 }, positions: Array(0..<Int32(ids.count)))
    }
    return batch
  }

  @Test(
    "scores are those of all tokens' states, bit for bit",
    arguments: [
      "bert-tiny/sequence-classification", "bert-tiny/next-sentence", "bert-tiny/multiple-choice",
      "roberta-tiny/sequence-classification", "distilbert-tiny/sequence-classification",
      "electra-tiny/sequence-classification", "mpnet-tiny/sequence-classification",
      "albert-tiny/sequence-classification", "deberta-v2-tiny/sequence-classification",
    ], WeightPrecision.allCases)
  func scores(_ name: String, _ precision: WeightPrecision) throws {
    let model = try Support.registry().open(fixtures.appending(path: name)).checkpoint.makeModel()
    let session = InferenceSession(
      model, backend: try Support.registry().makeBackend(threads: 2), precision: precision)
    #expect(model.readsFirstTokensAlone)
    let prepared = PreparedBatch(batch(model))
    let name = try #require(model.heads.first).name
    // Both after the weights are packed, which all tokens of the first batch are for.
    _ = try session.scores(prepared)
    let all = try session.run { tape in
      let states = try model.encode(prepared.inputs, tape, pooling: model.readsPooled)
      #expect(states.hiddenStates.value.rows == prepared.inputs.tokenCount)
      return try model.scores(of: states, prepared, tape)[name]?.value.values
    }
    let alone = try session.run { tape in
      let states = try model.encode(
        prepared.inputs, tape, pooling: model.readsPooled, firstTokensAlone: true)
      #expect(states.hiddenStates.value.rows == prepared.inputs.sequenceCount)
      return try model.scores(of: states, prepared, tape)[name]?.value.values
    }
    #expect(try all == alone && all == session.scores(prepared)[name]?.values)
  }

  @Test("heads that read other tokens have all of them", arguments: ["masked-lm", "token-classification"])
  func others(_ name: String) throws {
    let model = try Support.registry().open(Support.fixture(name)).checkpoint.makeModel()
    #expect(!model.readsFirstTokensAlone)
  }

  @Test("what is recorded has all of them") func recorded() throws {
    let model = try Support.registry().open(Support.fixture("base")).checkpoint.makeModel()
    let batch = batch(model)
    let tape = Tape(try Support.registry().makeBackend(threads: 1), recording: true)
    let states = try model.encode(batch, tape, firstTokensAlone: true)
    #expect(states.batch == batch && states.hiddenStates.value.rows == batch.tokenCount)
  }

  @Test("a vector is that of the first token, in parts of a batch as well") func vectors() throws {
    let model = try Support.registry().open(Support.fixture("base")).checkpoint.makeModel()
    let session = InferenceSession(model, backend: try Support.registry().makeBackend(threads: 2))
    let batch = batch(model, count: 120)
    for _ in 0..<2 {
      let all = try session.run { try model.encode(batch, $0).hiddenStates.value.values }
      let first = try session.run {
        try model.encode(batch, $0, firstTokensAlone: true).hiddenStates.value.values
      }
      let width = model.backbone.hiddenSize
      #expect(first == batch.offsets.dropLast().flatMap { all[$0 * width..<($0 + 1) * width] })
    }
  }
}
