import Foundation
import GraftTensors
import TestSupport
import Testing

/// `graft run` with heads of several kinds: its arms are compared by the score of theirs.
@Suite struct RunTaskTests {
  /// Two arms, two seeds, one epoch, on a tiny model and 24 rows of a table.
  private static func run(
    _ sandbox: Sandbox, _ header: String, _ row: (Int) -> String, options: String, head: String
  ) throws -> (stdout: String, report: JSON) {
    let words = ["games", "science", "sound", "web", "server", "library"]
    let rows = (0..<24).map { "\(words[$0 % 6]) \(words[$0 % 5]) for \(words[$0 % 4]),\(row($0))" }
    try sandbox.write("rows.csv", "text,\(header)\n" + rows.joined(separator: "\n") + "\n")
    try sandbox.write(
      "experiment.yaml",
      """
      base: \(sandbox.resolve("{masked-lm}"))
      seeds: [1, 2]
      data:
        rows: {files: rows.csv\(options)}
      stages:
        head: {swap: sequence-classification, \(head)}
        slow: {train: rows, eval-data: rows, epochs: 1, learning-rate: 1e-4}
        fast: {train: rows, eval-data: rows, epochs: 1, learning-rate: 1e-2}
        test: {evaluate: rows}
      arms:
        slow: [head, slow, test]
        fast: [head, fast, test]
      """)
    let outcome = try sandbox.graft(["run", "experiment.yaml", "--output", "out"])
    try #require(outcome.code == 0, "\(outcome.stderr)")
    #expect(!outcome.stdout.contains("cannot be compared"))
    return (outcome.stdout, try JSON(parsing: Array(Data(contentsOf: sandbox.url("out/report.json")))))
  }

  /// The first prediction of the first arm.
  private static func prediction(_ sandbox: Sandbox) throws -> JSON {
    let record = try JSON(parsing: Array(Data(contentsOf: sandbox.url("out/experiment.json"))))
    let stages = record["arms"]?.array?.first?["seeds"]?.array?.first?["stages"]?.array
    let file = try #require(stages?.last?["predictions"]?.string)
    let text = try String(contentsOf: sandbox.url("out/\(file)"), encoding: .utf8)
    return try JSON(parsing: Array(try #require(text.split(separator: "\n").first).utf8))
  }

  /// Demands that arms have the scores of their evaluations, and returns how much better the second is.
  private static func expectScores(_ report: JSON, _ metric: String) throws {
    let arms = try #require(report["arms"]?.array)
    for arm in arms {
      let values = try #require(arm["score"]?["values"]?.array).compactMap(\.double)
      let results = try #require(arm["seeds"]?.array).compactMap { $0["results"]?["eval_\(metric)"]?.double }
      #expect(values.count == 2 && results.count == 2 && arm["metric"]?.string == metric)
      for (value, result) in zip(values, results) { #expect(abs(value - result) < 1e-12) }
    }
    let means = arms.compactMap { $0["score"]?["mean"]?.double }
    let comparison = try #require(report["comparisons"]?.array?.first)
    #expect(comparison["metric"]?.string == metric)
    #expect(abs((comparison["difference"]?.double ?? .nan) - (means[1] - means[0])) < 1e-12)
  }

  @Test func armsOfARegressionAreCompared() throws {
    try Sandbox.with { sandbox in
      let (stdout, report) = try Self.run(
        sandbox, "label", { "\(Double($0 % 6) - 1.5)" }, options: "",
        head: "labels: [stars], problem-type: regression")
      #expect(stdout.contains("fast has an R² of ") && stdout.contains("R²"))
      try Self.expectScores(report, "r2")
      let page = try String(contentsOf: sandbox.url("out/report.html"), encoding: .utf8)
      #expect(page.contains("<h2>Values</h2>") && !page.contains("<h2>Classes</h2>"))
      #expect(page.contains("<td dir=\"auto\">−1.5 to 3.5</td>") && !page.contains(">–<"))
      #expect(try Self.prediction(sandbox).object?.keys == ["row", "label", "prediction", "scores", "text"])
    }
  }

  @Test func armsOfSeveralLabelsAreCompared() throws {
    try Sandbox.with { sandbox in
      let (stdout, report) = try Self.run(
        sandbox, "toxic,insult,threat", { "\($0 % 2),\($0 % 3 == 0 ? 1 : 0),\($0 % 5 == 0 ? 1 : 0)" },
        options: ", label-column: \"toxic,insult,threat\"",
        head: "labels: [toxic, insult, threat], problem-type: multi-label")
      #expect(stdout.contains("fast has a micro F1 of ") && stdout.contains("micro F1"))
      try Self.expectScores(report, "f1_micro")
      let page = try String(contentsOf: sandbox.url("out/report.html"), encoding: .utf8)
      #expect(page.contains("<h2>Labels</h2>") && page.contains("dir=\"auto\">insult</th>"))
      let prediction = try Self.prediction(sandbox)
      #expect(prediction["label"]?.array?.map(\.double) == [0, 1, 1])
      #expect(prediction["label_names"] == ["insult", "threat"])
      #expect(prediction["prediction_names"]?.array != nil)
      // The model reads such data as it was trained on them, without being told.
      let scored = try sandbox.graft(["evaluate", "out/models/fast-1", "--data", "rows.csv", "--json"])
      #expect(scored.code == 0, "\(scored.stderr)")
      let seeds = try #require(report["arms"]?.array?.last?["seeds"]?.array)
      #expect(
        try JSON(parsing: Array(scored.stdout.utf8))["eval_f1_micro"]?.double
          == seeds.first?["results"]?["eval_f1_micro"]?.double)
    }
  }

  @Test func classesHaveTheNamesOfTheHead() throws {
    try Sandbox.with { sandbox in
      let (_, report) = try Self.run(
        sandbox, "label", { "\($0 % 4 + 1)" }, options: ", label-base: 1",
        head: "labels: [World, Sports, Business, Sci/Tech]")
      try Self.expectScores(report, "accuracy")
      #expect(report["labels"] == ["World", "Sports", "Business", "Sci/Tech"])
      let prediction = try Self.prediction(sandbox)
      #expect(prediction["label"]?.int == 0 && prediction["label_name"] == "World")
      let names = ["World", "Sports", "Business", "Sci/Tech"]
      #expect(prediction["prediction_name"]?.string == names[try #require(prediction["prediction"]?.int)])
      let page = try String(contentsOf: sandbox.url("out/report.html"), encoding: .utf8)
      #expect(page.contains("<th scope=\"row\" dir=\"auto\">Sci/Tech</th>"))
    }
  }
}
