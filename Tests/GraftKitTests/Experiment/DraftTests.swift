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

  static func table(_ header: String, _ count: Int, _ row: (Int) -> String) -> String {
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
      testDescription: "lists of words with tags, whatever they are called", fileName: "train.jsonl",
      text: table("", 20) { #"{"words": ["it", "is", "\#($0)"], "labels": ["O", "O", "B-NUM"]}"# },
      lines: [
        "swap: token-classification", "labels: [B-NUM, O]", "text-column: words", "label-column: labels",
      ], arms: 1),
    Case(
      testDescription: "texts with lists as long as they have words",
      text: table("text,label", 20) { "Ada runs \($0),\"['B-PER', 'O', 'O']\"" },
      lines: [
        "swap: token-classification", "labels: [B-PER, O]", "text-column: text", "label-column: label",
      ]),
    Case(
      testDescription: "numbers of tags", fileName: "train.jsonl",
      text: table("", 20) { #"{"tokens": ["it", "is", "\#($0)"], "ner_tags": [0, 2, 1]}"# },
      lines: [
        #"labels: ["0", "1", "2"]"#,
        "# The data have their numbers: write their names in place of these, in the same order.",
      ], arms: 1),
    Case(
      testDescription: "entities by their places", fileName: "train.jsonl",
      text: table("", 20) { #"{"text": "Ada runs \#($0)", "entities": [[0, 3, "PER"]]}"# },
      lines: ["swap: token-classification", "labels: [O, B-PER, I-PER]"]),
    Case(
      testDescription: "questions with answers", fileName: "train.json", text: squad(20),
      lines: [
        "swap: question-answering", "# metric-for-best-model: f1",
        "# Longer ones are read in windows.",
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

  static func squad(_ count: Int) -> String {
    let paragraphs = (0..<count).map {
      #"{"context": "Ada runs in place \#($0)", "qas": [{"id": "\#($0)", "question": "Who runs?", "#
        + #""answers": [{"text": "Ada", "answer_start": 0}]}]}"#
    }
    return
      #"{"version": "1.1", "data": [{"title": "t", "paragraphs": [\#(paragraphs.joined(separator: ", "))]}]}"#
  }

  func draft(
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
  func plan(_ text: String, in directory: URL) throws -> ExperimentPlan {
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
    for (name, text, expected) in Self.mistakes {
      let found = message(name, text)
      #expect(found.contains(expected), "\(found)")
    }
    // Labels that are held out and not trained on.
    let single = message("a.csv", Self.table("text,label", 40) { "some text \($0),l\($0)" })
    #expect(
      single.contains("unknown label") && single.contains("have two rows of each label at least"), "\(single)"
    )
    #expect(message("a.csv", "text,label\na,b\n").contains("too few rows for an experiment"))
    #expect(message("a.csv", "text,label\na b,b\nc d,b\n").contains("every row has the same label"))
  }

  /// Rows of a task, by their keys or their layout, that it cannot learn from: nothing else is made of them.
  static let mistakes: [(name: String, text: String, message: String)] = {
    let entities = #"{"text": "Ada runs", "entities": [{"start": 0, "end": 3, "label": "PER"}]}"# + "\n"
    let outside = entities.replacing(#""end": 3"#, with: #""end": 9"#)
    let words = #"{"tokens": ["a", "b", "c"], "tags": ["B-PER", "O"]}"# + "\n"
    return [
      (
        "a.jsonl", String(repeating: entities.replacing("label", with: "type"), count: 30),
        "row 1: not an entity; expected {\"start\": 0, \"end\": 12, \"label\": \"PER\"}"
      ),
      ("a.jsonl", entities + entities + outside, "row 3: an entity is not within its text"),
      (
        "a.jsonl", entities + entities.replacing("}]}", with: #"}, {"start": 2, "end": 5, "label": "X"}]}"#),
        "row 2: two entities overlap"
      ),
      (
        "a.json", squad(20).replacing(#""answer_start": 0"#, with: #""answer_start": 1"#),
        "question 1: an answer is not"
      ),
      (
        "a.jsonl", String(repeating: words, count: 9),
        "row 1: words and labels are not equally many; expected a label for each of 3 words, found 2"
      ),
      (
        "a.jsonl", String(repeating: words.replacing(#""tags""#, with: #""ner_tags""#), count: 9),
        "row 1: words and labels are not equally many"
      ),
      (
        "a.conll", String(repeating: "Ada\tB-PER\nruns\tO\n\n", count: 9) + "Bob\n\n",
        "wrong number of columns"
      ),
      (
        "a.csv", "sentence_id,word,tag\n1,Ada,B-PER\n1,runs,O\n2,Bob,B-PER\n",
        "a table with a word in each row has no sentences; found the columns 'word' and 'tag'. Write the words as CoNLL's columns"
      ),
      (
        "a.csv",
        "Sentence #,Word,POS,Tag\nSentence: 1,Ada,NNP,B-PER\n,runs,VBZ,O\nSentence: 2,Bob,NNP,B-PER\n,is,O,O\n",
        "a table with a word in each row has no sentences; found the columns 'Word' and 'POS'"
      ),
    ]
  }()

  /// Lists that are no task's rows, beside texts with labels, are not read.
  @Test func listsBesideLabelledTexts() throws {
    try withTemporaryDirectory { directory in
      let text = Self.table("", 20) {
        #"{"text": "Ada runs \#($0)", "entities": ["Ada"], "tokens": ["Ada", "runs"], "label": "l\#($0 % 2)"}"#
      }
      let draft = try draft(directory, ["a.jsonl": text])
      #expect(draft.summaryLines.contains("labels: 'label', one of 2 for each text"))
      #expect(draft.summaryLines.contains("not used: 'entities', 'tokens'"), "\(draft.summaryLines)")
    }
  }

  /// What somebody else calls entities is not read, whatever the labels are called, if there are any.
  @Test(arguments: [
    (#""entities": {"hashtags": []}"#, "not used: 'entities'", "labels: none"),
    (
      #""entities": ["Ada"], "airline_sentiment": "l%""#, "not used: 'entities'",
      "labels: 'airline_sentiment', one of 2 for each text"
    ),
    (#""entities": [{"name": "Ada"}], "tokens": ["Ada"]"#, "not used: 'entities', 'tokens'", "labels: none"),
  ])
  func entitiesOfOthers(_ members: String, _ unused: String, _ labels: String) throws {
    try withTemporaryDirectory { directory in
      let text = Self.table("", 40) {
        #"{"text": "so they can do it \#($0)", \#(members.replacing("%", with: "\($0 % 2)"))}"#
      }
      let lines = try draft(directory, ["a.jsonl": text]).summaryLines
      #expect(lines.contains(unused) && lines.contains { $0.hasPrefix(labels) }, "\(lines)")
    }
  }

  /// A word and its tag beside a text say something about the text.
  @Test(arguments: ["word,pos,sentence,label", "token,tag,text,label"])
  func wordsBesideTexts(_ header: String) throws {
    try withTemporaryDirectory { directory in
      let text = Self.table(header, 30) { "bank,N,the bank number \($0) of the river,l\($0 % 2)" }
      let draft = try draft(directory, ["a.csv": text])
      let names = header.split(separator: ",")
      #expect(draft.summaryLines.contains("labels: 'label', one of 2 for each text"), "\(draft.summaryLines)")
      #expect(draft.summaryLines.contains("not used: '\(names[0])', '\(names[1])'"), "\(draft.summaryLines)")
    }
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
}
