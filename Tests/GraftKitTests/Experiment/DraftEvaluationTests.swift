import Foundation
import GraftCore
import GraftData
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

/// Rows to evaluate on, and drafts that run.
extension DraftTests {
  /// A model of masked tokens is compared with the checkpoint as it is, by tokens.
  @Test func textsAreLearnt() throws {
    try withTemporaryDirectory { directory in
      let texts = (0..<40).map { "a line of text with a number \($0)" }.joined(separator: "\n")
      let draft = try draft(directory, ["train.txt": texts + "\n"])
      let plan = try plan(draft.text(in: directory), in: directory)
      let registry = try Support.registry()
      let output = directory.appending(path: "out")
      let outcome = try runExperiment(
        plan, output: output, on: SmallExperiment.machine(registry), registry: registry)
      guard case .finished(let results) = outcome else {
        Issue.record("interrupted")
        return
      }
      let scores = try results.arms.map { arm in
        let results = try #require(arm.runs.first?.evaluations.last?.results)
        return (try #require(results["eval_accuracy"]), try #require(results["eval_perplexity"]))
      }
      let spelled = scores.map { (NumberText.percent($0.0), NumberText.number($0.1)) }
      #expect(
        results.verdict
          == "Adapted gets \(spelled[1].0) of the hidden tokens of the test texts right, before \(spelled[0].0); "
          + "the perplexity is \(spelled[1].1), and \(spelled[0].1) (1 seed). "
          + "Predictions of hidden tokens are not kept, so there is no interval.")
      let page = try String(contentsOf: output.appending(path: "report.md"), encoding: .utf8)
      #expect(page.contains("accuracy on the hidden tokens of the test texts"), "\(page)")
      let models = try #require(JSON(file: output.appending(path: "report.json"))["language_models"]?.array)
      #expect(models.map { $0["perplexity"]?.double } == scores.map(\.1))
      #expect(page.contains("| Perplexity |"))
    }
  }

  /// A draft of vectors runs, and its arms are compared.
  @Test func vectorsAreLearnt() throws {
    try withTemporaryDirectory { directory in
      let rows = Self.table("anchor,positive", 20) { "it rains \($0),the rain \($0)" }
      let draft = try draft(directory, ["train.csv": rows])
      #expect(draft.summaryLines.contains("rows of the task 'sentence-embedding'"))
      let plan = try plan(draft.text(in: directory), in: directory)
      let registry = try Support.registry()
      let outcome = try runExperiment(
        plan, output: directory.appending(path: "out"), on: SmallExperiment.machine(registry),
        registry: registry)
      guard case .finished(let results) = outcome else {
        Issue.record("interrupted")
        return
      }
      #expect(results.verdict.contains("nDCG@10 of"), "\(results.verdict)")
      // Which scores there are depends on the data: a wrong one is said once they are known.
      func again(_ metric: String) throws -> String? {
        let text = draft.text(in: directory).replacing("seeds: [42]", with: "seeds: [42]\nmetric: \(metric)")
        let outcome = try runExperiment(
          self.plan(text, in: directory), output: directory.appending(path: "out"),
          on: SmallExperiment.machine(registry), registry: registry)
        return if case .finished(let results) = outcome { results.verdict } else { nil }
      }
      let message = errorMessage { _ = try again("cosine_ndcg@1") }
      #expect(
        message?.contains("has no score 'cosine_ndcg@1'; the nearest is 'cosine_ndcg@10'. Change 'metric'")
          == true,
        "\(message ?? "")")
      #expect(try again("cosine_mrr@10")?.contains("not scored row by row by cosine_mrr@10") == true)
      // A folder that says how it makes vectors is a base as well.
      let file = directory.appending(path: "train.csv")
      let base = fixtures.appending(path: "sentences/current")
      let other = try ExperimentDraft(
        named: "mine", training: [file], base: base.path, checkpoint: registry.open(base).checkpoint,
        registry: registry)
      #expect(try self.plan(other.text(in: directory), in: directory).arms.count == 2)
    }
  }

  /// Rows to evaluate on may lie in other columns, whose names or places are found or given.
  @Test func anEvaluationFileHasItsOwnLayout() throws {
    try withTemporaryDirectory { directory in
      let rows = Self.table("text,label", 20) { "the film was \($0),\($0 % 2)" }
      func lines(_ draft: ExperimentDraft) -> [String] {
        let text = draft.text(in: directory)
        let test = text.split(separator: "  test:\n").dropFirst().first ?? ""
        return test.split(separator: "stages:")[0].split(separator: "\n").map {
          $0.trimmingCharacters(in: .whitespaces)
        }
      }
      let files = [
        "train.csv": rows,
        "named.tsv": Self.table("category\treview", 4) { "\($0 % 2)\tthe film is \($0)" },
        "plain.csv": (0..<4).map { "\($0 % 2),a film is \($0) and more of it\n" }.joined(),
        "rows.jsonl": (0..<4).map { #"{"review": "the film is \#($0)", "label": \#($0 % 2)}"# + "\n" }
          .joined(),
      ]
      func draft(_ file: String, _ options: DataOptions = DataOptions(), base: Int? = nil) throws
        -> ExperimentDraft
      {
        for (name, text) in files { try Data(text.utf8).write(to: directory.appending(path: name)) }
        return try ExperimentDraft(
          named: "mine", training: [directory.appending(path: "train.csv")],
          evaluation: [directory.appending(path: file)], evaluationOptions: options,
          evaluationLabelBase: base,
          base: "bert-base-uncased", registry: Support.registry())
      }
      #expect(
        try lines(draft("named.tsv"))
          == [
            "files: named.tsv", "text-column: review", "label-column: category", "",
          ].filter { !$0.isEmpty })
      #expect(
        try lines(draft("plain.csv")) == ["files: plain.csv", "text-column: 2", "label-column: 1"])
      #expect(
        try lines(draft("rows.jsonl")) == ["files: rows.jsonl", "text-column: review", "label-column: label"])
      // What is given holds.
      let given = DataOptions(textColumns: [.number(2)], labelColumns: [.number(1)])
      try Data("1,it is a film\n2,they are films\n".utf8).write(to: directory.appending(path: "numbered.csv"))
      #expect(
        try lines(draft("numbered.csv", given, base: 1))
          == ["files: numbered.csv", "text-column: 2", "label-column: 1", "label-base: 1"])
      let wrong = errorMessage { _ = try draft("numbered.csv", given) }
      #expect(
        wrong?.contains("'eval-label-column'") == true && wrong?.contains("'eval-label-base'") == true,
        "\(wrong ?? "")")
    }
  }

  @Test func anEvaluationFileIsUsed() throws {
    try withTemporaryDirectory { directory in
      let rows = Self.cases[0].text
      let test = rows.split(separator: "\n").prefix(6).joined(separator: "\n")
      let draft = try draft(directory, ["train.csv": rows, "test.csv": test], evaluating: ["test.csv"])
      let text = draft.text(in: directory)
      #expect(text.contains("files: test.csv") && !text.contains("test-size:"))
      #expect(text.contains("# Of them 5 texts stand in 'train' as well"))
      #expect(draft.summary["repeated_texts"]?.int == 5)
      #expect(try plan(text, in: directory).data.mapValues(\.rows) == ["train": 40, "test": 5])
    }
  }

  @Test func evaluationLabelsAreThoseOfTraining() throws {
    try withTemporaryDirectory { directory in
      let names = Self.table("text,label", 40) { "some text \($0),\(["old", "new"][$0 % 2])" }
      for (text, found) in [
        ("text,label\nhere,old\nthere,odd\n", "'odd'"), ("text,label\nhere,1.5\n", "'1.5'"),
      ] {
        let message = errorMessage {
          _ = try draft(directory, ["train.csv": names, "test.csv": text], evaluating: ["test.csv"])
        }
        #expect(
          message?.contains(
            "found \(found). Leave such rows out, or have rows with the same labels to train on.")
            == true, "\(message ?? "none")")
      }
    }
  }

  /// The rows that are held out have no label that is not trained on, however rare it is.
  @Test func aRareLabelIsTrainedOn() throws {
    for place in 0..<20 {
      try withTemporaryDirectory { directory in
        let rows = Self.table("text,label", 20) { "some text \($0),\($0 == place ? "rare" : "a\($0 % 2)")" }
        let draft = try draft(directory, ["train.csv": rows], checkpoint: nil)
        _ = draft
        _ = try plan(
          draft.text(in: directory).replacing(
            "base: bert-base-uncased", with: "base: \(Support.fixture("masked-lm").path)"),
          in: directory)
      }
    }
  }

  /// A tag that only rows to evaluate on have is of a type that is trained, or refused.
  @Test func tagsOfAKnownTypeAreLabels() throws {
    let files = ["train", "test"].map { fixtures.appending(path: "tagging/\($0).conll") }
    let registry = try Support.registry()
    let base = Support.fixture("masked-lm")
    func draft(_ training: URL, _ evaluation: URL) throws -> ExperimentDraft {
      try ExperimentDraft(
        named: "mine", training: [training], evaluation: [evaluation], base: base.path,
        checkpoint: registry.open(base).checkpoint, registry: registry)
    }
    try withTemporaryDirectory { directory in
      let text = try draft(files[0], files[1]).text(in: directory)
      #expect(text.contains("labels: [B-FORMAT, B-LANG, B-SYS, I-LANG, I-SYS, O]"), "\(text)")
      #expect(text.contains("# The label I-SYS is in the rows to evaluate on alone: nothing trains it."))
      _ = try plan(text, in: directory)
      let other = directory.appending(path: "other.conll")
      try Data("Ada\tB-PER\nruns\tO\n\nAda\tO\n\n".utf8).write(to: other)
      let message = errorMessage { _ = try draft(files[0], other) }
      #expect(message?.contains("found 'B-PER'") == true, "\(message ?? "")")
    }
  }
}
