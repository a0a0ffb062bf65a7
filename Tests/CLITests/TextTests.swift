import Foundation
import GraftTensors
import TestSupport
import Testing

/// Commands that run a model on texts.
@Suite struct TextTests {
  static let rows: [Row] = [
    Row(
      "tokenize {base}", ["He dög"],
      whole: """
         id  token  offsets  text
          2  [CLS]
        149  he     0–2      He
        192  do     3–5      dö
         37  ##g    5–6      g
          3  [SEP]

        """),
    Row(
      "tokenize {base} --json --no-special-tokens", ["He"],
      whole: """
        [
          {
            "text": "He",
            "tokens": [
              "he"
            ],
            "ids": [
              149
            ],
            "offsets": [
              [
                0,
                2
              ]
            ]
          }
        ]

        """),
    Row("tokenize {base} --input -", stdout: ["He\n", "\n\ndo\n"], input: "He\r\ndo\n"),
    Row(
      "tokenize {base} --input - --count",
      stdout: ["texts    2\n", "tokens   8\n", "longest  4\n", "unknown  1\n"],
      input: "he do\ndo ☃\n"),
    Row(
      "tokenize {base} --input - --threads 3 --no-special-tokens",
      stdout: ["line 0\n", "\n\nline 1\n", "\n\nline 199\n"],
      input: (0..<200).map { "line \($0)\n" }.joined()),
    Row("tokenize {base} a --threads 0", code: 64, stderr: ["--threads must be between 1 and 1024"]),
    Row("tokenize {base} --max-length 3", ["he do it"], stdout: ["he", "[SEP]"]),
    Row("tokenize {base}", code: 64, stderr: ["Give at least one text, or --input FILE"]),
    Row("tokenize {base} a --input f", code: 64, stderr: ["not both"]),
    Row("tokenize {base} a --max-length 2", code: 64, stderr: ["--max-length must be at least 3"]),
    Row("tokenize {base} --input none.txt", code: 1, stderr: ["graft: error: none.txt: no such file."]),
    Row(
      "tokenize {base} --input empty.txt", code: 1,
      stderr: ["empty.txt: the file is empty; expected rows of text."],
      prepare: { try $0.write("empty.txt", "") }),
    Row(
      "tokenize {base} --input latin.txt", code: 1,
      stderr: ["latin.txt: row 2, column 1: invalid UTF-8. Convert the file to UTF-8"],
      prepare: { try $0.write("latin.txt", Array("fine\nd".utf8) + [0xF6] + Array("g\n".utf8)) }),
    Row(
      "predict {sequence-classification} --input a.csv", stdout: ["\tthe, world\n", "\toil\n"],
      stderr: ["read 2 rows of a.csv: column 'text'\n"], prepare: articles),
    Row(
      "predict {sequence-classification} --input a.csv --text-column title,text --take 1 --json",
      stdout: ["\"text\": \"News the, world\""], stderr: ["read 1 row of a.csv: columns 'title', 'text'\n"],
      prepare: articles),
    Row(
      "predict {sequence-classification} --input a.csv --text-column title --pair-column text",
      stdout: ["\tNews\tthe, world\n"],
      stderr: ["read 2 rows of a.csv: column 'title', pair 'text'\n"], prepare: articles),
    Row(
      "predict {sequence-classification} a.csv", stdout: ["\ta.csv\n"],
      stderr: ["'a.csv' is taken as a text; --input reads the file of that name\n"], prepare: articles),
    Row(
      "predict {sequence-classification} --input a.csv nowhere.csv", code: 1,
      stderr: ["nowhere.csv: no such file"], prepare: articles),
    Row(
      "predict {sequence-classification} --input -", stdout: ["\tHe\n"],
      stderr: ["read 2 rows of standard input: column 'text'\n"], input: "text\nHe\ndo\n"),
    Row(
      "predict {sequence-classification} --input - --text-column text", code: 1,
      stderr: ["column 'text': no such column; found the columns 'He'"], input: "He\ndo\n"),
    Row(
      "predict {sequence-classification} --input -", stdout: ["\tthe, world\n"],
      stderr: ["read 2 rows of standard input: column 'text'\n"],
      input: "title,text\nx,\"the, world\"\ny,oil\n"),
    Row(
      "predict {sequence-classification} --input a.jsonl b.json", stdout: ["\tone\n", "\ttwo\n"],
      stderr: ["read 1 row of a.jsonl: column 'text'\n", "read 1 row of b.json: column 'text'\n"],
      prepare: {
        try $0.write("a.jsonl", "{\"text\": \"one\"}\n")
        try $0.write("b.json", "[{\"text\": \"two\"}]")
      }),
    Row("predict {sequence-classification} --input p*.csv", stdout: ["\tone\n", "\ttwo\n"], prepare: parts),
    Row(
      "predict {sequence-classification} --input q*.csv", code: 1,
      stderr: ["q*.csv: no file matches the pattern"], prepare: parts),
    Row("predict {sequence-classification} he do --pair it", stdout: ["\the\tit\n", "\tdo\tit\n"]),
    Row(
      "predict {sequence-classification} he do it --pair a --pair b", code: 64,
      stderr: ["Give --pair once for each text"]),
    Row(
      "predict {sequence-classification} he --text-column a", code: 64,
      stderr: ["--text-column is about files: give --input FILE."]),
    Row(
      "embed {base} --input a.csv --output v.npy", whole: "wrote v.npy (float32 [2, 32])\n", prepare: articles
    ),
    Row("tokenize {base} he --pair do", stdout: ["he     0–2      he", "do     0–2      do"]),
    Row(
      "tokenize {base} --input a.csv --delimiter ab", code: 64,
      stderr: ["'ab' is invalid for '--delimiter"]),
    Row(
      "tag {token-classification} he --pair do", code: 64,
      stderr: ["Unknown option '--pair'.\nUsage: graft tag "]),
    Row(
      "rerank {regression} he --query a --pair do", code: 64,
      stderr: ["Unknown option '--pair'.\nUsage: graft rerank "]),
    Row(
      "fill-mask {masked-lm} --input a --pair-column b", code: 64,
      stderr: ["Unknown option '--pair-column'.", "Usage: graft fill-mask "]),
    Row("rerank {regression} he", ["--query", " "], code: 64, stderr: ["--query has nothing to read."]),
    Row(
      "fill-mask {masked-lm} --input a.txt --top-k 1", stdout: ["text 1: he [MASK]\n score", "\n\ntext 2: "],
      prepare: { try $0.write("a.txt", "he [MASK]\ndo [MASK]\n") }),
    Row(
      "predict {sequence-classification} --input long.txt --max-length 4", stdout: ["\the do it he do it\n"],
      stderr: ["warning: 1 of 2 texts is longer than 4 tokens and is cut\n"],
      prepare: { try $0.write("long.txt", "he do it he do it\nhe\n") }),
    Row(
      "predict {sequence-classification} --input long.txt --max-length 4 --json",
      stdout: ["\"text\": \"he do it he do it\",\n    \"truncated\": true,"],
      prepare: { try $0.write("long.txt", "he do it he do it\nhe\n") }),
    Row(
      "embed {base} --max-length 3 --output v.npy --json", ["he do it", "he"],
      stdout: ["\"truncated_texts\": 1"],
      stderr: ["warning: 1 of 2 texts is longer than 3 tokens and is cut\n"]),
    Row(
      "predict {sequence-classification} --max-length 4 --long-texts windows --stride 1",
      ["he do it he do it", "he"], stdout: ["\the do it he do it\n", "\the\n"]),
    Row(
      "predict {sequence-classification} he --long-texts middle", code: 64,
      stderr: ["Please provide one of 'truncate', 'head-tail' or 'windows'"]),
    Row("tokenize {../gguf/base-q8_0.gguf} --max-length 3", ["he do it"], stdout: ["he", "[SEP]"]),
    Row(
      "tokenize model a", code: 1,
      stderr: ["model: no tokenizer files. Put vocab.txt or tokenizer.json beside"],
      prepare: { try $0.write("model/config.json", "{}") }),
    Row(
      "fill-mask {masked-lm}", ["Hello [MASK] world", "--top-k", "2"],
      stdout: [" score  token   id  text\n0.0304  can    181  hello can world\n"]),
    Row(
      "fill-mask {masked-lm}", ["he [MASK] do [MASK]", "--top-k", "1"],
      stdout: ["mask 1\n", "\nmask 2\n", " do [MASK]\n", "  he [MASK] do "]),
    Row(
      "fill-mask {masked-lm}", ["[MASK]" + String(repeating: " he", count: 100) + " [MASK]"], code: 1,
      stderr: ["a [MASK] lies beyond the tokens that the model takes", "1 of 2 within them"]),
    Row(
      "fill-mask {masked-lm} --top-k 1", ["[MASK]" + String(repeating: " he", count: 100)],
      stdout: ["score  token"], stderr: ["1 of 1 text is longer than 64 tokens and is cut"]),
    Row(
      "predict {next-sentence} he --pair it --json-lines",
      stdout: [#""pair":"it","labels":["NotNext"],"score":0.78"#, #""scores":{"IsNext":0.2"#]),
    Row("predict {pretraining} he --pair it", stdout: ["NotNext\t0.7885\the\tit\n"]),
    Row(
      "predict {next-sentence} he", code: 1,
      stderr: ["the head 'next-sentence' tells how two texts relate. Give the second text with --pair."]),
    Row(
      "predict {next-sentence} he --heads next-sentence", code: 1,
      stderr: ["the head 'next-sentence' tells how two texts relate. Give the second text with --pair."]),
    Row(
      "predict {next-sentence} he --task foo", code: 64,
      stderr: ["has no head 'foo'; expected one of next-sentence. The heads of its family 'bert' are: "]),
    Row(
      "predict {next-sentence} he --task sentence-embedding", code: 64,
      stderr: ["has no head 'sentence-embedding'", "The heads of its family 'bert' are: "]),
    Row(
      "predict {next-sentence} --input a.csv --pair-column pair", code: 1,
      stderr: ["a.csv: row 3: the second text is empty. Remove such rows"],
      prepare: { try $0.write("a.csv", "text,pair\nhe,it\nhe,\n") }),
    Row("fill-mask half [MASK]", stdout: ["score  token"], prepare: half),
    Row(
      "fill-mask {masked-lm} --json --top-k 1", ["he [MASK]"],
      stdout: ["\"score\": 0.", "\"sequence\": \"he"]),
    Row("fill-mask {masked-lm} he", code: 1, stderr: ["the text has no [MASK]"]),
    Row("fill-mask {masked-lm} he --top-k 0", code: 64, stderr: ["--top-k must be at least 1"]),
    Row(
      "fill-mask {base} [MASK]", code: 1,
      stderr: ["the checkpoint has no head. Put one on with 'graft head swap"]),
    Row(
      "fill-mask {sequence-classification} [MASK]", code: 1,
      stderr: [
        "the head 'sequence-classification' does not predict tokens. Swap it for one that does: 'graft head swap CKPT --to NAME"
      ]),
    Row(
      "fill-mask random [MASK]", code: 1,
      stderr: ["the head 'masked-lm' was never trained", "--allow-untrained"],
      prepare: random),
    Row(
      "fill-mask random [MASK] --allow-untrained", stdout: ["score  token"],
      stderr: ["warning: the head 'masked-lm' was never trained: its predictions would be random\n"],
      prepare: random),
    Row(
      "fill-mask {masked-lm} [MASK] --backend cuda", code: 64,
      stderr: ["unknown compute backend 'cuda'. Known: auto, "]),
    Row(
      "fill-mask {masked-lm} [MASK] --threads 0", code: 64, stderr: ["--threads must be between 1 and 1024"]),
    Row("embed {base} he do --output v.npy", whole: "wrote v.npy (float32 [2, 32])\n"),
    Row(
      "embed {base} he --pooling cls --output v.npy --json", stdout: ["\"hidden_size\": 32", "\"texts\": 1"]),
    Row(
      "embed {base} he --pooling most --output v.npy", code: 64,
      stderr: ["'most' is invalid for '--pooling", "mean"]),
    Row(
      "embed {../sentences/current} he --output v.npy --json",
      stdout: ["\"hidden_size\": 5", "mean_sqrt_len_tokens + weightedmean, dense 48 → 5 (tanh), normalize"]),
    Row(
      "embed {../sentences/current} he --prompt-name query --truncate-dim 3 --output v.npy",
      stdout: ["float32 [1, 3]"]),
    Row(
      "embed {../sentences/current} he --prompt-name passage --output v.npy", code: 64,
      stderr: ["no prompt 'passage'", "document, query"]),
    Row(
      "embed {../sentences/current} he --truncate-dim 6 --output v.npy", code: 1,
      stderr: ["1 to 5", "--truncate-dim"]),
    Row("inspect {../sentences/current}", stdout: ["vectors", "normalize: 5 numbers", "document, query"]),
    Row(
      "embed {base} he --output none/v.npy", code: 1,
      stderr: ["none/v.npy: cannot be written", "Create the directory first."]),
  ]

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }

  @Test("a text that is the name of a directory is nothing to remark on") func directoryOfThatName() throws {
    try Sandbox.with { sandbox in
      try sandbox.write("sports/a.txt", "")
      let outcome = try sandbox.graft(["predict", "{sequence-classification}", "sports"])
      #expect(outcome.stdout.contains("\tsports\n") && !outcome.stderr.contains("is taken as a text"))
    }
  }

  @Sendable static func articles(_ sandbox: Sandbox) throws {
    try sandbox.write("a.csv", "title,text,label\nNews,\"the, world\",World\nMore,oil,Business\n")
  }

  @Sendable static func parts(_ sandbox: Sandbox) throws {
    try sandbox.write("p1.csv", "text\none\n")
    try sandbox.write("p2.csv", "text\ntwo\n")
  }

  @Sendable static func random(_ sandbox: Sandbox) throws { try randomFiles.write(into: sandbox) }

  /// A model whose masked-lm head is trained, and whose next-sentence head is not.
  @Sendable static func half(_ sandbox: Sandbox) throws { try halfFiles.write(into: sandbox) }

  private static let halfFiles = Prepared("head swap {masked-lm} --to pretraining --output half")

  private static let randomFiles = Prepared("head swap {base} --to masked-lm --output random")

  @Test("the session of the page about vectors prints what it says")
  func page() throws {
    let page = "Sources/GraftKit/GraftKit.docc/VectorsForTexts.md"
    let text = try String(contentsOf: repository.appending(path: page), encoding: .utf8)
    for (command, output) in try ReadmeTests.session(of: page) {
      #expect(text.contains("$ \(command)\n\(output)"), "\(command)\n\(output)")
    }
  }

  @Test func embeddingsAreNumPy() throws {
    try Sandbox.with { sandbox in
      #expect(try sandbox.graft(["embed", "{base}", "he", "do it", "--output", "v.npy"]).code == 0)
      let bytes = [UInt8](try Data(contentsOf: sandbox.url("v.npy")))
      #expect(bytes.starts(with: [0x93] + Array("NUMPY".utf8) + [1, 0]))
      let header = String(decoding: bytes[10..<128], as: UTF8.self)
      #expect(header.hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 32), }"))
      #expect(bytes.count == 128 + 2 * 32 * 4)
    }
  }

  @Test("labels that a classifier of entailment was not trained with")
  func candidateLabels() throws {
    try Sandbox.with { sandbox in
      #expect(try sandbox.shell("cp -r '\(sandbox.resolve("{sequence-classification}"))' m").code == 0)
      let renamed = try sandbox.shell(
        "sed -i 's/World/entailment/; s/Sports/neutral/; s/Business/contradiction/' m/config.json")
      #expect(renamed.code == 0)
      let lines = try sandbox.shell("$GRAFT predict m he 'do it' --candidate-labels 'play, work'")
      #expect(lines.code == 0, "\(lines.stderr)")
      let columns = lines.stdout.split(separator: "\n").map { $0.split(separator: "\t") }
      #expect(columns.map(\.last) == ["he", "do it"])
      #expect(columns.allSatisfy { ["play", "work"].contains($0[0]) && (Double($0[1]) ?? 0) >= 0.5 })
      try sandbox.write("texts.csv", "text,label\nhe,1\ndo it,2\n")
      let json = try sandbox.shell(
        "$GRAFT predict m --input texts.csv --candidate-labels play,work --multi-label --json")
      let rows = try #require(JSON(parsing: Array(json.stdout.utf8)).array)
      #expect(rows.compactMap { $0["text"]?.string } == ["he", "do it"])
      let scores = rows.compactMap { $0["scores"]?.object }
      #expect(scores.allSatisfy { Array($0.keys) == ["play", "work"] })
      #expect(scores.contains { abs($0.values.compactMap(\.double).reduce(0, +) - 1) > 1e-3 })
      // The columns of the training data, of which the second text is not read.
      try sandbox.write("pairs.csv", "premise,hypothesis,label\nhe,she,entailment\ndo it,so,neutral\n")
      let pairs = try sandbox.shell(
        "$GRAFT train m --data pairs.csv --text-column premise --pair-column hypothesis --max-steps 1 --output t "
          + "&& $GRAFT predict t --input pairs.csv --candidate-labels play,work")
      #expect(pairs.stderr.contains("read 2 rows of pairs.csv: column 'premise'\n"), "\(pairs.stderr)")
      #expect(pairs.stdout.hasSuffix("\tdo it\n"))
      for (flags, message) in [
        ("--multi-label", "--hypothesis-template and --multi-label need --candidate-labels."),
        ("--candidate-labels a,,b", "a candidate label is empty"),
        ("--candidate-labels a --hypothesis-template none", "expected one '{}'"),
        ("--candidate-labels a --pair b", "candidate labels are for single texts"),
        ("--candidate-labels a --long-texts windows", "--long-texts has no meaning with --candidate-labels."),
        ("--candidate-labels a --threshold 0.3", "--threshold has no meaning with --candidate-labels."),
      ] {
        let outcome = try sandbox.shell("$GRAFT predict m he \(flags)")
        #expect(outcome.code != 0 && outcome.stderr.contains(message), "\(outcome.stderr)")
      }
      // Of 64 tokens and more an end is not read.
      let long = String(repeating: "he can do it ", count: 20)
      try sandbox.write("long.txt", "he\n\(long)\n")
      let cut = try sandbox.shell("$GRAFT predict m --input long.txt --candidate-labels play,work --json")
      #expect(cut.stderr.contains("1 of 2 texts is longer than 64 tokens and is cut"), "\(cut.stderr)")
      #expect(
        try #require(JSON(parsing: Array(cut.stdout.utf8)).array).map { $0["truncated"]?.bool } == [
          nil, true,
        ])
      let other = try sandbox.shell(
        "$GRAFT predict '\(sandbox.resolve("{sequence-classification}"))' he --candidate-labels a,b")
      #expect(other.stderr.contains("candidate labels need a head that was trained on entailment"))
    }
  }

  @Test("the session of the page about sorting texts runs as written")
  func sortingPage() throws {
    let session = try ReadmeTests.session(of: "Sources/GraftKit/GraftKit.docc/SortingTexts.md")
    let scores = try #require(session.dropLast().last?.output)
    #expect(scores.contains("eval_ndcg@10") && scores.contains("eval_average_precision"), "\(scores)")
    let ranked = try #require(session.last?.output).split(separator: "\n")
    #expect(ranked.count == 4 && ranked[0].hasSuffix("library for analysis of DNA sequences"), "\(ranked)")
  }

  @Test("texts are sorted by a classifier of pairs")
  func reranking() throws {
    try Sandbox.with { sandbox in
      let model = sandbox.resolve("{regression}")
      let json = try sandbox.shell("$GRAFT rerank '\(model)' --query 'he can' he 'do it' 'the city' --json")
      #expect(json.code == 0, "\(json.stderr)")
      let rows = try #require(JSON(parsing: Array(json.stdout.utf8)).array)
      let texts = rows.compactMap { $0["text"]?.string }
      #expect(texts.sorted() == ["do it", "he", "the city"])
      #expect(
        rows.compactMap { $0["index"]?.int } == texts.map { ["he", "do it", "the city"].firstIndex(of: $0) })
      try sandbox.write("texts.txt", "he\ndo it\nthe city\n")
      let best = try sandbox.shell("$GRAFT rerank '\(model)' --query 'he can' --input texts.txt --top-k 1")
      let columns = best.stdout.split(whereSeparator: { "\t\n".contains($0) }).map(String.init)
      #expect(columns.count == 3 && columns[2] == texts[0], "\(best.stdout)")
      #expect(abs((Double(columns[0]) ?? 0) - (rows[0]["score"]?.double ?? 1)) < 1e-4)
      let long = String(repeating: "he can do it ", count: 20)
      let cut = try sandbox.shell("$GRAFT rerank '\(model)' --query 'he can' he '\(long)' --json")
      #expect(cut.stderr.contains("1 of 2 texts is longer than 64 tokens and is cut"), "\(cut.stderr)")
      let marks = try #require(JSON(parsing: Array(cut.stdout.utf8)).array)
      #expect(marks.filter { $0["truncated"]?.bool == true }.map { $0["index"]?.int } == [1])
      let classifier = sandbox.resolve("{sequence-classification}")
      let several = try sandbox.shell("$GRAFT rerank '\(classifier)' --query he do")
      #expect(several.code == 1 && several.stderr.hasSuffix("Name it with --label.\n"), "\(several.stderr)")
      let sports = try sandbox.shell("$GRAFT rerank '\(classifier)' --query he do --label Sports")
      #expect(sports.code == 0 && sports.stderr.contains("sorted by the logits of 'Sports', which"))
      // Nothing is said of a sorting that does not come to be.
      let wrong = try sandbox.shell("$GRAFT rerank '\(classifier)' --query he do --label Yes")
      #expect(wrong.code == 64 && wrong.stderr.contains("error: 'Yes': the head has no such label"))
      #expect(!wrong.stderr.contains("sorted by"), "\(wrong.stderr)")
      #expect(try sandbox.shell("$GRAFT rerank '\(model)' --query he do --top-k 0").code == 64)
    }
  }
}
