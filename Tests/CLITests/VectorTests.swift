import Foundation
import TestSupport
import Testing

/// Vectors that are learnt, scored and searched, on the command line.
@Suite struct VectorTests {
  private static let folder = repository.appending(path: "Fixtures/sentences/current").path
  private static let pairs = "anchor,positive\nhe can,do it\nthey can,do so\nit is,not so\n"
  private static let scored =
    "sentence1,sentence2,score\nhe can,do it,0.1\nthey can,do so,0.9\nit is,not so,0.5\n"

  static let rows: [Row] = [
    Row(
      "train {masked-lm} --task sentence-embedding --data a.csv --output out --max-steps 2 --pooling cls",
      stdout: ["train_loss", "wrote out"], prepare: { try $0.write("a.csv", pairs) }),
    Row(
      "train \(folder) --data a.csv --eval-data b.csv --output out --max-steps 1 --matryoshka 5,3=0.5",
      stdout: ["eval_loss", "eval_spearman_cosine"],
      prepare: {
        try $0.write("a.csv", pairs)
        try $0.write("b.csv", scored)
      }),
    Row(
      "evaluate \(folder) --data a.csv --json",
      stdout: ["\"eval_pearson_cosine\"", "\"eval_spearman_manhattan\"", "\"eval_loss\""],
      prepare: { try $0.write("a.csv", scored) }),
    Row(
      "evaluate {masked-lm} --task sentence-embedding --data a.csv", stdout: ["eval_cosine_ndcg@10"],
      prepare: { try $0.write("a.csv", pairs) }),
    Row(
      "evaluate \(folder) --data q.jsonl --corpus c.jsonl",
      stdout: ["eval_dot_ndcg@10", "eval_dot_recall@10"],
      stderr: ["1 query left out: nothing is relevant"],
      prepare: {
        try $0.write(
          "q.jsonl",
          #"{"_id": "1", "text": "do it", "relevant": ["a"]}"# + "\n" + #"{"_id": "2", "text": "so"}"# + "\n")
        try $0.write("c.jsonl", #"{"_id": "a", "text": "he"}"# + "\n" + #"{"_id": "b", "text": "it"}"# + "\n")
      }),
    Row(
      "train {masked-lm} --task sentence-embedding --data a.csv --output out", code: 1,
      stderr: [
        "read 1 row of a.csv: columns 'sentence1', 'sentence2', not read: 'similarity'\n",
        "a.csv: there is no score", "found a column that is not read: 'similarity'. Say which",
      ], prepare: { try $0.write("a.csv", "sentence1,sentence2,similarity\nhe,it,0\n") }),
    Row(
      "evaluate {masked-lm} --data a.csv", code: 1,
      stderr: ["column 'text': no such column", "For vectors of texts, pass --task sentence-embedding; "],
      prepare: { try $0.write("a.csv", "Anchor,Positive\nhe,it\n") }),
    Row(
      "train {masked-lm} --data a.csv --output out --loss cosent", code: 1,
      stderr: ["the head 'masked-lm' does not learn vectors for texts"],
      prepare: { try $0.write("a.csv", "text\nhe\n") }),
    Row(
      "train {masked-lm} --task sequence-classification --data a.csv --output out", code: 1,
      stderr: [
        "the head of another task is active; expected 'sequence-classification', found 'masked-lm'",
        "graft head swap CKPT --to sequence-classification",
      ], prepare: { try $0.write("a.csv", pairs) }),
    Row(
      "train \(folder) --data a.csv --output out --loss cosine", code: 1,
      stderr: [
        "a.csv: row 2: a score that no cosine can reach; expected -1.0 to 1.0, found 5.0", "--loss cosent",
      ],
      prepare: { try $0.write("a.csv", "sentence1,sentence2,score\nhe,it,5\n") }),
    Row(
      "train \(folder) --data a.csv --output out --matryoshka 4,x", code: 64,
      stderr: ["--matryoshka has to be widths such as 256,128,64"]),
    Row(
      "train \(folder) --data a.csv --output out --matryoshka 6", code: 1,
      stderr: ["vectors do not have that many numbers; expected at most 5, found 6"],
      prepare: { try $0.write("a.csv", pairs) }),
    Row("evaluate \(folder) --data a --qrels b", code: 64, stderr: ["--qrels needs --corpus FILE."]),
    Row(
      "evaluate \(folder) --data a --corpus b --take 3", code: 64,
      stderr: ["--take has no meaning with --corpus."]),
    Row(
      "evaluate \(folder) --data a --corpus b --predictions p.jsonl", code: 64,
      stderr: ["--predictions has no meaning with --corpus."]),
    Row("search a.npy", code: 64, stderr: ["Give queries as arguments or with --input FILE."]),
    Row(
      "search a.npy", ["--take", "2", "x"], code: 64, stderr: ["--take is about files: give --input FILE."]),
    Row(
      "search a.npy --input b --pair-column c", code: 64, stderr: ["Unknown option '--pair-column'."]),
    Row(
      "search a.npy --checkpoint {base}", [" "], code: 1,
      stderr: ["error: query 1: there is nothing to search for; expected a query with something to read.\n"],
      prepare: { try $0.write("a.npy", "") }),
    Row("search a.npy x --top-k 0", code: 64, stderr: ["--top-k must be at least 1."]),
    Row("search a.npy x --checkpoint {base}", code: 1, stderr: ["a.npy"]),
    Row(
      "evaluate {base} --data a.jsonl --corpus b.jsonl --generator nowhere", code: 64,
      stderr: ["--generator has no meaning with --corpus."]),
    Row(
      "evaluate {base} --data a.jsonl --corpus b.jsonl --mlm-probability 0.4", code: 64,
      stderr: ["--mlm-probability has no meaning with --corpus."]),
    Row(
      "search a.npy x --checkpoint {base}", code: 1, stderr: ["a.npy: not a NumPy array"],
      prepare: { try $0.write("a.npy", "vectors of an index\n") }),
    Row(
      "search a.npy x", code: 1, stderr: ["nothing says which model made these vectors", "--checkpoint"],
      prepare: { try $0.write("a.npy", "") }),
    Row(
      "search a.npy x --checkpoint {masked-lm} --task masked-lm", code: 1,
      stderr: ["a.npy: --task: dense vectors are made without a head. Leave out this option.\n"],
      prepare: { try $0.write("a.npy", "vectors\n") }),
    Row(
      "embed {masked-lm} he --task masked-lm --output v.npy", code: 1,
      stderr: ["--task: the checkpoint makes dense vectors. Leave it out, or pass --sparse.\n"]),
    Row(
      "search a.npy x", code: 1,
      stderr: ["a.npy.json: key 'head': not the record of an index; expected a name, found the number 5.\n"],
      prepare: {
        try $0.write("a.npy", "")
        try $0.write("a.npy.json", #"{"checkpoint": "a", "head": 5, "texts": []}"#)
      }),
    Row(
      "search a.npy x", code: 1,
      stderr: [
        "moved: no such file", "a.npy.json names it as the model", "Name another place with --checkpoint.",
      ],
      prepare: {
        try $0.write("a.npy", "")
        try $0.write(
          "a.npy.json",
          #"{"checkpoint": "moved", "pooling": null, "max_length": null, "truncate_dim": null, "normalize": false, "#
            + #""precision": "float32", "texts": []}"#)
      }),
    // A model that is there and lacks a part is not one that was moved.
    Row(
      "search a.npy x", code: 1,
      stderr: [
        "model/1_Pooling/config.json: the settings of a module", "Copy or download the model again.\n",
      ],
      prepare: {
        try FileManager.default.copyItem(at: URL(filePath: folder), to: $0.url("model"))
        try FileManager.default.removeItem(at: $0.url("model/1_Pooling/config.json"))
        try $0.write("a.npy", "")
        try $0.write(
          "a.npy.json",
          #"{"checkpoint": "model", "pooling": null, "max_length": null, "truncate_dim": null, "normalize": false, "#
            + #""precision": "float32", "texts": []}"#)
      }),
    Row(
      "train \(folder) --data a.csv --eval-data b.csv --output out --max-steps 1",
      stderr: [
        "\nlearning with the loss multiple-negatives, as rows have no score; --loss sets another\n"
      ],
      prepare: {
        try $0.write("a.csv", pairs)
        try $0.write("b.csv", scored)
      }),
    Row(
      "train \(folder) --data a.csv --output out --max-steps 1 --json",
      stdout: [
        #"{"event":"noted","note":"decided","decision":"learning with the loss cosent, as rows have scores; --loss "#
      ],
      prepare: { try $0.write("a.csv", scored) }),
    // What a model has learnt without scores is scored without.
    Row(
      "evaluate \(folder) --data a.csv", stdout: ["eval_dot_ndcg@10"],
      stderr: ["the column 'rank_score' is not read: --label-column says that scores are in it\n"],
      prepare: { try $0.write("a.csv", "anchor,positive,rank_score\nhe can,do it,0.4\nthey can,do so,0.9\n") }
    ),
    Row(
      "search nowhere.npy x", code: 1,
      stderr: ["nowhere.npy: no such file. Make an index with 'graft embed'."]),
    Row(
      "search {base} x", code: 1,
      stderr: [
        "base: a directory, not an index; expected a file of vectors", "graft embed CKPT --input FILE",
      ]),
    Row(
      "embed {base} he --output /dev/null", code: 1, stderr: ["/dev/null: a file of that name exists"]),
    Row(
      "embed {base} he --output v.npy", code: 1, stderr: ["v.npy: a file of that name exists"],
      prepare: { try $0.write("v.npy", "vectors\n") }),
    Row(
      "embed {base} he --output v.npy", code: 1,
      stderr: ["v.npy.json: not the record of an index", "Choose another name or remove it first."],
      prepare: { try $0.write("v.npy.json", "{}\n") }),
    Row(
      "train {sequence-classification} --data a.csv --output out", code: 1,
      stderr: ["column 'text': no such column", "For vectors of texts, pass --task sentence-embedding"],
      prepare: { try $0.write("a.csv", pairs) }),
    Row(
      "embed {base} --input a.csv --output v.npy", code: 1,
      stderr: ["column 'text': no such column", "Name the column with --text-column; by number"],
      prepare: { try $0.write("a.csv", pairs) }),
    Row(
      "embed {base} --input a.jsonl --output v.npy", code: 1,
      stderr: [
        "row 1, column 'text': no such column; found the columns 'anchor'. Name the column with --text-column.\n"
      ],
      prepare: { try $0.write("a.jsonl", #"{"anchor": "he"}"# + "\n") }),
    Row(
      "train {base} --data sentence-embedding=a.csv --output out", code: 1,
      stderr: [
        "vectors for texts are learnt by a run of their own",
        "Pass --task sentence-embedding, and --data FILE.",
      ],
      prepare: { try $0.write("a.csv", pairs) }),
    Row(
      "embed {base} he --output v.npy --max-length 5000",
      stderr: ["warning: texts of 5,000 tokens were asked for, and the model takes 64 at most\n"]),
    Row(
      "embed {base} he --output v.npy", code: 1, stderr: ["v.npy: a directory of that name exists"],
      prepare: {
        try FileManager.default.createDirectory(at: $0.url("v.npy"), withIntermediateDirectories: false)
      }),
    Row(
      "evaluate \(folder) --data q.jsonl --corpus c.jsonl --qrels q.tsv", code: 1,
      stderr: [
        "column 'query-id': no such column", "The table needs a header with query-id, corpus-id and score",
      ],
      prepare: {
        try $0.write("q.jsonl", #"{"_id": "1", "text": "do it"}"# + "\n")
        try $0.write("c.jsonl", #"{"_id": "a", "text": "he"}"# + "\n")
        try $0.write("q.tsv", "1 0 a 1\n1 0 b 0\n")
      }),
    Row(
      "evaluate {sequence-classification} --data a.csv --max-length 5000",
      stderr: ["warning: texts of 5,000 tokens were asked for, and the model takes 64 at most\n"],
      prepare: { try $0.write("a.csv", "text,label\nhe,World\n") }),
  ]

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }

  @Test("vectors are not replaced; a record whose vectors are gone is")
  func replacing() throws {
    try Sandbox.with { sandbox in
      func embed(_ text: String) throws -> Int32 {
        try sandbox.graft(["embed", "{base}", text, "--output", "v.npy"]).code
      }
      #expect(try embed("he can") == 0)
      let (vectors, record) = (
        try Data(contentsOf: sandbox.url("v.npy")), try Data(contentsOf: sandbox.url("v.npy.json"))
      )
      #expect(try embed("they") == 1)
      #expect(try Data(contentsOf: sandbox.url("v.npy")) == vectors)
      #expect(try Data(contentsOf: sandbox.url("v.npy.json")) == record)
      try FileManager.default.removeItem(at: sandbox.url("v.npy"))
      #expect(try embed("they") == 0)
      #expect(try String(contentsOf: sandbox.url("v.npy.json"), encoding: .utf8).contains("\"they\""))
    }
  }

  @Test("what was embedded is searched, by the model that made the index")
  func search() throws {
    try Sandbox.with { sandbox in
      try sandbox.write("texts.txt", "he can do it\nthey\nso it is\n")
      #expect(try sandbox.graft(["embed", "{base}", "--input", "texts.txt", "--output", "v.npy"]).code == 0)
      let found = try sandbox.graft(["search", "v.npy", "they", "--top-k", "2"])
      #expect(
        found.code == 0 && found.stdout.hasPrefix("1.0000  1  they\n"), "\(found.stdout)\(found.stderr)")
      try sandbox.write("q.txt", "so it is\nthey\n")
      let json = try sandbox.graft([
        "search", "v.npy", "--input", "q.txt", "--json", "--similarity", "euclidean",
      ])
      #expect(json.stdout.contains("\"query\": \"so it is\"") && json.stdout.contains("\"row\": 2"))
      // Tables and JSON are read as those of other commands, not as lines of text.
      try sandbox.write("q.jsonl", #"{"_id": "1", "text": "they"}"# + "\n")
      try sandbox.write("q.csv", "question,n\nhe can do it,1\nthey,2\n")
      for (arguments, expected) in [
        (["q.jsonl"], "1.0000  1  they\n"),
        (["q.csv", "--text-column", "question", "--skip", "1"], "1.0000  1  they\n"),
      ] {
        let found = try sandbox.graft(["search", "v.npy", "--top-k", "1", "--input"] + arguments)
        #expect(found.code == 0 && found.stdout == expected, "\(found.stdout)\(found.stderr)")
      }
      let long = String(repeating: "he can do it ", count: 20)
      let truncated = try sandbox.graft(["search", "v.npy", "they", long, "--top-k", "1"])
      #expect(
        truncated.stderr.contains("1 of 2 texts is longer than 64 tokens and is cut"), "\(truncated.stderr)")
      let record = try Data(contentsOf: sandbox.url("v.npy.json"))
      for (key, old, new, message) in [
        (
          "max_length", "null", "-9223372036854775808",
          "a whole number of at least 1, found the number -92233"
        ),
        ("max_length", "null", "\"32\"", "a whole number of at least 1, found the string \"32\""),
        ("truncate_dim", "null", "-5", "a whole number of at least 1, found the number -5"),
        ("normalize", "false", "1", "true or false, found the number 1"),
      ] {
        try sandbox.replace("\"\(key)\": \(old)", with: "\"\(key)\": \(new)", in: "v.npy.json")
        let wrong = try sandbox.graft(["search", "v.npy", "they"])
        #expect(
          wrong.code == 1
            && wrong.stderr.contains(
              "v.npy.json: key '\(key)': not the record of an index; expected \(message)"),
          "\(wrong.stderr)")
        try record.write(to: sandbox.url("v.npy.json"))
      }
      // Of another width, cut short, and without its record.
      let other = try sandbox.graft(["search", "v.npy", "they", "--checkpoint", Self.folder])
      #expect(other.code == 1 && other.stderr.contains("expected 32 numbers, found 5"), "\(other.stderr)")
      try FileManager.default.removeItem(at: sandbox.url("v.npy.json"))
      let bare = try sandbox.graft(["search", "v.npy", "they", "--checkpoint", "{base}", "--top-k", "1"])
      #expect(bare.stdout == "1.0000  1\n", "\(bare.stdout)\(bare.stderr)")
      let bytes = try Data(contentsOf: sandbox.url("v.npy"))
      try bytes.dropLast(4).write(to: sandbox.url("v.npy"))
      let cut = try sandbox.graft(["search", "v.npy", "they", "--checkpoint", "{base}"])
      #expect(cut.code == 1 && cut.stderr.contains("does not have the length"), "\(cut.stderr)")
    }
  }

  @Test("the session of the page about learning vectors runs as written")
  func page() throws {
    let session = try ReadmeTests.session(of: "Sources/GraftKit/GraftKit.docc/LearningVectors.md")
    #expect(session.map(\.output).joined().contains("wrote index.npy (float32 [100, 128])"))
    let found = try #require(session.last?.output)
    #expect(found.hasPrefix("play music\n0.") && found.contains("music and graphics system"), "\(found)")
  }
}
