import Foundation
import GraftKit
import GraftTensors
import TestSupport
import Testing

@testable import GraftCore

/// The same weights as in the usual files of a framework, as it saves them elsewhere: under other names, in other
/// folders, divided, or among what else was saved. All written by the frameworks themselves.
@Suite struct SpellingTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let path: String
    /// The fixture that has the same tensors.
    let same: String
    /// What no family knows: the layer of a model of somebody's own.
    var unexpected: [String] = []
    /// What the report says among other things.
    var note: String?

    var testDescription: String { path }
  }

  private static let outer = ["layers/dense/vars/0", "layers/dense/vars/1"]
  private static let classifier = "tensorflow/h5/sequence-classification"
  private static let encoder = "tensorflow/h5/base"
  private static let google = "tensorflow/google/pretraining"

  static let cases =
    [
      Case(path: "safetensors", same: classifier),
      Case(
        path: "safetensors-shards", same: classifier, note: "the index of the shards lists what no shard has"),
      Case(path: "shards", same: classifier, note: "the index of the shards lists what no shard has"),
      Case(path: "objects", same: classifier),
      Case(path: "objects/ckpt", same: classifier),
      Case(path: "objects-trained", same: classifier),
      Case(path: "objects-legacy", same: classifier),
      // Mixed precision wraps the optimizer.
      Case(path: "objects-scaled", same: classifier),
      Case(path: "objects-scaled-legacy", same: classifier),
      Case(path: "saved-model", same: classifier),
      Case(path: "saved-model/saved_model/1", same: classifier),
      Case(path: "saved-model/saved_model/1/variables/variables", same: classifier),
      Case(
        path: "functional", same: encoder, unexpected: ["dense/dense/bias:0", "dense/dense/kernel:0"],
        note: "'tf_bert_model/tf_bert_model/' before the names is a wrapper's, and is taken off"),
      Case(
        path: "functional-trained", same: encoder,
        unexpected: ["model_weights/dense_1/dense_1/bias:0", "model_weights/dense_1/dense_1/kernel:0"]),
      Case(path: "functional-objects", same: encoder, unexpected: ["dense_2/bias:0", "dense_2/kernel:0"]),
      Case(
        path: "subclass", same: encoder,
        unexpected: ["dense_3/subclass/dense_3/bias:0", "dense_3/subclass/dense_3/kernel:0"]),
      // Its layer is called as the head of transformers' classifiers.
      Case(
        path: "functional.keras", same: encoder, unexpected: outer,
        note: "'layers/tf_bert_model/' before the names is a wrapper's, and is taken off"),
      Case(path: "classifier.keras", same: classifier),
      Case(path: "masked-lm.keras", same: "tensorflow/h5/masked-lm"),
      Case(path: "partitioned", same: google),
      Case(path: "partitioned-columns", same: google),
      Case(path: "slots", same: google),
      Case(path: "named", same: google),
    ].map {
      Case(
        path: "tensorflow/spellings/\($0.path)", same: $0.same, unexpected: $0.unexpected, note: $0.note)
    } + [
      Case(path: "keras-hub/archives/backbone.keras", same: "keras-hub/backbone"),
      Case(path: "keras-hub/archives/classifier.keras", same: "keras-hub/classifier"),
      Case(path: "keras-hub/archives/functional.keras", same: "keras-hub/backbone", unexpected: outer),
      Case(path: "keras-hub/keras-nlp/backbone", same: "keras-hub/backbone"),
      Case(path: "keras-hub/keras-nlp/roberta-backbone", same: "keras-hub/roberta-backbone"),
      Case(path: "keras-hub/keras-nlp/albert-backbone", same: "keras-hub/albert-backbone"),
      Case(path: "keras-hub/keras-nlp/deberta-v2-backbone", same: "keras-hub/deberta-v2-backbone"),
    ]

  @Test("has the same tensors, bit for bit", arguments: cases)
  func same(_ example: Case) throws {
    let registry = try Support.registry()
    let path = fixtures.appending(path: example.path)
    let report = try registry.open(path).report
    #expect(report.unexpected.sorted() == example.unexpected)
    if let note = example.note {
      #expect(report.notes.contains { $0.hasPrefix(note) }, "\(report.notes)")
    }
    let difference = try compare(path, fixtures.appending(path: example.same), registry: registry)
    #expect(difference.changed.isEmpty && difference.converted.isEmpty, "\(difference)")
    #expect(difference.onlyInSecond.isEmpty, "\(difference)")
    #expect(difference.onlyInFirst.count == example.unexpected.count, "\(difference)")
  }

  @Test("what transformers' TensorFlow classes call variables is written to safetensors too")
  func written() throws {
    let registry = try Support.registry()
    let names = ["sequence-classification", "masked-lm", "albert-masked-lm", "deberta-v2-masked-lm"]
    for name in names {
      try withTemporaryDirectory { directory in
        let source = fixtures.appending(path: "tensorflow/h5/\(name)")
        let options = OutputOptions(format: "safetensors", dialect: "transformers-tf-variables")
        let written = directory.appending(path: "written")
        try exportModel(source, to: written, options: options, registry: registry)
        let opened = try registry.open(written)
        #expect(opened.dialect.name == "transformers-tf-variables")
        #expect(opened.stored.metadata["format"] == "tf")
        #expect(try compare(source, written, registry: registry).isEmpty)
      }
    }
  }

  @Test("a document of Keras without an encoder that is known is called that")
  func unknownKeras() throws {
    try withTemporaryDirectory { directory in
      let folder = directory.appending(path: "model")
      try FileManager.default.copyItem(at: fixtures.appending(path: "keras-hub/backbone"), to: folder)
      let file = folder.appending(path: "config.json")
      try Data(#"{"class_name": "Functional", "config": {"layers": [{"class_name": "Dense"}]}}"#.utf8).write(
        to: file)
      let message = errorMessage { _ = try Support.registry().open(folder) }
      #expect(
        message?.contains(
          "config.json: key 'class_name': a model without an encoder that a plugin knows; expected one of ")
          == true, "\(message ?? "")")
    }
  }

  @Test("an encoder behind more parts of a document than any has is not looked for")
  func endlessKeras() throws {
    try withTemporaryDirectory { directory in
      let folder = directory.appending(path: "model")
      try FileManager.default.copyItem(at: fixtures.appending(path: "keras-hub/backbone"), to: folder)
      let file = folder.appending(path: "config.json")
      let encoder = try String(contentsOf: file, encoding: .utf8)
      for (count, isFound) in [(10, true), (100_000, false)] {
        let layers = String(repeating: "{},", count: count) + encoder
        try Data(#"{"class_name": "Functional", "config": {"layers": [\#(layers)]}}"#.utf8).write(to: file)
        let message = errorMessage { _ = try Support.registry().open(folder) }
        if isFound {
          #expect(message == nil)
        } else {
          #expect(
            message?.contains("a model without an encoder that a plugin knows") == true, "\(message ?? "")")
        }
      }
    }
  }

  /// Keras calls a layer by its class, so that one beside the encoder may have the name of a head's, whatever it computes.
  @Test(
    "layers beside an encoder are no heads, whatever their shapes",
    arguments: ["tensorflow/spellings/functional.keras", "keras-hub/archives/functional.keras"],
    [[2], [3], [1], [2, 5], [4, 3], [64, 2]])
  func layersBesideAnEncoder(_ path: String, _ widths: [Int]) throws {
    let registry = try Support.registry()
    let file = try registry.openModelFile(fixtures.appending(path: path)).file
    var weights = file.weights
    let text = try #require(file.attributes["config.json"]?.string)
    var (inputs, names) = (8, Set<String>())
    weights.tensors.removeAll { Self.outer.contains($0.key) }
    for (number, outputs) in widths.enumerated() {
      let layer = "layers/dense\(number == 0 ? "" : "_\(number)")/vars"
      weights["\(layer)/0"] = LazyTensor(zeros: TensorSpec(.float32, [inputs, outputs]))
      weights["\(layer)/1"] = LazyTensor(zeros: TensorSpec(.float32, [outputs]))
      names.formUnion(["\(layer)/0", "\(layer)/1"])
      inputs = outputs
    }
    try withTemporaryDirectory { directory in
      try registry.formats.find("hdf5").init().write(
        weights, to: directory.appending(path: "model.weights.h5"))
      try Data(text.utf8).write(to: directory.appending(path: "config.json"))
      let opened = try registry.open(directory)
      #expect(Set(opened.report.unexpected) == names)
      #expect(opened.checkpoint.heads.isEmpty && opened.checkpoint.activeHead == nil)
    }
  }

  /// A whole classifier that is a layer has its head behind its own name.
  @Test(arguments: [
    ("tensorflow/spellings/classifier.keras", "tf_bert_for_sequence_classification", classifier),
    ("keras-hub/archives/classifier.keras", "bert_text_classifier", "keras-hub/classifier"),
  ]) func headsInsideALayerAreHeads(_ path: String, _ layer: String, _ same: String) throws {
    let registry = try Support.registry()
    let file = try registry.openModelFile(fixtures.appending(path: path)).file
    let whole = file.weights
    let text = try #require(file.attributes["config.json"]?.string)
    var weights = Weights(metadata: whole.metadata)
    for (name, tensor) in whole.tensors where !name.hasPrefix("optimizer/") {
      weights["layers/\(layer)/\(name)"] = tensor
    }
    for (name, shape) in zip(Self.outer, [[3, 5], [5]]) {
      weights[name] = LazyTensor(zeros: TensorSpec(.float32, shape))
    }
    try withTemporaryDirectory { directory in
      try registry.formats.find("hdf5").init().write(
        weights, to: directory.appending(path: "model.weights.h5"))
      try Data(#"{"class_name": "Functional", "config": {"layers": [\#(text)]}}"#.utf8).write(
        to: directory.appending(path: "config.json"))
      let opened = try registry.open(directory)
      #expect(opened.report.unexpected.sorted() == Self.outer)
      #expect(opened.checkpoint.heads.map(\.id) == ["sequence-classification"])
      let difference = try compare(directory, fixtures.appending(path: same), registry: registry)
      #expect(difference.changed.isEmpty && difference.onlyInSecond.isEmpty, "\(difference)")
      #expect(difference.onlyInFirst.count == 2, "\(difference)")
    }
  }

  @Test("a layer with a setting 'model_type' does not hide an encoder")
  func settingsOfOtherLayers() throws {
    try withTemporaryDirectory { directory in
      let folder = directory.appending(path: "model")
      try FileManager.default.copyItem(at: fixtures.appending(path: "keras-hub/backbone"), to: folder)
      let file = folder.appending(path: "config.json")
      let encoder = try String(contentsOf: file, encoding: .utf8)
      let scaler = #"{"class_name": "Scaler", "config": {"model_type": "regression"}}"#
      for (layers, expected) in [
        ("\(scaler), \(encoder)", nil), (encoder, nil), (scaler, "unknown family 'regression'"),
      ] as [(String, String?)] {
        try Data(#"{"class_name": "Functional", "config": {"layers": [\#(layers)]}}"#.utf8).write(to: file)
        let message = errorMessage { _ = try Support.registry().open(folder) }
        if let expected {
          #expect(message?.contains(expected) == true, "\(message ?? "")")
        } else {
          #expect(message == nil)
        }
      }
    }
  }

  /// The other modules are beside a module's folder, whose weights are in folders of their own.
  @Test func modulesBesideASavedModelAreSeen() throws {
    try withTemporaryDirectory { directory in
      let saved = fixtures.appending(path: "tensorflow/spellings/saved-model")
      let module = directory.appending(path: "0_Transformer")
      try FileManager.default.copyItem(at: saved, to: module)
      let modules =
        #"[{"idx": 0, "path": "0_Transformer", "type": "sentence_transformers.models.Transformer"}]"#
      try Data(modules.utf8).write(to: directory.appending(path: "modules.json"))
      let formats = try Support.registry().checkpointFormats
      let (whole, alone) = try (
        ModelDirectory(directory, formats: formats), ModelDirectory(module, formats: formats)
      )
      #expect(whole.root.path == directory.path && whole.url.path == module.path)
      #expect(alone.root.path == module.path && alone.url.path == module.path)
    }
  }
}
