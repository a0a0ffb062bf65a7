import Foundation
import GraftTensors
import TestSupport
import Testing

/// Commands that answer texts, on several ranks against one process.
@Suite(.serialized, .enabled(if: Ranks.areHere, "mpirun is not installed: the Debian package openmpi-bin"))
struct RankAnswerTests {
  private static func tiny(_ name: String) -> String { fixtures.appending(path: "bert-tiny/\(name)").path }
  private static let classifier = tiny("sequence-classification")
  private static let sparse = fixtures.appending(path: "sparse/current").path

  /// 90 texts in three windows, of other lengths.
  private static func texts(_ sandbox: Sandbox) throws {
    let texts = (0..<90).map { "text \($0) " + String(repeating: "he can do it ", count: $0 * 7 % 9) }
    try sandbox.write("texts.txt", texts.map { $0 + "\n" }.joined())
    let rows = texts.map { ["text": JSON.string($0), "pair": .string("é \u{2028}\u{0}x")] as JSON }
    try sandbox.write("pairs.jsonl", rows.map { $0.text() + "\n" }.joined())
    let questions = texts.map {
      ["question": JSON.string($0), "choices": ["it can", "he", .string($0)]] as JSON
    }
    try sandbox.write("choices.jsonl", questions.map { $0.text() + "\n" }.joined())
  }

  /// Compares what one process and ranks print, and write to standard error.
  private static func compare(_ sandbox: Sandbox, _ command: String, _ counts: [Int], input: String = "")
    throws -> Sandbox.Outcome
  {
    let input = input.isEmpty ? "" : "< \(input)"
    let alone = try sandbox.shell("$GRAFT \(command) \(input)")
    try #require(alone.code == 0 && !alone.stdout.isEmpty, "\(command): \(alone.stderr)")
    for count in counts {
      let run = try sandbox.shell(
        "\(Ranks.command(count)) \(command) \(input)", environment: Ranks.environment)
      #expect(run.code == 0 && run.stderr == alone.stderr, "\(command): \(run.stderr)")
      #expect(run.stdout == alone.stdout, "\(command) on \(count)")
    }
    return alone
  }

  @Test func predictionsAreThoseOfOneProcess() throws {
    try Sandbox.with { sandbox in
      try Self.texts(sandbox)
      let base = "predict \(Self.classifier) --threads 1"
      let lines = try Self.compare(sandbox, "\(base) --input texts.txt --max-length 12", [1, 2, 3])
      #expect(lines.stdout.split(separator: "\n").count == 90)
      #expect(lines.stderr.contains("of 90 texts are longer than 12 tokens and are cut"))
      _ = try Self.compare(sandbox, "\(base) --input - --json-lines", [3], input: "texts.txt")
      let pairs = try Self.compare(
        sandbox,
        "\(base) --input pairs.jsonl --text-column text --pair-column pair --json --long-texts windows "
          + "--max-length 16 --stride 2", [2])
      #expect(try JSON(parsing: Array(pairs.stdout.utf8)).array?.count == 90)
      // Fewer texts than ranks.
      _ = try Self.compare(sandbox, "\(base) 'he can' 'do it'", [3])
      _ = try Self.compare(
        sandbox, "predict \(Self.tiny("multiple-choice")) --allow-untrained --input choices.jsonl", [2])
    }
  }

  @Test func severalHeadsAndLabelsOfOnesOwnAnswerAsInOneProcess() throws {
    try Sandbox.with { sandbox in
      try Self.texts(sandbox)
      try SeveralHeadsTests.both(sandbox)
      let heads = "--heads sequence-classification,token-classification"
      let lines = try Self.compare(sandbox, "predict both --threads 1 --input texts.txt \(heads)", [2])
      #expect(lines.stdout.contains("\n90\tsequence-classification\t"))
      _ = try Self.compare(sandbox, "predict both --threads 1 --input texts.txt \(heads) --json", [2])
      let made = try sandbox.shell(
        "cp -r \(Self.classifier) m && sed -i 's/World/entailment/; s/Sports/neutral/' m/config.json")
      #expect(made.code == 0, "\(made.stderr)")
      _ = try Self.compare(
        sandbox, "predict m --threads 1 --input texts.txt --candidate-labels play,work --json-lines", [2])
    }
  }

  @Test func entitiesAreThoseOfOneProcess() throws {
    try Sandbox.with { sandbox in
      try Self.texts(sandbox)
      let base = "tag \(Self.tiny("token-classification")) --threads 1 --max-length 16 --input"
      let tables = try Self.compare(sandbox, "\(base) texts.txt", [2, 3])
      #expect(tables.stdout.contains("\n\ntext 90\n"))
      _ = try Self.compare(sandbox, "\(base) - --json", [2], input: "texts.txt")
    }
  }

  @Test func rankingsAndSuggestionsAreThoseOfOneProcess() throws {
    try Sandbox.with { sandbox in
      try Self.texts(sandbox)
      let rerank = "rerank \(Self.tiny("regression")) --threads 1 --query 'who can' --max-length 16"
      let ranked = try Self.compare(sandbox, "\(rerank) --input texts.txt --top-k 70", [3])
      #expect(ranked.stdout.split(separator: "\n").count == 70)
      _ = try Self.compare(sandbox, "\(rerank) 'do it' he --json", [3])
      let masks = (0..<40).map { "he \($0) [MASK]" + ($0 % 3 == 0 ? " it [MASK]\n" : "\n") }
      try sandbox.write("masks.txt", masks.joined())
      let fill = "fill-mask \(Self.tiny("masked-lm")) --threads 1 --top-k 2"
      let tables = try Self.compare(sandbox, "\(fill) --input masks.txt", [2])
      #expect(tables.stdout.contains("\n\ntext 40: he 39 [MASK] it [MASK]\nmask 1\n"))
      _ = try Self.compare(sandbox, "\(fill) --input - --json", [2], input: "masks.txt")
      _ = try Self.compare(sandbox, "\(fill) 'he [MASK]' --json", [2])
      let questions = fixtures.appending(path: "answering/test.json").path
      let answer =
        "answer \(Self.tiny("question-answering")) --threads 1 --max-length 24 --stride 2 --n-best 2 "
        + "--input \(questions) --take 40"
      let answers = try Self.compare(sandbox, "\(answer) --json", [3])
      #expect(try JSON(parsing: Array(answers.stdout.utf8)).array?.count == 40)
      _ = try Self.compare(sandbox, answer, [2])
      _ = try Self.compare(sandbox, "\(answer) --json-lines", [2])
    }
  }

  @Test func sparseVectorsAreThoseOfOneProcess() throws {
    try Sandbox.with { sandbox in
      try Self.texts(sandbox)
      let embed = "embed \(Self.sparse) --threads 1 --top-k 20 --max-length 16 --input texts.txt --output"
      let alone = try sandbox.shell("$GRAFT \(embed) alone.jsonl")
      let run = try sandbox.shell(
        "\(Ranks.command(3)) \(embed) ranks.jsonl", environment: Ranks.environment)
      #expect(alone.code == 0 && run.code == 0, "\(alone.stderr) \(run.stderr)")
      #expect(run.stdout == alone.stdout.replacing("alone", with: "ranks") && run.stderr == alone.stderr)
      #expect(run.stdout.contains("90 texts") && run.stderr.contains("longer than 16 tokens"))
      for file in ["jsonl", "jsonl.json"] {
        let data = try ["alone", "ranks"].map { try Data(contentsOf: sandbox.url("\($0).\(file)")) }
        #expect(data[0] == data[1] && data[0].count > 500, "\(file)")
      }
    }
  }

  @Test func aTextIsAnsweredBeforeTheNextOneComes() throws {
    try Sandbox.with { sandbox in
      let outcome = try sandbox.shell(
        """
        coproc \(Ranks.command(2)) predict \(Self.classifier) --input - --quiet
        for text in 'he can' 'do it'; do
          echo "$text" >&"${COPROC[1]}"
          read -t 100 answer <&"${COPROC[0]}"
          echo "$answer"
        done
        """, environment: Ranks.environment)
      let lines = outcome.stdout.split(separator: "\n").map { $0.split(separator: "\t").last }
      #expect(lines == ["he can", "do it"], "\(outcome.stdout) \(outcome.stderr)")
    }
  }

  /// For longer than for a rank that says nothing.
  @Test func ranksWaitForWhatRankZeroReads() throws {
    try Sandbox.with { sandbox in
      try sandbox.write("text", "he [MASK]\n")
      try sandbox.write("question", #"{"question": "who can", "context": "he can do it"}"# + "\n")
      let ranks = "\(Ranks.command(2))"
      let options = "--rank-timeout 3 --threads 1 --quiet --input -"
      let run = try sandbox.shell(
        """
        (sleep 8; cat text) | \(ranks) fill-mask \(Self.tiny("masked-lm")) \(options) > masks & jobs=$!
        (sleep 8; cat text) | \(ranks) rerank \(Self.tiny("regression")) --query he \(options) > ranking & jobs="$jobs $!"
        (sleep 8; cat question) | \(ranks) answer \(Self.tiny("question-answering")) \(options) > answers & jobs="$jobs $!"
        for job in $jobs; do wait $job || echo failed; done
        """, environment: Ranks.environment)
      #expect(run.code == 0 && run.stdout.isEmpty, "\(run.stderr)")
      for file in ["masks", "ranking", "answers"] {
        #expect(try !String(contentsOf: sandbox.url(file), encoding: .utf8).isEmpty, "\(file)")
      }
    }
  }

  /// What is printed before it, and what is said, is what one process does.
  @Test func anErrorInARowIsThatOfOneProcess() throws {
    try Sandbox.with { sandbox in
      let good = #"{"question": "he can", "choices": ["a", "b"]}"# + "\n"
      let bad = #"{"question": "he can", "choices": ["a"]}"# + "\n"
      try sandbox.write(
        "a.jsonl", String(repeating: good, count: 59) + bad + String(repeating: good, count: 40))
      let command = "predict \(Self.tiny("multiple-choice")) --allow-untrained --quiet --json --input a.jsonl"
      let alone = try sandbox.shell("$GRAFT \(command)")
      let run = try sandbox.shell("\(Ranks.command(3)) \(command)", environment: Ranks.environment)
      #expect(alone.code == 1 && run.code == 1)
      #expect(run.stdout == alone.stdout)
      #expect(try JSON(parsing: Array(run.stdout.utf8)).array?.count == 59)
      let errors = [alone, run].map { outcome in
        outcome.stderr.split(separator: "\n").filter { $0.contains("row 60") }.map {
          $0.replacing(#/rank 0 on [^:]*: /#, with: "")
        }
      }
      #expect(errors[0].count == 1 && errors[0] == errors[1], "\(run.stderr)")
    }
  }

  @Test func noTextsAreSaidOnce() throws {
    try Sandbox.with { sandbox in
      let run = try sandbox.shell(
        "\(Ranks.command(2)) predict \(Self.classifier) --input - < /dev/null", environment: Ranks.environment
      )
      #expect(
        run.code != 0 && run.stderr.components(separatedBy: "graft: error").count == 2
          && run.stderr.contains("standard input"), "\(run.stderr)")
    }
  }

  /// Each rank has a reader of its own here; that of rank 0 leaves.
  @Test func aReaderThatLeavesEndsAllRanks() throws {
    try Sandbox.with { sandbox in
      try sandbox.write(
        "read.sh",
        "\"$GRAFT\" predict \(Self.classifier) --input - --json-lines | head -2\necho ${PIPESTATUS[0]}\n")
      let run = try sandbox.shell(
        "yes 'he can' | timeout 100 \(Ranks.command(2).replacing("$GRAFT", with: "bash")) read.sh",
        environment: Ranks.environment)
      let lines = run.stdout.split(separator: "\n")
      #expect(lines.count { $0 == "0" } == 2 && lines.count { $0.hasPrefix("{") } == 2, "\(run.stdout)")
      #expect(!run.stderr.contains("error"), "\(run.stderr)")
    }
  }

  @Test func ranksWithOtherModelsAreRefused() throws {
    try Sandbox.with { sandbox in
      let run = try sandbox.shell(
        """
        mkdir a b; cp -r \(Self.classifier) a/m; cp -r \(Self.tiny("regression")) b/m
        \(Ranks.command(1).replacing("$GRAFT", with: "--wdir a $GRAFT")) predict m he \
          : -n 1 --wdir b $GRAFT predict m he
        """, environment: Ranks.environment)
      #expect(run.code != 0 && run.stderr.contains("has another 'model' than rank 0 on"), "\(run.stderr)")
      #expect(run.stdout.isEmpty)
    }
  }

  /// Ctrl-C, and a rank that is killed.
  @Test(arguments: ["kill -INT $job", "pkill -KILL -P $job -n"])
  func ranksEndTogether(_ stop: String) throws {
    try Sandbox.with { sandbox in
      let run = try sandbox.shell(
        """
        yes 'he can' | env --default-signal=INT \(Ranks.command(2)) predict \(Self.classifier) --input - > out.tsv &
        job=$!
        for i in $(seq 600); do [ -s out.tsv ] && break; sleep 0.1; done
        ranks=$(pgrep -P $job)
        \(stop)
        for i in $(seq 200); do
          alive=0
          for p in $ranks; do kill -0 $p && alive=1; done
          [ $alive = 0 ] && break
          sleep 0.1
        done
        echo $(echo "$ranks" | wc -l) $alive
        kill -KILL $job $ranks
        """, environment: Ranks.environment)
      #expect(run.stdout == "2 0\n", "\(run.stdout) \(run.stderr)")
    }
  }
}
