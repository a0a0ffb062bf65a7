import Foundation
import GraftTensors
import TestSupport
import Testing

/// What is said of data that are not what they seem: refused where a number would be wrong, remarked upon elsewhere.
@Suite struct DataRemarkTests {
  /// A head for the labels of a table, as `model`.
  private static func head(
    _ sandbox: Sandbox, _ labels: String = "a,b", _ more: [String] = []
  ) throws {
    let outcome = try sandbox.graft(
      [
        "head", "swap", "{masked-lm}", "--to", "sequence-classification", "--labels", labels, "--output",
        "model",
      ]
        + more)
    try #require(outcome.code == 0, "\(outcome.stderr)")
  }

  private static func tables(_ sandbox: Sandbox) throws {
    try sandbox.write("names.csv", "text,label\nhe,a\nis,b\n")
    try sandbox.write("numbers.csv", "text,label\nthe,1\nof,2\n")
  }

  private static func both(_ sandbox: Sandbox) throws {
    try tables(sandbox)
    try head(sandbox)
  }

  // MARK: Label bases

  private static let named = "names.csv: --label-base: the labels are names, which are not counted; found 'a'"

  static let bases = [
    Row(
      "train model --data names.csv --label-base 1 --max-steps 1 --output out", code: 1,
      stderr: [named, "Leave it out."], prepare: both),
    Row(
      "evaluate model --data names.csv --label-base 0 --allow-untrained", code: 1, stderr: [named],
      prepare: both),
    Row(
      "train model --data names.csv --eval-data names.csv --eval-label-base 1 --max-steps 1 --output out",
      code: 1, stderr: ["names.csv: --eval-label-base: the labels are names, which are not counted"],
      prepare: both),
    Row(
      "head swap {masked-lm} --to sequence-classification --labels-from names.csv --label-base 1 --output out",
      code: 1, stderr: [named], prepare: tables),
    Row(
      "quantize model --output out --calibrate names.csv --label-base 1 --allow-untrained", code: 1,
      stderr: [named], prepare: both),
    Row(
      "run --init --train-file names.csv --label-base 1 --output e.yaml", code: 1, stderr: [named],
      prepare: tables),
    // Values and columns of 0 and 1 have no number of the first label either.
    Row(
      "evaluate model --data values.csv --label-base 1 --allow-untrained", code: 1,
      stderr: ["values.csv: --label-base: labels of a regression are values, which are not counted"]
    ) {
      try $0.write("values.csv", "text,label\nhe,0.5\nis,2\n")
      try head($0, "score", ["--problem-type", "regression"])
    },
    Row(
      "evaluate model --data columns.csv --label-column a,b --label-base 1 --allow-untrained", code: 1,
      stderr: ["columns.csv: --label-base: labels of 0 and 1 for each of a, b are not counted"]
    ) {
      try $0.write("columns.csv", "text,a,b\nhe,0,1\nis,1,0\n")
      try head($0, "a,b", ["--problem-type", "multi-label"])
    },
    Row(
      "evaluate {token-classification} --data words.jsonl --label-base 1", code: 1,
      stderr: ["words.jsonl: --label-base: the labels are names, which are not counted; found 'O'"]
    ) { try $0.write("words.jsonl", #"{"tokens": ["he", "is"], "tags": ["O", "O"]}"# + "\n") },
    Row(
      "evaluate {multiple-choice} --data asked.jsonl --label-base 1", code: 1,
      stderr: ["asked.jsonl: --label-base: the answers are no numbers; found 'B'"]
    ) {
      try $0.write(
        "asked.jsonl", #"{"question": "he is", "choices": ["the", "of"], "answer": "B"}"# + "\n")
    },
    // Some heads read no labels, and some commands no data.
    Row(
      "train {masked-lm} --data names.csv --label-base 1 --max-steps 1 --output out", code: 1,
      stderr: ["--label-base: the head reads no labels, which would be counted. Leave it out."],
      prepare: tables),
    Row(
      "train {masked-lm} --data names.csv --eval-data names.csv --eval-label-base 1 --max-steps 1 --output out",
      code: 1, stderr: ["--eval-label-base: the head reads no labels"], prepare: tables),
    Row(
      "train {masked-lm} --data masked-lm=names.csv --label-base masked-lm=1 --max-steps 1 --output out",
      code: 1, stderr: ["--label-base: the head reads no labels"], prepare: tables),
    Row(
      "head swap {masked-lm} --to sequence-classification --labels a,b --label-base 1 --output out", code: 64,
      stderr: ["--label-base is about the data of --labels-from."]),
    // What counts the training data says nothing of others.
    Row(
      "train model --data numbers.csv --label-base 1 --eval-data names.csv --max-steps 1 --output out",
      stdout: ["out"], prepare: both),
  ]

  @Test("a number of the first label is refused beside labels that have none", arguments: bases)
  func labelBases(_ row: Row) throws { try row.check() }

  @Test("a base that is the head's own says nothing of labels that are names") func inheritedBase() throws {
    try Sandbox.with { sandbox in
      try Self.both(sandbox)
      for command in [
        "train model --data numbers.csv --label-base 1 --max-steps 1 --output trained",
        "evaluate trained --data names.csv", "train trained --data names.csv --max-steps 1 --output again",
      ] {
        let outcome = try sandbox.graft(command.split(separator: " ").map(String.init))
        #expect(outcome.code == 0, "\(command) \(outcome.stderr)")
      }
      try sandbox.write(
        "e.yaml",
        """
        base: trained
        data: {test: {files: names.csv}}
        stages: {test: {evaluate: test}}
        arms: {one: [test]}
        """)
      let run = try sandbox.graft(["run", "e.yaml", "--output", "out", "--dry-run"])
      #expect(run.code == 0, "\(run.stderr)")
      try sandbox.replace("names.csv", with: "names.csv, label-base: 1", in: "e.yaml")
      let refused = try sandbox.graft(["run", "e.yaml", "--output", "out", "--dry-run"])
      #expect(
        refused.code == 1 && refused.stderr.contains("'label-base'")
          && refused.stderr.contains("the labels are names, which are not counted"), "\(refused.stderr)")
    }
  }

  // MARK: Files

  @Test("files that are given again are remarked upon by commands and experiments") func filesGivenAgain()
    throws
  {
    try Sandbox.with { sandbox in
      try Self.both(sandbox)
      let remark = "names.csv is given more than once, and its rows count as often"
      let train = try sandbox.graft(
        "train model --data names.csv *ames.csv --max-steps 1 --output out".split(separator: " ").map(
          String.init))
      #expect(train.code == 0 && train.stderr.contains("warning: \(remark)\n"), "\(train.stderr)")
      try sandbox.write(
        "e.yaml",
        """
        base: out
        data: {test: {files: [names.csv, ./names.csv]}}
        stages: {test: {evaluate: test}}
        arms: {one: [test]}
        """)
      let run = try sandbox.graft(["run", "e.yaml", "--output", "done", "--dry-run"])
      #expect(run.code == 0 && (run.stdout + run.stderr).contains("data 'test': \(remark)"), "\(run)")
    }
  }

  // MARK: Several files

  @Test("predictions on rows of several files say which file a row is of") func filesOfRows() throws {
    try Sandbox.with { sandbox in
      try Self.both(sandbox)
      try sandbox.write("more.csv", "text,label\nhe,b\n")
      func files(_ data: [String]) throws -> [[String?]] {
        let outcome = try sandbox.graft(
          ["evaluate", "model", "--allow-untrained", "--predictions", "\(data.count).jsonl", "--data"] + data)
        try #require(outcome.code == 0, "\(outcome.stderr)")
        let lines = try String(contentsOf: sandbox.url("\(data.count).jsonl"), encoding: .utf8)
          .split(separator: "\n")
        return try lines.map { line in
          let row = try JSON(parsing: Array(line.utf8))
          return [row["row"]?.text(), row["file"]?.string]
        }
      }
      #expect(
        try files(["names.csv", "more.csv"]) == [
          ["0", "names.csv"], ["1", "names.csv"], ["0", "more.csv"],
        ])
      #expect(try files(["names.csv"]) == [["0", nil], ["1", nil]])
    }
  }

  // MARK: Columns of 0 and 1

  @Test("one odd cell makes no regression of several labels") func oddCell() throws {
    try Sandbox.with { sandbox in
      try sandbox.write("columns.csv", "text,a,b\nhe,0,1\nis,2,0\n")
      let refused =
        "columns.csv: row 3: columns of 0 and 1 for each label have something else; expected 0 or 1 in the column 'a', as 3 of 4 cells have, found '2'."
      for command in [
        "head swap {masked-lm} --to sequence-classification --labels-from columns.csv --label-column a,b --output out",
        "run --init --train-file columns.csv --label-column a,b --output e.yaml",
      ] {
        let outcome = try sandbox.graft(command.split(separator: " ").map(String.init))
        #expect(outcome.code == 1 && outcome.stderr.contains(refused), "\(outcome.stderr)")
      }
    }
  }

  // MARK: Columns of one name

  private static let twice = "expected one column of that name, found columns 2 and 3. Rename all but one."

  private static func twins(_ sandbox: Sandbox) throws {
    try sandbox.write("twins.csv", "text,label,label,note,note\nhe,a,b,x,y\nis,b,a,x,y\n")
    try sandbox.write("texts.csv", "label,text,text\na,he,is\nb,is,he\n")
    try head(sandbox)
  }

  static let columns = [
    Row(
      "train model --data twins.csv --max-steps 1 --output out", code: 1,
      stderr: ["twins.csv: column 'label': several columns have this name; \(twice)"], prepare: twins),
    Row(
      "train model --data twins.csv --label-column label --max-steps 1 --output out", code: 1,
      stderr: ["twins.csv: column 'label': several columns have this name; \(twice)"], prepare: twins),
    Row(
      "predict model --input texts.csv --allow-untrained", code: 1,
      stderr: ["texts.csv: column 'text': several columns have this name; \(twice)"], prepare: twins),
    Row(
      "run --init --train-file texts.csv --output e.yaml", code: 1,
      stderr: ["texts.csv: column 'text': several columns have this name; \(twice)"], prepare: twins),
    // What is not read may be called as it likes.
    Row("predict model --input twins.csv --allow-untrained", stdout: ["he"], prepare: twins),
    Row("train {masked-lm} --data twins.csv --max-steps 1 --output out", stdout: ["out"], prepare: twins),
    Row(
      "train model --data twins.csv --label-column 3 --text-column 1 --max-steps 1 --output out", code: 1,
      stderr: ["unknown label"], prepare: twins),
    Row(
      "train model --data twins.jsonl --max-steps 1 --output out", code: 1, stderr: ["twins.jsonl: row 1"]
    ) {
      try head($0)
      try $0.write("twins.jsonl", #"{"text": "he", "label": "a", "label": "b"}"# + "\n")
    },
  ]

  @Test("two columns of a name that is read are refused", arguments: columns)
  func headers(_ row: Row) throws { try row.check() }

  // MARK: Spellings and scales

  private static let spellings =
    "the labels 'World' (3 rows) and 'world' (1 row) differ only in their letters' case or spaces, and are labels of their own"

  private static func spelled(_ sandbox: Sandbox) throws {
    let labels = ["World", "Sports", "world ", "World", "Sports", "World"]
    try sandbox.write(
      "spelled.csv", "text,label\n" + labels.enumerated().map { "he \($0),\($1)\n" }.joined())
  }

  static let labels = [
    Row(
      "head swap {masked-lm} --to sequence-classification --labels-from spelled.csv --output out",
      stderr: ["warning: \(spellings)\n"], prepare: spelled),
    Row(
      "run --init {masked-lm} --train-file spelled.csv --output e.yaml",
      stderr: ["\(spellings)\n"], prepare: spelled),
    Row("run e.yaml --output out --dry-run", stdout: ["data 'train': \(spellings)\n"]) {
      try spelled($0)
      try $0.write(
        "e.yaml",
        """
        base: \($0.resolve("{masked-lm}"))
        data: {train: {files: spelled.csv}}
        stages:
          head: {swap: sequence-classification, labels-from: train}
          tune: {train: train, max-steps: 1}
          test: {evaluate: train}
        arms: {one: [head, tune, test]}
        """)
    },
  ]

  private static func flags(_ sandbox: Sandbox) throws {
    try sandbox.write("flags.csv", "text,a,b,truth\nhe,1,0,true\nis,0,1,false\n")
    try head(sandbox, "a,b", ["--problem-type", "multi-label"])
  }

  private static func twoLabels(_ sandbox: Sandbox) throws {
    try flags(sandbox)
    try FileManager.default.removeItem(at: sandbox.url("model"))
    try head(sandbox)
  }

  static let oneOfSeveral = [
    Row(
      "evaluate model --data flags.csv --label-column a --allow-untrained", code: 1,
      stderr: [
        "--label-column: the column 'a' says of one label whether it is there, and the head has several; expected the columns of all labels: a, b, found one."
      ], prepare: flags),
    Row("evaluate model --data flags.csv --label-column a,b --allow-untrained", prepare: flags),
    Row(
      "train model --data flags.csv --label-column a --output out --max-steps 1", code: 1,
      stderr: ["Name a column with the label of each row"], prepare: twoLabels),
    // The numbers of the second label's column are those of the labels.
    Row(
      "train model --data flags.csv --label-column b --output out --max-steps 1", stdout: ["wrote out\n"],
      prepare: twoLabels),
    Row(
      "train model --data flags.csv --label-column lable --output out --max-steps 1", code: 1,
      stderr: ["found the columns 'text', 'a', 'b', 'truth'"], prepare: flags),
    Row(
      "train model --data flags.csv --text-column txet --label-column a,b --output out --max-steps 1",
      code: 1,
      stderr: ["; the nearest is 'text'."], prepare: flags),
    Row(
      "train model --data flags.csv --label-column a,b --output flags.csv --max-steps 1", code: 1,
      stderr: ["a file stands where a directory is expected"], prepare: flags),
  ]

  /// Rows of which the first has the names of the columns.
  private static func numbered(_ sandbox: Sandbox) throws {
    try sandbox.write("numbered.csv", "Text,label\nhe,a\nis,b\n")
    try head(sandbox)
  }

  private static let header =
    "row 1 read as data although it looks like a header, which columns by name skip\n"

  static let selections = [
    Row(
      "predict model --input numbered.csv --text-column 1 --allow-untrained",
      stderr: ["read 3 rows of numbered.csv: column 1, \(header)"], prepare: numbered),
    Row(
      "train model --data numbered.csv --text-column 1 --label-column 2 --max-steps 1 --output out", code: 1,
      stderr: [header, "'label'"], prepare: numbered),
    Row(
      "evaluate model --data names.csv other.csv --take 2 --allow-untrained",
      stderr: ["not read, as the rows before are enough: other.csv\n"]
    ) {
      try both($0)
      try $0.write("other.csv", "no,columns\n")
    },
    Row(
      "predict model --input names.csv other.csv --take 1 --allow-untrained",
      stderr: ["not read, as the rows before are enough: other.csv\n"]
    ) {
      try both($0)
      try $0.write("other.csv", "text\nhe\n")
    },
    Row(
      "head swap {masked-lm} --to sequence-classification --labels-from one.csv --output out", code: 1,
      stderr: ["every row has the same label; expected 2 different ones or more, found 'a' in 2 rows."],
      prepare: { try $0.write("one.csv", "text,label\nhe,a\nis,a\n") }),
  ]

  @Test("what was read of which rows is said", arguments: selections)
  func whatWasRead(_ row: Row) throws { try row.check() }

  @Test("a column of one label is not read as the labels of the rows", arguments: oneOfSeveral)
  func columnOfOne(_ row: Row) throws { try row.check() }

  static let amounts = [
    ("$1.50", "$3"), ("\"1.234,5\"", "\"2,5\""), ("10%", "20 %"),
  ].map { first, second in
    Row(
      "head swap {masked-lm} --to sequence-classification --labels-from amounts.csv --output out",
      stderr: [
        "warning: the labels look like amounts, such as '\(first.filter { $0 != "\"" })', and each is a class of its own: for a regression write them as plain numbers, 1234.5\n"
      ]
    ) { try $0.write("amounts.csv", "text,label\nhe,\(first)\nshe,\(second)\n") }
  }

  @Test("labels that are amounts of something are remarked upon", arguments: amounts)
  func amountsAsLabels(_ row: Row) throws { try row.check() }

  @Test("labels that differ only in case are remarked upon with their counts", arguments: labels)
  func spelledLabels(_ row: Row) throws { try row.check() }

  /// Values with a mean of 200 and a standard deviation of 100.
  private static func values(_ sandbox: Sandbox) throws {
    try sandbox.write("prices.csv", "text,label\nhe,100.0\nis,300.0\nthe,100.0\nof,300.0\n")
    try sandbox.write("stars.csv", "text,label\nhe,1.5\nis,4.5\nthe,2\nof,5\n")
    try sandbox.write("shares.csv", "text,label\nhe,0.001\nis,0.003\nthe,0.001\nof,0.003\n")
    try head(sandbox, "price", ["--problem-type", "regression"])
  }

  private static let scale =
    "the labels have the mean 200 and the standard deviation 100: a regression begins near 0 and learns such numbers slowly; "
    + "train on (label - 200) / 100, and turn its answers back"

  static let scales = [
    Row(
      "train model --data prices.csv --max-steps 1 --output out", stderr: ["\(scale)\n"], prepare: values),
    Row(
      "train model --data prices.csv --max-steps 1 --output out --json",
      stdout: [#""note":"scale","mean":200.0,"deviation":100.0,"label":null,"head":null"#], prepare: values),
    Row(
      "train model --data shares.csv --max-steps 1 --output out",
      stderr: ["the mean 0.002 and the standard deviation 0.001: "], prepare: values),
    Row(
      "run --init {masked-lm} --train-file costs.csv --output e.yaml",
      stderr: [
        "the labels have the mean -200 and the standard deviation 99.5: ", "train on (label + 200) / 99.5, ",
      ]
    ) { try $0.write("costs.csv", "text,label\nhe,-100.5\nis,-299.5\nthe,-100.5\nof,-299.5\n") },
  ]

  @Test("values far from 1 are remarked upon in training", arguments: scales)
  func farValues(_ row: Row) throws { try row.check() }

  @Test("values near 1, and evaluations, are not remarked upon") func usualScale() throws {
    try Sandbox.with { sandbox in
      try Self.values(sandbox)
      for command in [
        "train model --data stars.csv --max-steps 1 --output out",
        "evaluate model --data prices.csv --allow-untrained",
      ] {
        let outcome = try sandbox.graft(command.split(separator: " ").map(String.init))
        #expect(outcome.code == 0 && !outcome.stderr.contains("standard deviation"), "\(outcome.stderr)")
      }
    }
  }
}
