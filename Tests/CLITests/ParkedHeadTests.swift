import Foundation
import GraftTensors
import TestSupport
import Testing

/// Heads that are not the active one, asked and scored.
@Suite struct ParkedHeadTests {
  /// Checkpoints with a tagger as the active head: beside a classifier of several labels, and beside one that answers.
  private static let parked = Prepared(
    "head detach {token-classification} --output tagger",
    "head attach {multi-label} --head tagger --output labels",
    "head attach {question-answering} --head tagger --output answers")

  private static func run(_ sandbox: Sandbox, _ line: String) throws -> Sandbox.Outcome {
    let outcome = try sandbox.graft(line.split(separator: " ").map(String.init))
    #expect(outcome.code == 0, "\(line)\n\(outcome.stderr)")
    return outcome
  }

  private static func scores(_ sandbox: Sandbox, _ line: String) throws -> JSON {
    try JSON(parsing: Array(run(sandbox, line + " --json").stdout.utf8))
  }

  private static let labelled =
    "text,label\nhe can,0\ndo it,0|1\nshe is the one,1\nit,\nhe is,0\ncan she do it,2\n"

  @Test("a tuned threshold of several labels is kept with its head", arguments: ["label", "global"])
  func labels(_ tuning: String) throws {
    try Sandbox.with { sandbox in
      try Self.parked.write(into: sandbox)
      try sandbox.write("data.csv", Self.labelled)
      let root = try Data(contentsOf: sandbox.url("labels/config.json"))
      let evaluate = "evaluate labels --task sequence-classification --data data.csv"
      let before = try Self.scores(sandbox, evaluate)
      let tuned = try Self.scores(sandbox, "\(evaluate) --tune-threshold \(tuning)")
      #expect(before["eval_f1_macro"] != tuned["eval_f1_macro"])
      #expect(try Data(contentsOf: sandbox.url("labels/config.json")) == root)
      #expect(try Self.scores(sandbox, evaluate)["eval_f1_macro"] == tuned["eval_f1_macro"])
      // The head that comes back has it.
      _ = try Self.run(sandbox, "head swap labels --to sequence-classification --output swapped")
      let after = try Self.scores(sandbox, "evaluate swapped --data data.csv")
      #expect(after["eval_f1_macro"] == tuned["eval_f1_macro"])
    }
  }

  @Test("a tuned threshold of no answer is kept with its head") func answers() throws {
    try Sandbox.with { sandbox in
      try Self.parked.write(into: sandbox)
      let root = try Data(contentsOf: sandbox.url("answers/config.json"))
      let data = fixtures.appending(path: "answering/test.json").path
      let evaluate = "evaluate answers --task question-answering --take 40 --data \(data)"
      let tuned = try Self.scores(sandbox, "\(evaluate) --tune-threshold global")
      #expect(try Data(contentsOf: sandbox.url("answers/config.json")) == root)
      let own = try JSON(file: sandbox.url("answers/heads/question-answering/config.json"))
      #expect(
        own["null_score_diff_threshold"]?.double.map { Float($0) }
          == tuned["eval_best_f1_thresh"]?.double.map { Float($0) })
      #expect(try Self.scores(sandbox, evaluate)["eval_f1"] == tuned["eval_f1"])
    }
  }

  @Test("of two heads of one task each has its own thresholds") func twoOfOneTask() throws {
    try Sandbox.with { sandbox in
      try sandbox.copy("multi-label", to: "one")
      _ = try Self.run(
        sandbox,
        "head swap one --to sequence-classification --labels a,b,c --problem-type multi-label --output two")
      try sandbox.write("five.csv", Self.labelled)
      try sandbox.write("three.csv", Self.labelled)
      let root = try Data(contentsOf: sandbox.url("two/config.json"))
      let evaluate = "evaluate two --allow-untrained --data"
      let parked = "\(evaluate) five.csv --task sequence-classification.2 --tune-threshold label"
      let tuned = try Self.scores(sandbox, parked)
      #expect(try Data(contentsOf: sandbox.url("two/config.json")) == root)
      _ = try Self.scores(sandbox, "\(evaluate) three.csv --tune-threshold label")
      let kept = try JSON(file: sandbox.url("two/config.json"))["decision_threshold"]?.array
      #expect(kept == nil || kept?.count == 3)
      let again = try Self.scores(sandbox, "\(evaluate) five.csv --task sequence-classification.2")
      #expect(again["eval_f1_macro"] == tuned["eval_f1_macro"])
    }
  }

  // MARK: Heads that are asked in place of the active one

  @Test("a head that was never trained leads to the parked one of its task that was") func trained() throws {
    try Sandbox.with { sandbox in
      try sandbox.copy("token-classification", to: "one")
      _ = try Self.run(sandbox, "head swap one --to token-classification --labels O,B-X,I-X --output two")
      let refused = try sandbox.graft(["tag", "two", "he"])
      #expect(
        refused.stderr.contains(
          "was never trained: its predictions would be random. Take the parked head 'token-classification.2': "
            + "--task token-classification.2. Or train this one with 'graft train'."), "\(refused.stderr)")
      _ = try Self.run(sandbox, "tag two he --task token-classification.2")
    }
  }

  @Test("a command whose head is parked names it, and asks it by --task") func asked() throws {
    try Sandbox.with { sandbox in
      try Self.parked.write(into: sandbox)
      let question = ["--question", "who", "--context", "he can"]
      let refused = try sandbox.graft(["answer", "answers"] + question)
      #expect(
        refused.stderr.contains(
          "the head 'token-classification' finds no answers. Take the parked head 'question-answering': --task question-answering.\n"
        ), "\(refused.stderr)")
      let own = try sandbox.graft(["answer", "{question-answering}"] + question)
      let asked = try sandbox.graft(["answer", "answers", "--task", "question-answering"] + question)
      #expect(own.code == 0 && asked.stdout == own.stdout, "\(asked.stderr)")
      let predicted = try Self.run(sandbox, "predict labels he --task sequence-classification")
      #expect(predicted.stdout == (try Self.run(sandbox, "predict {multi-label} he")).stdout)
      let unknown = try sandbox.graft(["tag", "labels", "he", "--task", "masked-lm"])
      #expect(unknown.stderr.contains("no head 'masked-lm'; expected one of token-classification"))
      let both = try sandbox.graft(["predict", "labels", "he", "--task", "a", "--heads", "b"])
      #expect(both.code == 64 && both.stderr.contains("--task is about one head: leave out --heads."))
    }
  }

  @Test("a head of masked tokens that is parked fills masks and makes sparse vectors") func masks() throws {
    try Sandbox.with { sandbox in
      try sandbox.write("a.csv", "anchor,positive\nhe can,do it\nthey can,do so\n")
      let trained = try Self.run(
        sandbox, "train {masked-lm} --task sentence-embedding --data a.csv --output encoder --max-steps 1")
      #expect(trained.stderr.contains("read 2 rows of a.csv: columns 'anchor', 'positive'\n"))
      let advice = "the checkpoint has no active head. Take the parked head 'masked-lm': --task masked-lm.\n"
      for line in ["fill-mask encoder [MASK]", "embed encoder he --sparse --output s.jsonl"] {
        let refused = try sandbox.graft(line.split(separator: " ").map(String.init))
        #expect(refused.code == 1 && refused.stderr.contains(advice), "\(refused.stderr)")
        _ = try Self.run(sandbox, line + " --task masked-lm")
      }
      // The query is made by the same head.
      #expect(try Self.run(sandbox, "search s.jsonl he --similarity dot").stdout.hasSuffix("0  he\n"))
    }
  }

  // MARK: Heads that answer together

  private static let tagger = "predict both -q --heads token-classification --input"

  @Test("words that stand in a column of their own are tagged, and shown") func words() throws {
    try Sandbox.with { sandbox in
      try SeveralHeadsTests.both(sandbox)
      try sandbox.write("words.jsonl", #"{"tokens":["he","can","do"],"tags":["O","O","O"]}"# + "\n")
      try sandbox.write(
        "both.jsonl", #"{"text":"a long other text of many words","tokens":["he","can","do"]}"# + "\n")
      try sandbox.write("text.txt", "he can do\n")
      let expected = try Self.run(sandbox, "\(Self.tagger) text.txt").stdout
      #expect(!expected.isEmpty)
      for file in ["words.jsonl", "both.jsonl"] {
        #expect(try Self.run(sandbox, "\(Self.tagger) \(file)").stdout == expected)
      }
      func json(_ file: String) throws -> JSON? {
        try JSON(parsing: Array(Self.run(sandbox, "\(Self.tagger) \(file) --json").stdout.utf8)).array?.first
      }
      let alone = try json("text.txt")
      #expect(alone?["text"]?.string == "he can do")
      #expect(try json("words.jsonl") == alone)
      let two = try json("both.jsonl")
      #expect(two?["text"]?.string == "a long other text of many words")
      #expect(two?["heads"]?["token-classification"]?["text"]?.string == "he can do")
      #expect(
        two?["heads"]?["token-classification"]?["entities"]
          == alone?["heads"]?["token-classification"]?["entities"])
    }
  }

  @Test("questions are shown as they are for one head") func questions() throws {
    try Sandbox.with { sandbox in
      try Self.parked.write(into: sandbox)
      try sandbox.write("q.jsonl", #"{"question":"he can","context":"so as it can be"}"# + "\n")
      let both = try Self.run(
        sandbox, "predict answers -q --heads question-answering,token-classification --input q.jsonl --json")
      let row = try JSON(parsing: Array(both.stdout.utf8)).array?.first
      #expect(row?["text"]?.string == "he can", "\(both.stdout)")
    }
  }

  static let rows: [Row] = [
    Row(
      "predict both he --heads", ["sequence-classification, token-classification"],
      stdout: ["1\tsequence-classification\t", "1\ttoken-classification\t"], prepare: SeveralHeadsTests.both),
    Row(
      "predict both --heads token-classification,sequence-classification --input words.jsonl", code: 1,
      stderr: ["there is no text for the head 'sequence-classification'", "--text-column"],
      prepare: {
        try SeveralHeadsTests.both($0)
        try $0.write("words.jsonl", #"{"tokens":["he","can","do"]}"# + "\n")
      }),
  ]

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }

  @Test("heads that were trained on other columns do not read the same by chance") func columns() throws {
    try Sandbox.with { sandbox in
      try SeveralHeadsTests.both(sandbox)
      _ = try Self.run(
        sandbox,
        "train both --data token-classification=ner.conll sequence-classification=news.csv --label-column sequence-classification=kind --text-column sequence-classification=title --max-steps 2 --output out"
      )
      for heads in [
        "sequence-classification,token-classification", "token-classification,sequence-classification",
      ] {
        let command = "predict out --heads \(heads) --input news.csv"
        let outcome = try sandbox.graft(command.split(separator: " ").map(String.init))
        #expect(outcome.code == 1 && outcome.stdout.isEmpty)
        for text in [
          "the heads were trained on other columns than one another", "'title'", "'text'", "--text-column",
        ] { #expect(outcome.stderr.contains(text), "\(outcome.stderr)") }
        // What all read is said, or every line is a text.
        _ = try Self.run(sandbox, command + " --text-column title")
        try sandbox.write("texts.txt", "he can\n")
        _ = try Self.run(sandbox, "predict out --heads \(heads) --input texts.txt")
      }
      let alone = try Self.run(
        sandbox, "predict out --heads sequence-classification --input news.csv --text-column title -q")
      let usual = try Self.run(
        sandbox, "predict out --heads sequence-classification --input news.csv -q")
      #expect(alone.stdout == usual.stdout && usual.stdout.contains("a b c"))
    }
  }
}
