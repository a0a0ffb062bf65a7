import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

@testable import GGUF

/// What llama.cpp's converter writes of the families beside BERT that llama.cpp runs.
@Suite struct FamilyTests {
  static let files = [
    "distilbert-base", "distilbert-sequence-classification", "roberta-base",
    "roberta-sequence-classification", "xlm-roberta-base", "xlm-roberta-sequence-classification",
    "modernbert-base", "modernbert-sequence-classification", "modernbert-mean", "nomic_bert-base",
  ]
  /// Those that stand here as the converter wrote them.
  static let converted = [
    "distilbert-sequence-classification", "roberta-sequence-classification",
    "xlm-roberta-sequence-classification", "modernbert-sequence-classification", "nomic_bert-base",
  ]
  /// Of CamemBERT the converter makes a BERT.
  static let exported = files + ["camembert-base", "camembert-sequence-classification"]
  private static let theirs: Set = [
    "general.name", "general.size_label", "modern-bert.attention.layer_norm_rms_epsilon",
    "nomic-bert.attention.key_length", "nomic-bert.attention.value_length",
  ]
  private static let ours: Set = [
    "bert.vocab_size", "bert.hidden_activation", "bert.pooling_type", "bert.model_type",
    "modern-bert.pooling_type", "nomic-bert.vocab_size", "nomic-bert.pooling_type",
    "tokenizer.ggml.cls_token_id", "tokenizer.ggml.normalizer.strip_accents",
  ]

  @Test("attributes, names, types and shapes are the converter's", arguments: files)
  func header(_ file: String) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "model.gguf")
      try export(file, to: url, dtype: "float16")
      let header = try Header(of: RandomAccessFile(url))
      var found = header.attributes
      for (key, value) in try #require(golden(file)["attributes"]?.object) where !Self.theirs.contains(key) {
        let removed = found.removeValue(forKey: key)
        let own = try #require(removed, "\(key)")
        #expect(isSame(own, value), "\(key)")
      }
      #expect(Set(found.keys).isSubset(of: Self.ours))

      let names: [ElementType: String] = [.plain(.float32): "F32", .plain(.float16): "F16"]
      let tensors = header.entries.map { entry -> (String, JSON) in
        let shape = entry.spec.shape.reversed().map { JSON($0) }
        return (entry.name, .array([.string(names[entry.type] ?? "")] + shape))
      }
      let expected = try #require(golden(file)["tensors"]?.object)
      #expect(
        Dictionary(uniqueKeysWithValues: tensors)
          == Dictionary(uniqueKeysWithValues: expected.map { ($0.key, $0.value) }))
    }
  }

  @Test("bytes are the converter's", arguments: converted)
  func bytes(_ file: String) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "model.gguf")
      try export(file, to: url, dtype: "float16")
      let (ours, theirs) = try (
        GGUFFormat().open(url).weights,
        GGUFFormat().open(fixtures.appending(path: "gguf/\(file)-f16.gguf")).weights
      )
      #expect(Set(ours.tensors.keys) == Set(theirs.tensors.keys))
      for (name, tensor) in theirs.tensors {
        #expect(try ours[name]?.isIdentical(to: tensor) == true, "\(name)")
      }
    }
  }

  @Test("the converter's file is a model of its family by itself", arguments: converted)
  func opened(_ file: String) throws {
    let registry = try registry.get()
    let opened = try registry.open(fixtures.appending(path: "gguf/\(file)-f16.gguf"))
    let original = try withSource(file) { try registry.open($0).checkpoint }
    #expect(opened.dialect.name == "gguf" && opened.checkpoint.family.name == original.family.name)
    #expect(opened.report.unexpected.isEmpty && opened.report.notes.isEmpty)
    for key in [
      "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size",
      "max_position_embeddings", "type_vocab_size", "hidden_act", "pad_token_id", "model_type",
      "local_attention", "layer_types", "rope_parameters", "classifier_pooling",
    ] {
      #expect(opened.checkpoint.configuration[key] == original.configuration[key], "\(key)")
    }
    #expect(try opened.checkpoint.configuration.labels() == original.configuration.labels())
    // DistilBERT's classes have a fixed one, and no word for it; a key in BERT's words would be strange to them.
    let epsilon = opened.checkpoint.configuration["layer_norm_eps"]?.double.map(Float.init)
    #expect(epsilon == original.configuration["layer_norm_eps"]?.double.map(Float.init))
    #expect(
      Set(opened.checkpoint.configuration.values.keys).isSubset(of: Set(original.configuration.values.keys)))
    try expectSameTokens(opened.checkpoint, original)
  }

  @Test("to GGUF and back, outputs and tokens are the same", arguments: exported)
  func roundTrip(_ file: String) throws {
    try withTemporaryDirectory { directory in
      let (url, back, registry) = (
        directory.appending(path: "model.gguf"), directory.appending(path: "back"), try registry.get()
      )
      try export(file, to: url)
      try importModel(url, to: back, options: OutputOptions(), registry: registry)
      let golden = try checkpointURL(file).appending(path: "golden.safetensors")
      for checkpoint in [url, back] {
        let outputs = try GraftKit.verify(
          checkpoint, golden: golden, backend: ReferenceBackend(threads: 1), registry: registry
        ).outputs
        #expect(outputs.contains { $0.name == (file.hasSuffix("base") ? "last_hidden_state" : "logits") })
        for output in outputs { #expect(output.maximum <= 1e-5 * output.scale, "\(output.name)") }
      }
      let original = try withSource(file) { try registry.open($0).checkpoint }
      try expectSameTokens(registry.open(back).checkpoint, original)
    }
  }

  @Test("what is left out, and what llama.cpp computes otherwise, is said")
  func notes() throws {
    try withTemporaryDirectory { directory in
      let positions =
        "the first 2 rows of 'embeddings.position.weight' are left out: they are the position of padding and those before"
      func notes(_ file: String) throws -> [String] {
        try export(file, to: directory.appending(path: "\(file).gguf")).notes
      }
      let base = try notes("roberta-base")
      #expect(base == [positions, "the pooler is left out: the dialect 'gguf' has no names for it"])
      let masked = try notes("roberta-masked-lm")
      #expect(
        masked == [positions, "the head 'masked-lm' is left out: the dialect 'gguf' has no names for it"])
      let classifier = try notes("distilbert-sequence-classification")
      #expect(
        classifier == [
          "llama.cpp has tanh where the head 'sequence-classification' has ReLU: its logits are others there"
        ])
    }
  }

  @Test("a file that says its family, without a tokenizer, is of that family")
  func noTokenizer() throws {
    try withTemporaryDirectory { directory in
      for family in ["distilbert", "roberta", "xlm-roberta", "camembert", "modernbert", "nomic_bert"] {
        let source = directory.appending(path: family)
        try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
        for name in ["config.json", "model.safetensors"] {
          try FileManager.default.copyItem(
            at: fixtures.appending(path: "\(family)-tiny/base/\(name)"), to: source.appending(path: name))
        }
        let url = directory.appending(path: "\(family).gguf")
        try exportModel(source, to: url, options: OutputOptions(format: "gguf"), registry: registry.get())
        let opened = try registry.get().open(url)
        #expect(opened.checkpoint.family.name == family && opened.checkpoint.tokenizer == nil)
      }
    }
  }

  @Test("a tokenizer that llama.cpp cannot have is left out, and that is said")
  func otherTokenizer() throws {
    try withTemporaryDirectory { directory in
      let source = directory.appending(path: "source")
      try FileManager.default.copyItem(
        at: fixtures.appending(path: "roberta-tiny/base-no-pooler"), to: source)
      for name in ["tokenizer.json", "tokenizer_config.json"] {
        let file = source.appending(path: name)
        let text = try String(contentsOf: file, encoding: .utf8)
        let changed = text.replacing(#/"add_prefix_space": ?false/#, with: "\"add_prefix_space\": true")
        try changed.write(to: file, atomically: true, encoding: .utf8)
      }
      let url = directory.appending(path: "model.gguf")
      let report = try exportModel(
        source, to: url, options: OutputOptions(format: "gguf"), registry: registry.get())
      #expect(report.notes.last == "the tokenizer is left out: the dialect 'gguf' has no words for it")
      #expect(try GGUFFormat().open(url).attributes["tokenizer.ggml.model"] == "no_vocab")
    }
  }

  @Test("a file of tokens that llama.cpp does not have in such a model is of no family", arguments: converted)
  func unknownTokenizer(_ file: String) throws {
    try expectError(in: file, ["tokenizer.ggml.model": "rwkv"]) { error in
      #expect(error.kind == .unsupported)
      #expect(error.problem == "a model whose settings and tensors are of no family of its architecture")
    }
  }

  @Test(
    "a broken list of tokens or merges is named",
    arguments: [
      ("tokenizer.ggml.tokens", "key 'tokenizer.ggml.tokens'"),
      ("tokenizer.ggml.merges", "key 'tokenizer.ggml.merges'"),
      ("tokenizer.ggml.mask_token_id", "key 'tokenizer.ggml.mask_token_id'"),
    ])
  func broken(_ key: String, _ subject: String) throws {
    let theirs = try GGUFFormat().open(
      fixtures.appending(path: "gguf/roberta-sequence-classification-f16.gguf"))
    for value: JSON? in [nil, 401, ["a"], ["a b c"]] {
      if value == nil, key.hasSuffix("_id") { continue }
      if value == ["a"], key.hasSuffix("tokens") { continue }
      try withTemporaryDirectory { directory in
        let url = directory.appending(path: "model.gguf")
        var file = theirs
        file.attributes[key] = value
        try GGUFFormat().write(file, to: url, limit: nil)
        let error = #expect(throws: GraftError.self) { try registry.get().open(url) }
        // Without tokens, the size of the vocabulary is not known either.
        if value == nil, key.hasSuffix("merges") { #expect(error?.subject == subject) }
      }
    }
  }
}
