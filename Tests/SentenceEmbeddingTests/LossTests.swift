import GraftCompute
import GraftCore
import GraftKit
import GraftTensors
import OrderedCollections
import TestSupport
import Testing

@testable import SentenceEmbedding

/// Losses and their gradients against those of sentence-transformers: `Fixtures/sentences/make_losses.py`.
@Suite("Losses over vectors")
struct LossTests {
  struct Golden: CustomTestStringConvertible, Sendable {
    let json: JSON

    static let all: [Golden] =
      ((try? JSON(file: fixtures.appending(path: "sentences/losses.json"))) ?? .null)
      .array?.map(Golden.init) ?? []

    var loss: SentenceLoss? { json["loss"]?.string.flatMap(SentenceLoss.init) }
    var texts: Int { json["texts"]?.int ?? 0 }
    var vectors: VectorMatrix {
      let values = numbers("vectors")
      return VectorMatrix(rows: values.count / 6, width: 6, values: values)
    }
    var options: SentenceLossOptions {
      var options = SentenceLossOptions()
      options.loss = loss
      options.scale = json["options"]?["scale"]?.double ?? options.scale
      options.margin = json["options"]?["margin"]?.double ?? options.margin
      options.similarity = json["options"]?["similarity"]?.string.flatMap(VectorSimilarity.init)
      let widths = json["widths"]?.object?.map { (Int($0.key) ?? 0, $0.value.double ?? 0) }
      options.widths = widths.flatMap { MatryoshkaWidths(OrderedDictionary(uniqueKeysWithValues: $0)) }
      return options
    }
    var testDescription: String {
      "\(json["loss"]?.string ?? ""), \(texts) texts, \(json["options"]?.text() ?? "") \(json["widths"]?.text() ?? "")"
    }

    func numbers(_ key: String) -> [Double] { json[key]?.array?.compactMap(\.double) ?? [] }
  }

  @Test("every loss and its gradient are those of sentence-transformers", arguments: Golden.all)
  func golden(_ golden: Golden) throws {
    let function = SentenceLossFunction(loss: try #require(golden.loss), options: golden.options)
    let found = function(golden.vectors, texts: golden.texts, scores: golden.numbers("scores"))
    let value = try #require(golden.json["value"]?.double)
    // The scores are float32 there.
    #expect(abs(found.value - value) <= 1e-7 * max(1, abs(value)), "\(found.value), not \(value)")
    let expected = golden.numbers("gradient")
    #expect(found.gradient.values.count == expected.count)
    let largest = expected.map(abs).max() ?? 0
    for (mine, theirs) in zip(found.gradient.values, expected) {
      #expect(abs(mine - theirs) <= 1e-7 * max(largest, 1e-3))
    }
  }

  @Test("there are goldens of every loss")
  func complete() { #expect(Set(Golden.all.compactMap(\.loss)) == Set(SentenceLoss.allCases)) }

  @Test("the gradient reaches the vectors through the tape")
  func tape() throws {
    let golden = try #require(Golden.all.first)
    let vectors = Variable(
      Tensor(golden.vectors.values.map { Float($0) }, shape: [golden.vectors.rows, 6]), needsGradient: true)
    let task = try SentenceEmbedding(Configuration())
    var batch = PreparedBatch(Batch())
    batch.setTargets(
      SentenceEmbedding.Targets(texts: golden.texts, scores: [], count: golden.vectors.rows / 2), of: task)
    let tape = Tape(try ReferenceBackend(threads: 1))
    let loss = try task.loss(vectors, batch, tape)
    tape.backward(from: loss, scale: 2)
    let value = try #require(golden.json["value"]?.double)
    #expect(abs(Double(loss.value.item) - value) <= 1e-6 * value)
    let gradient = try #require(vectors.gradient)
    for (mine, theirs) in zip(gradient.values, golden.numbers("gradient")) {
      #expect(abs(Double(mine) - 2 * theirs) <= 1e-5)
    }
  }

  @Test("a width that vectors do not have is refused before anything is learnt")
  func tooWide() throws {
    var options = SentenceLossOptions()
    options.widths = MatryoshkaWidths([7: 1])
    let task = try SentenceEmbedding(options.settings)
    var batch = PreparedBatch(Batch())
    batch.setTargets(SentenceEmbedding.Targets(texts: 2, scores: [], count: 1), of: task)
    let message = errorMessage {
      _ = try task.loss(
        Variable(Tensor(repeating: 1, shape: [2, 6])), batch, Tape(try ReferenceBackend(threads: 1)))
    }
    #expect(message?.contains("at most 6") == true && message?.contains("found 7") == true)
  }
}
