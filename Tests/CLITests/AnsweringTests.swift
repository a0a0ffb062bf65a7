import Foundation
import GraftTensors
import TestSupport
import Testing

/// Heads that answer questions, on the command line.
@Suite struct AnsweringTests {
  private static let ask = "answer {question-answering} --question who --context"

  /// A question with an answer and one without.
  @Sendable private static func questions(_ sandbox: Sandbox) throws {
    try sandbox.write(
      "a.jsonl",
      #"{"question": "who", "context": "he can", "answers": {"text": ["he"], "answer_start": [0]}}"# + "\n"
        + #"{"question": "what", "context": "do it", "answers": {"text": [], "answer_start": []}}"# + "\n")
  }

  static let rows: [Row] = [
    Row(ask, ["he can do it"], stdout: [" score  offsets  answer\n0."]),
    Row("\(ask)-file -", stdout: ["–"], input: "he can\ndo it\n"),
    Row(
      "\(ask)-file a.txt --n-best 3", stdout: ["\n0.", "–"],
      prepare: { try $0.write("a.txt", "he can do it") }),
    Row(
      ask, ["he can do it", "--json", "--n-best", "2"],
      stdout: [
        "\"question\": \"who\"", "\"answer\": \"", "\"score\": 0.", "\"start\": ", "\"end\": ",
        "\"null_score_difference\": ", "\"candidates\": [",
      ]),
    Row(ask, ["he can do it", "--null-threshold", "-100"], stdout: ["no answer\n"]),
    Row(ask, [""], whole: "no answer\n"),
    Row(
      "answer {question-answering} --input a.jsonl", stdout: ["who\n score", "\n\nwhat\n score"],
      prepare: {
        try $0.write(
          "a.jsonl",
          #"{"id": 7, "question": "who", "context": "he can"}"# + "\n"
            + #"{"question": "what", "context": "do it"}"# + "\n")
      }),
    Row(
      "answer {question-answering} --input a.csv", stdout: ["who\n score", "\n\nwhat\n score"],
      prepare: { try $0.write("a.csv", "question,context,text\nwho,he can,he\n,he can,what\n") }),
    Row("answer {question-answering} --input \(data) --take 2 --json", stdout: ["\"id\": \"test-1\""]),
    Row(
      "answer {question-answering} --input \(data) --take 2 --json-lines",
      stdout: [#"{"id":"test-1","question":""#, "}\n{\"id\":"]),
    Row("answer {question-answering} --question who", code: 64, stderr: ["Give --question with --context"]),
    Row("answer {question-answering} --context who", code: 64, stderr: ["Give --question with --context"]),
    Row(
      ask, ["he", "--context-file", "a"], code: 64, stderr: ["Give --context or --context-file, not both."]),
    Row(ask, ["he", "--json", "--json-lines"], code: 64, stderr: ["Give --json for one document or"]),
    Row(ask, ["he", "--take", "2"], code: 64, stderr: ["--take is about files: give --input FILE."]),
    Row(
      ask, ["he", "--input", "a"], code: 64,
      stderr: ["Files have their own questions and contexts: leave out --question, --context"]),
    Row(
      ask, ["he", "--label-column", "a"], code: 64,
      stderr: ["Unknown option '--label-column'.", "Usage: graft answer"]),
    Row(
      "answer {question-answering} --input a.json", code: 1,
      stderr: ["a.json: question 2: there is no question"],
      prepare: {
        try $0.write(
          "a.json",
          #"{"data": [{"paragraphs": [{"context": "he can", "#
            + #""qas": [{"question": "who"}, {"question": ""}]}]}]}"#)
      }),
    Row(ask, ["he", "--n-best", "0"], code: 64, stderr: ["--n-best must be at least 1."]),
    Row(
      ask, ["he", "--max-answer-length", "0"], code: 64, stderr: ["--max-answer-length must be at least 1."]),
    Row(
      ask, ["he can do it and so can they", "--max-length", "8", "--stride", "6"], code: 1,
      stderr: [
        "no room for a window: the stride is too large; expected room for more than the stride of 6 tokens in 8, "
          + "found room for 4 beside 1 token"
      ]),
    Row(
      "answer {question-answering} --question",
      ["he can do", "--context", "he can do it and so can they"]
        + ["--max-length", "8", "--stride", "2"], code: 1,
      stderr: [
        "no room for a window: the text beside it, such as a question, is too long; expected room for more than the "
          + "stride of 2 tokens in 8, found room for 2 beside 3 tokens"
      ]),
    Row(
      "answer {masked-lm} --question who --context he", code: 1,
      stderr: [
        "the head 'masked-lm' finds no answers. Swap it for one that does: 'graft head swap CKPT --to NAME"
      ]),
    Row(
      "predict {question-answering} who", code: 1,
      stderr: ["error: there is no context to find an answer in"]),
    Row(
      "evaluate {question-answering} --data \(data) --take 5",
      stdout: ["eval_exact  ", "eval_f1 ", "eval_HasAns_exact", "eval_best_f1_thresh", "eval_samples"]),
    Row("evaluate {question-answering} --data a --null-threshold inf", code: 64, stderr: ["must be finite"]),
    Row(
      "evaluate {sequence-classification} --data a.csv --null-threshold 0", code: 1,
      stderr: ["the head 'sequence-classification' finds no answers"],
      prepare: { try $0.write("a.csv", "text,label\nhe,World\n") }),
    Row(
      "train {question-answering} --data a.jsonl --eval-data a.jsonl --tune-threshold label --output out",
      code: 1,
      stderr: [
        "--tune-threshold: the head 'question-answering' has one threshold; expected global, found label"
      ],
      prepare: questions),
    Row(
      "evaluate {question-answering} --data a.jsonl --tune-threshold global --null-threshold 1", code: 64,
      stderr: ["--tune-threshold goes without"]),
    Row(
      "evaluate {question-answering} --data a.jsonl --tune-threshold global", code: 1,
      stderr: ["these data do not say which threshold is best"],
      prepare: {
        try $0.write(
          "a.jsonl",
          #"{"question": "who", "context": "he can", "answers": {"text": ["he"], "answer_start": [0]}}"#
            + "\n")
      }),
    Row(
      "train {question-answering} --data a.jsonl --eval-data a.jsonl --tune-threshold global --max-steps 1 --output out",
      stderr: ["no threshold is chosen: the evaluation data need rows with and without something to find"],
      prepare: {
        try $0.write(
          "a.jsonl",
          #"{"question": "who", "context": "he can", "answers": {"text": ["he"], "answer_start": [0]}}"#
            + "\n")
      }),
    Row(
      "train {masked-lm} --data a.jsonl --eval-data a.jsonl --tune-threshold global --output out", code: 1,
      stderr: ["only a head that gives several labels has thresholds"],
      prepare: { try $0.write("a.jsonl", #"{"text": "he can do it"}"# + "\n") }),
    Row(
      "evaluate {question-answering} --data a.jsonl --null-threshold -100 --json",
      stdout: [#""eval_NoAns_exact": 1"#, #""eval_HasAns_exact": 0"#, #""eval_exact": 0.5"#],
      prepare: questions),
    Row(
      "evaluate {question-answering} --data a.jsonl --null-threshold 100 --json",
      stdout: [#""eval_NoAns_exact": 0"#], prepare: questions),
    Row(
      "evaluate {question-answering} --data a.jsonl", code: 1,
      stderr: ["a.jsonl: row 1: an answer is not at its place in the context; expected 'can' at 0"],
      prepare: {
        try $0.write(
          "a.jsonl",
          #"{"question": "who", "context": "he can", "answers": {"text": ["can"], "answer_start": [0]}}"#
            + "\n")
      }),
  ]

  private static let data = repository.appending(path: "Fixtures/answering/test.json").path

  @Test("what was trained on SQuAD's documents is evaluated on the same questions in JSON Lines")
  func linesAfterDocuments() throws {
    try Sandbox.with { sandbox in
      let question =
        #""question": "who", "context": "he can", "answers": {"text": ["he"], "answer_start": [0]}"#
      try sandbox.write("a.jsonl", "{\(question)}\n")
      try sandbox.write(
        "a.json",
        #"{"data": [{"paragraphs": [{"context": "he can", "qas": [{"id": "1", "question": "who", "answers": "#
          + #"[{"text": "he", "answer_start": 0}]}]}]}]}"#)
      func run(_ line: String) throws -> Sandbox.Outcome {
        try sandbox.graft(line.split(separator: " ").map { sandbox.resolve(String($0)) })
      }
      let trained = try run(
        "train {question-answering} --data a.json --output m --max-steps 1 --save-strategy no")
      #expect(trained.code == 0, "\(trained.stderr)")
      let documents = try run("evaluate m --data a.json --json")
      let lines = try run("evaluate m --data a.jsonl --json")
      #expect(lines.code == 0, "\(lines.stderr)")
      for key in ["eval_loss", "eval_f1"] {
        let found = try [documents, lines].map { try JSON(parsing: Array($0.stdout.utf8))[key]?.double }
        #expect(found[0] != nil && found[0] == found[1], "\(key)")
      }
    }
  }

  @Test("the threshold of no answer is chosen on data, kept, and used by what follows")
  func tunedThreshold() throws {
    try Sandbox.with { sandbox in
      try sandbox.copy("question-answering", to: "m")
      func run(_ line: String) throws -> JSON {
        let outcome = try sandbox.graft(line.split(separator: " ").map(String.init) + ["--json"])
        #expect(outcome.code == 0, "\(outcome.stderr)")
        return try JSON(parsing: Array(outcome.stdout.utf8))
      }
      let tuned = try run("evaluate m --data \(Self.data) --take 40 --tune-threshold global")
      let kept = try #require(JSON(file: sandbox.url("m/config.json"))["null_score_diff_threshold"]?.double)
      #expect(Float(kept) == tuned["eval_best_f1_thresh"]?.double.map { Float($0) })
      let after = try run("evaluate m --data \(Self.data) --take 40")
      for key in ["eval_f1", "eval_exact", "eval_HasAns_f1", "eval_NoAns_f1"] {
        #expect(after[key] == tuned[key], "\(key)")
      }
      // Each answer goes by it.
      for answer in try #require(run("answer m --input \(Self.data) --take 40").array) {
        let difference = try #require(answer["null_score_difference"]?.double)
        #expect((answer["start"] == .null) == (Float(difference) > Float(kept)))
      }
      let trained = try sandbox.graft([
        "train", "m", "--data", Self.data, "--eval-data", Self.data, "--take", "8", "--max-steps", "1",
        "--tune-threshold", "global", "--output", "out",
      ])
      #expect(
        trained.code == 0 && trained.stderr.contains("is kept with the model: F1 0."), "\(trained.stderr)")
    }
  }

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }

  @Test(
    "answers come in order, the same by every way of printing them, and stay before an error in a later row")
  func forms() throws {
    try Sandbox.with { sandbox in
      let good = (1...100).map { #"{"question": "who \#($0)", "context": "he can"}"# + "\n" }.joined()
      try sandbox.write("good.jsonl", good)
      try sandbox.write("bad.jsonl", good + #"{"question": "what"}"# + "\n")
      func answer(_ more: String...) throws -> Sandbox.Outcome {
        try sandbox.graft(["answer", "{question-answering}", "--quiet", "--input"] + more)
      }
      let lines = try answer("good.jsonl", "--json-lines")
      let document = try answer("good.jsonl", "--json")
      let objects = try lines.stdout.split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
      #expect(objects.map { $0["question"]?.string } == (1...100).map { "who \($0)" })
      #expect(try JSON(parsing: Array(document.stdout.utf8)).array == objects)
      let piped = try sandbox.shell(
        "cat good.jsonl | $GRAFT answer \(sandbox.resolve("{question-answering}")) -q --input - --json-lines")
      #expect(piped.stdout == lines.stdout, "\(piped.stderr)")
      for (form, whole) in [("--json-lines", lines), ("--json", document)] {
        let broken = try answer("bad.jsonl", form)
        #expect(broken.code == 1 && broken.stdout == whole.stdout, "\(form)")
        #expect(broken.stderr.contains("bad.jsonl: row 101: there is no context to find an answer in"))
      }
    }
  }

  @Test("columns that the head was trained on are taken where none are named")
  func trainedColumns() throws {
    try Sandbox.with { sandbox in
      try sandbox.write(
        "a.jsonl",
        #"{"q": "who", "c": "he can", "answers": {"text": ["he"], "answer_start": [0]}}"# + "\n")
      let columns = ["--text-column", "q", "--pair-column", "c"]
      let trained = try sandbox.graft(
        ["train", "{question-answering}", "--data", "a.jsonl", "--output", "m", "--max-steps", "1"] + columns)
      #expect(trained.code == 0, "\(trained.stderr)")
      let named = try sandbox.graft(["answer", "m", "--input", "a.jsonl", "--json"] + columns)
      let taken = try sandbox.graft(["answer", "m", "--input", "a.jsonl", "--json"])
      #expect(named.code == 0 && named.stdout == taken.stdout, "\(named.stderr)\(taken.stderr)")
    }
  }

  @Test("the session of the page about questions runs as written")
  func page() throws {
    let session = try ReadmeTests.session(of: "Sources/GraftKit/GraftKit.docc/AnsweringQuestions.md")
    let outputs = session.map(\.output).joined()
    #expect(outputs.contains("  Python\n"))
  }
}
