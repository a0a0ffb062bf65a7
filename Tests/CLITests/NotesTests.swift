import Foundation
import GraftTensors
import TestSupport
import Testing

/// What commands say beside their results, so that numbers are not taken for what they are not.
@Suite struct NotesTests {
  /// Rows `text,label`, of which the first two are long.
  private static func table(_ numbers: Range<Int>, _ label: (Int) -> String) -> String {
    "text,label\n"
      + numbers.map { number in
        "he is \(number)\(number - numbers.lowerBound < 2 ? String(repeating: " the", count: 20) : ""),\(label(number))\n"
      }.joined()
  }

  private static func experiment(
    _ sandbox: Sandbox, train: String = "train: train", evaluate: String = "evaluate: test"
  ) throws {
    try sandbox.write("train.csv", table(0..<8) { "\($0 % 4 + 1)" })
    try sandbox.write("test.csv", table(6..<12) { "\($0 % 4)" })
    try sandbox.write(
      "experiment.yaml",
      """
      base: \(sandbox.resolve("{masked-lm}"))
      seeds: [1]
      data: {train: {files: train.csv}, test: {files: test.csv, label-base: 0}}
      stages:
        head: {swap: sequence-classification, labels-from: train}
        tune: {\(train), max-steps: 2, batch-size: 4, max-length: 12}
        test: {\(evaluate)}
      arms: {one: [head, tune, test]}
      """)
  }

  /// What there is to say of the data, in which no text is twice.
  private static let notes = [
    "data 'train': labels read as the names 1, 2, 3, 4, and not as numbers: for those set 'label-base'",
    "data 'test': labels read as numbers from 0 to 3",
  ]

  @Test("a run says how labels are read and how many texts are cut, in the plan, the log and the report")
  func run() throws {
    try Sandbox.with { sandbox in
      try Self.experiment(sandbox)
      let command = ["run", "experiment.yaml", "--output", "out"]
      let dry = try sandbox.graft(command + ["--dry-run", "--quiet"])
      #expect(
        dry.stdout.hasSuffix("\n\n\(Self.notes.joined(separator: "\n"))\n"), "\(dry.stdout)\(dry.stderr)")
      let outcome = try sandbox.graft(command)
      let lines = outcome.stderr.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
      for note in Self.notes + ["2 of 6 texts are longer than 12 tokens and are cut"] {
        #expect(lines.count { $0 == note } == 1, "\(note) \(outcome.stderr)")
      }
      let report = try String(contentsOf: sandbox.url("out/report.md"), encoding: .utf8)
      for text in [
        "labels read as numbers from 0 to 3.", "Stage 'test': 2 texts are longer than 12 tokens and are cut.",
      ] {
        #expect(report.contains(text), "\(text) \(report)")
      }
      #expect(!report.contains("too good"))
    }
  }

  @Test("a run says which rows it tests on it is trained on") func repeated() throws {
    try Sandbox.with { sandbox in
      try Self.experiment(sandbox)
      try sandbox.write("test.csv", "text,label\nhe is 7,3\nhe is 9,0\nhe is 5,1\n")
      let note =
        "2 of 3 rows to evaluate on of 'test' have a text that is trained on as well, in 'train': their scores are too good"
      let command = ["run", "experiment.yaml", "--output", "out"]
      let dry = try sandbox.graft(command + ["--dry-run", "--quiet"])
      #expect(dry.stdout.contains(note), "\(dry.stdout)\(dry.stderr)")
      let outcome = try sandbox.graft(command)
      #expect(outcome.stderr.contains("    \(note)\n"), "\(outcome.stderr)")
      let report = try String(contentsOf: sandbox.url("out/report.md"), encoding: .utf8)
      #expect(report.contains("\(note)."), "\(report)")
    }
  }

  @Test("only the data that have the text are named") func repeatedInOne() throws {
    try Sandbox.with { sandbox in
      try Self.experiment(sandbox)
      try sandbox.write("other.csv", "text,label\nshe is,1\nshe was,2\nshe,3\nwas,4\n")
      try sandbox.write("test.csv", "text,label\nhe is 7,3\nhe is 9,0\n")
      let text = try String(contentsOf: sandbox.url("experiment.yaml"), encoding: .utf8)
      try sandbox.write(
        "experiment.yaml",
        text.replacing("data: {", with: "data: {other: {files: other.csv}, ").replacing(
          "  test: {evaluate", with: "  more: {train: other, max-steps: 1}\n  test: {evaluate"
        ).replacing("tune, test]", with: "tune, more, test]"))
      let dry = try sandbox.graft(["run", "experiment.yaml", "--output", "out", "--dry-run", "--quiet"])
      #expect(
        dry.stdout.contains(
          "1 of 2 rows to evaluate on of 'test' has a text that is trained on as well, in 'train': its scores are too good"
        ), "\(dry.stdout)\(dry.stderr)")
    }
  }

  static let repeatedQuestions: [(head: String, train: String, test: String)] = [
    (
      "question-answering",
      #"{"id": 1, "question": "who", "context": "he can do it", "answers": {"text": ["he"], "answer_start": [0]}}"#,
      #"{"id": 2, "question": "who", "context": "he can do it", "answers": {"text": ["it"], "answer_start": [10]}}"#
    ),
    (
      "multiple-choice",
      #"{"sent1": "he can", "sent2": "he", "ending0": "do it", "ending1": "is it", "label": 0}"#,
      #"{"sent1": "he can", "sent2": "he", "ending0": "do it", "ending1": "is it", "label": 1}"#
    ),
  ]

  @Test(
    "questions and choices that are trained on are found whatever their answers", arguments: repeatedQuestions
  )
  func repeatedQuestion(_ example: (head: String, train: String, test: String)) throws {
    try Sandbox.with { sandbox in
      try sandbox.write("train.jsonl", example.train + "\n")
      try sandbox.write("test.jsonl", example.test + "\n")
      try sandbox.write(
        "e.yaml",
        """
        base: \(sandbox.resolve("{masked-lm}"))
        seeds: [1]
        data: {train: {files: train.jsonl}, test: {files: test.jsonl}}
        stages:
          head: {swap: \(example.head)}
          tune: {train: train, max-steps: 2}
          test: {evaluate: test}
        arms: {one: [head, tune, test]}
        """)
      let dry = try sandbox.graft(["run", "e.yaml", "--output", "out", "--dry-run", "--quiet"])
      #expect(
        dry.stdout.contains(
          "1 of 1 row to evaluate on of 'test' has a text that is trained on as well, in 'train': its scores are too good"
        ), "\(dry.stdout)\(dry.stderr)")
    }
  }

  @Test("each fold is tested on rows that are not trained on") func folds() throws {
    try Sandbox.with { sandbox in
      try Self.experiment(sandbox)
      let text = try String(contentsOf: sandbox.url("experiment.yaml"), encoding: .utf8)
      try sandbox.write(
        "experiment.yaml",
        text.replacing("train.csv}", with: "train.csv, folds: 2}").replacing(
          "evaluate: test", with: "evaluate: train"))
      let dry = try sandbox.graft(["run", "experiment.yaml", "--output", "out", "--dry-run"])
      #expect(dry.code == 0 && !dry.stdout.contains("too good"), "\(dry.stdout)\(dry.stderr)")
      try sandbox.write("train.csv", "text,label\n" + (0..<8).map { "he,\($0 / 2)\n" }.joined())
      let repeated = try sandbox.graft(["run", "experiment.yaml", "--output", "out", "--dry-run"])
      for fold in 1...2 {
        let note =
          "4 of 4 rows to evaluate on of 'train', fold \(fold), have a text that is trained on as well, in 'train': their scores are too good"
        #expect(repeated.stdout.contains(note), "\(repeated.stdout)\(repeated.stderr)")
      }
    }
  }

  @Test("a run names the stages and data that no arm uses") func unused() throws {
    try Sandbox.with { sandbox in
      try Self.experiment(sandbox)
      try sandbox.replace(
        "  test: {evaluate", with: "  onnx: {export: onnx}\n  more: {train: rest}\n  test: {evaluate",
        in: "experiment.yaml")
      try sandbox.replace("data: {", with: "data: {rest: {files: train.csv}, ", in: "experiment.yaml")
      let command = ["run", "experiment.yaml", "--output", "out"]
      let dry = try sandbox.graft(command + ["--dry-run", "--quiet"])
      let note = "no arm uses the stages 'onnx', 'more' and the data 'rest'"
      #expect(dry.code == 0 && dry.stdout.contains("\n\(note)\n"), "\(dry.stdout)\(dry.stderr)")
      let outcome = try sandbox.graft(command)
      #expect(outcome.code == 0 && outcome.stderr.contains("\n\(note)\n"), "\(outcome.stderr)")
      try Self.experiment(sandbox)
      let all = try sandbox.graft(command + ["--dry-run"])
      #expect(all.code == 0 && !all.stdout.contains("no arm uses"), "\(all.stdout)")
    }
  }

  @Test("top-k accuracies that a stage asks for are shown") func topK() throws {
    try Sandbox.with { sandbox in
      try Self.experiment(sandbox, evaluate: "evaluate: test, top-k: [2, 3]")
      let outcome = try sandbox.graft(["run", "experiment.yaml", "--output", "out"])
      #expect(
        outcome.stderr.contains("eval_top_2_accuracy 0.") || outcome.stderr.contains("eval_top_2_accuracy 1"),
        "\(outcome.stderr)")
      let report = try String(contentsOf: sandbox.url("out/report.md"), encoding: .utf8)
      #expect(report.contains("| Top-2 accuracy | Top-3 accuracy |"), "\(report)")
    }
  }

  @Test("a training stage says into how many windows texts are cut") func windows() throws {
    try Sandbox.with { sandbox in
      try Self.experiment(sandbox, train: "train: train, long-texts: windows, stride: 2")
      let outcome = try sandbox.graft(["run", "experiment.yaml", "--output", "out"])
      // Two texts of 23 tokens, in windows of 10 beside [CLS] and [SEP], each 8 farther: 3 each.
      #expect(
        outcome.stderr.contains("    8 texts in 12 windows of at most 12 tokens\n"), "\(outcome.stderr)")
    }
  }

  static let rows = [
    Row(
      "head swap {masked-lm} --to sequence-classification --labels-from blank.csv --output out",
      stderr: ["warning: 2 of 4 rows have no label: they cannot be trained on\n", "rows of each: a 1, b 1\n"]
    ) { try $0.write("blank.csv", "text,label\nx,a\ny,\nz,b\nw,\n") },
    Row(
      "head swap {masked-lm} --to sequence-classification --labels-from na.jsonl --output out",
      stderr: [
        "warning: 1 of 4 rows has no label: they cannot be trained on\n",
        "warning: 'N/A' is taken for a label: leave such rows out where a missing one is meant\n",
      ]
    ) {
      try $0.write(
        "na.jsonl",
        """
        {"text": "x", "label": "N/A"}
        {"text": "y", "label": null}
        {"text": "z", "label": "a"}
        {"text": "w", "label": "a"}

        """)
    },
    Row(
      "train model --data train.csv --eval-data test.csv --max-steps 1 --output out", code: 1,
      stderr: ["test.csv: row 3: ", "Set --eval-label-base to 1 when classes are counted from 1; else"],
      prepare: { try labelled($0, test: "text,label\nx,1\ny,2\n") }),
    Row(
      "train model --data train.csv --eval-data test.csv --max-steps 1 --output out", code: 1,
      stderr: [
        "test.csv: column 'text': no such column", "--eval-text-column and --eval-label-column",
      ],
      prepare: { try labelled($0, test: "body,label\nx,1\ny,0\n") }),
    Row(
      "train model --data sequence-classification=train.csv --eval-data sequence-classification=test.csv --max-steps 1 --output out",
      code: 1,
      stderr: [
        "test.csv: column 'text': no such column", "--eval-text-column and --eval-label-column",
      ],
      prepare: { try labelled($0, test: "body,label\nx,1\ny,0\n") }),
    Row(
      "train model --data train.csv --eval-data test.csv --eval-label-base 1 --max-steps 1 --output out",
      stdout: ["out"], prepare: { try labelled($0, test: "text,label\nx,1\ny,2\n") }),
    Row(
      "train model --data train.csv --epochs 1 --save-strategy epoch --average-last 2 --output out", code: 1,
      stderr: [
        "--average-last: the run writes fewer checkpoints than are averaged; expected at most 1, found 2.",
        "A checkpoint is written after each epoch, and the run has 1: train for more --epochs, or save by steps: --save-strategy.",
      ], prepare: { try labelled($0) }),
    Row(
      "train model --data train.csv --max-steps 2 --save-steps 2 --average-last 2 --output out", code: 1,
      stderr: ["Save more often: --save-steps is 2, and the run has 2 steps."], prepare: { try labelled($0) }),
    Row(
      "train model --data train.csv --max-steps 1 --output out --matryoshka 16", code: 1,
      stderr: [
        "error: --matryoshka: the head 'sequence-classification' does not learn vectors for texts. Leave out this option."
      ],
      prepare: { try labelled($0) }),
    Row(
      "train model --data train.csv --max-steps 1 --output out --loss-scale 10", code: 1,
      stderr: ["error: --loss-scale: the head 'sequence-classification' does not learn vectors for texts."],
      prepare: { try labelled($0) }),
    Row(
      "run experiment.yaml --output out --dry-run", code: 1,
      stderr: [
        "experiment.yaml: 3:48: ", "train.csv: column 'lable': no such column",
        "'text-column' and 'label-column'",
      ]
    ) {
      try experiment($0)
      try $0.replace(
        "{files: train.csv}", with: "{files: train.csv, label-column: lable}", in: "experiment.yaml")
    },
    Row(
      "run experiment.yaml --output out --dry-run", code: 1,
      stderr: ["Did you mean 'f1_macro'?\n"]
    ) {
      try experiment(
        $0,
        train:
          "train: train, eval-data: test, load-best-model-at-end: true, metric-for-best-model: f1_makro")
    },
  ]

  private static func labelled(_ sandbox: Sandbox, test: String? = nil) throws {
    try sandbox.write("train.csv", "text,label\nhe,0\nis,1\n")
    if let test { try sandbox.write("test.csv", test) }
    let outcome = try sandbox.graft([
      "head", "swap", "{masked-lm}", "--to", "sequence-classification", "--labels-from", "train.csv",
      "--output",
      "model",
    ])
    try #require(outcome.code == 0, "\(outcome.stderr)")
  }

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }

  @Test("that a model takes fewer tokens is said once") func lengthOnce() throws {
    try Sandbox.with { sandbox in
      try Self.labelled(sandbox, test: "text,label\nx,1\ny,0\n")
      let outcome = try sandbox.graft([
        "train", "model", "--data", "train.csv", "--eval-data", "test.csv", "--max-steps", "1",
        "--max-length", "100",
        "--output", "out",
      ])
      #expect(
        outcome.stderr.components(separatedBy: "texts of 100 tokens were asked for").count == 2,
        "\(outcome.stderr)")
    }
  }

  @Test("thresholds that were chosen before are said to be kept by further training") func thresholds() throws
  {
    try Sandbox.with { sandbox in
      try sandbox.write("train.csv", "text,a,b\nhe,1,0\nis,0,1\nthe,1,1\n")
      func graft(_ command: String) throws -> String {
        let outcome = try sandbox.graft(command.split(separator: " ").map(String.init))
        try #require(outcome.code == 0, "\(outcome.stderr)")
        return outcome.stderr
      }
      _ = try graft(
        "head swap {masked-lm} --to sequence-classification --labels a,b --problem-type multi-label --output model"
      )
      let train = "train model --data train.csv --label-column a,b --max-steps 1"
      #expect(try !graft("\(train) --output first").contains("kept"))
      try sandbox.replace(
        "\"problem_type\"", with: "\"decision_threshold\": [0.25, 0.75], \"problem_type\"",
        in: "model/config.json")
      let note =
        "the head's thresholds of before, 0.25, 0.75, are kept and decide the scores: to choose anew for the new weights, tune the threshold\n"
      #expect(try graft("\(train) --output second").contains(note))
      #expect(
        try !graft("\(train) --eval-data train.csv --tune-threshold global --output third").contains(
          "of before"))
      // One half is what everybody has.
      try sandbox.replace("[0.25, 0.75]", with: "0.5", in: "model/config.json")
      #expect(try !graft("\(train) --output fourth").contains("of before"))
      // The key means nothing to a head that gives one label.
      try sandbox.write("single.csv", "text,label\nhe,a\nis,b\n")
      _ = try graft(
        "head swap {masked-lm} --to sequence-classification --labels a,b --output single")
      try sandbox.replace(
        "\"id2label\"", with: "\"decision_threshold\": [0.25, 0.75], \"id2label\"", in: "single/config.json")
      #expect(
        try !graft("train single --data single.csv --max-steps 1 --output fifth").contains("of before"))
    }
  }

  @Test("a second training says nothing of a length that was not asked for") func lengthAgain() throws {
    try Sandbox.with { sandbox in
      try Self.labelled(sandbox)
      func train(_ model: String, _ output: String, _ more: [String] = []) throws -> String {
        let outcome = try sandbox.graft(
          ["train", model, "--data", "train.csv", "--max-steps", "1", "--output", output] + more)
        try #require(outcome.code == 0, "\(outcome.stderr)")
        return outcome.stderr
      }
      _ = try train("model", "first")
      #expect(try !train("first", "second").contains("before, the head was trained with"))
      _ = try train("model", "short", ["--max-length", "12"])
      #expect(
        try train("short", "third").contains(
          "before, the head was trained with 12: --max-length 12 goes on so\n"))
    }
  }

  @Test("warnings stand although a text fails, each once") func warningsBesideErrors() throws {
    try Sandbox.with { sandbox in
      let swap = try sandbox.graft([
        "head", "swap", "{masked-lm}", "--to", "token-classification", "--labels", "O,A", "--output", "model",
      ])
      try #require(swap.code == 0, "\(swap.stderr)")
      try HostileInputTests.removeSpecialTokens(sandbox)
      try sandbox.write("d.csv", "text\nthe world\nis oil\n\"\"\nthe\n")
      let outcome = try sandbox.graft(["tag", "model", "--input", "d.csv", "--allow-untrained"])
      #expect(outcome.code == 1 && outcome.stdout.contains("text 2\n"), "\(outcome.stdout)\(outcome.stderr)")
      #expect(
        outcome.stderr.components(separatedBy: "its predictions would be random").count == 2,
        "\(outcome.stderr)")
    }
  }

  @Test("tokenize says what files that disagree come to") func disagreeing() throws {
    try Sandbox.with { sandbox in
      try sandbox.copy("masked-lm")
      let file = try JSON(file: sandbox.url("model/tokenizer_config.json"))
      var members = try #require(file.object)
      let lowers = members["do_lower_case"]?.bool ?? true
      members["do_lower_case"] = JSON(!lowers)
      try sandbox.write("model/tokenizer_config.json", JSON.object(members).text())
      let outcome = try sandbox.graft(["tokenize", "model", "He"])
      #expect(
        outcome.stderr.contains("note: ") && outcome.stderr.contains("goes by tokenizer_config.json"),
        "\(outcome.stderr)")
    }
  }
}
