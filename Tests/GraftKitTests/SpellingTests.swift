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
    + [
      "backbone", "masked-lm", "classifier", "albert-backbone", "distilbert-classifier", "roberta-masked-lm",
      "xlm-roberta-backbone", "deberta-v2-backbone", "deberta-v2-masked-lm", "deberta-v2-classifier",
    ].map { Case(path: "keras-hub/keras-nlp-0.5/\($0)", same: "keras-hub/\($0)") }

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

  @Test("the names of Keras 2.12 to 2.14 are refused as what they are", arguments: ["", "_backbone/"])
  func namesThatCountLayersTwice(_ prefix: String) throws {
    let registry = try Support.registry()
    let source = fixtures.appending(path: "keras-hub/backbone")
    var weights = Weights()
    for (name, tensor) in try registry.open(source).stored.tensors {
      weights[prefix + name.replacing("layers/", with: "_layer_checkpoint_dependencies/")] = tensor
    }
    try withTemporaryDirectory { directory in
      try registry.formats.find("hdf5").init().write(
        weights, to: directory.appending(path: "model.weights.h5"))
      try FileManager.default.copyItem(
        at: source.appending(path: "config.json"), to: directory.appending(path: "config.json"))
      let message = try #require(errorMessage { _ = try registry.open(directory) })
      #expect(
        message.contains("its tensors have the names of Keras 2.12 to 2.14, which are not read"), "\(message)"
      )
      #expect(message.contains("model.save_weights('model.h5')"))
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

  /// A framework's archive of a model around an encoder.
  struct Archive: Sendable, CustomTestStringConvertible {
    let path: String
    /// The class of the encoder.
    let encoder: String

    var testDescription: String { path }
  }

  static let functional = [
    Archive(path: "tensorflow/spellings/functional.keras", encoder: "TFBertModel"),
    Archive(path: "keras-hub/archives/functional.keras", encoder: "BertBackbone"),
  ]

  /// What describes somebody's own model.
  enum Document: CaseIterable {
    /// Keras' own: a list of layers.
    case functional
    /// What a class of one's own says of itself: attributes, or a list of them.
    case subclass, subclassOfLists
    /// That of the encoder alone, beside weights.
    case encoder

    /// The document, of a list of layers.
    func text(_ functional: String, encoder: String) throws -> String {
      let layers = try JSON(parsing: Array(functional.utf8))["config"]?["layers"]?.array
      let layer = try #require(layers?.first { $0["class_name"]?.string == encoder })
      switch self {
      case .functional: return functional
      case .subclass: return #"{"class_name": "Classifier", "config": {"bert": \#(layer.text())}}"#
      case .subclassOfLists: return #"{"class_name": "Classifier", "config": {"parts": [\#(layer.text())]}}"#
      case .encoder:
        let own = layer["config"] ?? .null
        return (own["model_type"] == nil ? layer : own).text()
      }
    }
  }

  /// Keras calls a layer by its class, so that one beside the encoder may have the name of a head's, whatever it computes.
  @Test(
    "layers beside an encoder are no heads, whatever their shapes and whatever describes the model",
    arguments: functional, [[2], [3], [1], [2, 5], [4, 3], [64, 2]])
  func layersBesideAnEncoder(_ archive: Archive, _ widths: [Int]) throws {
    let registry = try Support.registry()
    let file = try registry.openModelFile(fixtures.appending(path: archive.path)).file
    var weights = file.weights
    let functional = try #require(file.attributes["config.json"]?.string)
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
      for document in Document.allCases {
        let text = try document.text(functional, encoder: archive.encoder)
        try Data(text.utf8).write(to: directory.appending(path: "config.json"))
        let opened = try registry.open(directory)
        #expect(Set(opened.report.unexpected) == names, "\(document)")
        #expect(opened.checkpoint.heads.isEmpty && opened.checkpoint.activeHead == nil, "\(document)")
      }
    }
  }

  /// A task's weights in one file have the names of any model around the encoder.
  @Test("beside the encoder's configuration, a head is not guessed, and the report says what would tell it")
  func headsBesideAnEncodersConfiguration() throws {
    let registry = try Support.registry()
    try withTemporaryDirectory { directory in
      let folder = directory.appending(path: "model")
      try FileManager.default.copyItem(
        at: fixtures.appending(path: "keras-hub/classifier-one-file"), to: folder)
      #expect(try registry.open(folder).checkpoint.activeHead?.name == "sequence-classification")
      let (config, task) = (folder.appending(path: "config.json"), folder.appending(path: "task.json"))
      let whole = try Data(contentsOf: task)
      try FileManager.default.removeItem(at: task)
      let opened = try registry.open(folder)
      #expect(opened.checkpoint.activeHead == nil && opened.report.unexpected.sorted() == Self.outer)
      let note =
        "'layers/dense/vars/0', 'layers/dense/vars/1': the names of a head's, which any layer may have. They count as "
        + "one where config.json or task.json describes the whole model, such as 'keras_hub>BertTextClassifier'"
      #expect(opened.report.notes.contains(note), "\(opened.report.notes)")
      try whole.write(to: config)
      #expect(try registry.open(folder).checkpoint.activeHead?.name == "sequence-classification")
      // Which is transformers' way to say it.
      var own = opened.checkpoint.configuration
      own["architectures"] = ["BertForSequenceClassification"]
      own.setLabels(Configuration.numberedLabels(3))
      try Data(JSON.object(own.values).text().utf8).write(to: config)
      #expect(try registry.open(folder).checkpoint.activeHead?.name == "sequence-classification")
    }
  }

  /// Layers that are left over may have one name in the outer model and in the inner one.
  @Test("what is unexpected is carried along by what the file calls it")
  func leftovers() throws {
    let registry = try Support.registry()
    let path = fixtures.appending(path: "tensorflow/spellings/functional.keras")
    let file = try registry.openModelFile(path).file
    var weights = file.weights
    let text = try #require(file.attributes["config.json"]?.string)
    let names = ["layers/dense_1/vars/0", "layers/tf_bert_model/layers/dense_1/vars/0"]
    for (number, name) in names.enumerated() {
      weights[name] = LazyTensor(zeros: TensorSpec(.float32, [number + 1]))
    }
    try withTemporaryDirectory { directory in
      try registry.formats.find("hdf5").init().write(
        weights, to: directory.appending(path: "model.weights.h5"))
      try Data(text.utf8).write(to: directory.appending(path: "config.json"))
      let opened = try registry.open(directory)
      #expect(opened.report.unexpected.sorted() == Self.outer + names)
      #expect(opened.checkpoint.extra.tensors.keys.sorted() == Self.outer + names)
      #expect(names.map { opened.checkpoint.extra[$0]?.spec.shape } == [[1], [2]])
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
