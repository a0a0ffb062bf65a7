import Foundation
import GraftCompute
import GraftKit
import GraftTensors
import TestSupport
import Testing

@testable import GraftCore

/// What files store twice: which copies are ties, and when they are read.
@Suite("Copies in files")
struct CopiesTests {
  private let registry: Registry
  private let bias = "masked_lm.bias"
  private let decoder = "masked_lm.decoder.weight"

  init() throws { registry = try Support.registry() }

  /// A copy of a fixture, changed.
  private func copy(_ name: String, to directory: URL, _ change: (URL) throws -> Void = { _ in }) throws
    -> URL
  {
    let url = directory.appending(path: "model")
    try FileManager.default.copyItem(at: fixtures.appending(path: name), to: url)
    try change(url)
    return url
  }

  private func changeWeights(_ url: URL, _ change: (inout Weights) throws -> Void) throws {
    var weights = try registry.openWeights(url).weights
    try change(&weights)
    // Written beside it, because it is still being read.
    let other = url.appendingPathExtension("new")
    try registry.formats.find("safetensors").init().write(weights, to: other)
    try FileManager.default.removeItem(at: url)
    try FileManager.default.moveItem(at: other, to: url)
  }

  /// The golden is of a model with `tie_word_embeddings: false`; a file whose configuration leaves the key out has the
  /// same decoder.
  @Test(
    "a decoder that differs from the word embedding is a parameter, whether the configuration says so or not",
    arguments: ["bert-tiny", "distilbert-tiny", "roberta-tiny"])
  func untied(_ family: String) throws {
    try withTemporaryDirectory { directory in
      let source = try copy("\(family)/untied-decoder", to: directory) { url in
        let file = url.appending(path: "config.json")
        var configuration = try Configuration(parsing: Array(Data(contentsOf: file)))
        configuration.values["tie_word_embeddings"] = nil
        try FileWriter.write(file, text: configuration.text)
      }
      let opened = try registry.open(source)
      let golden = source.appending(path: "golden.safetensors")
      let written = directory.appending(path: "written")
      try exportModel(source, to: written, options: OutputOptions(), registry: registry)
      for url in [source, written] {
        let result = try verify(
          url, golden: golden, backend: ReferenceBackend(threads: 1), registry: registry)
        #expect(result.outputs.map(\.name).contains("prediction_logits"))
        for output in result.outputs { #expect(output.maximum <= 1e-5 * output.scale, "\(output)") }
      }
      let file = written.appending(path: "config.json")
      let configuration = try Configuration(parsing: Array(Data(contentsOf: file)))
      #expect(configuration["tie_word_embeddings"] == false)
      let stored = try registry.open(written).stored
      let name = try #require(
        opened.stored.tensors.keys.first { $0.hasSuffix("decoder.weight") || $0 == "vocab_projector.weight" })
      #expect(try stored[name]?.isIdentical(to: #require(opened.stored[name])) == true)
    }
  }

  /// transformers makes a new decoder of such a model, and says so.
  @Test(
    "a decoder that should be a parameter and is missing is the word embedding, which the report says",
    arguments: [
      ("bert-tiny", "cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"),
      ("roberta-tiny", "lm_head.decoder.weight", "roberta.embeddings.word_embeddings.weight"),
      ("distilbert-tiny", "vocab_projector.weight", "distilbert.embeddings.word_embeddings.weight"),
    ])
  func missingDecoder(_ family: String, _ decoder: String, _ embedding: String) throws {
    let note =
      "tie_word_embeddings is false, and there is no '\(decoder)': '\(embedding)' is used in its place"
    for isTied in [true, false] {
      try withTemporaryDirectory { directory in
        let source = try copy("\(family)/masked-lm", to: directory) { url in
          let file = url.appending(path: "config.json")
          var configuration = try Configuration(parsing: Array(Data(contentsOf: file)))
          configuration.values["tie_word_embeddings"] = .bool(isTied)
          try FileWriter.write(file, text: configuration.text)
        }
        let opened = try registry.open(source)
        #expect(opened.report.notes.contains(note) == !isTied, "\(opened.report.notes)")
        let written = directory.appending(path: "written")
        try exportModel(source, to: written, options: OutputOptions(), registry: registry)
        #expect(try registry.open(written).report.notes.isEmpty)
      }
    }
  }

  @Test(
    "copies are compared once", arguments: ["distilbert-tiny/pytorch-copies", "roberta-tiny/pytorch-copies"])
  func once(_ name: String) throws {
    var checkpoint = try registry.open(fixtures.appending(path: name)).checkpoint
    let embedding = try #require(checkpoint[Component.backbone]?.weights["embeddings.word.weight"])
    let file = try #require(embedding.origin.file)
    let before = file.bytesRead
    #expect(try checkpoint.confirmCopies().isEmpty)
    let first = file.bytesRead - before
    // The decoder and what it is a copy of.
    #expect(first >= 2 * embedding.spec.byteCount)
    #expect(checkpoint.components.allSatisfy { $0.copies == nil })
    try checkpoint.confirmCopies()
    #expect(file.bytesRead - before == first)
    _ = try checkpoint.confirmed()
    #expect(file.bytesRead - before == first)
  }

  /// A masked-lm head beside another, each with a bias of its own and a copy of it in its file.
  @Test("a parked head's copies are those of its own parameters", arguments: [true, false])
  func parked(_ isCopy: Bool) throws {
    try withTemporaryDirectory { directory in
      let source = try copy("roberta-tiny/masked-lm", to: directory)
      var checkpoint = try registry.open(source).checkpoint
      var head = try #require(checkpoint["masked-lm"])
      head.id = "masked-lm.2"
      let count = try #require(head.weights[bias]).spec.elementCount
      let own = LazyTensor((0..<count).map(Float.init), shape: [count])
      head.weights[bias] = own
      checkpoint.components.append(head)
      let model = directory.appending(path: "two")
      try checkpoint.write(to: model, registry: registry)

      let active = try #require(checkpoint["masked-lm"]?.weights[bias])
      try changeWeights(model.appending(path: "heads/masked-lm.2/model.safetensors")) {
        #expect($0["lm_head.decoder.bias"] == nil)
        // A copy of its own bias, or of the other head's.
        $0["lm_head.decoder.bias"] = isCopy ? own : active
      }
      var opened = try registry.open(model).checkpoint
      #expect(opened["masked-lm.2"]?.copies != nil && opened["masked-lm"]?.copies == nil)
      #expect(try opened.confirmCopies() == (isCopy ? [] : ["lm_head.decoder.bias"]))
      let kept = try #require(opened["masked-lm.2"]).weights["masked_lm.decoder.bias"]
      #expect((kept == nil) == isCopy)
      #expect(try kept?.floats() == (isCopy ? nil : active.floats()))
      #expect(opened["masked-lm"]?.weights["masked_lm.decoder.bias"] == nil)
      #expect(try opened["masked-lm.2"]?.weights[bias]?.floats() == own.floats())
    }
  }

  @Test("a parameter that is changed before copies are compared does not untie what the file ties")
  func changedBefore() throws {
    var checkpoint = try registry.open(fixtures.appending(path: "roberta-tiny/pytorch-copies")).checkpoint
    let embedding = try #require(checkpoint[Component.backbone]?.weights["embeddings.word.weight"])
    let zeros = LazyTensor(
      [Float](repeating: 0, count: embedding.spec.elementCount), shape: embedding.spec.shape)
    checkpoint[Component.backbone]?.weights["embeddings.word.weight"] = zeros
    #expect(try checkpoint.confirmCopies().isEmpty)
    #expect(checkpoint["masked-lm"]?.weights[decoder] == nil)
    #expect(try checkpoint[Component.backbone]?.weights["embeddings.word.weight"]?.floats() == zeros.floats())
  }

  @Test("of a component whose weights were all replaced nothing is compared")
  func replaced() throws {
    try withTemporaryDirectory { directory in
      // A file that would be untied.
      let source = try copy("roberta-tiny/untied-decoder", to: directory) { url in
        let file = url.appending(path: "config.json")
        var configuration = try Configuration(parsing: Array(Data(contentsOf: file)))
        configuration.values["tie_word_embeddings"] = nil
        try FileWriter.write(file, text: configuration.text)
      }
      let tied = try registry.open(fixtures.appending(path: "roberta-tiny/masked-lm")).checkpoint
      var checkpoint = try registry.open(source).checkpoint
      #expect(checkpoint["masked-lm"]?.copies != nil)
      checkpoint["masked-lm"]?.weights = try #require(tied["masked-lm"]).weights
      #expect(try checkpoint.confirmCopies().isEmpty)
      #expect(checkpoint["masked-lm"]?.weights[decoder] == nil)
      // One parameter alone leaves the file's decoder.
      var other = try registry.open(source).checkpoint
      let count = try #require(other["masked-lm"]?.weights[bias]).spec.elementCount
      other["masked-lm"]?.weights[bias] = LazyTensor([Float](repeating: 0, count: count), shape: [count])
      #expect(try other.confirmCopies().contains("lm_head.decoder.weight"))
      #expect(other["masked-lm"]?.weights[decoder] != nil)
    }
  }
}
