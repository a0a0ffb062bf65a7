import Foundation
import GraftTensors
import TestSupport
import Testing

/// Answers that come while there is more to read.
@Suite struct StreamingTests {
  private static let classifier = fixtures.appending(path: "bert-tiny/sequence-classification").path
  private static let tagger = fixtures.appending(path: "bert-tiny/token-classification").path

  @Test("a text is answered before the next one comes") func conversation() throws {
    try Sandbox.with { sandbox in
      let outcome = try sandbox.shell(
        """
        coproc "$GRAFT" predict \(Self.classifier) --input - --quiet
        for text in 'he can' 'do it'; do
          echo "$text" >&"${COPROC[1]}"
          read -t 100 answer <&"${COPROC[0]}"
          echo "$answer"
        done
        """)
      let lines = outcome.stdout.split(separator: "\n").map { $0.split(separator: "\t").last }
      #expect(lines == ["he can", "do it"], "\(outcome.stdout) \(outcome.stderr)")
    }
  }

  @Test("a first text that looks like words with tags is answered before the next one comes") func likeTags()
    throws
  {
    try Sandbox.with { sandbox in
      let outcome = try sandbox.shell(
        """
        for command in 'predict \(Self.classifier)' 'tag \(Self.tagger)'; do
          for text in '# Title' 'the blood type is O' 'B-cell I-beam'; do
            coproc "$GRAFT" $command --input - --quiet --json-lines
            echo "$text" >&"${COPROC[1]}"
            read -t 60 answer <&"${COPROC[0]}"
            echo "$answer"
            pid=$COPROC_PID
            exec {COPROC[1]}>&-
            wait $pid
          done
        done
        """)
      let texts = try outcome.stdout.split(separator: "\n").map {
        try JSON(parsing: Array($0.utf8))["text"]?.string
      }
      let expected = ["# Title", "the blood type is O", "B-cell I-beam"]
      #expect(texts == expected + expected, "\(outcome.stdout) \(outcome.stderr)")
    }
  }

  @Test("what is printed before an error in a row does not depend on time, batches or windows")
  func answersBeforeAnError() throws {
    try Sandbox.with { sandbox in
      let good = #"{"question": "he can", "choices": ["a", "b"]}"# + "\n"
      let bad = #"{"question": "he can", "choices": ["a"]}"# + "\n"
      try sandbox.write(
        "a.jsonl", String(repeating: good, count: 59) + bad + String(repeating: good, count: 40))
      let model = fixtures.appending(path: "bert-tiny/multiple-choice").path
      let predict = "\"$GRAFT\" predict \(model) --allow-untrained --quiet"
      let outcome = try sandbox.shell(
        """
        for size in '' '--batch-size 1' '--batch-size 64' '--batch-size 200' '--heads multiple-choice'; do
          \(predict) --input a.jsonl $size > lines.txt; echo "$? $(wc -l < lines.txt)"
          (head -7 a.jsonl; sleep 1; tail -n +8 a.jsonl) | \(predict) --input - $size > piped.txt
          echo "$?"; cmp lines.txt piped.txt
        done
        """)
      #expect(
        outcome.stdout == String(repeating: "1 59\n1\n", count: 5), "\(outcome.stdout) \(outcome.stderr)")
    }
  }

  /// It ends well, and says nothing.
  @Test("a reader that leaves ends the command, however much there is to read") func readerLeaves() throws {
    try Sandbox.with { sandbox in
      for command in ["predict \(Self.classifier)", "tag \(Self.tagger)"] {
        let outcome = try sandbox.shell(
          """
          yes 'he can' | timeout 100 "$GRAFT" \(command) --input - --json-lines | head -2
          echo "${PIPESTATUS[1]}"
          """)
        let lines = outcome.stdout.split(separator: "\n")
        #expect(lines.count == 3 && lines.last == "0", "\(outcome.stdout)")
        #expect(!outcome.stderr.contains("error"), "\(outcome.stderr)")
      }
    }
  }

  @Test("results are in order and the same by every way of printing them") func forms() throws {
    try Sandbox.with { sandbox in
      let texts = (0..<3000).map { ["he can \($0)", "do it", "so as it \($0) can be"][$0 % 3] }
      try sandbox.write("texts.txt", texts.map { $0 + "\n" }.joined())
      func output(_ more: String...) throws -> String {
        let outcome = try sandbox.graft(
          ["predict", "{sequence-classification}", "--input", "texts.txt", "--quiet"] + more)
        #expect(outcome.code == 0, "\(outcome.stderr)")
        return outcome.stdout
      }
      let lines = try output().split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
      #expect(lines.map { $0.last } == texts)
      let document = try #require(JSON(parsing: Array(output("--json").utf8)).array)
      #expect(document.map { $0["text"]?.string } == texts)
      #expect(document.map { $0["labels"]?.array?.first?.string } == lines.map { $0[0] })
      let objects = try output("--json-lines").split(separator: "\n").map {
        try JSON(parsing: Array($0.utf8))
      }
      #expect(objects == document)
    }
  }

  @Test("vectors of a pipe are those of a file") func vectors() throws {
    try Sandbox.with { sandbox in
      try sandbox.write("texts.txt", (0..<500).map { "he can \($0)\n" }.joined())
      let base = fixtures.appending(path: "bert-tiny/base").path
      let outcome = try sandbox.shell(
        """
        "$GRAFT" embed \(base) --input texts.txt --output a.npy --quiet > /dev/null
        "$GRAFT" embed \(base) --input - --output b.npy --batch-size 7 --quiet < texts.txt > /dev/null
        cmp a.npy b.npy && cmp a.npy.json b.npy.json && echo same
        """)
      #expect(outcome.stdout == "same\n", "\(outcome.stderr)")
      let record = try JSON(parsing: Array(Data(contentsOf: sandbox.url("a.npy.json"))))
      #expect(record["texts"]?.array?.count == 500)
    }
  }

  @Test("vectors that were not all written leave nothing when the process is killed") func killed() throws {
    try Sandbox.with { sandbox in
      let base = fixtures.appending(path: "bert-tiny/base").path
      let outcome = try sandbox.shell(
        """
        yes 'he can' | timeout -s KILL 2 "$GRAFT" embed \(base) --input - --output v.npy -q; ls -A
        """)
      #expect(outcome.stdout == "", "\(outcome.stdout)")
    }
  }

  @Test("titles of tagged texts do not depend on when they come") func titles() throws {
    try Sandbox.with { sandbox in
      let outcome = try sandbox.shell(
        """
        echo 'he can' | "$GRAFT" tag \(Self.tagger) --input - -q
        (echo 'he can'; sleep 1) | "$GRAFT" tag \(Self.tagger) --input - -q
        "$GRAFT" tag \(Self.tagger) 'he can' -q
        """)
      #expect(outcome.stdout.components(separatedBy: "text 1\n").count == 3, "\(outcome.stdout)")
      #expect(outcome.stdout.hasPrefix("text 1\n"))
    }
  }

  static let rows: [Row] = [
    Row(
      "predict {sequence-classification} --input a.csv --json", code: 1, stdout: ["\"so as it\"", "\n]\n"],
      stderr: ["a.csv: row 4: wrong number of columns"],
      prepare: { try $0.write("a.csv", "text,label\nhe can,1\nso as it,2\nso\n") }),
    Row(
      "tag {token-classification} --input a.csv --json", code: 1, stdout: ["\"he can\"", "\n]\n"],
      prepare: { try $0.write("a.csv", "text,label\nhe can,1\nso\n") }),
    Row(
      "predict {sequence-classification} --input a.csv --json", code: 1, whole: "",
      prepare: { try $0.write("a.csv", "text,label\nso\n") }),
    Row(
      "tag {token-classification} --input a.jsonl --json", stdout: ["\"text\": \"he can do\""],
      prepare: {
        try $0.write("a.jsonl", #"{"text":"another","tokens":["he","can","do"],"tags":["O","O","O"]}"# + "\n")
      }),
    Row(
      "predict {sequence-classification} a --json --json-lines", code: 64,
      stderr: ["--json for one document or --json-lines for one object a line, not both"]),
    Row("tag {token-classification} he --json-lines", stdout: ["{\"text\":\"he\",\"entities\":["]),
    Row(
      "predict {sequence-classification} --input a.csv", code: 1, stdout: ["he can", "do it"],
      stderr: ["a.csv: row 4: wrong number of columns"],
      prepare: { try $0.write("a.csv", "text,label\nhe can,1\ndo it,2\nso\n") }),
  ]

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }
}
