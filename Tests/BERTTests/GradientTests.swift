import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import MaskedLM
import NextSentence
import SequenceClassification
import TestSupport
import Testing

import GraftPlugins

/// The gradient of every parameter of whole models, as PyTorch computes it in double precision.
@Suite("Whole models' gradients against PyTorch")
struct GradientTests {
  private let registry: Registry

  init() throws { registry = try Fixture.registry.get() }

  private func golden(_ name: String) throws -> Weights {
    try registry.openWeights(
      fixtures.appending(path: "gradients/\(name).safetensors")
    ).weights
  }

  /// A golden file's padded batch without its padding, and the rows that its tokens had.
  private func batch(_ file: Weights) throws -> (batch: Batch, places: [Int], length: Int) {
    let ids = try #require(file["input_ids"])
    let length = ids.spec.shape[1]
    let (values, mask) = (try ids.integers(), try #require(file["attention_mask"]).integers())
    let types = try #require(file["token_type_ids"]).integers()
    var (batch, places) = (Batch(), [Int]())
    for row in 0..<ids.spec.shape[0] {
      let row = (row * length..<(row + 1) * length).filter { mask[$0] != 0 }
      batch.append(
        ids: row.map { Int32(values[$0]) }, tokenTypes: row.map { Int32(types[$0]) },
        positions: row.map { Int32($0 % length) })
      places += row
    }
    return (batch, places, length)
  }

  private func check(_ checkpoint: Checkpoint, _ batch: Batch, _ file: Weights) throws {
    let model = try checkpoint.makeModel()
    let tape = Tape(try ReferenceBackend(threads: 1))
    let loss = try model.requireHead().loss(try model.logits(batch, tape), batch, tape)
    let expectedLoss = try #require(file["loss"]).floats()[0]
    #expect(abs(loss.value.item - expectedLoss) <= 1e-5 * expectedLoss)
    tape.backward(from: loss)

    var gradients = Weights()
    for parameter in model.parameters.all {
      if let gradient = parameter.gradient { gradients[parameter.name] = LazyTensor(gradient) }
    }
    let table = NameTable(
      try registry.dialect("transformers", of: "bert"), on: try checkpoint.makeBackbone(),
      heads: checkpoint.activeHead?.parts ?? [])
    let named = try table.encode(gradients, architecture: checkpoint.architecture, withHead: true)
    let expected = file.tensors.filter { $0.key.hasPrefix("grad.") }
    #expect(expected.count > 30)
    func largest(_ name: String) throws -> Float {
      try #require(file[name], "\(name)").floats().reduce(0) { max($0, abs($1)) }
    }
    for (name, tensor) in expected {
      let truth = try tensor.floats()
      let found = try #require(named[String(name.dropFirst(5))], "\(name)").floats()
      // The true gradient of the keys' bias is zero; what it is the sum of is as large as for their weight.
      let scale = try largest(name.replacingOccurrences(of: "key.bias", with: "key.weight"))
      let largest = zip(truth, found).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      #expect(largest <= 1e-5 * scale, "\(name): \(largest) of \(scale)")
    }
  }

  /// `-100` marks what is not predicted.
  private func maskedTargets(_ labels: [Int], _ places: [Int]) -> (selected: [Int32], classes: [Int32]) {
    let rows = places.indices.filter { labels[places[$0]] != -100 }
    return (rows.map(Int32.init), rows.map { Int32(labels[places[$0]]) })
  }

  @Test func sequenceClassification() throws {
    let file = try golden("sequence_classification")
    var (batch, _, _) = try batch(file)
    batch.targets[SequenceClassificationHead.name] = .classes(
      try #require(file["labels"]).integers().map(Int32.init))
    try check(try registry.open(Fixture.url("sequence-classification")).checkpoint, batch, file)
  }

  @Test func maskedLM() throws {
    let file = try golden("masked_lm")
    var (batch, places, _) = try batch(file)
    let targets = maskedTargets(try #require(file["labels"]).integers(), places)
    batch.selectedTokens = targets.selected
    batch.targets[MaskedLMHead.name] = .classes(targets.classes)
    try check(try registry.open(Fixture.url("masked-lm")).checkpoint, batch, file)
  }

  @Test func pretraining() throws {
    let file = try golden("pretraining")
    var (batch, places, _) = try batch(file)
    let targets = maskedTargets(try #require(file["labels"]).integers(), places)
    batch.selectedTokens = targets.selected
    batch.targets[MaskedLMHead.name] = .classes(targets.classes)
    batch.targets[NextSentenceHead.name] = .classes(
      try #require(file["next_sentence_label"]).integers().map(Int32.init))
    try check(try registry.open(Fixture.url("pretraining")).checkpoint, batch, file)
  }
}
