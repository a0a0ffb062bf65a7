import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

/// Checkpoints of other frameworks: what they compute, what their configurations mean, and what is written.
@Suite struct DialectTests {
  /// Written by the framework itself, with its own outputs.
  static let checkpoints = [
    "tensorflow/h5/base", "tensorflow/h5/masked-lm", "tensorflow/h5/pretraining",
    "tensorflow/h5/sequence-classification", "tensorflow/google/pretraining", "tensorflow/google/sharded",
    "tensorflow/google/classifier", "tensorflow/h5/distilbert-base", "tensorflow/h5/distilbert-masked-lm",
    "tensorflow/h5/distilbert-sequence-classification", "tensorflow/h5/roberta-base",
    "tensorflow/h5/roberta-masked-lm", "tensorflow/h5/roberta-sequence-classification", "keras-hub/backbone",
    "keras-hub/masked-lm", "keras-hub/classifier",
    "keras-hub/classifier-one-file", "keras-hub/distilbert-backbone", "keras-hub/distilbert-masked-lm",
    "keras-hub/distilbert-classifier", "keras-hub/distilbert-classifier-one-file",
    "keras-hub/roberta-backbone", "keras-hub/roberta-masked-lm", "keras-hub/roberta-classifier",
    "keras-hub/roberta-classifier-one-file", "keras-hub/xlm-roberta-backbone",
    "keras-hub/xlm-roberta-masked-lm", "keras-hub/xlm-roberta-classifier", "keras-hub/albert-backbone",
    "keras-hub/albert-masked-lm", "keras-hub/albert-classifier", "keras-hub/deberta-v2-backbone",
    "keras-hub/deberta-v2-masked-lm", "keras-hub/deberta-v2-classifier", "keras-hub/electra-backbone",
    "keras-hub/electra-one-width-backbone",
    "tensorflow/model-garden/encoder", "tensorflow/model-garden/masked-lm",
    "tensorflow/model-garden/classifier", "tensorflow/model-garden/saved-model",
    "tensorflow/model-garden/published", "keras-hub/keras-nlp-0.5/backbone",
    "keras-hub/keras-nlp-0.5/masked-lm", "keras-hub/keras-nlp-0.5/classifier",
    "keras-hub/keras-nlp-0.5/albert-backbone", "keras-hub/keras-nlp-0.5/distilbert-classifier",
    "keras-hub/keras-nlp-0.5/roberta-masked-lm", "keras-hub/keras-nlp-0.5/xlm-roberta-backbone",
    "keras-hub/keras-nlp-0.5/deberta-v2-backbone", "keras-hub/keras-nlp-0.5/deberta-v2-masked-lm",
    "keras-hub/keras-nlp-0.5/deberta-v2-classifier",
  ]

  /// What KerasHub has one table for.
  static let foldedTables = ["embeddings.position.weight", "embeddings.token_type.weight"]

  @Test("outputs are the framework's, and nothing is unexpected or new", arguments: checkpoints)
  func computesTheSame(_ name: String) throws {
    let source = fixtures.appending(path: name)
    let registry = try Support.registry()
    try registry.open(source).report.requireStrict()
    let result = try GraftKit.verify(
      source, golden: source.appending(path: "golden.safetensors"), backend: ReferenceBackend(threads: 1),
      registry: registry)
    #expect(!result.outputs.isEmpty && result.notComputed.isEmpty)
    for output in result.outputs { #expect(output.maximum <= 1e-5 * output.scale, "\(output.name)") }
  }

  @Test("every dialect has every tensor back, bit for bit", arguments: checkpoints)
  func throughEveryDialect(_ name: String) throws {
    let source = fixtures.appending(path: name)
    let registry = try Support.registry()
    let known = try registry.open(source).checkpoint.family.dialects.map(\.name)
    try withTemporaryDirectory { directory in
      for (format, dialect) in [
        ("safetensors", "transformers"), ("hdf5", "transformers"), ("hdf5", "transformers-tf"),
        ("tensorflow", "google"), ("tensorflow", "model-garden"), ("hdf5", "keras-hub"),
        ("hdf5", "keras-nlp"),
      ] where known.contains(dialect) {
        let written = directory.appending(path: dialect + format)
        let isKeras = dialect.hasPrefix("keras-")
        let isGarden = dialect == "model-garden"
        do {
          try exportModel(
            source, to: written, options: OutputOptions(format: format, dialect: dialect), registry: registry)
        } catch let error as GraftError where error.kind == .unsupported {
          // Neither KerasHub nor the model garden has a next-sentence head.
          #expect((isKeras || isGarden) && name.contains("pretraining"), "\(error)")
          continue
        }
        let opened = try registry.open(written)
        #expect(opened.format == format && opened.dialect.name == dialect)
        #expect(
          opened.checkpoint.tokenizer != nil || name.hasSuffix("backbone") || name.hasSuffix("one-file"))
        var difference = try compare(source, written, registry: registry)
        if isKeras, name.contains("h5/roberta") {
          // KerasHub has no place for a pooler, token types and the position of padding.
          #expect(difference.changed.map(\.name).sorted() == Self.foldedTables)
          difference.changed = []
          difference.onlyInFirst.removeAll { $0.contains("pooler") }
        }
        if isKeras || isGarden, name.contains("h5/masked-lm") {
          // Its encoder always has a pooler, which is new then.
          #expect(difference.onlyInSecond.map { $0.hasPrefix("pooler.") } == [true, true])
          difference.onlyInSecond = []
        }
        if name.contains("electra"), ["transformers-tf", "google"].contains(dialect) {
          // No class but KerasHub's has a pooler; the transformers dialect keeps it beside the weights.
          #expect(difference.onlyInFirst.count == 2)
          difference.onlyInFirst.removeAll { $0.contains("pooler") }
        }
        #expect(difference.isEmpty && difference.converted.isEmpty, "\(dialect)")
      }
    }
  }

  /// `tf_model.h5` of the other families.
  static let families =
    ["albert", "electra", "mpnet", "deberta-v2"].flatMap { family in
      ["base", "masked-lm", "sequence-classification"].map { "tensorflow/h5/\(family)-\($0)" }
    } + ["tensorflow/h5/camembert-masked-lm", "tensorflow/h5/xlm-roberta-masked-lm"]

  @Test(
    "of every family, TensorFlow's outputs; what is written has its names and its bits", arguments: families)
  func tensorFlowClasses(_ name: String) throws {
    try computesTheSame(name)
    let (source, registry) = (fixtures.appending(path: name), try Support.registry())
    let stored = try registry.open(source).stored
    try withTemporaryDirectory { directory in
      // By way of transformers' PyTorch names.
      let (between, written) = (directory.appending(path: "between"), directory.appending(path: "written"))
      try exportModel(source, to: between, options: OutputOptions(format: "safetensors"), registry: registry)
      try exportModel(
        between, to: written, options: OutputOptions(format: "hdf5", dialect: "transformers-tf"),
        registry: registry)
      let again = try registry.open(written)
      #expect(again.format == "hdf5" && again.dialect.name == "transformers-tf")
      #expect(Set(again.stored.tensors.keys) == Set(stored.tensors.keys))
      for (name, tensor) in stored.tensors {
        #expect(try again.stored[name]?.isIdentical(to: tensor) == true, "\(name)")
      }
    }
  }

  @Test(
    "Google's checkpoints of other families",
    arguments: ["google/albert-masked-lm", "google/albert-classifier", "google/electra"])
  func googleFamilies(_ name: String) throws {
    let (source, registry) = (fixtures.appending(path: "tensorflow/\(name)"), try Support.registry())
    try computesTheSame("tensorflow/\(name)")
    let opened = try registry.open(source)
    #expect(opened.format == "tensorflow" && opened.dialect.name == "google")
    try withTemporaryDirectory { directory in
      let (between, written) = (directory.appending(path: "between"), directory.appending(path: "written"))
      try exportModel(source, to: between, options: OutputOptions(format: "safetensors"), registry: registry)
      try exportModel(
        between, to: written, options: OutputOptions(format: "tensorflow", dialect: "google"),
        registry: registry)
      let again = try registry.open(written)
      let dropped = Set(opened.report.dropped.map(\.name))
      #expect(Set(again.stored.tensors.keys) == Set(opened.stored.tensors.keys).subtracting(dropped))
      for (name, tensor) in again.stored.tensors {
        #expect(try opened.stored[name]?.isIdentical(to: tensor) == true, "\(name)")
      }
      let file = "albert_config.json"
      guard FileManager.default.fileExists(atPath: source.appending(path: file).path) else { return }
      let (ours, theirs) = try (
        JSON(parsing: Data(contentsOf: written.appending(path: file))),
        JSON(parsing: Data(contentsOf: source.appending(path: file)))
      )
      #expect(ours.text(.sorted) == theirs.text(.sorted))
    }
  }

  @Test("bert_config.json means what transformers means without saying it")
  func googleConfiguration() throws {
    let source = fixtures.appending(path: "tensorflow/google/classifier")
    let configuration = try Support.registry().open(source).checkpoint.configuration
    #expect(configuration["model_type"] == "bert")
    #expect(configuration["layer_norm_eps"]?.double == 1e-12)
    #expect(configuration["hidden_act"] == "gelu")
    #expect(try configuration.labels().count == 3)
  }

  @Test("KerasHub's configuration means what KerasHub computes")
  func kerasHubConfiguration() throws {
    let source = fixtures.appending(path: "keras-hub/classifier")
    let configuration = try Support.registry().open(source).checkpoint.configuration
    #expect(configuration["hidden_act"] == "gelu_new")
    #expect(configuration["attention_probs_dropout_prob"]?.double == 0.1)
    #expect(configuration["num_attention_heads"]?.int == 2)
  }

  @Test(
    "KerasHub's files are written as KerasHub has them",
    arguments: [
      "classifier", "albert-classifier", "xlm-roberta-classifier", "deberta-v2-classifier",
      "electra-backbone", "electra-one-width-backbone",
    ])
  func kerasHubFiles(_ name: String) throws {
    let source = fixtures.appending(path: "keras-hub/\(name)")
    try withTemporaryDirectory { directory in
      let written = directory.appending(path: "preset")
      try exportModel(
        source, to: written, options: OutputOptions(format: "hdf5", dialect: "keras-hub"),
        registry: Support.registry())
      for file in ["config.json", "tokenizer.json", "task.json"] {
        let theirs = source.appending(path: file)
        #expect(
          FileManager.default.fileExists(atPath: theirs.path)
            == FileManager.default.fileExists(atPath: written.appending(path: file).path))
        guard FileManager.default.fileExists(atPath: theirs.path) else { continue }
        var (ours, expected) = try (
          JSON(parsing: Data(contentsOf: written.appending(path: file))),
          JSON(parsing: Data(contentsOf: theirs))
        )
        if file == "task.json" { (ours, expected) = (ours.taskAsRead, expected.taskAsRead) }
        #expect(ours.text(.sorted) == expected.text(.sorted), "\(file)")
      }
    }
  }

  @Test(
    "what KerasHub has otherwise in a head is said where that head is written",
    arguments: [
      ("tensorflow/h5/distilbert-masked-lm", ["mlm_layer_norm_eps is 1e-12, and 1e-5"]),
      ("tensorflow/h5/distilbert-sequence-classification", []),
      ("tensorflow/h5/albert-masked-lm", ["mlm_layer_norm_eps is 1e-12, and 1e-5", "the pooler is new"]),
      ("tensorflow/h5/albert-base", []),
      (
        "tensorflow/h5/masked-lm",
        [
          "hidden_act is \"gelu\", and \"gelu_new\"", "mlm_layer_norm_eps is 1e-12, and 1e-5",
          "the pooler is new",
        ]
      ),
      ("keras-hub/masked-lm", []), ("keras-hub/distilbert-masked-lm", []), ("keras-hub/albert-masked-lm", []),
      ("keras-hub/deberta-v2-masked-lm", []),
    ])
  func headDifferences(_ name: String, _ expected: [String]) throws {
    try withTemporaryDirectory { directory in
      let report = try exportModel(
        fixtures.appending(path: name), to: directory.appending(path: "preset"),
        options: OutputOptions(format: "hdf5", dialect: "keras-hub"), registry: Support.registry())
      #expect(report.notes.count == expected.count)
      for (note, beginning) in zip(report.notes, expected) { #expect(note.hasPrefix(beginning)) }
    }
  }

  @Test("a pooler that only KerasHub has is new there, and the report says so")
  func kerasHubPooler() throws {
    let registry = try Support.registry()
    let options = OutputOptions(format: "hdf5", dialect: "keras-hub")
    let source = fixtures.appending(path: "electra-tiny/base")
    try withTemporaryDirectory { directory in
      let written = directory.appending(path: "preset")
      let report = try exportModel(source, to: written, options: options, registry: registry)
      #expect(
        report.notes.contains("the pooler is new and untrained: the framework's encoder always has one"))
      let difference = try compare(source, written, registry: registry)
      #expect(difference.onlyInSecond.count == 2 && difference.onlyInFirst.isEmpty)
      #expect(difference.changed.isEmpty)
      // The head has no class there.
      let error = #expect(throws: GraftError.self) {
        try exportModel(
          fixtures.appending(path: "electra-tiny/masked-lm"), to: directory.appending(path: "head"),
          options: options, registry: registry)
      }
      #expect(error?.problem.hasPrefix("the dialect 'keras-hub' has no name for") == true)
    }
  }

  @Test(
    "what a framework's classes cannot be is refused, by the key that says it",
    arguments: [
      ("albert-tiny/base", "keras-hub", "num_hidden_groups", "a divisor of 5, the number of layers"),
      ("deberta-v2-tiny/own-c2p-p2c", "keras-hub", "share_att_key", "true"),
      ("deberta-v2-tiny/far", "keras-hub", "max_relative_positions", "-1 or 42"),
      ("deberta-v2-tiny/far", "keras-nlp", "max_relative_positions", "-1 or 42"),
      ("deberta-v2-tiny/shared-c2p", "keras-hub", "pos_att_type", "p2c and c2p"),
      ("deberta-v2-tiny/without-buckets", "keras-hub", "norm_rel_ebd", "layer_norm"),
      ("deberta-v2-tiny/masked-lm", "transformers-tf", "embedding_size", "12"),
    ])
  func refusedShapes(_ source: String, _ dialect: String, _ key: String, _ expected: String) throws {
    try withTemporaryDirectory { directory in
      let error = try #require(throws: GraftError.self) {
        try exportModel(
          fixtures.appending(path: source), to: directory.appending(path: "out"),
          options: OutputOptions(format: "hdf5", dialect: dialect), registry: Support.registry())
      }
      #expect(error.kind == .unsupported && error.subject == "key '\(key)'", "\(error)")
      #expect(error.expected == expected)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
    }
  }

  @Test("what KerasHub computes otherwise is said, or refused")
  func kerasHubDifferences() throws {
    let registry = try Support.registry()
    let options = OutputOptions(format: "hdf5", dialect: "keras-hub")
    try withTemporaryDirectory { directory in
      let report = try exportModel(
        Support.fixture("base"), to: directory.appending(path: "gelu"), options: options, registry: registry)
      #expect(
        report.notes == [
          "hidden_act is \"gelu\", and \"gelu_new\" in the framework: outputs differ a little"
        ])
      let same = try exportModel(
        fixtures.appending(path: "keras-hub/backbone"), to: directory.appending(path: "same"),
        options: options, registry: registry)
      #expect(same.notes.isEmpty)

      let relu = directory.appending(path: "relu")
      try FileManager.default.copyItem(at: Support.fixture("base"), to: relu)
      let config = relu.appending(path: "config.json")
      let text = try String(contentsOf: config, encoding: .utf8)
      try text.replacing("\"gelu\"", with: "\"relu\"").write(to: config, atomically: true, encoding: .utf8)
      let error = try #require(throws: GraftError.self) {
        try exportModel(relu, to: directory.appending(path: "out"), options: options, registry: registry)
      }
      #expect(
        error.description
          == "key 'hidden_act': the framework supports only one value; expected \"gelu_new\", found \"relu\". "
          + "Choose another 'dialect'.")
    }
  }

  @Test(
    "a decoder of its own has no place where decoders are always tied",
    arguments: ["google", "transformers-tf", "keras-hub"])
  func untiedDecoders(_ dialect: String) throws {
    let registry = try Support.registry()
    try withTemporaryDirectory { directory in
      let error = try #require(throws: GraftError.self) {
        try exportModel(
          Support.fixture("untied-decoder"), to: directory.appending(path: "out"),
          options: OutputOptions(format: "hdf5", dialect: dialect), registry: registry)
      }
      #expect(error.kind == .unsupported)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
    }
  }

  @Test("attention weights of another number of heads are no weights of this model")
  func headsThatDoNotFit() throws {
    try withTemporaryDirectory { directory in
      let source = directory.appending(path: "preset")
      try FileManager.default.copyItem(at: fixtures.appending(path: "keras-hub/backbone"), to: source)
      let config = source.appending(path: "config.json")
      let text = try String(contentsOf: config, encoding: .utf8)
      try text.replacing("\"num_heads\": 2", with: "\"num_heads\": 4").write(
        to: config, atomically: true, encoding: .utf8)
      let error = try #require(throws: GraftError.self) { try Support.registry().open(source) }
      #expect(
        error.description.hasSuffix(
          "tensor 'layers/transformer_encoder/_self_attention_layer/key_dense/vars/0': wrong shape; "
            + "expected three extents, the second 4 attention heads, found float32 [8, 2, 4]."))
    }
  }

  @Test("a format or dialect of other families is named as such")
  func dialectsOfOtherFamilies() throws {
    let registry = try Support.registry()
    let albert = try registry.families.find("albert")
    #expect(
      errorMessage { _ = try registry.dialect(of: albert, in: "gguf") }?.hasPrefix(
        "the format 'gguf' does not know the family 'albert'; expected one of ") == true)
    let camembert = try registry.families.find("camembert")
    let message = errorMessage { _ = try registry.dialect("keras-hub", of: camembert) } ?? ""
    #expect(
      message.hasPrefix("the dialect 'keras-hub' does not know the family 'camembert'; expected one of "))
    #expect(message.contains("Dialects of 'camembert': transformers, "))
    #expect(
      errorMessage { _ = try registry.dialect("onxn", of: albert) }?.hasPrefix("unknown dialect 'onxn'")
        == true)
  }

  /// TensorFlow's classes of MPNet have a pooler with every head.
  @Test("a head of MPNet gets a pooler for TensorFlow", arguments: ["masked-lm", "sequence-classification"])
  func poolerOfMPNet(_ head: String) throws {
    let registry = try Support.registry()
    var checkpoint = try registry.open(fixtures.appending(path: "mpnet-tiny/\(head)")).checkpoint
    let dialect = try registry.dialect("transformers-tf", of: checkpoint.family)
    let notes = try checkpoint.leaveOut(whatIsUnknownTo: dialect)
    #expect(notes.contains { $0.hasPrefix("the pooler is new and untrained") }, "\(notes)")
    #expect(checkpoint[Component.pooler]?.isUntrained == true)
  }
}

extension JSON {
  /// A task of KerasHub without what Graft does not read in it: what prepares its texts, and dropout.
  fileprivate var taskAsRead: JSON {
    var members = object ?? [:]
    var settings = self["config"]?.object ?? [:]
    (settings["preprocessor"], settings["dropout"]) = (.null, .null)
    members["config"] = .object(settings)
    return .object(members)
  }
}
