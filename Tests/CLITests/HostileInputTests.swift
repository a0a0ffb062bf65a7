import Foundation
import GraftTensors
import TestSupport
import Testing

/// Files, options and directories that ask for what no run could do: a sentence, never a crash.
@Suite struct HostileInputTests {
  static let settings: [Row] = [
    Row(
      "run e.yaml --output o --dry-run", code: 1,
      stderr: [
        "e.yaml: 6:28: 'max-steps': wrong value; expected at most 2147483647, found 9223372036854775807."
      ],
      prepare: { try prepareRun($0, "max-steps: 9223372036854775807, save-steps: 1") }),
    Row(
      "run e.yaml --output o --dry-run", code: 1,
      stderr: ["'eval-batch-size': wrong value; expected at most 2147483647, found 2147483648."],
      prepare: { try prepareRun($0, "epochs: 1, eval-batch-size: 2147483648") }),
    Row(
      "run e.yaml --output o --dry-run", code: 1,
      stderr: ["the label number is out of range; expected 9223372036854775807 to "],
      prepare: { try prepareRun($0, "epochs: 1", data: ", label-base: 9223372036854775807", label: "0") }),
    Row(
      "train model --data data.csv --output o --save-steps 9223372036854775807", code: 64,
      stderr: ["--save-steps: wrong value; expected at most 2147483647, found 9223372036854775807"],
      prepare: { try prepareRun($0, "epochs: 1") }),
    Row(
      "train model --data data.csv --output o --dropout 0.99999999999", code: 64,
      stderr: ["--dropout: wrong value; expected 0 or more, below 1, found 0.99999999999"],
      prepare: { try prepareRun($0, "epochs: 1") }),
    Row(
      "run e.yaml --output o --dry-run", code: 1, stderr: ["'max-steps' has to be a whole number; found '"],
      prepare: { sandbox in
        try prepareRun(sandbox, "epochs: 1")
        try sandbox.replace(
          "base: model",
          with:
            "search: {arm: a, method: random, points: 1, options: {s: {max-steps: {from: 1, to: 9223372036854775807}}}}\nbase: model",
          in: "e.yaml")
      }),
    Row(
      "predict model a", code: 1,
      stderr: [
        "config.json: key 'hidden_dropout_prob': wrong value; expected at least 0 and below 1, found 0.9999999999"
      ],
      prepare: { sandbox in
        try sandbox.copy("sequence-classification")
        try sandbox.replace(
          "\"hidden_dropout_prob\": 0.1", with: "\"hidden_dropout_prob\": 0.9999999999",
          in: "model/config.json")
      }),
    Row(
      "run e.yaml --output o --dry-run", code: 1, stderr: ["e.yaml: anchors and aliases are not read."],
      prepare: { sandbox in
        // U+2028 and U+0085 end a line of YAML, so that an alias may follow.
        let rest = (1...24).map { n in
          "k\(n):\u{2028}&a\(n) [" + Array(repeating: "\u{85}*a\(n - 1)", count: 10).joined(separator: ",")
            + "]"
        }
        try sandbox.write("e.yaml", "{k0: &a0 [x,x],\n" + rest.joined(separator: ",\n") + "}\n")
      }),
  ]

  static func prepareRun(
    _ sandbox: Sandbox, _ training: String, data: String = "", label: String = "World"
  ) throws {
    try sandbox.copy("sequence-classification")
    try sandbox.write("data.csv", "text,label\nthe world,\(label)\noil,\(label)\n")
    try sandbox.write(
      "e.yaml",
      """
      base: model
      seeds: [1]
      data:
        t: {files: data.csv\(data)}
      stages:
        s: {train: t, \(training)}
        test: {evaluate: t}
      arms:
        a: [s, test]

      """)
  }

  @Test(arguments: settings) func isRefused(_ row: Row) throws { try row.check() }

  @Test("a factor of halving may be larger than what can be added to it")
  func largestFactor() throws {
    try Sandbox.with { sandbox in
      try Self.prepareRun(sandbox, "batch-size: 2")
      let search = """
        search:
          arm: a
          score: test
          method: halving
          factor: 9223372036854775807
          options:
            s: {learning-rate: [0.1, 0.01]}
          rungs:
            s: {max-steps: [1, 2]}
        base: model
        """
      try sandbox.replace("base: model", with: search, in: "e.yaml")
      let outcome = try sandbox.graft(["run", "e.yaml", "--output", "o", "--dry-run"])
      #expect(outcome.code == 0, "\(outcome.stderr)")
    }
  }

  @Test("a damaged record of a run's ranks does not count", arguments: [Int.max, 0])
  func damagedRanks(_ ranks: Int) throws {
    try Sandbox.with { sandbox in
      try Self.prepareRun(sandbox, "epochs: 1", label: "0")
      let train = "train model --data data.csv --output run --save-steps 1 --max-steps"
      #expect(try sandbox.graft("\(train) 1".split(separator: " ").map(String.init)).code == 0)
      let file = sandbox.url("run/training_args.json")
      var record = try #require(JSON(file: file).object)
      record["ranks"] = JSON(ranks)
      if ranks == 0 { record["gradient-accumulation-steps"] = JSON(0) }
      try Data(JSON.object(record).text().utf8).write(to: file)
      let resumed = try sandbox.graft(
        "\(train) 2 --gradient-accumulation-steps 2 --resume".split(separator: " ").map(String.init))
      #expect(
        resumed.code == 1 && resumed.stderr.contains("gradient-accumulation-steps"), "\(resumed.stderr)")
    }
  }

  /// A tokenizer without special tokens makes nothing of an empty text.
  @Test(arguments: [
    ("predict model --input data.csv", "data.csv: row 3: "),
    ("embed model --input data.csv --output v.npy", "data.csv: row 3: "),
    ("evaluate model --data data.csv", "data.csv: row 3: "),
    ("train model --data data.csv --output o", "data.csv: row 3: "),
    ("tag model --input data.csv", "data.csv: row 3: "),
    ("predict model --input data.csv --heads token-classification", "data.csv: row 3: "),
  ])
  func textWithoutTokens(_ command: String, _ place: String) throws {
    let fixture =
      command.contains("tag") || command.contains("token-classification")
      ? "token-classification" : "sequence-classification"
    try Sandbox.with { sandbox in
      try sandbox.copy(fixture)
      try Self.removeSpecialTokens(sandbox)
      try sandbox.write("data.csv", "text,label\nthe world,World\n\"\",World\n")
      let outcome = try sandbox.graft(command.split(separator: " ").map(String.init))
      #expect(outcome.code == 1 && !outcome.crashed)
      #expect(outcome.stderr.contains("\(place)a text has no tokens, and the model reads one at least."))
    }
  }

  /// Lets the model's tokenizer put nothing around texts.
  static func removeSpecialTokens(_ sandbox: Sandbox) throws {
    let url = sandbox.url("model/tokenizer.json")
    var tokenizer = try #require(JSON(parsing: Array(Data(contentsOf: url))).object)
    tokenizer["post_processor"] = .null
    try sandbox.write("model/tokenizer.json", JSON.object(tokenizer).text())
    // A class of its own would put special tokens around texts all the same.
    try sandbox.write("model/tokenizer_config.json", #"{"tokenizer_class": "PreTrainedTokenizerFast"}"#)
  }

  @Test("a tokenizer with more tokens than the model has rows") func tokenizerLargerThanModel() throws {
    try Sandbox.with { sandbox in
      try sandbox.copy("masked-lm")
      try FileManager.default.removeItem(at: sandbox.url("model/tokenizer.json"))
      try sandbox.write("model/added_tokens.json", "{\"newtok\": 260}")
      try sandbox.write("data.txt", "the world\nnewtok the world\n")
      for command in [
        "train model --data data.txt --output o --mlm-probability 0.5",
        "evaluate model --data data.txt --mlm-probability 1.0",
        "evaluate model --data data.txt --pseudo-perplexity",
      ] {
        let outcome = try sandbox.graft(command.split(separator: " ").map(String.init))
        #expect(outcome.code == 1 && !outcome.crashed, "\(outcome.stderr)")
        #expect(
          outcome.stderr.contains(
            "data.txt: row 2: a token id is outside the model's vocabulary; expected 0 ..< 260"))
      }
      // Random tokens in the place of hidden ones are among those that the model has.
      try sandbox.write("data.txt", String(repeating: "the world team won the game oil prices\n", count: 24))
      let trained = try sandbox.graft(
        "train model --data data.txt --output o --epochs 40 --seed 5 -q".split(separator: " ").map(
          String.init))
      #expect(trained.code == 0, "\(trained.stderr)")
    }
  }

  @Test("rows of a small file that fill the memory are refused") func compressedRows() throws {
    try Sandbox.with { sandbox in
      try sandbox.copy("sequence-classification")
      let outcome = try sandbox.shell(
        """
        (echo text,label; yes a,World | head -c 40000000) | gzip > rows.csv.gz
        \(Sanitizer.isLinked ? "" : "ulimit -v 8000000")
        $GRAFT train model --data rows.csv.gz --output o --max-steps 1; echo $?
        """)
      #expect(outcome.stdout == "1\n")
      #expect(
        outcome.stderr.contains(
          "rows.csv.gz: the rows would take more memory than a file of this size should; expected at most 256 MiB."
        ))
    }
  }

  @Test("nothing in a file steers the terminal") func terminalEscapes() throws {
    try Sandbox.with { sandbox in
      try sandbox.copy("sequence-classification")
      let file = try Data(contentsOf: sandbox.url("model/model.safetensors"))
      let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
      let name = "x\\u001b[31mRED\\u001b]0;owned\\u0007\\r\\nFAKE LINE\\u202e\\u009b"
      let header = String(decoding: file[8..<(8 + length)], as: UTF8.self)
      let more = "{\"\(name)\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}," + header.dropFirst()
      let size = UInt64(more.utf8.count)
      try sandbox.write(
        "model/model.safetensors",
        (0..<8).map { UInt8(truncatingIfNeeded: size >> ($0 * 8)) } + Array(more.utf8) + file[(8 + length)...]
      )
      for command in [
        "inspect model", "inspect model --tensors", "predict model a", "import model --output o --strict",
      ] {
        let outcome = try sandbox.graft(command.split(separator: " ").map(String.init))
        for text in [outcome.stdout, outcome.stderr] {
          #expect(!text.unicodeScalars.contains { "\u{1B}\u{7}\r\u{202E}\u{9B}".unicodeScalars.contains($0) })
          #expect(!text.contains("\nFAKE LINE"))
        }
        #expect((outcome.stdout + outcome.stderr).contains("x\\u001b[31mRED"), "\(command)")
      }
      let broken = try sandbox.graft(["inspect", "no\u{1B}[31m\nmodel"])
      #expect(broken.stderr.contains("no\\u001b[31m\\u000amodel: no such file"))
    }
  }

  @Test(
    "what is computed from NaN names the first layer",
    arguments: ["predict model world", "embed model world --output v.npy", "evaluate model --data data.csv"])
  func firstLayer(_ command: String) throws {
    try Sandbox.with { sandbox in
      try sandbox.copy("sequence-classification")
      try sandbox.write("data.csv", "text,label\nthe world,World\n")
      var file = try Data(contentsOf: sandbox.url("model/model.safetensors"))
      let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
      let header = try JSON(parsing: Array(file[8..<(8 + length)]))
      let name = "bert.encoder.layer.1.attention.output.dense.weight"
      let start = try #require(header[name]?["data_offsets"]?.array?[0].int) + 8 + length
      file.replaceSubrange(start..<start + 4, with: [0, 0, 0xC0, 0x7F])
      try file.write(to: sandbox.url("model/model.safetensors"))
      let outcome = try sandbox.graft(command.split(separator: " ").map(String.init))
      #expect(outcome.code == 1)
      #expect(
        outcome.stderr.contains(
          "that are not numbers, first seen in the output of layer 'layers.1.attention.output'; expected numbers, found NaN."
        ),
        "\(outcome.stderr)")
    }
  }

  @Test("arguments that are not UTF-8, and paths back from nowhere") func paths() throws {
    try Sandbox.with { sandbox in
      let outcome = try sandbox.shell(
        """
        $GRAFT inspect $'caf\\xe9'; echo $?
        $GRAFT import \(sandbox.resolve("{base}")) --output $PWD/nowhere/../x; echo $?
        """)
      #expect(outcome.stdout == "1\n1\n", "\(outcome.stderr)")
      #expect(outcome.stderr.contains("argument 2: it is not UTF-8"))
      #expect(outcome.stderr.contains("nowhere/../x: cannot be written (No such file or directory)"))
      #expect(try sandbox.listing() == [])
    }
  }

  @Test("too few open files are said") func openFiles() throws {
    try Sandbox.with { sandbox in
      let outcome = try sandbox.shell("ulimit -n 5; exec $GRAFT inspect \(sandbox.resolve("{base}"))")
      #expect(outcome.code == 1 && !outcome.crashed)
      #expect(outcome.stderr.contains("the process may open too few files; expected at least 16, found 5."))
    }
  }
}
