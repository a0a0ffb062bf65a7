import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftKit
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import QuestionAnswering

/// Answers that transformers' models give: `Fixtures/answering/make.py`.
@Suite("Answers against transformers")
struct AnswerTests {
  private static let families = [
    "albert", "bert", "camembert", "deberta-v2", "distilbert", "electra", "modernbert", "mpnet", "roberta",
    "xlm-roberta",
  ]

  private func opened(_ family: String) throws -> Checkpoint {
    try Registry.builtIn().open(fixtures.appending(path: "\(family)-tiny/question-answering")).checkpoint
  }

  private func answers(_ checkpoint: Checkpoint, _ rows: [TextRow]) throws -> [AnswerPrediction] {
    let model = try checkpoint.makeModel()
    let data = try Dataset(rows, for: model, maxLength: 32, stride: 8, requiringLabels: false)
    return try predict(InferenceSession(model, backend: ReferenceBackend(threads: 1)), on: data).map {
      try #require($0 as? AnswerPrediction)
    }
  }

  @Test(arguments: families)
  func candidates(_ family: String) throws {
    let file = try JSON(file: fixtures.appending(path: "answering/answers.json"))
    let cases = try #require(file[family]?.array)
    #expect(cases.count == 4)
    let rows = try cases.map {
      TextRow(try #require($0["question"]?.string), pair: try #require($0["context"]?.string))
    }
    for (golden, found) in zip(cases, try answers(opened(family), rows)) {
      #expect(abs(Double(found.nullScore) - (golden["null"]?.double ?? 99)) < 1e-4)
      let expected = try #require(golden["candidates"]?.array).map { try #require($0.array) }
      #expect(!expected.isEmpty)
      for (candidate, values) in zip(found.candidates, expected) {
        #expect(abs(Double(candidate.score) - (values[0].double ?? 99)) < 1e-4)
        #expect(candidate.place?.lowerBound == values[1].int && candidate.place?.upperBound == values[2].int)
        #expect(candidate.text == values[3].string)
        #expect(abs(candidate.probability - (values[4].double ?? 9)) < 1e-5)
      }
      #expect(found.candidates.count >= expected.count)
      #expect(found.answer == .string(expected[0][3].string ?? ""))
    }
  }

  @Test("no answer is said when it is likelier by more than the threshold")
  func threshold() throws {
    let row = TextRow("Who said it?", pair: "The president of the company said it will play in Iraq.")
    let plain = try #require(try answers(opened("bert"), [row]).first)
    #expect(plain.candidates.allSatisfy { $0.place != nil } && !plain.text.isEmpty)
    for (offset, answer) in [(Float(-0.01), ""), (0.01, plain.text)] {
      var checkpoint = try opened("bert")
      try checkpoint.setAnswering(
        nBest: 20, longest: nil, nullThreshold: Double(plain.nullDifference + offset))
      let found = try #require(try answers(checkpoint, [row]).first)
      #expect(found.answer == .string(answer))
      #expect(found.candidates.count { $0.place == nil } == 1)
      #expect(abs(found.candidates.reduce(0) { $0 + $1.probability } - 1) < 1e-9)
      #expect(found.nullDifference == plain.nullDifference)
      // What a report shows is what was scored, beside a question without an answer.
      let task = try QuestionAnswering(checkpoint.configuration)
      let context = try #require(row.pair)
      let start = try #require(context.range(of: plain.text)?.lowerBound)
      let place = context.unicodeScalars.distance(from: context.startIndex, to: start)
      var (right, impossible) = (row, row)
      right.fields["answers"] = [["text": .string(plain.text), "answer_start": JSON(place)]]
      impossible.fields["is_impossible"] = true
      let labels = try [right, impossible].map { try Answers($0) }
      let scores = try #require(
        try task.rowScores([found, found], of: labels, [right, impossible], ReferenceBackend(threads: 1)))
      #expect(
        scores.rows.map(\.prediction) == [String](repeating: answer.isEmpty ? "no answer" : answer, count: 2))
      #expect(scores.rows.map(\.terms) == (answer.isEmpty ? [[0], [1]] : [[1], [0]]))
      // So is what a record has, whatever the model would say: beside such a question at the threshold or 0.
      #expect(task.asScored([plain], of: labels) == [found])
      #expect(task.asScored([found], of: [labels[0]]) == [plain])
      let other = try QuestionAnswering(Configuration())
      let atZero: JSON = plain.nullDifference > 0 ? "" : .string(plain.text)
      #expect(other.asScored([plain], of: [labels[1]]).map(\.answer) == [atZero])
    }
  }

  @Test("the best threshold is chosen on data, and scores and answers follow it", arguments: [0, 1])
  func bestThreshold(_ first: Int) throws {
    var checkpoint = try opened("bert")
    let contexts = [
      "The president of the company said it will play in Iraq.", "Oil prices rise.", "A film and a season.",
      "She is the one who can do it.",
    ]
    // What the model says is right in every other row, and the others have no answer.
    let rows = try zip(contexts, answers(checkpoint, contexts.map { TextRow("Who said it?", pair: $0) }))
      .enumerated()
      .map { index, said in
        var row = TextRow("Who said it?", pair: said.0)
        let start = said.0.unicodeScalars.distance(
          from: said.0.startIndex, to: try #require(said.0.range(of: said.1.text)?.lowerBound))
        row.fields["answers"] =
          index % 2 == first
          ? ["text": [.string(said.1.text)], "answer_start": [JSON(start)]]
          : ["text": [], "answer_start": []]
        return row
      }
    func evaluation(_ tunes: Bool) throws -> Evaluation {
      let model = try checkpoint.makeModel()
      var options = EvaluationOptions()
      options.tunesThreshold = tunes
      return try evaluate(
        model, on: Dataset(rows, for: model, maxLength: 32, stride: 8), options: options,
        backend: ReferenceBackend(threads: 1))
    }
    var tuned = try evaluation(true)
    #expect(tuned.thresholdKey == "null_score_diff_threshold" && tuned.thresholdScore(.global) == "f1")
    let plain = try evaluation(false).metrics
    #expect(tuned.metrics == plain)
    let thresholds = try tuned.tuneThresholds(.global)
    let best = try #require(plain["best_f1_thresh"])
    #expect(thresholds == [Float(best)])
    try checkpoint.setAnswering(nullThreshold: Double("\(thresholds[0])"))
    #expect(try evaluation(false).metrics == tuned.metrics)
    // Zero is the script's word for no answer always.
    if best != 0 { #expect(tuned.metrics["f1"] == plain["best_f1"]) }
  }

  @Test("answers are as long as the settings allow, and a context may be empty or very long")
  func edges() throws {
    var checkpoint = try opened("bert")
    try checkpoint.setAnswering(nBest: 5, longest: 1, nullThreshold: nil)
    let rows = [
      TextRow("who", pair: "oil prices rise"), TextRow("who", pair: ""),
      TextRow("who", pair: String(repeating: "oil prices rise ", count: 2000)),
    ]
    let found = try answers(checkpoint, rows)
    #expect(found[0].candidates.count <= 5 && !found[0].text.contains(" "))
    #expect(found[1].text.isEmpty && found[1].answer == "" && found[1].candidates.isEmpty)
    #expect(!found[2].text.isEmpty)
  }

  @Test("a head that finds no answers, and settings that are none, are refused")
  func refused() throws {
    var other = try Registry.builtIn().open(fixtures.appending(path: "bert-tiny/sequence-classification"))
      .checkpoint
    let error = #expect(throws: GraftError.self) {
      try other.setAnswering(nBest: 1, longest: nil, nullThreshold: nil)
    }
    #expect(error?.problem == "the head 'sequence-classification' finds no answers")
    for (key, value) in [("n_best_size", JSON(0)), ("null_score_diff_threshold", "high")] {
      var configuration = Configuration()
      configuration[key] = value
      let error = #expect(throws: GraftError.self) { try QuestionAnswering(configuration) }
      #expect(error?.description.contains(key) == true)
    }
  }

  @Test("a head is trained on questions, some without an answer, and then answers them")
  func training() throws {
    var rows: [TextRow] = []
    for index in 0..<24 {
      let name = ["iraq", "sports", "oil", "music"][index % 4]
      let context = "the president said \(name) will play"
      var row = TextRow("who will play", pair: context)
      row.fields["answers"] =
        index % 6 == 5
        ? ["text": [], "answer_start": []] : ["text": [.string(name)], "answer_start": [19]]
      if index % 6 == 5 { row.pair = "a film and a season" }
      rows.append(row)
    }
    let registry = try Registry.builtIn()
    var checkpoint = try swapHead(
      fixtures.appending(path: "bert-tiny/masked-lm"), to: "question-answering", registry: registry
    ).checkpoint
    checkpoint.configuration = checkpoint.family.overridingDropout(0, in: checkpoint.configuration)
    var options = TrainingOptions()
    (options.epochs, options.learningRate, options.saveStrategy) = (30, 3e-3, .no)
    try withTemporaryDirectory { directory in
      let model = try checkpoint.makeModel()
      let data = try Dataset(rows, for: model, maxLength: 32)
      let before = try evaluate(model, on: data, backend: ReferenceBackend(threads: 2))
      let output = directory.appending(path: "out")
      _ = try train(
        checkpoint, on: TrainingData(rows, named: ["rows"]), options: options, output: output,
        backend: registry.makeBackend(threads: 2), registry: registry)
      let trained = try registry.open(output).checkpoint.makeModel()
      let after = try evaluate(trained, on: data, backend: ReferenceBackend(threads: 2))
      #expect(after.loss < before.loss / 2)
      #expect(after.metrics["exact"] ?? 0 > 0.9 && after.metrics["HasAns_f1"] ?? 0 > 0.9)
      #expect(after.metrics["best_exact"] ?? 0 >= after.metrics["exact"] ?? 1)
    }
  }
}
