import Foundation
import GraftCompute
import GraftCore
import GraftKit
import TestSupport
import Testing

import GraftPlugins

/// The tiny checkpoints that transformers wrote, and what they are.
enum Fixture {
  static func url(_ name: String) -> URL { fixtures.appending(path: "bert-tiny/\(name)") }

  static let registry = Result { try Registry(builtInPlugins) }
}

@Suite("Checkpoints in every spelling")
struct SpellingTests {
  /// Spellings of the same weights, which decode to the same tensors.
  @Test(arguments: ["legacy-gamma-beta", "data-parallel"])
  func sameTensors(_ name: String) throws {
    let difference = try compare(
      Fixture.url("pretraining"), Fixture.url(name), registry: try Fixture.registry.get())
    #expect(difference.isEmpty, "\(difference.changed) \(difference.onlyInFirst) \(difference.onlyInSecond)")
    #expect(difference.equal.count > 30)
  }

  @Test(
    "heads and architecture",
    arguments: [
      ("base", "BertModel", []),
      ("base-no-pooler", "BertModel", []),
      ("masked-lm", "BertForMaskedLM", ["masked-lm"]),
      ("untied-decoder", "BertForMaskedLM", ["masked-lm"]),
      ("next-sentence", "BertForNextSentencePrediction", ["next-sentence"]),
      ("pretraining", "BertForPreTraining", ["masked-lm", "next-sentence"]),
      ("legacy-gamma-beta", "BertForPreTraining", ["masked-lm", "next-sentence"]),
      ("sequence-classification", "BertForSequenceClassification", ["sequence-classification"]),
    ])
  func architecture(_ name: String, _ architecture: String, _ heads: [String]) throws {
    let opened = try Fixture.registry.get().open(Fixture.url(name))
    #expect(opened.checkpoint.architecture == architecture)
    #expect(opened.checkpoint.heads.map(\.id) == heads)
    #expect(opened.report.unexpected.isEmpty)
    #expect(opened.report.groups.allSatisfy { $0.initialized.isEmpty })
    #expect(opened.checkpoint.heads.allSatisfy { !$0.isUntrained })
  }

  @Test func renamedAndDroppedAreReported() throws {
    let report = try Fixture.registry.get().open(Fixture.url("legacy-gamma-beta")).report
    let backbone = try #require(report.groups.first { $0.name == "backbone" })
    // Two per LayerNorm: one after the embeddings, two in each of two layers.
    #expect(backbone.renamed.count == 10)
    #expect(backbone.renamed.allSatisfy { $0.stored.hasSuffix("gamma") || $0.stored.hasSuffix("beta") })
    #expect(report.dropped.map(\.name) == ["bert.embeddings.position_ids"])
  }

  @Test func tiedCopiesAreReadOnce() throws {
    let opened = try Fixture.registry.get().open(Fixture.url("data-parallel"))
    #expect(
      opened.report.dropped.map(\.reason) == [
        .tied(to: "embeddings.word.weight"), .tied(to: "masked_lm.bias"),
      ])
    let inspection = try inspect(Fixture.url("data-parallel"), registry: try Fixture.registry.get())
    #expect(inspection.ties == opened.report.dropped.map(\.name))
    #expect(opened.checkpoint.heads[0].weights["masked_lm.decoder.weight"] == nil)
  }

  /// Writers that keep one name of a shared tensor may keep the copy's.
  @Test func tiedCopiesMayStandForTheirTargets() throws {
    let registry = try Fixture.registry.get()
    let source = Fixture.url("pretraining")
    try withTemporaryDirectory { parent in
      let directory = parent.appending(path: "model")
      try FileManager.default.copyItem(at: source, to: directory)
      let file = directory.appending(path: "model.safetensors")
      var weights = try registry.openWeights(file).weights
      weights["cls.predictions.decoder.weight"] = weights.tensors.removeValue(
        forKey: "bert.embeddings.word_embeddings.weight")
      weights["cls.predictions.decoder.bias"] = weights.tensors.removeValue(forKey: "cls.predictions.bias")
      try registry.formats.find("safetensors").init().write(weights, to: file)
      try registry.open(directory).report.requireStrict()
      #expect(try compare(source, directory, registry: registry).isEmpty)
    }
  }

  @Test func untiedDecoderStaysUntied() throws {
    var opened = try Fixture.registry.get().open(Fixture.url("untied-decoder"))
    #expect(opened.checkpoint.heads[0].weights["masked_lm.decoder.weight"] != nil)
    try opened.confirmCopies()
    #expect(opened.report.dropped.isEmpty)
    #expect(opened.checkpoint.heads[0].weights["masked_lm.decoder.weight"] != nil)
  }

  @Test func labelsSurvive() throws {
    let checkpoint = try Fixture.registry.get().open(Fixture.url("sequence-classification")).checkpoint
    #expect(try checkpoint.configuration.labels() == ["World", "Sports", "Business", "Sci/Tech"])
  }
}
