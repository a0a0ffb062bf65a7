import Foundation
import GraftCompute
import GraftCore
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

@Suite struct ZeroShotTests {
  private static let directory = fixtures.appending(path: "bert-tiny/sequence-classification")

  /// The tiny classifier of news with other names for its four labels.
  private func model(_ names: [String]) throws -> Model {
    try withTemporaryDirectory { directory in
      for file in try FileManager.default.contentsOfDirectory(atPath: Self.directory.path) {
        try FileManager.default.copyItem(
          at: Self.directory.appending(path: file), to: directory.appending(path: file))
      }
      let file = directory.appending(path: "config.json")
      guard case .object(var members) = try JSON(parsing: Array(Data(contentsOf: file))) else {
        return try #require(nil)
      }
      members["id2label"] = .object(
        .init(uniqueKeysWithValues: names.enumerated().map { ("\($0)", .string($1)) }))
      members["label2id"] = .object(.init(uniqueKeysWithValues: names.enumerated().map { ($1, JSON($0)) }))
      try Data(JSON.object(members).text().utf8).write(to: file)
      return try Registry.builtIn().open(directory).checkpoint.makeModel()
    }
  }

  /// transformers' pipeline, in `Fixtures/zero-shot`.
  @Test func scoresOfTransformers() throws {
    let golden = try JSON(parsing: Array(Data(contentsOf: fixtures.appending(path: "zero-shot/golden.json"))))
    let texts = try #require(golden["texts"]?.array).compactMap(\.string)
    let cases = try #require(golden["cases"]?.array)
    #expect(texts.count == 3 && cases.count == 16)
    for golden in cases {
      func strings(_ key: String) throws -> [String] { try #require(golden[key]?.array).compactMap(\.string) }
      let model = try model(strings("labels"))
      let question = try ZeroShot(
        labels: strings("candidates"), template: #require(golden["template"]?.string),
        givesSeveral: golden["several"] == .bool(true))
      let expected = try #require(golden["scores"]?.array).map { ($0.array ?? []).compactMap(\.double) }
      for batchSize in [1, 4, 32] {
        let found = try classify(
          texts.map { TextRow($0) }, with: InferenceSession(model, backend: ReferenceBackend(threads: 1)),
          question, batchSize: batchSize)
        for (text, prediction) in found.enumerated() {
          #expect(prediction.scores.count == expected[text].count)
          for (score, expected) in zip(prediction.scores, expected[text]) {
            #expect(abs(Double(score) - expected) < 1e-5 * expected, "\(golden.text())")
          }
          let best = try #require(expected[text].enumerated().max { $0.element < $1.element })
          #expect(prediction.label == question.labels[best.offset])
        }
      }
    }
  }

  @Test(arguments: [
    ([], "{}", "there are no candidate labels."),
    (["a", ""], "{}", "a candidate label is empty."),
    (["a", "b", "a"], "{}", "'a': a candidate label is given twice."),
    (["a"], "It is so.", "the sentence needs one place for the label; expected one '{}', found 'It is so.'."),
    (["a"], "{} or {}", "the sentence needs one place for the label; expected one '{}', found '{} or {}'."),
  ]) func badQuestions(labels: [String], template: String, message: String) throws {
    let error = try #require(throws: GraftError.self) { try ZeroShot(labels: labels, template: template) }
    #expect("\(error)" == message)
  }

  @Test func headsThatCannotAnswer() throws {
    func message(
      _ names: [String], _ rows: [TextRow] = [TextRow("a")], several: Bool = false, length: Int? = nil
    )
      throws -> String
    {
      let question = try ZeroShot(labels: ["x", "y"], givesSeveral: several)
      let error = try #require(throws: GraftError.self) {
        try classify(
          rows, with: InferenceSession(model(names), backend: ReferenceBackend(threads: 1)), question,
          maximumLength: length)
      }
      return "\(error)"
    }
    #expect(
      try message(["a", "b", "c", "d"])
        == "candidate labels need a head that was trained on entailment; expected a label whose name begins with "
        + "'entail', found labels a, b, c, d.")
    #expect(
      try message(["entailment", "b", "c", "d"], several: true)
        == "labels that are asked for alone need a head that tells contradiction; expected a label whose name "
        + "begins with 'contradict', found labels entailment, b, c, d.")
    let names = ["entailment", "neutral", "contradiction", "d"]
    #expect(try message(names, length: 8).hasPrefix("'x': a label's sentence leaves no room for a text; "))
    #expect(try message(names, [TextRow("a", pair: "b")]).contains("candidate labels are for single texts"))
  }
}
