import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

/// Experiments whose stages train and test several heads of one backbone.
@Suite struct SeveralHeadsExperimentTests {
  private static let (topics, tags) = ("sequence-classification", "token-classification")

  private let registry: Registry

  init() throws { registry = try Support.registry() }

  /// Writes a classifier with a tagger parked beside it, and the rows of `Fixtures/several-heads/make.py`.
  private func prepare(_ directory: URL) throws {
    let head = directory.appending(path: "head")
    try detachHead(Support.fixture(Self.tags), registry: registry).write(to: head, registry: registry)
    try attachHead(Support.fixture(Self.topics), head: head, registry: registry).checkpoint
      .write(to: directory.appending(path: "both"), registry: registry)
    let document = try JSON(file: fixtures.appending(path: "several-heads/runs.json"))
    for part in ["train", "test"] {
      for (head, name) in [(Self.topics, "topics"), (Self.tags, "tags")] {
        let keys = head == Self.topics ? ["text", "label"] : ["tokens", "tags"]
        let lines = try #require(document[part]?[head]?.array).map { row in
          let values = row.array ?? []
          return JSON.object([keys[0]: values[0], keys[1]: values[1]]).text()
        }
        try Data(lines.joined(separator: "\n").utf8).write(
          to: directory.appending(path: "\(name)-\(part).jsonl"))
      }
    }
  }

  private static let settings = "epochs: 2, batch-size: 3, learning-rate: 1e-3, save-strategy: no"

  private static func yaml(
    train: String = "{sequence-classification: topics, token-classification: tags}",
    evaluation: String =
      "eval-data: {sequence-classification: topics-test, token-classification: [tags-test]}",
    more: String = "head-weights: {sequence-classification: 1, token-classification: 2}",
    test: String = "{sequence-classification: topics-test, token-classification: tags-test}",
    other: String = "{train: {sequence-classification: topics}, \(settings)}", metric: String? = nil,
    end: String = ""
  ) -> String {
    """
    base: both
    seeds: [1, 2]
    \(metric.map { "metric: \($0)" } ?? "")
    data:
      topics: {files: topics-train.jsonl}
      topics-test: {files: topics-test.jsonl}
      tags: {files: tags-train.jsonl}
      tags-test: {files: tags-test.jsonl}
    stages:
      alone: \(other)
      together: {train: \(train), \(evaluation.isEmpty ? "" : "\(evaluation), ")\(more.isEmpty ? "" : "\(more), ")\(settings)}
      test: {evaluate: \(test)}
    arms:
      single: [alone, test]
      shared: [together, test]
    \(end)
    """
  }

  private func plan(_ text: String, in directory: URL) throws -> ExperimentPlan {
    let experiment = try Experiment(parsing: Array(text.utf8), relativeTo: directory, registry: registry)
    return try ExperimentPlan(experiment, on: SmallExperiment.machine(registry), registry: registry)
  }

  private func run(_ plan: ExperimentPlan, _ output: URL) throws -> ExperimentResults {
    let outcome = try runExperiment(
      plan, output: output, on: SmallExperiment.machine(registry), registry: registry)
    guard case .finished(let results) = outcome else { throw GraftError(.refused, "not finished") }
    return results
  }

  /// A stage trains what `train(_:heads:…)` trains, bit for bit, and each head is tested as it is alone.
  @Test func aStageTrainsAndTestsEachHead() throws {
    try withTemporaryDirectory { directory in
      try prepare(directory)
      let output = directory.appending(path: "out")
      let plan = try plan(Self.yaml(), in: directory)
      #expect(
        plan.arms[1].runs[0].stages.map(\.name) == ["together", "test/\(Self.topics)", "test/\(Self.tags)"])
      #expect(plan.stages.count == 2 * 2 * 3)
      let results = try run(plan, output)

      let checkpoint = try registry.open(directory.appending(path: "both")).checkpoint
      var options = TrainingOptions()
      (options.epochs, options.batchSize, options.learningRate) = (2, 3, 1e-3)
      (options.saveStrategy, options.evalStrategy, options.seed) = (.no, .epoch, 2)
      options.headWeights = [Self.topics: 1, Self.tags: 2]
      let sets = try ["topics", "topics-test", "tags", "tags-test"].map { name in
        try #require(plan.experiment.data[name]).read()
      }
      let alone = directory.appending(path: "alone")
      _ = try train(
        checkpoint,
        heads: [
          HeadTraining(Self.topics, sets[0], evaluating: sets[1]),
          HeadTraining(Self.tags, sets[2], evaluatingSets: ["tags-test": sets[3]]),
        ], options: options, output: alone, backend: SmallExperiment.machine(registry).backend(.float32),
        registry: registry)
      let stage = plan.stages[plan.arms[1].runs[1].stages[0].index]
      let folder = output.appending(path: "stages/\(stage.directoryName)")
      for file in ["model.safetensors", "heads/\(Self.tags)/model.safetensors"] {
        let models = try [folder, alone].map { try Data(contentsOf: $0.appending(path: file)) }
        #expect(models[0] == models[1], "\(file)")
      }
      let (mine, theirs) = try (scores(folder), scores(alone))
      #expect(mine == theirs && mine["eval_\(Self.tags)_tags-test_f1"] != nil)

      // Each test is that of the head alone.
      let written = try registry.open(alone).checkpoint
      for (head, rows) in [(Self.topics, sets[1]), (Self.tags, sets[3])] {
        let model = try written.selecting(head: head).makeModel()
        let expected = try evaluate(
          model, on: rows.dataset(for: model, TrainingOptions()),
          backend: SmallExperiment.machine(registry).backend(.float32)
        ).results
        let found = try #require(results.arms[1].runs[1].evaluations.first { $0.head == head }).results
        for name in ["eval_loss", head == Self.topics ? "eval_accuracy" : "eval_f1"] {
          #expect(abs((found[name] ?? .nan) - (expected[name] ?? .nan)) < 1e-6, "\(head) \(name)")
        }
      }
      // Nothing is done again.
      #expect(try ExperimentSchedule(self.plan(Self.yaml(), in: directory), output: output).pending.isEmpty)
      #expect(
        try !ExperimentSchedule(
          self.plan(Self.yaml(more: "head-weights: {\(Self.tags): 3}"), in: directory), output: output
        ).pending.isEmpty)
    }
  }

  /// `task` makes a parked head the active one, for a test or for training, as `--task` of the commands does.
  @Test func aStageTakesAParkedHead() throws {
    try withTemporaryDirectory { directory in
      try prepare(directory)
      // The tagger is active, and the classifier parked.
      func text(_ test: String, _ task: String = Self.topics) -> String {
        """
        base: both
        data:
          topics: {files: topics-train.jsonl}
          topics-test: {files: topics-test.jsonl}
          tags-test: {files: tags-test.jsonl}
        stages:
          before: \(test)
          tune: {train: topics, task: \(task), eval-data: topics-test, \(Self.settings)}
          after: {evaluate: topics-test}
          others: {evaluate: tags-test, task: \(Self.tags)}
        arms: {a: [before, tune, after, others]}
        """
      }
      func scores(_ test: String) throws -> [[String: Double]] {
        let plan = try plan(text(test), in: directory)
        #expect(plan.stages.map(\.head) == [Self.topics, Self.topics, Self.topics, Self.tags])
        let results = try run(plan, directory.appending(path: "out"))
        return results.arms[0].runs[0].evaluations.map { evaluation in
          evaluation.results.filter { !$0.key.hasSuffix("_second") && !$0.key.hasSuffix("runtime") }
        }
      }
      let named = try scores("{evaluate: topics-test, task: \(Self.topics)}")
      #expect(try named == scores("{evaluate: {\(Self.topics): topics-test}}"))
      #expect(named.map { $0["eval_accuracy"] != nil && $0["eval_f1"] == nil } == [true, true, false])
      #expect(named[0]["eval_loss"] != named[1]["eval_loss"] && named[2]["eval_f1"] != nil)

      for (task, message) in [
        ("token-clasification", "Did you mean 'token-classification'?"),
        ("multiple-choice", "the head of another task is active"),
      ] {
        let error = errorMessage {
          _ = try plan(text("{evaluate: tags-test}", task), in: directory)
        }
        #expect(
          error?.contains("arm 'a', stage 'tune'") == true && error?.contains(message) == true,
          "\(error ?? "")")
      }
    }
  }

  private func scores(_ directory: URL) throws -> [String: Double] {
    let document = try JSON(file: directory.appending(path: "eval_results.json"))
    return (document.object ?? [:]).reduce(into: [:]) { scores, member in
      if !member.key.hasSuffix("_second"), !member.key.hasSuffix("runtime") {
        scores[member.key] = member.value.double
      }
    }
  }

  /// What a report says of each of two heads is what it says of that head alone.
  @Test func theReportComparesTheArmsByEachHead() throws {
    try withTemporaryDirectory { directory in
      try prepare(directory)
      let output = directory.appending(path: "out")
      func report(_ text: String) throws -> (document: JSON, page: String, verdict: String) {
        let results = try run(plan(text, in: directory), output)
        return (
          try JSON(file: output.appending(path: "report.json")),
          try String(contentsOf: output.appending(path: "report.md"), encoding: .utf8), results.verdict
        )
      }
      let both = try report(Self.yaml())
      let sections = try #require(both.document["heads"]?.array)
      #expect(sections.map { $0["head"]?.string } == [Self.topics, Self.tags])
      #expect(both.document["head"]?.string == Self.tags)
      var sentences: [String] = []
      for (head, data) in [(Self.topics, "topics-test"), (Self.tags, "tags-test")] {
        let alone = try report(Self.yaml(test: "{\(head): \(data)}"))
        #expect(alone.document["heads"] == nil && !alone.page.contains("Arms and seeds ("))
        let section = try #require(sections.first { $0["head"]?.string == head })
        #expect(
          section["arms"]?.array?.map { $0["score"] } == alone.document["arms"]?.array?.map { $0["score"] })
        #expect(section["comparisons"] == alone.document["comparisons"])
        #expect(
          section["comparisons"]?.array?.first?["interval"] != nil
            && section["labels"] == alone.document["labels"])
        #expect(
          both.page.contains("## Arms and seeds (\(head))") && both.page.contains("## Comparison (\(head))"))
        sentences.append("\(head): \(alone.verdict)")
      }
      #expect(both.verdict == sentences.joined(separator: " "))
      // The score of one head decides where the file says so; the others stay in the tables.
      let chosen = try report(Self.yaml(metric: "\(Self.topics)_f1_macro"))
      #expect(chosen.document["head"]?.string == Self.topics)
      #expect(chosen.verdict.hasPrefix("\(Self.topics): ") && !chosen.verdict.contains(Self.tags))
      #expect(chosen.verdict.contains("macro F1"))
      let metrics = try #require(chosen.document["heads"]?.array).map {
        $0["arms"]?.array?.first?["metric"]?.string
      }
      #expect(metrics == ["f1_macro", "f1"])
      for name in ["scores-token-classification", "scores-sequence-classification"] {
        #expect(FileManager.default.fileExists(atPath: output.appending(path: "plots/\(name).svg").path))
      }
    }
  }

  /// An arm without tests of a head is no part of what is said of that head.
  @Test func armsStandWhereTheirHeadsAreTested() throws {
    try withTemporaryDirectory { directory in
      try prepare(directory)
      let text = Self.yaml().replacing("single: [alone, test]", with: "single: [alone, topics-alone]")
        .replacing(
          "arms:", with: "  topics-alone: {evaluate: {sequence-classification: topics-test}}\narms:")
      let output = directory.appending(path: "out")
      let results = try run(plan(text, in: directory), output)
      let sections = try #require(JSON(file: output.appending(path: "report.json"))["heads"]?.array)
      let names = sections.map { $0["arms"]?.array?.compactMap { $0["name"]?.string } }
      #expect(names == [["single", "shared"], ["shared"]])
      #expect(results.verdict.contains("\(Self.tags): There is one arm, and nothing to compare it with"))
    }
  }

  struct Problem: CustomTestStringConvertible, Sendable {
    let yaml: String
    let message: String
    var testDescription: String { message }
  }

  static let problems = [
    Problem(yaml: yaml(train: "{}", evaluation: ""), message: "'train' names no head"),
    Problem(yaml: yaml(test: "{}"), message: "'evaluate' names no head"),
    Problem(
      yaml: yaml(train: "{sequence-classification: topic, token-classification: tags}"),
      message: "there is no data set 'topic'; the nearest is 'topics'"),
    Problem(
      yaml: yaml(train: "{sequence-classification: [topics], token-classification: tags}"),
      message: "'sequence-classification' has to be the name of a data set; found a list"),
    Problem(
      yaml: yaml(evaluation: "eval-data: {token-clasification: tags-test}"),
      message: "the head 'token-clasification' is not trained; the nearest is 'token-classification'"),
    Problem(
      yaml: yaml(evaluation: "eval-data: tags-test"),
      message: "'eval-data' has to say which head a data set is for"),
    Problem(
      yaml: yaml(train: "topics", more: ""), message: "'eval-data' names heads, and 'train' does not"),
    Problem(
      yaml: yaml(train: "{sequence-classification: topics, summarization: tags}", evaluation: "", more: ""),
      message: "arm 'shared', stage 'together': the checkpoint has no head 'summarization'"),
    Problem(
      yaml: yaml(test: "{summarization: tags-test}"), message: "'summarization'"),
    Problem(
      yaml: yaml(train: "{sequence-classification: topics, token-classification: topics}", evaluation: ""),
      message: "stage 'together'"),
    Problem(
      yaml: yaml(more: "head-weights: {token-clasification: 2}"),
      message: "'head-weights': the head 'token-clasification' is not trained"),
    Problem(
      yaml: yaml(more: "head-weights: {token-classification: none}"),
      message: "'head-weights' has to be positive numbers by head"),
    Problem(
      yaml: yaml(more: "load-best-model-at-end: true"),
      message: "several heads have no score in common"),
    Problem(
      yaml: yaml().replacing("arms:", with: "  test/token-classification: {evaluate: topics}\narms:"),
      message: "a stage's name must not have a '/'"),
    Problem(
      yaml: yaml(more: "tune-threshold: global"),
      message: "'tune-threshold': makes no sense with several heads"),
    Problem(
      yaml: yaml(more: "metric-for-best-model: f1"),
      message: "'metric-for-best-model': evaluations have no such score"),
    Problem(
      yaml: yaml(more: "task: sentence-embedding"),
      message: "'task' has to be left out where 'train' names heads"),
    Problem(
      yaml: yaml(metric: "token-classification_f2"),
      message: "the stage 'test/token-classification' of the arm 'single' has no score 'f2'"),
    Problem(
      yaml: yaml(metric: "log_loss"),
      message: "that of another head is 'sequence-classification_log_loss'"),
  ]

  @Test(arguments: problems) func whatCannotWorkIsFoundBeforeAnythingIsComputed(_ problem: Problem) throws {
    try withTemporaryDirectory { directory in
      try prepare(directory)
      do {
        _ = try plan(problem.yaml, in: directory)
        Issue.record("no error")
      } catch let error as GraftError {
        #expect("\(error)".contains(problem.message), "\(error)")
      }
    }
  }

  /// A search may go by the score of a head that a stage of several evaluates.
  @Test func aSearchGoesByTheScoreOfAHead() throws {
    try withTemporaryDirectory { directory in
      try prepare(directory)
      let search = """
        search:
          arm: shared
          score: together
          metric: token-classification_tags-test_f1
          options: {together: {learning-rate: [1e-4, 1e-3]}}
        """
      let output = directory.appending(path: "out")
      let results = try run(plan(Self.yaml(end: search), in: directory), output)
      #expect(results.search?.metric == "token-classification_tags-test_f1")
      #expect(results.search?.trials.count == 2)
      let wrong = search.replacing("tags-test_f1", with: "tags-test_f2")
      #expect(throws: GraftError.self) { try plan(Self.yaml(end: wrong), in: directory) }
    }
  }

  /// A stage that tests several heads is called in a search as it is in the file.
  @Test func aStageOfSeveralHeadsIsSearchedAndRefitted() throws {
    try withTemporaryDirectory { directory in
      try prepare(directory)
      func search(_ more: String, score: String = "together") throws -> Experiment.Search {
        let text = """
          search:
            arm: shared
            score: \(score)
            metric: token-classification_tags-test_f1
            \(more)
          """
        return try #require(
          Experiment(parsing: Array(Self.yaml(end: text).utf8), relativeTo: directory, registry: registry)
            .search)
      }
      func lengths(_ stages: [String: Experiment.Stage]?) -> [String: Int?] {
        (stages ?? [:]).compactMapValues { stage in
          if case .evaluate(let scoring) = stage.task { scoring.maxLength } else { nil }
        }
      }
      let both = ["test/\(Self.topics)": 16, "test/\(Self.tags)": 16]
      let refitted = try search(
        "options: {together: {learning-rate: [1e-4, 1e-3]}}\n  refit: {test: {max-length: 16}}")
      #expect(lengths(refitted.points.first?.final) == both)
      let searched = try search(
        "options: {test: {max-length: [16, 64]}}", score: "test/\(Self.tags)")
      #expect(lengths(searched.points.first?.rounds.first) == both)
      #expect(searched.points.first?.final["test/\(Self.tags)"]?.group == "test")
      let error = #expect(throws: GraftError.self) {
        try search("options: {together: {learning-rate: [1e-4, 1e-3]}}", score: "test")
      }
      #expect(
        "\(error.map { "\($0)" } ?? "")".contains(
          "the stage 'test' evaluates several heads: name one of test/sequence-classification, test/token-classification"
        ))
    }
  }

  /// A head of which a run sees more than its own epochs has more work.
  @Test func workGoesByTheStepsOfHeads() throws {
    try withTemporaryDirectory { directory in
      try prepare(directory)
      func amount(_ weights: String) throws -> Double {
        let plan = try plan(Self.yaml(evaluation: "", more: weights), in: directory)
        return try #require(plan.stages.first { $0.name == "together" }).work.amount
      }
      let known = try ["topics", "tags"].map { name in
        let plan = try plan(Self.yaml(), in: directory)
        return try #require(plan.data[name])
      }
      let steps = known.map { ($0.rows + 2) / 3 }
      let total = Double(steps[0] + steps[1])
      // Of 2 + 1 shares each head has its steps; each step has a batch of its own rows.
      func expected(_ shares: [Double]) -> Double {
        zip(zip(known, steps), shares).reduce(0) { $0 + Double($1.0.0.bytes) * total * $1.1 / Double($1.0.1) }
      }
      let ratio =
        try amount("head-weights: {sequence-classification: 9, token-classification: 1}") / amount("")
      let even = known.reduce(0) { $0 + Double($1.bytes) }
      #expect(
        abs(ratio - expected([0.9, 0.1]) / even) < 0.15 * ratio, "\(ratio) \(expected([0.9, 0.1]) / even)")
    }
  }

  @Test func theNameOfAMetricMayBeginWithAHead() {
    let heads = ["masked-lm", "token-classification", "token-classification.2"]
    func read(_ name: String) -> [String?] {
      let metric = ChosenMetric(name, among: heads)
      return [metric.head, metric.key]
    }
    #expect(read("f1_macro") == [nil, "f1_macro"])
    #expect(read("token-classification_f1") == ["token-classification", "f1"])
    #expect(read("token-classification.2_f1") == ["token-classification.2", "f1"])
    #expect(ChosenMetric("masked-lm_loss", among: heads).key(of: "token-classification") == nil)
    #expect(ChosenMetric("loss", among: heads).key(of: "token-classification") == "loss")
  }
}
