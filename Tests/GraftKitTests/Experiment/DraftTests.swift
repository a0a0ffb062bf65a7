import Foundation
import GraftCore
import GraftData
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

/// The first experiment for somebody's data: what is found in them, and that the file can be planned as it stands.
@Suite struct DraftTests {
  /// Data of one kind.
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var fileName = "train.csv"
    let text: String
    /// Lines of the experiment, without what they are indented by.
    let lines: [String]
    /// With those that stand there as comments.
    var arms = 2
  }

  private static func table(_ header: String, _ count: Int, _ row: (Int) -> String) -> String {
    ([header] + (0..<count).map(row)).filter { !$0.isEmpty }.joined(separator: "\n") + "\n"
  }

  static let cases = [
    Case(
      testDescription: "classes",
      text: table("id,review,sentiment", 40) {
        "\($0),the film number \($0) was fine,\($0 % 4 == 0 ? "bad" : "good")"
      },
      lines: [
        "text-column: review", "label-column: sentiment", "swap: sequence-classification",
        "labels: [bad, good]",
        "problem-type: single-label", "# Rows of each: good 30, bad 10.", "class-weights: balanced",
        "metric: f1_macro",
        "test-size: 8", "part: train", "part: test", "# of each label the same share.",
      ]),
    Case(
      testDescription: "many classes",
      text: table("text,label", 80) { "some text number \($0),l\($0 % 40)" },
      lines: ["labels-from: train", "# 40 labels, one for each text."]),
    Case(
      testDescription: "numbers of classes, without a header",
      text: table("", 30) { "\($0 % 3 + 1),\"Title \($0)\",\"a description of the thing, number \($0)\"" },
      lines: [
        "text-column: [2, 3]", "label-column: 1", #"labels: ["1", "2", "3"]"#,
        "# They are about equally frequent.",
      ]),
    Case(
      testDescription: "columns of several labels",
      text: table("comment;toxic;insult;threat", 20) { "what is said here \($0);\($0 % 2);\($0 % 3 / 2);0" },
      lines: [
        "text-column: comment", "label-column: [toxic, insult, threat]", "labels: [toxic, insult, threat]",
        "problem-type: multi-label", #"delimiter: ";""#, "# metric-for-best-model: average_precision_micro",
        "learning-rate: 3e-4",
      ]),
    Case(
      testDescription: "lists of labels", fileName: "train.jsonl",
      text: table("", 20) { #"{"text": "a text \#($0)", "labels": ["a\#($0 % 2)", "b"]}"# },
      lines: [
        "text-column: text", "label-column: labels", "labels: [a0, a1, b]", "problem-type: multi-label",
      ]),
    Case(
      testDescription: "lists of one label", fileName: "train.jsonl",
      text: table("", 20) { #"{"text": "a text \#($0)", "topics": ["a\#($0 % 2)"]}"# },
      lines: [
        "label-column: topics", "labels: [a0, a1]", "problem-type: single-label",
        "# 2 labels, one for each text.",
      ]),
    Case(
      testDescription: "cells with lists of one label",
      text: table("text,label", 20) { #"a text \#($0),"[""a\#($0 % 2)""]""# },
      lines: ["labels: [a0, a1]", "problem-type: single-label"]),
    Case(
      testDescription: "numbers",
      text: table("text,score", 20) { "a text that is rated \($0),\(Double($0) / 7)" },
      lines: ["label-column: score", "problem-type: regression", "num-labels: 1"]),
    Case(
      testDescription: "pairs", fileName: "train.tsv",
      text: table("pairID\tpremise\thypothesis\tgold_label", 20) {
        "\($0)x\tit rains \($0)\tit is wet\t\($0 % 2 == 0 ? "yes" : "maybe")"
      },
      lines: [
        "text-column: premise", "pair-column: hypothesis", "label-column: gold_label",
        #"labels: [maybe, "yes"]"#,
        "# 2 labels, one for each text. The texts are pairs.",
      ]),
    Case(
      testDescription: "texts alone", fileName: "train.txt",
      text: table("", 20) { "a line of text with a number \($0)" },
      lines: [
        "swap: masked-lm", "before: [language-model, test]", "adapted: [language-model, adapt, test]",
        "epochs: 10",
      ]),
    Case(
      testDescription: "long texts alone", fileName: "train.txt",
      text: table("", 20) { "a line of text with a number \($0)" + String(repeating: " so", count: 80) },
      lines: [
        "max-length: 64", "# Longer ones are read in pieces of that length, so that no part of them is lost.",
        "group-texts: true",
      ]),
    Case(
      testDescription: "sentences of tagged words", fileName: "train.conll",
      text: table("", 30) { "Ada\tB-PER\nruns\tO\nin\tO\nplace\($0)\tB-LOC\n" },
      lines: [
        "swap: token-classification", "labels: [B-LOC, B-PER, O]", "# 3 labels.",
        "# metric-for-best-model: f1", "# Longer ones are read in windows.", "test-size: 6",
      ]),
    Case(
      testDescription: "tagged words as JSON", fileName: "train.jsonl",
      text: table("", 20) { #"{"tokens": ["it", "is", "\#($0)"], "ner_tags": ["DET", "VERB", "NUM"]}"# },
      lines: [
        "swap: token-classification", "labels: [DET, NUM, VERB]", "label-column: ner_tags",
        "# metric-for-best-model: accuracy",
      ], arms: 1),
    Case(
      testDescription: "entities by their places", fileName: "train.jsonl",
      text: table("", 20) { #"{"text": "Ada runs \#($0)", "entities": [[0, 3, "PER"]]}"# },
      lines: ["swap: token-classification", "labels: [O, B-PER, I-PER]"]),
    Case(
      testDescription: "questions with answers", fileName: "train.json", text: squad(20),
      lines: [
        "swap: question-answering", "# metric-for-best-model: f1", "# Longer ones are read in windows.",
      ]),
    Case(
      testDescription: "questions as JSON Lines", fileName: "train.jsonl",
      text: table("", 20) {
        #"{"question": "Who runs?", "context": "Ada runs \#($0)", "answers": {"text": ["Ada"], "answer_start": [0]}}"#
      },
      lines: ["swap: question-answering"], arms: 1),
    Case(
      testDescription: "pairs with a number",
      text: table("sentence1,sentence2,similarity", 20) { "it rains \($0),it is wet,\(Double($0) / 4)" },
      lines: [
        "text-column: sentence1", "pair-column: sentence2", "label-column: similarity",
        "problem-type: regression",
      ]),
    Case(
      testDescription: "questions with choices whose answer is a label",
      text: table("sent1,sent2,ending0,ending1,label", 20) { "it rains,so it \($0),is wet,is dry,\($0 % 2)" },
      lines: ["swap: multiple-choice"], arms: 1),
    Case(
      testDescription: "the same as JSON Lines", fileName: "train.jsonl",
      text: table("", 20) {
        #"{"question": "who runs in place \#($0)", "choices": ["Ada", "Bob"], "label": \#($0 % 2)}"#
      },
      lines: ["swap: multiple-choice"], arms: 1),
    Case(
      testDescription: "texts with labels, and a column that could be of choices",
      text: table("question,choice1,label", 20) { "who runs in place \($0),anybody at all,\($0 % 2)" },
      lines: ["text-column: question", "swap: sequence-classification"]),
    Case(
      testDescription: "pairs with scores",
      text: table("sentence1,sentence2,score", 20) { "it rains \($0),it is wet,\(Double($0) / 4)" },
      lines: [
        "task: sentence-embedding", "batch-size: 16", "before: [test]", "learnt: [learn, test]",
        "# For such a regression or cross-encoder name text-column, pair-column and label-column in 'data', and put",
      ]),
    Case(
      testDescription: "pairs that belong together", fileName: "train.tsv",
      text: table("anchor\tpositive", 20) { "it rains \($0)\tit is wet in place \($0)" },
      lines: [
        "task: sentence-embedding", "train: train", "evaluate: test", "batch-size: 32",
        "# Pairs of texts that belong together: their vectors become alike, and are told apart from those of all",
      ]),
    Case(
      testDescription: "triplets", fileName: "train.jsonl",
      text: table("", 20) {
        #"{"anchor": "it rains \#($0)", "positive": "it is wet", "negative": "the sun shines"}"#
      },
      lines: ["task: sentence-embedding", "# loss: triplet", "test-size: 4"]),
  ]

  /// Pairs whatever their columns are called.
  static let pairs = [
    Case(
      testDescription: "a query with what belongs to it and what does not",
      text: table("query,positive,negative", 20) { "it rains \($0),it is wet in place \($0),the sun shines" },
      lines: [
        "text-column: query", "pair-column: positive", "task: sentence-embedding", "# loss: triplet",
        "before: [test]",
      ]),
    Case(
      testDescription: "a text of any name with one that belongs to it",
      text: table("remark;positive", 20) { "it rains here \($0);it is wet in place \($0)" },
      lines: ["text-column: remark", "pair-column: positive", "task: sentence-embedding"]),
    Case(
      testDescription: "questions with answers and no label", fileName: "train.tsv",
      text: table("question\tanswer", 20) { "who runs \($0)\tAda in place \($0)" },
      lines: [
        "text-column: question", "pair-column: answer", "task: sentence-embedding",
        "# Pairs of texts that belong together: their vectors become alike, and are told apart from those of all",
      ]),
    Case(
      testDescription: "texts that are sorted by a query",
      text: table("query,text,label", 40) {
        "what is number \($0 % 2),a text about it number \($0 / 2),\($0 % 2)"
      },
      lines: [
        "text-column: query", "pair-column: text", "label-column: label", #"labels: ["0", "1"]"#,
        "# Texts that are sorted by a query want one score each. For such a cross-encoder write 'num-labels: 1' in place",
      ]),
    Case(
      testDescription: "a column without which labels contradict each other",
      text: table("fits,wish,body", 40) {
        "\(["yes", "no"][$0 % 2]),something for case \($0 % 4),the long text that is number \($0 / 2)"
      },
      lines: ["text-column: wish", "pair-column: body", "label-column: fits"]),
  ]

  private static func squad(_ count: Int) -> String {
    let paragraphs = (0..<count).map {
      #"{"context": "Ada runs in place \#($0)", "qas": [{"id": "\#($0)", "question": "Who runs?", "#
        + #""answers": [{"text": "Ada", "answer_start": 0}]}]}"#
    }
    return
      #"{"version": "1.1", "data": [{"title": "t", "paragraphs": [\#(paragraphs.joined(separator: ", "))]}]}"#
  }

  private func draft(
    _ directory: URL, _ files: [String: String], evaluating: [String] = [],
    checkpoint name: String? = "masked-lm"
  ) throws -> ExperimentDraft {
    for (name, text) in files { try Data(text.utf8).write(to: directory.appending(path: name)) }
    let registry = try Support.registry()
    let base = name.map(Support.fixture)
    return try ExperimentDraft(
      named: "mine",
      training: files.keys.filter { !evaluating.contains($0) }.sorted().map { directory.appending(path: $0) },
      evaluation: evaluating.map { directory.appending(path: $0) }, base: base?.path ?? "bert-base-uncased",
      checkpoint: base.map { try registry.open($0).checkpoint }, registry: registry)
  }

  /// The plan that a written experiment comes to.
  private func plan(_ text: String, in directory: URL) throws -> ExperimentPlan {
    let registry = try Support.registry()
    let file = directory.appending(path: "experiment.yaml")
    try Data(text.utf8).write(to: file)
    let machine = ExperimentMachine(cpu: "", precision: .float32) {
      try registry.makeBackend("reference", threads: 1, precision: $0)
    }
    return try ExperimentPlan(Experiment(file: file, registry: registry), on: machine, registry: registry)
  }

  @Test(arguments: cases + pairs) func isOfItsData(_ data: Case) throws {
    try withTemporaryDirectory { directory in
      let draft = try draft(directory, [data.fileName: data.text])
      let text = draft.text(in: directory, title: ["mine"])
      let lines = text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
      for line in data.lines { #expect(lines.contains(line), "\(line) in\n\(text)") }
      #expect(lines.contains("files: \(data.fileName)") && lines[0] == "# mine")
      _ = try plan(text, in: directory)
      // What is proposed in comments stands as well.
      let proposed = text.replacing(#/\n( +)# ([a-z-]+: )/#) { "\n\($0.1)\($0.2)" }
      let plan = try plan(proposed, in: directory)
      #expect(plan.arms.count == data.arms)
    }
  }

  /// What a task reads without being told is used.
  @Test func columnsThatAreReadAreNotUnused() throws {
    try withTemporaryDirectory { directory in
      func unused(_ name: String, _ text: String) throws -> [String] {
        try draft(directory, [name: text]).unused.map(\.description)
      }
      let swag = try String(contentsOf: fixtures.appending(path: "choices/swag.csv"), encoding: .utf8)
      #expect(try unused("swag.csv", swag) == ["video-id", "fold-ind", "startphrase", "gold-source"])
      let entities = Self.table("", 20) {
        #"{"text": "Ada runs \#($0)", "entities": [[0, 3, "PER"]], "more": 1}"#
      }
      #expect(try unused("entities.jsonl", entities) == ["more"])
      let text = try draft(directory, ["entities.jsonl": entities]).text(in: directory)
      #expect(
        text.contains("  # Columns that are not used: more.\n") && !text.contains("'pair-column' names"))
      #expect(try unused("pairs.csv", Self.pairs[0].text).isEmpty)
      let one = try draft(directory, ["one.csv": Self.table("text,label", 4) { "a text \($0),\($0 % 2)" }])
      #expect(one.summaryLines[0] == "4 rows to train on, of which 1 is held out")
      #expect(one.text(in: directory).contains("so 1 row is held out,"))
    }
  }

  /// Lists are of several labels where rows to evaluate on have several.
  @Test func listsOfOneLabelAreTakenTogether() throws {
    try withTemporaryDirectory { directory throws in
      func list(_ labels: String) -> String { #"{"text": "a text", "label": [\#(labels)]}"# + "\n" }
      let rows = String(repeating: list(#""a""#) + list(#""b""#), count: 4)
      func kind(_ test: String) throws -> String? {
        let files = ["train.jsonl": rows, "test.jsonl": rows + test]
        return try draft(directory, files, evaluating: ["test.jsonl"]).summary["kind"]?.string
      }
      #expect(try kind(list(#""b""#)) == "single-label")
      #expect(try kind(list(#""a", "b""#)) == "multi-label")
      #expect(try kind(list("")) == "multi-label")
    }
  }

  /// A choice is read beside its question alone.
  @Test func lengthsAreThoseThatAreRead() throws {
    try withTemporaryDirectory { directory in
      // Each sequence: [CLS], "a" 5 times, [SEP], "b" 3 and 1 times, [SEP].
      let choice = Self.table("sent1,sent2,ending0,ending1,label", 20) { "a a a a a,b,b b,,\($0 % 2)" }
        .replacing(",,", with: ",a,")
      let texts = Self.table("", 20) { _ in #"{"anchor": "a a a a", "positive": "b", "negative": "a b"}"# }
      let answers = Self.table("", 20) { _ in
        #"{"question": "a b", "context": "a a a a a", "answers": {"text": ["a"], "answer_start": [0]}}"#
      }
      let tags = Self.table("", 20) { _ in #"{"tokens": ["a", "b"], "tags": ["X", "Y"]}"# }
      for (name, text, length) in [
        ("c.csv", choice, 11), ("v.jsonl", texts, 6), ("q.jsonl", answers, 10), ("t.jsonl", tags, 4),
      ] {
        let found = try draft(directory, [name: text]).choices.lengths
        #expect(found == .init(median: length, most: length, longest: length, areTokens: true), "\(name)")
      }
      // As transformers' script reads them.
      let swag = try String(contentsOf: fixtures.appending(path: "choices/swag.csv"), encoding: .utf8)
      let draft = try draft(directory, ["swag.csv": swag], checkpoint: "multiple-choice")
      let goldens = try JSON(file: fixtures.appending(path: "choices/lengths.json"))
      #expect(draft.choices.lengths.longest == goldens["bert"]?.array?.compactMap(\.int).max())
    }
  }

  /// What the head does with long texts is not said of the model that learns their language.
  @Test func windowsAreOfTheHeadAlone() throws {
    try withTemporaryDirectory { directory in
      func parts(_ length: Int) throws -> [Substring] {
        let sentence = String(repeating: "a\tO\n", count: length) + "Ada\tB-PER\n\n"
        let draft = try draft(directory, ["train.conll": String(repeating: sentence, count: 20)])
        return draft.text(in: directory).split(separator: "  adapt:\n")
      }
      let (windows, cut) = ("# Longer ones are read in windows.", "# More than one text of a hundred is cut.")
      let short = try parts(10)
      #expect(short.count == 2 && short[0].contains(windows))
      #expect(!short[1].contains(windows) && !short[1].contains(cut))
      let long = try parts(100)
      #expect(long[0].contains(windows) && !long[0].contains(cut))
      #expect(!long[1].contains(windows) && long[1].contains(cut) && !long[1].contains("long-texts"))
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

  /// A model of masked tokens is compared with the checkpoint as it is, by tokens.
  @Test func textsAreLearnt() throws {
    try withTemporaryDirectory { directory in
      let texts = (0..<40).map { "a line of text with a number \($0)" }.joined(separator: "\n")
      let draft = try draft(directory, ["train.txt": texts + "\n"])
      let plan = try plan(draft.text(in: directory), in: directory)
      let registry = try Support.registry()
      let output = directory.appending(path: "out")
      let outcome = try runExperiment(
        plan, output: output, on: ExperimentPlanTests.machine(registry), registry: registry)
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

  /// Half of a pair that is not read, and rows that are held out and trained on, are said.
  @Test func whatIsLeftOutAndRepeatedIsSaid() throws {
    try withTemporaryDirectory { directory in
      let rows = Self.table("name,description,belongs", 40) {
        "n\($0 % 20),what is described number \($0 % 20),\($0 % 2)"
      }
      let draft = try draft(directory, ["train.csv": rows])
      // Each text is in two rows; of the eight that are held out one pair at most is there together.
      #expect((6...8).contains(draft.repeated))
      let lines = draft.summaryLines
      #expect(
        lines.contains("\(draft.repeated) of those that are held out have a text that is also trained on"))
      #expect(
        lines.contains("not used: 'name'") && draft.summary["unused_columns"]?.array?.first?.string == "name")
      let text = draft.text(in: directory)
      #expect(text.contains("# Of them \(draft.repeated) texts stand in 'train' as well"))
      #expect(text.contains("# Columns that are not used: name;"))
      let values = Self.table("text,score", 20) { "a text \($0),\(["0.7782", "5.7272"][$0 % 2])" }
      let other = try self.draft(directory, ["values.csv": values])
      #expect(other.text(in: directory).contains("# Labels are numbers, from 0.7782 to 5.7272."))
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
        plan, output: directory.appending(path: "out"), on: ExperimentPlanTests.machine(registry),
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
          on: ExperimentPlanTests.machine(registry), registry: registry)
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

  /// A head of the checkpoint's own that is replaced is no surprise.
  @Test func theCheckpointsOwnLabelsAreNamed() throws {
    try withTemporaryDirectory { directory in
      let draft = try draft(
        directory, ["train.csv": Self.cases[0].text], checkpoint: "sequence-classification")
      let line =
        "The checkpoint's head 'sequence-classification' has 4 labels: World, Sports, Business, Sci/Tech. "
        + "A new one for 2 labels takes its place."
      #expect(draft.summaryLines.last == line && draft.text(in: directory).contains("  # \(line)\n"))
      let same = Self.table("text,label", 40) {
        "some text \($0),\(["World", "Sports", "Business", "Sci/Tech"][$0 % 4])"
      }
      let other = try self.draft(directory, ["same.csv": same], checkpoint: "sequence-classification")
      #expect(
        other.summaryLines.last
          == "The checkpoint's head 'sequence-classification' has 4 labels: World, Sports, Business, Sci/Tech. "
          + "A new one takes its place; to go on with it, leave 'head' out of the arms.")
    }
  }

  /// Lengths, sizes and classes decide.
  @Test func valuesFollowFromTheData() throws {
    try withTemporaryDirectory { directory in
      let long = Self.table("text,label", 60) {
        "\(String(repeating: "a ", count: $0 < 2 ? 90 : 20)),\($0 % 2)"
      }
      let draft = try draft(directory, ["train.csv": long])
      let lengths = draft.choices.lengths
      #expect(lengths == .init(median: 22, most: 92, longest: 92, areTokens: true))
      // The tiny model reads 64 tokens.
      #expect(draft.choices.maxLength == 64 && draft.choices.hasLongTexts)
      #expect(
        draft.text(in: directory).contains(
          "is cut. To read all of each, in more time:\n    # long-texts: windows"))
      let bare = try self.draft(directory, ["train.csv": long], checkpoint: "sequence-classification")
      #expect(bare.text(in: directory).contains("has no weights for the head 'masked-lm'"))
      #expect(!draft.text(in: directory).contains("has no weights for the head"))
      let few = try self.draft(
        directory, ["few.csv": Self.table("text,label", 4) { "a text \($0),\($0 % 2)" }])
      #expect(few.evaluationRows == 1)
      #expect(draft.choices.batchSize == 16 && draft.evaluationRows == 12)
      // 48 rows are 3 steps of an epoch.
      #expect(draft.choices.usualEpochs == 10 && draft.choices.epochs == 60 && !draft.choices.keepsBest)
      #expect(draft.text(in: directory).contains("    # 180 steps: below some hundred little is learnt"))
    }
  }

  /// Small data are trained on for some hundreds of steps, and the best epoch is kept.
  @Test func epochsAreMadeOfSteps() throws {
    try withTemporaryDirectory { directory in
      func text(_ rows: Int, _ label: (Int) -> String) throws -> String {
        try draft(
          directory, ["rows.csv": Self.table("text,label", rows) { "some text \($0),\(label($0))" }]
        ).text(in: directory)
      }
      // 576 rows to train on are 36 steps.
      let one = try text(720) { "\($0 % 2)" }
      #expect(
        one.contains(
          "    # 504 steps: below some hundred little is learnt, however small the data are.\n    epochs: 14\n"
        ))
      #expect(one.contains("    # eval-split: 0.15\n    # load-best-model-at-end: true"))
      // Answers are learnt by heart in as many steps.
      let answers = try draft(directory, ["asked.json": Self.squad(80)])
      #expect(
        answers.choices.epochs == 60
          && answers.text(in: directory).contains(
            """
                # The best of all epochs is kept, by rows that are held out of 'train'.
                eval-split: 0.15
                load-best-model-at-end: true
                metric-for-best-model: f1
                save-total-limit: 1
            """)
      )
      // 1,120 rows are 70 steps, and several labels take twice as many.
      let columns = try draft(
        directory,
        ["rows.csv": Self.table("text,toxic,insult", 1400) { "some text \($0),\($0 % 2),\($0 % 3 / 2)" }]
      ).text(in: directory)
      #expect(columns.contains("    epochs: 15\n") && columns.contains("# 1,050 steps"))
      #expect(
        columns.contains(
          """
              eval-split: 0.1
              tune-threshold: label
              # So is the best of all epochs.
              load-best-model-at-end: true
              metric-for-best-model: average_precision_micro
          """))
      // So many rows have steps enough.
      let many = try text(10_000) { "\($0 % 2)" }
      #expect(many.contains("    epochs: 3\n") && !many.contains("steps:"))
      #expect(many.contains("    # eval-split: 0.1\n    # load-best-model-at-end: true"))
    }
  }

  @Test func whatNoExperimentIsWrittenFor() throws {
    func message(_ name: String, _ text: String) -> String {
      errorMessage { try withTemporaryDirectory { _ = try draft($0, [name: text]) } } ?? ""
    }
    #expect(message("a.csv", "x,y\n1,2\n2,5\n").contains("no column looks like a text"))
    #expect(message("a.conll", "Ada B-PER\n\n").contains("too few rows for an experiment"))
    // A second broken row is named, and does not make the data something else.
    let broken = #"{"tokens": ["a", "b"], "tags": ["X", "Y"]}"# + "\n"
    #expect(
      message(
        "a.jsonl", String(repeating: broken, count: 30) + #"{"tokens": ["a", "b"], "tags": ["X"]}"# + "\n"
      ).contains("row 31"))
    // So is a first one, where a column says whose rows they are.
    let question = #"{"question": "which one", "choices": ["a", "b"], "answer": 0}"# + "\n"
    let one = question.replacing(#", "b""#, with: "")
    let first = message("a.jsonl", one + String(repeating: question, count: 30))
    #expect(first.contains("a.jsonl: row 1"), "\(first)")
    let unanswered = question.replacing(#", "answer": 0"#, with: #", "answer": null"#)
    let answer = message("a.jsonl", String(repeating: question, count: 3) + unanswered)
    #expect(answer.contains("a.jsonl: 1 of 4 rows has no answer: row 4"), "\(answer)")
    // Labels that are held out and not trained on.
    let single = message("a.csv", Self.table("text,label", 40) { "some text \($0),l\($0)" })
    #expect(
      single.contains("unknown label") && single.contains("have two rows of each label at least"), "\(single)"
    )
    #expect(message("a.csv", "text,label\na,b\n").contains("too few rows for an experiment"))
    #expect(message("a.csv", "text,label\na b,b\nc d,b\n").contains("the labels are not clearly classes"))
  }

  /// A column that is empty in all rows says nothing about them.
  @Test func scoresThatNoRowHas() throws {
    try withTemporaryDirectory { directory in
      for (score, isScored) in [("", false), ("0.5", true)] {
        let text = Self.table("sentence1,sentence2,score", 40) { "a text \($0),another one \($0),\(score)" }
        let draft = try draft(directory, ["pairs.csv": text])
        #expect(draft.text(in: directory).contains("# Pairs with scores") == isScored)
        #expect(draft.summaryLines.contains("not used: 'score'") == !isScored)
      }
    }
  }

  @Test func scalarsAreYAML() {
    for (text, yaml) in [
      ("World", "World"), ("Sci/Tech", "Sci/Tech"), ("yes", #""yes""#), ("1", #""1""#), ("a: b", #""a: b""#),
      ("", #""""#), ("é", #""é""#), ("1e3", #""1e3""#), ("-x", #""-x""#), ("a#b", #""a#b""#),
      ("nan", #""nan""#),
    ] {
      #expect(ExperimentDraft.scalar(text) == yaml)
    }
  }

  // MARK: Columns

  @Test func columnsAreFound() throws {
    func sample(_ columns: [(String, [String])]) -> ColumnSample {
      var sample = ColumnSample(format: .csv)
      sample.columns = columns.map { .init(.name($0.0), $0.1) }
      return sample
    }
    let odd = sample([
      ("a", ["1", "2", "3", "4"]), ("b", ["so it is", "no it is not", "well then", "oh no"]),
      ("c", ["x", "y", "x", "y"]),
    ])
    #expect(ColumnRoles(odd) == .init(texts: [.name("b")], labels: [.name("c")]))
    var given = DataOptions(textColumns: [.name("c")])
    given.labelColumn = .name("a")
    #expect(ColumnRoles(odd, given: given) == .init(texts: [.name("c")], labels: [.name("a")]))
    let values = sample([("text", ["a", "b", "c"]), ("n", ["0.5", "0.25", "1.5"])])
    #expect(ColumnRoles(values).labels == [.name("n")])
    let counter = sample([("text", ["a", "b", "c"]), ("n", ["1", "2", "3"])])
    #expect(ColumnRoles(counter).labels.isEmpty)
  }

  @Test func samplesAreOfTheFile() throws {
    func sample(_ name: String, _ text: String, rows: Int = 2) throws -> ColumnSample {
      try withTemporaryDirectory { directory in
        let file = directory.appending(path: name)
        try Data(text.utf8).write(to: file)
        return try DataSource(reading: [file]).columnSample(rows: rows)
      }
    }
    let named = try sample("a.csv", "x,y\n1,\"a,b\"\n2,c\n3,d\n")
    #expect(named.columns == [.init(.name("x"), ["1", "2"]), .init(.name("y"), ["a,b", "c"])])
    let numbered = try sample("a.csv", "1,\"a\"\n2,c\n3,d\n")
    #expect(numbered.columns == [.init(.number(1), ["1", "2"]), .init(.number(2), ["a", "c"])])
    // pandas' numbers of rows, a trailing comma, a name that is there twice.
    let columns = [ColumnSample.Entry(.name("text"), ["a", "b"]), .init(.name("label"), ["x", "y"])]
    #expect(try sample("a.csv", ",text,label\n0,a,x\n1,b,y\n").columns == columns)
    #expect(try sample("a.csv", "text,label,\na,x,\nb,y,\n").columns == columns)
    #expect(try sample("a.csv", "text,label,text\na,x,c\nb,y,d\n").columns == columns)
    let unnamed = try sample("a.csv", ",review,mood\n0,a,x\n1,b,y\n")
    #expect(unnamed.columns.map(\.column) == [.name("review"), .name("mood")])
    // A text may be its column's name by chance.
    let reviews = (0..<8).map { "fine \($0),\(["good", "bad"][$0 % 2])\n" }.joined()
    let likeName = try sample("a.csv", "review,mood\nreview,good\n\(reviews)", rows: 9)
    #expect(likeName.columns.map(\.column) == [.name("review"), .name("mood")])
    let twice = try sample("a.csv", "fine 1,bad\n\(reviews)", rows: 9)
    #expect(twice.columns.map(\.column) == [.number(1), .number(2)])
    // A cell that is a value of its column is no name.
    let headless = try sample("a.csv", "so it is,web\nno,web\nwell,games\n")
    #expect(headless.columns == [.init(.number(1), ["so it is", "no"]), .init(.number(2), ["web", "web"])])
    let objects = try sample("a.jsonl", "{\"a\": 1}\n{\"b\": [\"x\"], \"a\": null}\n")
    #expect(objects.columns == [.init(.name("a"), ["1", nil]), .init(.name("b"), [nil, "[\"x\"]"])])
    let wide = "{" + (0...1000).map { "\"k\($0)\": 1" }.joined(separator: ", ") + "}\n"
    #expect(
      errorMessage { _ = try sample("a.jsonl", wide) }?.contains("too many keys to choose columns from")
        == true)
    #expect(try sample("a.csv", "x|y\n1|2\n").delimiter == UInt8(ascii: "|"))
    #expect(try sample("a.txt", "x\n").columns.isEmpty)
  }

  /// The rows that two data sets share are none.
  @Test func skippedAndTakenRowsAreAll() throws {
    let rows = (0..<10).map { TextRow("\($0)") }
    for seed in [UInt64?.none, 42] {
      var (first, rest) = (DataOptions(shuffleSeed: seed, take: 3), DataOptions(shuffleSeed: seed))
      rest.skip = 3
      #expect(
        first.selected(from: rows) + rest.selected(from: rows)
          == DataOptions(shuffleSeed: seed).selected(from: rows))
      rest.take = 2
      #expect(rest.selected(from: rows).count == 2)
      first.skip = 20
      #expect(first.selected(from: rows).isEmpty)
    }
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "a.txt")
      try Data((0..<10).map { "\($0)\n" }.joined().utf8).write(to: file)
      var options = DataOptions(take: 2)
      options.skip = 3
      let source = DataSource([file, file], options: options)
      #expect(try source.rows().map(\.text) == ["3", "4"])
      var streamed: [String] = []
      try source.forEachRow { streamed.append($0.text) }
      #expect(streamed == ["3", "4"])
    }
  }
}
