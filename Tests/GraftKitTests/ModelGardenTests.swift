import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors
import Safetensors
import TestSupport
import Testing

/// Checkpoints of TensorFlow's model garden, made by its own converters; see Fixtures/tensorflow/make_model_garden.py.
@Suite struct ModelGardenTests {
  /// The checkpoints, and which tensors of Google's they have not, and have besides.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    var left: Set<String> = []
    var more: Set<String> = []

    var testDescription: String { name }
    var url: URL { fixtures.appending(path: "tensorflow/model-garden/\(name)") }
  }

  private static let google = fixtures.appending(path: "tensorflow/google/pretraining")
  private static let pretraining: Set = ["masked-lm", "next-sentence"]
  static let cases = [
    Case(name: "published", left: pretraining), Case(name: "encoder", left: pretraining),
    Case(name: "masked-lm", left: ["next-sentence"]), Case(name: "saved-model", left: ["next-sentence"]),
    Case(name: "classifier", left: pretraining, more: ["sequence-classification"]),
  ]

  @Test("has the tensors that TensorFlow reads, and those of the checkpoint it was made of", arguments: cases)
  func tensors(_ example: Case) throws {
    let registry = try Support.registry()
    let opened = try registry.open(example.url)
    #expect(opened.format == "tensorflow" && opened.dialect.name == "model-garden")
    try opened.report.requireStrict()
    let expected = try SafetensorsFormat().open(example.url.appending(path: "tensors.safetensors"))
    #expect(expected.tensors.count > 38)
    for (name, tensor) in expected.tensors {
      #expect(try opened.stored[name]?.isIdentical(to: tensor) == true, "\(name)")
    }
    let difference = try compare(example.url, Self.google, registry: registry)
    #expect(difference.changed.isEmpty && difference.converted.isEmpty, "\(difference)")
    let heads = Set(opened.checkpoint.heads.map(\.id))
    let all = Set(try registry.open(Self.google).checkpoint.heads.map(\.id))
    #expect(heads == all.subtracting(example.left).union(example.more))
    #expect(difference.onlyInFirst.count == (example.more.isEmpty ? 0 : 2), "\(difference)")
  }

  /// The same file means another activation beside Google's own checkpoints. A file of transformers' says which one it is.
  @Test("the GELU of its bert_config.json is the tanh approximation")
  func activation() throws {
    let registry = try Support.registry()
    let source = fixtures.appending(path: "tensorflow/model-garden/published")
    #expect(try registry.open(source).checkpoint.configuration["hidden_act"] == "gelu_new")
    #expect(try registry.open(Self.google).checkpoint.configuration["hidden_act"] == "gelu")
    try withTemporaryDirectory { directory in
      let copy = directory.appending(path: "copy")
      try FileManager.default.copyItem(at: source, to: copy)
      var configuration = try registry.open(source).checkpoint.configuration
      configuration["hidden_act"] = "gelu"
      try FileWriter.write(copy.appending(path: "config.json"), text: configuration.text)
      #expect(try registry.open(copy).checkpoint.configuration["hidden_act"] == "gelu")
    }
  }

  @Test(
    "a head of two outputs is taken where the configuration names its class, and is said to be undecided elsewhere"
  )
  func undecidedHead() throws {
    let registry = try Support.registry()
    let source = fixtures.appending(path: "tensorflow/model-garden/span-labeler")
    let report = try registry.open(source).report
    #expect(report.unexpected.count == 2)
    #expect(
      report.notes.contains(
        "the heads 'token-classification' and 'question-answering' have the same names of tensors here, and none is taken. "
          + "The class decides, in the configuration: \"architectures\": [\"BertForTokenClassification\"] or "
          + "\"architectures\": [\"BertForQuestionAnswering\"]"), "\(report.notes)")
    for (name, head) in [
      ("BertForQuestionAnswering", "question-answering"),
      ("BertForTokenClassification", "token-classification"),
    ] {
      try withTemporaryDirectory { directory in
        let copy = directory.appending(path: "copy")
        try FileManager.default.copyItem(at: source, to: copy)
        let file = copy.appending(path: "bert_config.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        try FileWriter.write(
          file,
          text: text.replacing(
            "\"hidden_size\"", with: "\"architectures\": [\"\(name)\"],\n  \"hidden_size\""))
        let opened = try registry.open(copy)
        try opened.report.requireStrict()
        #expect(opened.checkpoint.activeHead?.name == head && opened.report.notes.isEmpty)
        guard head == "question-answering" else { return }
        let result = try GraftKit.verify(
          copy, golden: source.appending(path: "golden.safetensors"), backend: ReferenceBackend(threads: 1),
          registry: registry)
        #expect(Set(result.outputs.map(\.name)) == ["start_logits", "end_logits", "last_hidden_state"])
        for output in result.outputs { #expect(output.maximum <= 1e-5 * output.scale, "\(output.name)") }
      }
    }
  }

  @Test("what is written has the names that its models load by, and its words")
  func written() throws {
    let registry = try Support.registry()
    for name in ["masked-lm", "classifier"] {
      let source = fixtures.appending(path: "tensorflow/model-garden/\(name)")
      try withTemporaryDirectory { directory in
        let written = directory.appending(path: "written")
        let report = try exportModel(
          source, to: written, options: OutputOptions(format: "tensorflow", dialect: "model-garden"),
          registry: registry)
        #expect(!report.notes.contains { $0.contains("differ") }, "\(report.notes)")
        let expected = try SafetensorsFormat().open(source.appending(path: "tensors.safetensors"))
        let stored = try registry.open(written).stored
        #expect(Set(stored.tensors.keys.map { $0 + ":0" }) == Set(expected.tensors.keys))
        for (name, tensor) in stored.tensors {
          #expect(try expected[name + ":0"]?.isIdentical(to: tensor) == true, "\(name)")
        }
        let files = try [written, source].map { folder in
          try JSON(parsing: Data(contentsOf: folder.appending(path: "bert_config.json"))).text(.sorted)
        }
        #expect(files[0] == files[1])
        // By that file alone, too.
        try FileManager.default.removeItem(at: written.appending(path: "config.json"))
        #expect(try registry.open(written).checkpoint.configuration["hidden_act"] == "gelu_new")
      }
    }
  }

  @Test("another GELU is written with a note, another activation is refused")
  func otherActivations() throws {
    let registry = try Support.registry()
    let options = OutputOptions(format: "tensorflow", dialect: "model-garden")
    try withTemporaryDirectory { directory in
      let report = try exportModel(
        fixtures.appending(path: "bert-tiny/masked-lm"), to: directory.appending(path: "gelu"),
        options: options, registry: registry)
      #expect(report.notes.contains { $0.hasPrefix("hidden_act is \"gelu\", and \"gelu_new\"") })
      var checkpoint = try registry.open(fixtures.appending(path: "bert-tiny/masked-lm")).checkpoint
      checkpoint.configuration["hidden_act"] = "relu"
      let source = directory.appending(path: "relu")
      try checkpoint.write(to: source, OutputOptions(format: "safetensors"), registry: registry)
      let message = errorMessage {
        _ = try exportModel(
          source, to: directory.appending(path: "out"), options: options, registry: registry)
      }
      #expect(message?.contains("key 'hidden_act': the framework supports only one value") == true)
    }
  }
}
