import Foundation
import GraftTensors
import TestSupport
import Testing

/// Training a tokenizer, and making a model for it.
@Suite struct TokenizerTests {
  private static func packages(_ sandbox: Sandbox) throws {
    try FileManager.default.createSymbolicLink(
      at: sandbox.url("packages"), withDestinationURL: fixtures.appending(path: "packages"))
  }

  static let rows: [Row] = [
    Row("tokenizer", stdout: ["OVERVIEW: Train a tokenizer.", "train"]),
    Row("tokenizer train a.txt --output out", code: 64, stderr: ["Give --type or --family."]),
    Row("tokenizer train --type bpe --output out", code: 64, stderr: ["Missing expected argument '<FILE>"]),
    Row(
      "tokenizer train a.txt --type bpe --vocab-size 0 --output out", code: 64,
      stderr: ["--vocab-size must be between 1 and 10000000."]),
    Row(
      "tokenizer train a.txt --type bpe --special-tokens a,,b --output out", code: 64,
      stderr: ["--special-tokens has an empty token."]),
    Row(
      "tokenizer train a.txt --type bpe --text-column 0 --output out", code: 64, stderr: ["no column 0"]),
    Row(
      "tokenizer train nowhere.txt --type bpe --output out", code: 1,
      stderr: ["graft: error: nowhere.txt: no such file"]),
    Row(
      "tokenizer train packages/train.csv --type byte --output out", code: 64,
      stderr: ["unknown type of tokenizer 'byte'. Known: wordpiece, bpe"], prepare: packages),
    Row(
      "tokenizer train packages/train.csv --family bert --vocab-size 20 --output out", code: 1,
      stderr: ["Raise --vocab-size, or lower --limit-alphabet."], prepare: packages),
    Row(
      "tokenizer train packages/train.csv --family bert --text-column body --output out", code: 1,
      stderr: ["packages/train.csv: column 'body': no such column"], prepare: packages),
    Row(
      "tokenizer train packages/train.csv --type bpe --output packages", code: 1,
      stderr: ["packages: "], prepare: packages),
    Row(
      "tokenizer train rows.txt --type wordpiece --vocab-size 60 --data-format tsv --delimiter ~ --quoting none --text-column 2 --output out",
      stdout: ["example", "\"Ada lives", "from        1 text, 5 words"]
    ) { try $0.write("rows.txt", "7~\"Ada lives in London\n") },
    Row("init --output out", code: 64, stderr: ["Give --family and --tokenizer, or DIR"]),
    Row("init {base} --family bert --output out", code: 64, stderr: ["not both"]),
    Row(
      "init --family berd --tokenizer {base} --output out", code: 64,
      stderr: ["unknown family 'berd'. Known: ", "Did you mean 'bert'?"]),
    Row(
      "init --family bert --size huge --tokenizer {base} --output out", code: 64,
      stderr: ["unknown size 'huge'. Known: tiny, mini, small, medium, base, large."]),
  ]

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }

  @Test("a tokenizer, a model for it, training: from nothing to a masked language model")
  func fromNothing() throws {
    try Sandbox.with { sandbox in
      try Self.packages(sandbox)
      let trained = try sandbox.graft([
        "tokenizer", "train", "packages/train.csv", "--family", "roberta", "--vocab-size", "600", "--take",
        "200", "--special-tokens", "<url>", "--lowercase", "--output", "tokenizer", "--json",
      ])
      #expect(trained.code == 0, "\(trained.stderr)")
      let summary = try JSON(parsing: Array(trained.stdout.utf8))
      #expect(summary["vocabulary_size"] == 600)
      #expect(summary["special_tokens"] == 6)
      #expect(summary["texts"] == 200)
      #expect(summary["example"]?["tokens"]?.array?.first == "<s>")
      let tokens = try sandbox.graft(["tokenize", "tokenizer", "A <url>  server", "--json"])
      #expect(tokens.stdout.contains("\"<url>\"") && tokens.stdout.contains("\"a\""))
      let made = try sandbox.graft([
        "init", "--family", "roberta", "--size", "tiny", "--tokenizer", "tokenizer", "--output", "model",
      ])
      #expect(made.stdout.hasPrefix("RobertaForMaskedLM, "), "\(made.stderr)")
      let run = try sandbox.graft([
        "train", "model", "--data", "packages/train.csv", "--take", "16", "--max-steps", "2", "--output",
        "run",
      ])
      #expect(run.code == 0, "\(run.stderr)")
      let answer = try sandbox.graft(["fill-mask", "run", "a <mask> server", "--top-k", "1"])
      #expect(answer.code == 0 && answer.stdout.contains("token"), "\(answer.stderr)")
    }
  }

  @Test("the session of the page about beginning from nothing runs as written, with what the page shows")
  func page() throws {
    let page = "Sources/GraftKit/GraftKit.docc/FromNothing.md"
    let text = try String(contentsOf: repository.appending(path: page), encoding: .utf8)
    // Losses and times differ from machine to machine.
    for (command, output) in try ReadmeTests.session(of: page) where !command.contains(" train model ") {
      #expect(text.contains("$ \(command)\n\(output)"), "\(output)")
    }
  }

  @Test("too little text is said, and is no error")
  func littleText() throws {
    try Sandbox.with { sandbox in
      try sandbox.write("a.txt", "ab ab abc\n")
      let outcome = try sandbox.graft([
        "tokenizer", "train", "a.txt", "--type", "wordpiece", "--output", "out",
      ])
      #expect(outcome.code == 0)
      #expect(outcome.stderr.contains("the texts yield only 11 tokens"), "\(outcome.stderr)")
      #expect(outcome.stdout.contains("wordpiece, as in bert"))
    }
  }
}
