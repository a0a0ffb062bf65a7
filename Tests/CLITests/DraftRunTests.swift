import Foundation
import GraftTensors
import TestSupport
import Testing

/// `graft run --init`: an experiment for data of one's own, which runs as it stands.
@Suite struct DraftRunTests {
  private static func data(_ sandbox: Sandbox) throws {
    let rows = (0..<30).map { "the film number \($0) was \($0 % 3 == 0 ? "bad,no" : "good,yes")" }
    try sandbox.write("train.csv", "review,liked\n" + rows.joined(separator: "\n") + "\n")
  }

  static let rows = [
    Row("run --init --output e.yaml", code: 64, stderr: ["--init needs --train-file FILE."]),
    Row(
      "run --init --train-file a.csv --output e.yaml --base bert", code: 64,
      stderr: ["--base has no meaning with --init. Give the checkpoint as EXPERIMENT."]),
    Row(
      "run --init --train-file a.csv --output e.yaml --seeds 1,2", code: 64,
      stderr: ["--seeds has no meaning with --init."]),
    Row("run x.yaml --train-file a.csv --output out", code: 64, stderr: ["--train-file goes with --init."]),
    Row("run x.yaml --text-column a --output out", code: 64, stderr: ["--text-column goes with --init."]),
    Row(
      "run --init --train-file a.csv --take 5 --output e.yaml", code: 64, stderr: ["--take is not for --init"]
    ),
    Row(
      "run --init --train-file - --output e.yaml", code: 1,
      stderr: [
        "standard input: an experiment needs files, which it reads whenever it runs. Write the rows to a file first."
      ], input: "text,label\nhe,a\n"),
    Row("run --output out", code: 64, stderr: ["Missing expected argument '<EXPERIMENT>'"]),
    Row(
      "run --init --train-file train.csv --output e.yaml", code: 1,
      stderr: ["e.yaml: a file of that name exists"]
    ) {
      try data($0)
      try $0.write("e.yaml", "mine")
    },
    Row(
      "run --init {masked-lm} --train-file train.csv --output e.yaml --eval-text-column 2", code: 64,
      stderr: ["--eval-text-column is about the rows of --eval-file."]
    ) { try data($0) },
    Row(
      "run --init {masked-lm} --train-file train.csv --eval-file test.csv --eval-text-column 3 --eval-label-column 1 --output e.yaml",
      stderr: ["2 rows to evaluate on (texts: '3', labels: '1')\n"]
    ) {
      try data($0)
      try $0.write("test.csv", "yes,a,the film was so good\nno,b,it was bad\n")
    },
    Row(
      "run --init {masked-lm} --train-file train.csv --output e.yaml --json",
      stdout: [#""kind": "single-label""#, #""is_held_out": true"#, #""rows": 30"#]
    ) { try data($0) },
  ]

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }

  @Test(.timeLimit(.minutes(5))) func whatIsWrittenRuns() throws {
    try Sandbox.with { sandbox in
      try sandbox.copy("masked-lm", to: "bert")
      try Self.data(sandbox)
      let first = try sandbox.graft(
        ["run", "--init", "bert", "--train-file", "train.csv", "--output", "experiment.yaml"])
      #expect(first.code == 0 && first.stdout == "wrote experiment.yaml\n", "\(first.stderr)")
      #expect(first.stderr.contains("texts: 'review'\nlabels: 'liked', one of 2 for each text\n"))
      let text = try String(contentsOf: sandbox.url("experiment.yaml"), encoding: .utf8)
      #expect(text.contains("\nbase: bert\n") && text.contains("graft run experiment.yaml --output results"))
      let run = try sandbox.graft(["run", "experiment.yaml", "--output", "results", "--quiet"])
      #expect(run.code == 0, "\(run.stderr)")
      #expect(run.stdout.contains("fine-tuned"))
      #expect(FileManager.default.fileExists(atPath: sandbox.url("results/report.html").path))
    }
  }

  /// Rows of other tasks than the labels of texts.
  @Test(.timeLimit(.minutes(5))) func whatIsWrittenForOtherTasksRuns() throws {
    try Sandbox.with { sandbox in
      try sandbox.copy("masked-lm", to: "bert")
      let sentence = "the\tO\nwork\tB-JOB\nof\tO\nhe\tB-PER\n\n"
      try sandbox.write("words.conll", String(repeating: sentence, count: 20))
      let question = #"{"question": "who can", "context": "he can do it", "#
      let answer = #""answers": {"text": ["he"], "answer_start": [0]}}"#
      try sandbox.write("asked.jsonl", String(repeating: question + answer + "\n", count: 20))
      for (file, head) in [("words.conll", "token-classification"), ("asked.jsonl", "question-answering")] {
        let first = try sandbox.graft(
          ["run", "--init", "bert", "--train-file", file, "--output", "\(head).yaml"])
        #expect(first.code == 0 && first.stderr.contains("rows of the head '\(head)'"), "\(first.stderr)")
        let run = try sandbox.graft(["run", "\(head).yaml", "--output", head, "--quiet"])
        #expect(run.code == 0 && run.stdout.contains(head), "\(run.stderr)")
      }
    }
  }
}
