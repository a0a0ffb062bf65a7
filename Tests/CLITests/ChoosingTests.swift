import Foundation
import TestSupport
import Testing

/// `graft` with a head that chooses one of several texts.
@Suite("Choosing texts")
struct ChoosingTests {
  private static let data = repository.appending(path: "Fixtures/choices/test.jsonl").path

  static let rows: [Row] = [
    Row(
      "predict {multiple-choice} game --choice team --choice bank --json",
      stdout: [
        "\"text\": \"game\"", "\"bank\"", "\"prediction\": ", "\"choice\": ", "\"scores\": [",
      ]),
    Row("predict {multiple-choice} --input \(data) --take 2", stdout: ["Which one is for the web?"]),
    Row(
      "predict {multiple-choice} --input a.jsonl --json-lines",
      stdout: [#"{"text":"he is","question":"who","choices":["he","she"],"prediction":"#],
      prepare: {
        try $0.write("a.jsonl", #"{"question": "who", "context": "he is", "choices": ["he", "she"]}"# + "\n")
      }),
    Row(
      "predict {multiple-choice} game", code: 1,
      stderr: ["there is nothing to choose from. Give each choice with --choice, or a file with --input."]),
    Row(
      "predict {multiple-choice} game --choice one", code: 64,
      stderr: ["Give --choice at least twice."]),
    Row(
      "predict {multiple-choice} --input \(data) --choice one --choice two", code: 64,
      stderr: ["Files have their own choices: leave out --choice."]),
    Row(
      "predict {sequence-classification} text --choice one --choice two", code: 1,
      stderr: ["the head 'sequence-classification' does not choose among texts. Leave out --choice."]),
    Row(
      "evaluate {multiple-choice} --data \(data)",
      stdout: ["eval_accuracy", "eval_log_loss", "eval_expected_calibration_error", "eval_samples"]),
    Row(
      "evaluate {multiple-choice} --data swag.csv", stdout: ["eval_accuracy"],
      prepare: {
        try $0.write("swag.csv", "sent1,sent2,ending0,ending1,label\nthe game,he,plays,wins,1\n")
      }),
    Row(
      "predict {multiple-choice} a --choice b --choice", [""], code: 1,
      stderr: ["graft: error: an empty choice"]),
    Row(
      "evaluate {multiple-choice} --data a.jsonl --label-base 9223372036854775807", code: 1,
      stderr: ["a.jsonl: row 1: an answer that is none of the choices", "found '3'"],
      prepare: {
        try $0.write("a.jsonl", #"{"question": "who", "choices": ["he", "she"], "label": 3}"# + "\n")
      }),
    Row(
      "train {multiple-choice} --data \(data) --output out --class-weights balanced", code: 1,
      stderr: ["--class-weights: the choices of the head 'multiple-choice' have no weights"]),
    Row(
      "train {multiple-choice} --data \(data) --output out --max-steps 2 --label-smoothing-factor 0.1",
      stdout: ["train_loss"]),
    Row(
      "evaluate {multiple-choice} --data a.jsonl", code: 1,
      stderr: ["a.jsonl: row 1: an answer that is none of the choices; expected 0 to 1, A to B"],
      prepare: {
        try $0.write("a.jsonl", #"{"question": "who", "choices": ["he", "she"], "answer": "E"}"# + "\n")
      }),
  ]

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }

  @Test("rows that the head cannot read are no pairs that are new to it")
  func otherRows() throws {
    try Sandbox.with { sandbox in
      let trained = try sandbox.graft([
        "train", "{multiple-choice}", "--data", Self.data, "--output", "m", "--max-steps", "1",
      ])
      #expect(trained.code == 0, "\(trained.stderr)")
      let questions = repository.appending(path: "Fixtures/answering/test.json").path
      let outcome = try sandbox.graft(["evaluate", "m", "--data", questions])
      #expect(outcome.code == 1 && !outcome.stderr.contains("these are pairs"), "\(outcome.stderr)")
    }
  }

  @Test("the session of the page about choices runs as written")
  func page() throws {
    let session = try ReadmeTests.session(of: "Sources/GraftKit/GraftKit.docc/ChoosingTexts.md")
    #expect(
      session.last?.output.hasPrefix("1\t") == true
        && session.last?.output.contains("HTTP server in PHP") == true)
  }
}
