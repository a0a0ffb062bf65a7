import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftExperiments
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

/// What rounding costs, against the same numbers from predictions and vectors of the two sessions.
@Suite struct QuantizationCostTests {
  private static let texts = [
    "he can do it so", "they can", "is it not", "do it and so can they", "not so as it can be", "he", "it is",
  ]

  private func cost(
    _ name: String, labels: [String] = [], keeping kept: [String] = []
  ) throws -> (cost: QuantizationCost, checkpoint: Checkpoint) {
    let checkpoint = try Support.registry().open(Support.fixture(name)).checkpoint
    var rounded = checkpoint
    let quantization = try rounded.quantize(keeping: kept)
    let rows = Self.texts.indices.map {
      TextRow(Self.texts[$0], label: labels.isEmpty ? nil : .text(labels[$0 % labels.count]))
    }
    let backend = try Support.registry().makeBackend(threads: 2)
    return (try quantizationCost(of: checkpoint, quantization, on: rows, backend), checkpoint)
  }

  private func sessions(_ checkpoint: Checkpoint) throws -> [InferenceSession] {
    let (model, backend) = (try checkpoint.makeModel(), try Support.registry().makeBackend(threads: 2))
    return [WeightPrecision.float32, .int8].map { InferenceSession(model, backend: backend, precision: $0) }
  }

  @Test("without labels: how many answers are the same, and how far scores are apart")
  func unlabelled() throws {
    let (cost, checkpoint) = try cost("sequence-classification")
    let found = try sessions(checkpoint).map { session in
      try predict(
        session,
        on: Dataset(Self.texts.map { TextRow($0) }, for: session.model, requiringLabels: false))
    }
    let same = zip(found[0], found[1]).count { $0.answer == $1.answer }
    #expect(cost.agreement == Double(same) / 7 && cost.scores.isEmpty && cost.vectors == nil)
    let difference = zip(found[0], found[1]).flatMap { zip($0.scores, $1.scores).map { abs($0 - $1) } }.max()
    #expect(cost.largestDifference == difference.map(Double.init))
    #expect(cost.verdict.contains("of 7 texts are answered as in float32"))
  }

  @Test("with labels: the scores of both, accuracy first")
  func labelled() throws {
    let (cost, checkpoint) = try cost("sequence-classification", labels: ["World", "Sports"])
    let rows = Self.texts.indices.map {
      TextRow(Self.texts[$0], label: .text($0 % 2 == 0 ? "World" : "Sports"))
    }
    let found = try sessions(checkpoint).map {
      try evaluate($0, on: Dataset(rows, for: $0.model)).metrics
    }
    let first = try #require(cost.scores.first)
    #expect(first.name == "accuracy")
    for score in cost.scores {
      #expect(score.float32 == found[0][score.name] && score.int8 == found[1][score.name], "\(score.name)")
    }
    #expect(Set(cost.scores.map(\.name)) == Set(found[0].keys))
    #expect(cost.verdict.contains("on 7 texts accuracy is"))
  }

  @Test("of an encoder: cosines and the order of similarities; of a regression: how far values are apart")
  func vectors() throws {
    let (cost, checkpoint) = try cost("base")
    let found = try sessions(checkpoint).map {
      try embed(
        Self.texts.map { TextRow($0) }, with: $0,
        EmbeddingOptions(SentencePipeline(pooling: .mean), normalizes: true))
    }
    let cosines = (0..<7).map { row in
      (row * 32..<(row + 1) * 32).reduce(0.0) {
        $0 + Double(found[0].values[$1]) * Double(found[1].values[$1])
      }
    }
    let vectors = try #require(cost.vectors)
    #expect(abs(vectors.meanCosine - cosines.reduce(0, +) / 7) < 1e-9)
    #expect(vectors.worstCosine == cosines.min())
    #expect(try #require(vectors.spearman) > 0.9 && vectors.worstCosine < 1)
    #expect(cost.agreement == nil)
    let regression = try self.cost("regression").cost
    #expect(regression.agreement == nil && regression.largestDifference != nil)
  }

  @Test("a head that predicts tokens has the perplexity of both, with the same tokens hidden")
  func tokens() throws {
    let (cost, checkpoint) = try cost("masked-lm")
    let found = try sessions(checkpoint).map {
      try evaluate($0, on: Dataset(Self.texts.map { TextRow($0) }, for: $0.model)).metrics["perplexity"]
    }
    let first = try #require(cost.scores.first)
    #expect(first.name == "perplexity" && first.float32 == found[0] && first.int8 == found[1])
    #expect(cost.verdict.contains("on 7 texts perplexity is") && cost.agreement == nil)
  }

  @Test(
    "a regression is judged by R², which falls where all values move alike; rows without a label are counted")
  func regression() throws {
    let cost = try cost("regression", labels: ["0.1", "0.9", "0.4"]).cost
    #expect(cost.scores.first?.name == "r2" && cost.unlabelled == 0 && cost.notes.isEmpty)
    let part = try self.cost("sequence-classification", labels: ["World", "Sports", ""]).cost
    #expect(part.rows == 7 && part.unlabelled == 2 && part.verdict.contains("on 5 texts accuracy is"))
    #expect(part.notes == ["2 of 7 rows have no label, and are not scored"])
    #expect(part.json["unlabelled_rows"] == 2)
  }

  @Test("texts that are cut are counted as evaluations count them") func cut() throws {
    let checkpoint = try Support.registry().open(Support.fixture("sequence-classification")).checkpoint
    var rounded = checkpoint
    let quantization = try rounded.quantize()
    let cost = try quantizationCost(
      of: checkpoint, quantization, on: Self.texts.map { TextRow($0) },
      Support.registry().makeBackend(threads: 2), QuantizationCostOptions(maximumLength: 5))
    let data = try Dataset(
      Self.texts.map { TextRow($0) }, for: checkpoint.makeModel(), maxLength: 5, requiringLabels: false)
    #expect(cost.facts.truncated == data.facts.truncated && cost.facts.truncated > 0)
  }

  @Test("windows share what they shared in training, as evaluations have it") func windows() throws {
    let registry = try Support.registry()
    let backend = try registry.makeBackend(threads: 2)
    let rows = Self.texts.indices.map { TextRow(Self.texts[$0], label: .text("\($0 % 2)")) }
    try withTemporaryDirectory { directory in
      var options = TrainingOptions()
      (options.maxSteps, options.maxLength, options.longTexts, options.stride) = (1, 6, .windows, 3)
      _ = try train(
        registry.open(Support.fixture("sequence-classification")).checkpoint,
        on: TrainingData(rows, named: ["rows.csv"]), options: options, output: directory.appending(path: "m"),
        backend: backend, registry: registry)
      let checkpoint = try registry.open(directory.appending(path: "m")).checkpoint
      var rounded = checkpoint
      let quantization = try rounded.quantize()
      let model = try checkpoint.makeModel()
      func loss(sharing stride: Int?) throws -> (Double, Int) {
        let data = try Dataset(rows, for: model, maxLength: 6, stride: stride)
        return (
          try #require(
            try evaluate(InferenceSession(model, backend: backend), on: data).metrics["log_loss"]),
          data.count
        )
      }
      let (own, usual) = (try loss(sharing: 3), try loss(sharing: nil))
      #expect(own.0 != usual.0 && own.1 != usual.1)
      for (stride, expected) in [(nil, own), (1, try loss(sharing: 1))] {
        var options = QuantizationCostOptions(maximumLength: 6)
        options.stride = stride
        let cost = try quantizationCost(of: checkpoint, quantization, on: rows, backend, options)
        #expect(cost.scores.first { $0.name == "log_loss" }?.float32 == expected.0)
        #expect(cost.facts.examples == expected.1)
      }
    }
  }

  @Test("each layer is rounded alone, and shares add up; what is kept is not among them")
  func layers() throws {
    let (cost, _) = try cost("base")
    #expect(cost.layers.map(\.name) == ["encoder.layer.0", "encoder.layer.1"])
    #expect(abs(cost.layers.reduce(0) { $0 + $1.share } - 1) < 1e-9)
    #expect(cost.layers.allSatisfy { $0.error > 0 && $0.error < 2 * cost.error && !$0.isWorthKeeping })
    let (less, _) = try self.cost("base", keeping: ["layer.0"])
    #expect(less.layers.map(\.name) == ["encoder.layer.1"])
    #expect(less.layers[0].error == less.error && less.error == cost.layers[1].error)
  }

  @Test("the verdict is of the score that loses most, beside the one that tells most")
  func scoreThatLosesMost() throws {
    let (measured, _) = try cost("sequence-classification", labels: ["World", "Sports"])
    func verdict(_ scores: [(String, Double, Double)]) -> String {
      var cost = measured
      cost.scores = scores.map { .init(name: $0.0, float32: $0.1, int8: $0.2) }
      return String(cost.verdict.prefix { $0 != ";" })
    }
    #expect(
      verdict([("accuracy", 0.595, 0.595), ("loss", 1, 3), ("f1_macro", 0.5329, 0.5274), ("mcc", 0.5, 0.499)])
        == "int8 costs little: on 7 texts accuracy is 0.5950, and 0.5950 in float32, and f1_macro 0.5274, and 0.5329 in float32"
    )
    #expect(
      verdict([("accuracy", 0.595, 0.595), ("f1_macro", 0.5329, 0.5309)])
        == "int8 costs nothing that shows: on 7 texts accuracy is 0.5950, and 0.5950 in float32")
    #expect(
      verdict([("accuracy", 0.6, 0.55), ("f1_macro", 0.5, 0.48)])
        == "int8 costs accuracy: on 7 texts accuracy is 0.5500, and 0.6000 in float32")
  }

  @Test("the page has the verdict and both tables, and nothing of a name becomes markup")
  func page() throws {
    let (cost, _) = try cost(
      "sequence-classification", labels: ["World", "Sports"], keeping: ["layer.0"])
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "page.html")
      try writeQuantizationReport(cost, of: "<b>news</b>", data: ["a.csv"], to: file)
      let text = try String(contentsOf: file, encoding: .utf8)
      #expect(text.contains("&lt;b&gt;news&lt;/b&gt; in int8") && text.contains("7 texts of a.csv"))
      #expect(text.contains("bert.encoder.layer.1") && text.contains("accuracy"))
      #expect(text.contains("The checkpoint is sequence-classification. 6 linear layers of the encoder"))
      #expect(
        text.contains("were kept too: bert.encoder.layer.0.attention.self.query, ")
          && text.contains(" before."))
      #expect(errorMessage { try writeQuantizationReport(cost, of: "", data: [], to: file) } != nil)
    }
  }

  @Test("no texts are refused") func noTexts() throws {
    var checkpoint = try Support.registry().open(Support.fixture("base")).checkpoint
    let quantization = try checkpoint.quantize()
    let message = errorMessage {
      _ = try quantizationCost(of: checkpoint, quantization, on: [], ReferenceBackend(threads: 1))
    }
    #expect(message == "there are no texts to compare on; expected a row at least.")
  }
}
