import TestSupport
import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors
import Testing

@testable import ONNX
import GraftPlugins

/// What Graft writes: graphs that compute what transformers does, with the checkpoint's own weights.
@Suite struct ExportTests {
  /// Every head, activation, type and tie that there is.
  static let checkpoints = [
    "base", "base-no-pooler", "bfloat16", "cased", "float16", "gelu-tanh", "masked-lm", "multi-label",
    "next-sentence", "padded-vocab", "pretraining", "regression", "sequence-classification", "untied-decoder",
  ]

  /// Those whose forward pass is another: other positions, no token types, other heads.
  static let computed =
    checkpoints.map { "bert-tiny/\($0)" }
    + ["albert", "distilbert", "electra", "mpnet", "roberta"].flatMap { family in
      ["base", "masked-lm", "relu", "sequence-classification", "untied-decoder"].map {
        "\(family)-tiny/\($0)"
      }
    } + ["albert-tiny/one-width", "electra-tiny/one-width"]
    + ["bert", "distilbert", "deberta-v2", "modernbert", "xlm-roberta"].flatMap { family in
      ["token-classification", "question-answering", "multiple-choice"].map { "\(family)-tiny/\($0)" }
    }
    + ["base", "with-pooler/base", "gelu", "masked-lm", "sequence-classification", "untied-decoder"].map {
      "nomic_bert-tiny/\($0)"
    }
    + [
      "base", "biases", "biases-mean", "masked-lm", "relu", "sequence-classification", "untied-decoder",
      "without-decoder-bias",
    ].map { "modernbert-tiny/\($0)" }
    + [
      "absolute", "base", "far", "masked-lm", "own-c2p-p2c", "own-p2c", "relu", "sequence-classification",
      "shared", "shared-c2p", "untied-decoder", "wide-convolution", "without-buckets",
    ].map { "deberta-v2-tiny/\($0)" }

  private func export(_ name: String, to url: URL, limit: Int? = nil) throws {
    try exportModel(
      fixtures.appending(path: name.contains("/") ? name : "bert-tiny/\(name)"), to: url,
      options: OutputOptions(format: "onnx", shardLimit: limit), registry: .builtIn())
  }

  @Test("nodes are called after the module of the parameter that they read")
  func namesNodes() throws {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "model.onnx")
      try export("masked-lm", to: file)
      let nodes = try Evaluator(file).nodes.filter { node in
        node.inputs.contains { $0.hasSuffix(".weight") } || node.output.hasPrefix("bert/embeddings/")
      }
      #expect(
        nodes.prefix(7).map(\.output) == [
          "bert/embeddings/word_embeddings/Gather", "bert/embeddings/position_embeddings/Gather",
          "bert/embeddings/Add", "bert/embeddings/token_type_embeddings/Gather", "bert/embeddings/Add_1",
          "bert/embeddings/Reshape", "bert/embeddings/LayerNorm/LayerNormalization",
        ])
      #expect(nodes.last?.output == "cls/predictions/Gemm")
    }
  }

  /// Whole numbers of an activation that lies between two may be the one in float32 and the other in exact numbers.
  @Test(
    "a quantized model's graph computes what a session in int8 does, padding included",
    arguments: [
      "bert-tiny/sequence-classification", "albert-tiny/base", "modernbert-tiny/sequence-classification",
      "nomic_bert-tiny/base", "deberta-v2-tiny/base", "distilbert-tiny/masked-lm",
    ])
  func computesInWholeNumbers(_ name: String) throws {
    let registry = try Registry.builtIn()
    try withTemporaryDirectory { directory in
      let (source, file) = (directory.appending(path: "q"), directory.appending(path: "model.onnx"))
      _ = try quantizeModel(fixtures.appending(path: name), to: source, registry: registry)
      try exportModel(source, to: file, options: OutputOptions(format: "onnx"), registry: registry)
      let evaluator = try Evaluator(file)
      let products = evaluator.nodes.count { $0.operation == "MatMulInteger" }
      let model = try registry.open(source).checkpoint.makeModel()
      #expect(products >= model.parameters.all.count { $0.quantized != nil })
      let texts: [[Int32]] = [[5, 9, 17, 6, 20], [7, 11, 8]]
      var batch = Batch()
      for ids in texts {
        batch.append(ids: ids, tokenTypes: ids.map { _ in 0 }, positions: ids.indices.map { Int32($0) })
      }
      let session = InferenceSession(model, backend: try ReferenceBackend(threads: 1), precision: .int8)
      let expected = try session.run { tape in
        let states = try model.encode(batch, tape, pooling: model.readsPooled)
        let prepared = PreparedBatch(batch)
        guard !model.heads.isEmpty else { return states.hiddenStates.value.values }
        return try #require(model.scores(of: states, prepared, tape).values.first).value.values
      }
      let ids = texts.flatMap { $0.map(Double.init) + [Double](repeating: 0, count: 5 - $0.count) }
      let mask = texts.flatMap { $0.map { _ in 1.0 } + [Double](repeating: 0, count: 5 - $0.count) }
      var inputs = [
        "input_ids": Evaluator.Value([2, 5], ids), "attention_mask": Evaluator.Value([2, 5], mask),
      ]
      if evaluator.inputs.contains("token_type_ids") {
        inputs["token_type_ids"] = Evaluator.Value([2, 5], [Double](repeating: 0, count: 10))
      }
      let output = name.hasSuffix("base") ? "last_hidden_state" : "logits"
      let found = try #require(evaluator.run(inputs)[output])
      let width = found.shape.last ?? 1
      let isToken = found.shape.count == 3
      let kept = found.elements.enumerated().filter { !isToken || mask[$0.offset / width] != 0 }.map(
        \.element)
      let largest = expected.map(abs).max() ?? 0
      #expect(kept.count == expected.count)
      let error = zip(kept, expected).map { abs($0 - Double($1)) }.max() ?? .infinity
      #expect(error <= 2e-3 * Double(largest), "\(error) of \(largest)")

      // Read again, it is the same whole numbers.
      try FileManager.default.copyItem(
        at: source.appending(path: "config.json"), to: directory.appending(path: "config.json"))
      let back = try registry.open(file).checkpoint
      #expect(back.quantizedCount == (try registry.open(source).checkpoint.quantizedCount))
      #expect(try compare(source, file, registry: registry).isEmpty)
    }
  }

  @Test("the graph computes transformers' outputs, padding included", arguments: computed)
  func computesTheSame(_ name: String) throws {
    let golden = try Registry.builtIn().openWeights(
      fixtures.appending(path: "\(name)/golden.safetensors")
    ).weights
    func value(_ name: String) throws -> Evaluator.Value {
      let tensor = try #require(golden[name])
      return Evaluator.Value(tensor.spec.shape, try tensor.floats().map(Double.init))
    }
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "model.onnx")
      try export(name, to: file)
      let evaluator = try Evaluator(file)
      let backbone = try Registry.builtIn().open(fixtures.appending(path: name)).checkpoint.makeBackbone()
      let hasTypes = backbone.parameters.contains { $0.name == "embeddings.token_type.weight" }
      #expect(evaluator.inputs == ["input_ids", "attention_mask"] + (hasTypes ? ["token_type_ids"] : []))
      var inputs: [String: Evaluator.Value] = [:]
      // The rows of a golden file are the choices of one question.
      let choices = name.hasSuffix("multiple-choice")
      for input in evaluator.inputs {
        let rows = try value(input)
        inputs[input] = choices ? Evaluator.Value([1] + rows.shape, rows.elements) : rows
      }
      let mask = try value("attention_mask").elements
      let outputs = evaluator.run(inputs)
      #expect(!outputs.isEmpty)
      for (output, found) in outputs {
        // A head alone calls its output as transformers does; a golden file, as Graft does.
        let names = [output, "prediction_logits", "seq_relationship_logits"].filter { golden[$0] != nil }
        let expected = try value(try #require(names.first))
        #expect(found.shape == (choices ? [1, expected.shape[0]] : expected.shape))
        // A number for each token has no axis of its own.
        let isFlat = ["start_logits", "end_logits"].contains(output)
        let width = isFlat ? 1 : expected.shape.last ?? 1
        var (difference, scale) = (0.0, 0.0)
        for (place, (a, b)) in zip(found.elements, expected.elements).enumerated()
        where expected.shape.count == 2 && !isFlat || mask[place / width] != 0 {
          difference = max(difference, abs(a - b))
          scale = max(scale, abs(b))
        }
        #expect(difference <= 1e-5 * scale, "\(output)")
      }
    }
  }

  @Test("its weights are the checkpoint's, bit for bit, once each, under their names", arguments: checkpoints)
  func roundTrip(_ name: String) throws {
    let source = fixtures.appending(path: "bert-tiny/\(name)")
    try withTemporaryDirectory { directory in
      let written = directory.appending(path: "written")
      try export(name, to: written)
      let opened = try Registry.builtIn().open(written)
      try opened.report.requireStrict()
      #expect(opened.format == "onnx" && opened.checkpoint.tokenizer != nil)
      let difference = try compare(source, written, registry: .builtIn())
      #expect(difference.isEmpty && difference.converted.isEmpty)
      let stored = try Registry.builtIn().open(source).stored
      #expect(Set(opened.stored.tensors.keys).isSubset(of: stored.tensors.keys))
    }
  }

  @Test("one file is a whole model: configuration, labels and tokenizer are in its metadata")
  func metadata() throws {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "news.onnx")
      try export("sequence-classification", to: file)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["news.onnx"])
      let opened = try Registry.builtIn().open(file)
      #expect(opened.checkpoint.architecture == "BertForSequenceClassification")
      #expect(try opened.checkpoint.configuration.labels() == ["World", "Sports", "Business", "Sci/Tech"])
      let tokenizer = try #require(opened.checkpoint.tokenizer)
      let expected = try #require(
        try Registry.builtIn().loadTokenizer(
          from: fixtures.appending(path: "bert-tiny/sequence-classification")))
      let text = "The President said: stocks rose 3 % [MASK]"
      #expect(tokenizer.encode(text) == expected.encode(text))
    }
  }

  @Test("beyond the limit the weights stand beside the file, each at a page")
  func externalData() throws {
    try withTemporaryDirectory { directory in
      let (small, large) = (directory.appending(path: "small"), directory.appending(path: "large"))
      try export("pretraining", to: small)
      try export("pretraining", to: large, limit: 50_000)
      let files = try FileManager.default.contentsOfDirectory(atPath: large.path)
      #expect(
        files.filter { $0.hasPrefix("model.onnx") }.sorted() == [
          "model.onnx", "model.onnx.data-00001-of-00003", "model.onnx.data-00002-of-00003",
          "model.onnx.data-00003-of-00003",
        ])
      #expect(try compare(small, large, registry: .builtIn()).isEmpty)
      let values = [small, large].map { $0.appending(path: "model.onnx") }
      #expect(
        try ONNXFormat().open(values[0]).weights.differences(from: ONNXFormat().open(values[1]).weights) == []
      )
      #expect(try Evaluator(values[1]).nodes.count == Evaluator(values[0]).nodes.count)
    }
  }

  @Test("a tied decoder reads the word embedding itself, and nothing is transposed but attention's heads")
  func operators() throws {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "model.onnx")
      try export("masked-lm", to: file)
      let nodes = try Evaluator(file).nodes
      let decoder = try #require(nodes.last { $0.operation == "Gemm" })
      #expect(
        decoder.inputs.dropFirst() == ["bert.embeddings.word_embeddings.weight", "cls.predictions.bias"])
      #expect(nodes.count { $0.operation == "Transpose" } == 2 * 4)
      #expect(nodes.count { $0.operation == "Gemm" } == 2 * 6 + 2)
      #expect(Set(nodes.map(\.output)).count == nodes.count)
    }
  }

  /// The fields of `QuestionAnsweringModelOutput`, `BertForPreTrainingOutput`, `AlbertForPreTrainingOutput` and
  /// `BaseModelOutputWithPooling` of transformers 5.23, in their order, without the losses.
  @Test(
    "outputs stand in the order in which transformers' classes return them",
    arguments: [
      ("bert-tiny/question-answering", ["start_logits", "end_logits"]),
      ("modernbert-tiny/question-answering", ["start_logits", "end_logits"]),
      ("bert-tiny/pretraining", ["prediction_logits", "seq_relationship_logits"]),
      ("albert-tiny/pretraining", ["prediction_logits", "sop_logits"]),
      ("bert-tiny/base", ["last_hidden_state", "pooler_output"]),
    ])
  func orderOfOutputs(_ name: String, _ expected: [String]) throws {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "model.onnx")
      try export(name, to: file)
      #expect(try Evaluator(file).outputs == expected)
    }
  }

  @Test("that a graph of an encoder of sentences ends at its states is said")
  func sentences() throws {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "model.onnx")
      let report = try exportModel(
        fixtures.appending(path: "sentences/older"), to: file, options: OutputOptions(format: "onnx"),
        registry: .builtIn())
      #expect(
        report.notes == [
          "left out: what makes a vector of the hidden states (cls + mean, normalize)"
        ])
      #expect(try Evaluator(file).outputs.first == "last_hidden_state")
    }
  }

  @Test("another dialect is refused")
  func refusals() throws {
    let source = fixtures.appending(path: "bert-tiny/base")
    try withTemporaryDirectory { directory in
      let error = #expect(throws: GraftError.self) {
        try exportModel(
          source, to: directory.appending(path: "model.onnx"),
          options: OutputOptions(format: "onnx", dialect: "google"), registry: .builtIn())
      }
      #expect(
        error?.description
          == "the format 'onnx' has names of its own; expected the dialect 'transformers', found 'google'. "
          + "Leave out 'dialect'.")
    }
  }
}
