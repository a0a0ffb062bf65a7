import Foundation
import TestSupport
import Testing

/// Several heads on one backbone, on the command line.
@Suite struct SeveralHeadsTests {
  /// A classifier with a tagger parked beside it, and data for both.
  @Sendable static func both(_ sandbox: Sandbox) throws {
    let commands = [
      ["head", "detach", "{token-classification}", "--output", "tagger"],
      ["head", "attach", "{sequence-classification}", "--head", "tagger", "--output", "both"],
    ]
    for command in commands { #expect(try sandbox.graft(command).code == 0) }
    try sandbox.write(
      "news.csv", "title,text,kind\na b c,x y,World\nd e,y z,Sports\nf g h,z,Business\na d,x,World\n")
    try sandbox.write("ner.conll", "he B-PER\ncan I-PER\ndo O\n\nit B-LOC\nis O\nthe I-LOC\n")
  }

  private static let data =
    "--data sequence-classification=news.csv token-classification=ner.conll --label-column sequence-classification=kind"

  static let rows: [Row] = [
    Row(
      "train both \(data) --text-column sequence-classification=title --output out --epochs 2 --batch-size 2 --logging-steps 1 --eval-data token-classification=ner.conll sequence-classification:dev=news.csv",
      stdout: [
        "eval_token-classification_f1", "eval_sequence-classification_dev_accuracy", "train_loss",
        "train_token-classification_loss", "wrote out\n",
      ],
      stderr: [
        "column 'title', label 'kind'", "training on 6 examples: 6 steps, 3 in an epoch",
        "sequence-classification: 4 examples, 2 steps in an epoch",
        "token-classification: 2 examples, 1 step in an epoch", "  sequence-classification_loss ",
      ], prepare: both),
    Row(
      "train both \(data) --text-column sequence-classification=title --output out --max-steps 4 --head-weights sequence-classification=1,token-classification=3 --json",
      stdout: ["\"event\":\"started\"", "\"heads\":[\"sequence-classification\",\"token-classification\"]"],
      prepare: both),
    Row(
      "train both --data token-classification=ner.conll --output out --max-steps 1", stdout: ["wrote out\n"],
      prepare: both),
    Row(
      "train both --data news.csv token-classification=ner.conll --output out", code: 64,
      stderr: ["Give the data of each head with its name: --data HEAD=FILE."], prepare: both),
    Row(
      "train both \(data) --eval-data news.csv --output out", code: 64,
      stderr: ["Give the data to evaluate each head on with its name"], prepare: both),
    Row(
      "train both \(data) --eval-data token-clasification=ner.conll --output out", code: 64,
      stderr: ["there is no --data token-clasification=FILE", "Did you mean 'token-classification'?"],
      prepare: both),
    Row(
      "train both \(data.replacing("token-c", with: "tokens-c")) --output out", code: 64,
      stderr: ["the checkpoint has no head 'tokens-classification'", "Did you mean 'token-classification'?"],
      prepare: both),
    Row(
      "train both --data news.csv --eval-data a:b=news.csv --output out", code: 64,
      stderr: ["name the head in --data as well"], prepare: both),
    Row(
      "train both \(data) --label-base masked-lm=1 --output out", code: 64,
      stderr: ["there is no --data masked-lm=FILE"], prepare: both),
    Row(
      "train both \(data) --label-base =0 --output out", code: 64, stderr: ["--label-base"], prepare: both),
    Row(
      "evaluate both --data news.csv --label-column kind --label-base nonsense=1", code: 64,
      stderr: ["The value 'nonsense=1' is invalid for '--label-base <N>'"], prepare: both),
    Row(
      "head swap both --to masked-lm --labels-from news.csv --label-base sequence-classification=1 --output out",
      code: 64, stderr: ["is invalid for '--label-base <N>'"], prepare: both),
    // A pattern with '=' in it, as folders of partitioned tables have it, is no head's name.
    Row(
      "train both --task sequence-classification --data kind=news/*.csv --label-column kind --text-column title --max-steps 1 --output out",
      stderr: ["read 4 rows of kind=news/part-1.csv: column 'title', label 'kind'"],
      prepare: { sandbox in
        try both(sandbox)
        try sandbox.write(
          "kind=news/part-1.csv", "title,kind\na b c,World\nd e,Sports\nf g h,Business\na d,World\n")
      }),
    Row(
      "train both --data kind=other/*.csv --output out", code: 64,
      stderr: ["the checkpoint has no head 'kind'"], prepare: both),
    Row(
      "train both \(data) --task sentence-embedding --output out", code: 64, stderr: ["Leave out --task"],
      prepare: both),
    Row(
      "train both --data masked-lm=news.csv --output out", code: 64,
      stderr: [
        "has no head 'masked-lm'; expected one of", "graft head swap CKPT --to masked-lm",
      ], prepare: both),
    Row(
      "train both \(data) --head-weights token-classification=0 --output out", code: 64,
      stderr: ["positive numbers by head"], prepare: both),
    Row(
      "train both \(data) --head-weights masked-lm=2 --output out", code: 64,
      stderr: ["--head-weights: the head 'masked-lm' is not trained"], prepare: both),
    Row(
      "train both --data news.csv --head-weights token-classification=2 --label-column kind --output out",
      code: 64, stderr: ["has no meaning without --data HEAD=FILE"], prepare: both),
    Row(
      "train both \(data) --class-weights Wrld=2 --output out", code: 64,
      stderr: ["there is no label 'Wrld'", "Did you mean 'World'?"], prepare: both),
    Row(
      "train both \(data) --class-weights World=2 --max-steps 1 --output out",
      stdout: ["wrote out\n"], stderr: ["the run has no step for the head"], prepare: both),
    Row(
      "evaluate both --task token-classification --data ner.conll", stdout: ["eval_f1", "PER"],
      prepare: both),
    Row(
      "train both --task sequence-classification --data news.csv --label-column kind --output out --max-steps 1",
      stdout: ["wrote out\n"], prepare: both),
  ]

  @Test(arguments: rows + columns) func row(_ row: Row) throws { try row.check() }

  /// Columns of one head alone.
  static let columns: [Row] = [
    Row(
      "train both \(data) --eval-data sequence-classification=other.csv token-classification=ner.conll --eval-label-column sequence-classification=topic --max-steps 1 --output out",
      stdout: ["eval_sequence-classification_accuracy", "eval_token-classification_f1"],
      stderr: ["other.csv: column 'text', label 'topic'"],
      prepare: {
        try both($0)
        try $0.write("other.csv", "text,topic\na b,World\nc,Sports\n")
      }),
    Row(
      "train both --data sequence-classification=news.csv token-classification=ner.conll --label-column sequence-clasification=kind --output out",
      code: 64,
      stderr: ["there is no --data sequence-clasification=FILE", "Did you mean 'sequence-classification'?"],
      prepare: both),
    Row(
      "train both \(data) --eval-data sequence-classification=news.csv --eval-label-column sequence-clasification=kind --output out",
      code: 64, stderr: ["--eval-label-column sequence-clasification=C"], prepare: both),
    Row(
      "train both \(data) --eval-data sequence-classification=news.csv --eval-label-base masked-lm=1 --output out",
      code: 64, stderr: ["--eval-label-base masked-lm=N: there is no --data masked-lm=FILE"], prepare: both),
  ]

  @Test("a run of two heads is interrupted, resumed, listed and swapped")
  func aRun() throws {
    try Sandbox.with { sandbox in
      try Self.both(sandbox)
      let arguments = ["train", "both"] + Self.data.split(separator: " ").map(String.init)
      let end = [
        "--text-column", "sequence-classification=title", "--output", "out", "--save-steps", "2",
        "--batch-size", "1",
      ]
      #expect(try sandbox.graft(arguments + end + ["--max-steps", "3"]).code == 0)
      // More steps go on from there.
      let more = try sandbox.graft(arguments + end + ["--max-steps", "5", "--resume"])
      #expect(more.code == 0 && more.stderr.contains("resuming after step 3"), "\(more.stderr)")
      let other = try sandbox.graft(
        arguments + end + ["--max-steps", "5", "--resume", "--head-weights", "token-classification=2"])
      #expect(
        other.code == 1 && other.stderr.contains("--head-weights: differs from the run"), "\(other.stderr)")
      let list = try sandbox.graft(["head", "list", "out"])
      #expect(list.stdout.contains("sequence-classification  active"), "\(list.stdout)")
      #expect(list.stdout.contains("examples of news.csv") && list.stdout.contains("2 examples of ner.conll"))
      let lineage = try sandbox.graft(["inspect", "out", "--lineage"]).stdout
        .components(separatedBy: "\nlineage\n")[1]
      #expect(
        lineage.contains("  head token-classification, data ner.conll, data_hash 2-")
          && !lineage.contains("{"),
        "\(lineage)")
      // The columns that the head was trained with hold for it.
      let again = try sandbox.graft(
        [
          "train", "out", "--data", "sequence-classification=news.csv", "--output", "again", "--max-steps",
          "1",
        ])
      #expect(again.code == 0 && again.stderr.contains("column 'title', label 'kind'"), "\(again.stderr)")
      #expect(
        try sandbox.graft(["head", "swap", "out", "--to", "token-classification", "--output", "ner"]).code
          == 0)
      #expect(try sandbox.graft(["tag", "ner", "he can"]).code == 0)
    }
  }

  @Test("heads answer together what each says alone")
  func predicting() throws {
    try Sandbox.with { sandbox in
      try Self.both(sandbox)
      let heads = ["--heads", "sequence-classification,token-classification"]
      let together = try sandbox.graft(["predict", "both", "he can do it", "it is"] + heads)
      let alone = try sandbox.graft(["predict", "{sequence-classification}", "he can do it", "it is"])
      let own = together.stdout.split(separator: "\n").filter { $0.contains("\tsequence-classification\t") }
      let expected = alone.stdout.split(separator: "\n").enumerated().map {
        "\($0.offset + 1)\tsequence-classification\t\($0.element)"
      }
      #expect(own.map(String.init) == expected && expected.count == 2, "\(together.stdout)\(together.stderr)")
      #expect(together.stdout.contains("\ttoken-classification\t"))
      let json = try sandbox.graft(["predict", "both", "he can do it", "--json"] + heads)
      for part in ["\"heads\": {", "\"token-classification\": {", "\"entities\": [", "\"label\":"] {
        #expect(json.stdout.contains(part), "\(json.stdout)")
      }
    }
  }

  static let refusals: [Row] = [
    Row(
      "predict both he --heads sequence-classification,masked-lm", code: 64,
      stderr: ["has no head 'masked-lm'"], prepare: both),
    Row(
      "predict both he --heads ,", code: 64,
      stderr: ["--heads has no names: 'graft head list' shows those of a checkpoint."]),
    Row(
      "predict both he --heads sequence-classification,sequence-classification", code: 1,
      stderr: ["is named twice"], prepare: both),
    Row(
      "predict both he --heads sequence-classification --candidate-labels a,b", code: 64,
      stderr: ["--candidate-labels is about one head: leave out --heads."], prepare: both),
    Row(
      "predict {masked-lm} he --heads masked-lm", code: 1, stderr: ["says nothing about a text as a whole"]),
  ]

  @Test(arguments: refusals) func refusal(_ row: Row) throws { try row.check() }

  @Test("the session of the page about several heads runs as written")
  func page() throws {
    let name = "Sources/GraftKit/GraftKit.docc/SeveralHeads.md"
    let page = try String(contentsOf: repository.appending(path: name), encoding: .utf8)
    let experiment = try String(
      contentsOf: fixtures.appending(path: "several-heads/experiment.yaml"), encoding: .utf8)
    // All but the comment at its top.
    #expect(page.contains(experiment.drop { $0 != "\n" }))
    let session = try ReadmeTests.session(of: name)
    let outputs = session.map(\.output).joined()
    for found in [
      /sequence-classification +active/, /LANG\t.*Python/, /eval_token-classification_f1/,
      /together +test\/token-classification +token-classification +F1 0\.\d/,
      /token-classification: .*on 100 test sentences/,
    ]
    where !outputs.contains(found) {
      Issue.record("something is missing in\n\(outputs)")
    }
  }
}
