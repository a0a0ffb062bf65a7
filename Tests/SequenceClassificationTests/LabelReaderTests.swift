import GraftCore
import TestSupport
import GraftTensors
import SequenceClassification
import Testing

@Suite struct LabelReaderTests {
  private let news = ["World", "Sports", "Business", "Sci/Tech"]

  private func read(
    _ label: WrittenLabel?,
    _ type: ProblemType = .singleLabel,
    labels: [String]? = nil,
    base: Int? = nil
  )
    throws -> JSON
  {
    let row = TextRow("x", label: label, place: TextRow.Place(file: "a.csv", row: 7))
    return try LabelReader(labels: labels ?? news, problemType: type, base: base, rows: [row]).label(of: row)
      .json
  }

  /// A whole column, with how it was read.
  private func column(
    _ written: [WrittenLabel], _ type: ProblemType = .singleLabel, labels: [String], base: Int? = nil
  ) throws -> (values: [JSON], note: String?) {
    let rows = written.enumerated().map { index, label in
      TextRow("x", label: label, place: TextRow.Place(file: "a.csv", row: index + 2))
    }
    let reader = LabelReader(labels: labels, problemType: type, base: base, rows: rows)
    return (try rows.map { try reader.label(of: $0).json }, reader.note?.description)
  }

  private func classes(_ texts: [String], _ labels: [String], base: Int? = nil) throws -> [JSON] {
    try column(texts.map { .text($0) }, labels: labels, base: base).values
  }

  @Test("names or numbers is decided once for a column")
  func wholeColumns() throws {
    let stars = ["1", "2", "3", "4", "5"]
    #expect(try classes(["0", "1", "2", "3", "4"], stars, base: 0) == [0, 1, 2, 3, 4])
    #expect(try classes(["1", "2", "3"], stars) == [0, 1, 2])
    #expect(try classes(["1.0", "2.0", "3.0"], stars) == [0, 1, 2])
    #expect(try classes(["1", "2", "3"], stars, base: 0) == [1, 2, 3])
    #expect(try classes(["0", "1", "2"], ["-1", "0", "1"], base: 0) == [0, 1, 2])
    // What may be either would move with one stray value.
    for (texts, labels) in [
      (["0", "1", "2", "3", "4"], stars), (["1", "2", "0", "3"], stars),
      (["0", "1", "2"], ["-1", "0", "1"]),
    ] {
      let either = errorMessage { _ = try classes(texts, labels) }
      #expect(either?.contains("the labels are neither all names nor all numbers") == true, "\(texts)")
      #expect(either?.contains("Set 'label-base' to 0 when") == true, "\(texts)")
    }
    // Names that are their own numbers leave nothing open.
    #expect(try classes(["0", "1", "2"], ["0", "1", "two"]) == [0, 1, 2])
    #expect(try classes(["-1", "0", "1"], ["-1", "0", "1"]) == [0, 1, 2])
    #expect(try classes(["1", "1.0"], ["0", "1"]) == [1, 1])
    #expect(try classes(["true", "false"], ["no", "yes"]) == [1, 0])
    #expect(
      errorMessage { _ = try classes(["true", "false"], ["no", "yes", "maybe"]) }?.contains("unknown label")
        == true)
    #expect(try classes(["true", "false"], ["True", "False"]) == [0, 1])
    func note(_ texts: [String], _ labels: [String], base: Int? = nil) throws -> String? {
      try column(texts.map { .text($0) }, labels: labels, base: base).note
    }
    #expect(try note(["0", "4"], news + ["x"]) == "labels read as numbers from 0 to 4")
    #expect(try note(["World"], news) == nil)
    #expect(try note(["4"], news, base: 1) == "labels read as numbers from 1 to 4")
    #expect(
      try note(["1", "2"], stars)
        == "labels read as the names 1, 2, 3, 4, 5, and not as numbers: for those set 'label-base'")
    #expect(try note(["0", "1"], ["0", "1"]) == nil)
    // Names with a gap are no places in a list.
    let gap = errorMessage { _ = try classes(["0", "1", "2", "3"], ["0", "1", "2", "4"]) }
    #expect(gap?.hasPrefix("a.csv: row 5: the labels are neither all names nor all numbers") == true)
    #expect(gap?.contains("labels: [0,1,2,3,4]") == true, "\(gap ?? "")")
    #expect(try classes(["0", "1", "2", "3"], ["0", "1", "2", "4"], base: 0) == [0, 1, 2, 3])
    // Nor are they where no value is a name.
    for column in [["3"], ["3", "3", "3"]] {
      let none = errorMessage { _ = try classes(column, ["0", "1", "2", "4"]) }
      #expect(none?.hasPrefix("a.csv: row 2: unknown label; expected one of 0, 1, 2, 4, found '3'") == true)
      #expect(none?.contains("Set 'label-base' when") == true, "\(none ?? "")")
    }
    #expect(try classes(["3"], ["0", "1", "2", "4"], base: 0) == [3])
    #expect(try classes(["3"], ["0", "1", "2", "3"]) == [3])
    // The smallest and the greatest numbers.
    let (least, most) = ("\(Int.min)", "\(Int.max)")
    #expect(errorMessage { _ = try classes(["0"], [least, least]) } == nil)
    #expect(try classes([least, most], [least, most]) == [0, 1])
    #expect(try classes([most], [most, "0"]) == [0])
    let mixed = errorMessage { _ = try classes(["0", "5"], stars) }
    #expect(mixed?.hasPrefix("a.csv: row 2: the labels are neither all names nor all numbers") == true)
    #expect(mixed?.contains("'label-base'") == true)
    #expect(
      errorMessage { _ = try classes(["World", "0"], news) }?.hasPrefix("a.csv: row 3: unknown label") == true
    )
    #expect(errorMessage { _ = try classes(["a"], ["a", "a"]) }?.contains("several labels") == true)
    // Several labels that something else stands between.
    let joined = errorMessage { _ = try classes(["World", "Sports; World"], news) }
    #expect(joined?.contains("Set 'label-delimiter' to ';'") == true, "\(joined ?? "")")
    let other = errorMessage { _ = try classes(["Sports; World", "Sports; x"], news) }
    #expect(other?.contains("label-delimiter") == false, "\(other ?? "")")
  }

  @Test("a list of one label is that label for a head of single labels, as predictions have it")
  func listsOfOne() throws {
    #expect(
      try column(
        [.list(["Sports"]), .text("World"), .text("['Business']"), .text("[\"Sports\"]")], labels: news
      )
      .values == [1, 0, 2, 1])
    let numbers = try column([.list(["1"]), .text("[0]"), .list(["3.0"])], labels: news)
    #expect(numbers.values == [1, 0, 3] && numbers.note == "labels read as numbers from 0 to 3")
    #expect(try column([.list(["1"]), .list(["4"])], labels: news, base: 1).values == [0, 3])
    // A name may look like a list.
    #expect(try column([.text("[a]"), .list(["[a]"])], labels: ["a", "[a]"]).values == [1, 1])
    // What is on and off for each label stays refused, also where rows of one are between.
    let mixed = errorMessage {
      _ = try column([.list(["1"]), .list(["1", "0", "1", "0"])], labels: news)
    }
    #expect(mixed?.hasPrefix("a.csv: row 3: wrong label; expected one label, found a list of 4.") == true)
  }

  @Test("indicators are told from numbers of labels by the whole column")
  func indicators() throws {
    let labels = ["a", "b", "c"]
    let forms: [[WrittenLabel]] = [
      [.list(["1", "0", "1"]), .list(["0", "0", "0"]), .list(["1", "1", "1"])],
      [
        .list(["true", "false", "true"]), .list(["false", "false", "false"]),
        .list(["true", "true", "true"]),
      ],
      [.text("[1, 0, 1]"), .text("[0, 0, 0]"), .text("[1,1,1]")],
      [.text("[True, False, True]"), .text("[False, False, False]"), .text("[True, True, True]")],
      [.text("1|0|1"), .text("0|0|0"), .text("1|1|1")],
      [.list(["1.0", "0.0", "1.0"]), .text("[0, 0, 0]"), .text("1|1|1")],
      [[1, 0, 1], [0, 0, 0], [1, 1, 1]].map { row in
        .columns(zip(["c", "a", "b"], [row[2], row[0], row[1]]).map { .init(name: $0, text: "\($1)") })
      },
    ]
    for form in forms {
      let read = try column(form, .multiLabel, labels: labels)
      #expect(read.values == [values([1, 0, 1]), values([0, 0, 0]), values([1, 1, 1])], "\(form)")
    }
    #expect(
      try column(forms[0], .multiLabel, labels: labels).note
        == "labels read as 0 or 1 for each of a, b, c; for numbers of labels set 'label-base'")
    // Numbers of labels, where not every row has as many as there are labels.
    let numbers = try column([.list(["0", "2"]), .list(["1"]), .list([])], .multiLabel, labels: labels)
    #expect(numbers.values == [values([1, 0, 1]), values([0, 1, 0]), values([0, 0, 0])])
    #expect(numbers.note == "labels read as numbers from 0 to 2")
    #expect(
      try column([.list(["0", "1"])], .multiLabel, labels: ["a", "b"], base: 0).values == [values([1, 1])])
    #expect(try column([.text("['a', 'c']")], .multiLabel, labels: labels).values == [values([1, 0, 1])])
    #expect(
      errorMessage {
        _ = try column([.list(["1", "0", "1"]), .list(["2"])], .multiLabel, labels: labels)
      }?.hasPrefix("a.csv: row 2: a row names a label twice") == true)
  }

  @Test("labels of words are told from labels of texts")
  func labelsOfWords() throws {
    var row = TextRow("Ada lives", label: .list(["B-PER", "O"]), place: .init(file: "a.conll", row: 3))
    row.fields["tokens"] = ["Ada", "lives"]
    let expected =
      "a.conll: row 3: these are labels of words, and the head labels texts; expected a label for each text, found 2 for 2 "
      + #"words. A head that labels words learns from them: 'swapHead(to: "NAME")'; 'Registry' has the names."#
    for type in [ProblemType.singleLabel, .multiLabel, .regression] {
      let reader = LabelReader(labels: news, problemType: type, rows: [row])
      #expect(errorMessage { _ = try reader.labels(of: [row]) } == expected)
      #expect(
        errorMessage { _ = try SequenceClassification.inferredLabels(of: [row, row], type) } == expected)
    }
    row.label = .list(["a"])
    #expect(try SequenceClassification.inferredLabels(of: [row], .multiLabel).labels == ["a"])
  }

  @Test("columns of labels have to be those of the head")
  func columnsOfLabels() throws {
    func read(_ cells: KeyValuePairs<String, String>, _ type: ProblemType = .multiLabel) throws -> JSON {
      let columns = WrittenLabel.columns(cells.map { .init(name: $0.key, text: $0.value) })
      return try column([columns], type, labels: ["a", "b"]).values[0]
    }
    #expect(try read(["b": "1", "a": "0"]) == values([0, 1]))
    #expect(try read(["3": "1", "4": "0"]) == values([1, 0]))
    #expect(try read(["a": "-1.5", "b": "2"], .regression) == values([-1.5, 2]))
    #expect(errorMessage { _ = try read(["a": "1", "x": "0"]) }?.contains("labels: [a,x]") == true)
    #expect(
      errorMessage { _ = try read(["a": "1", "b": "2"]) }?.contains("0 or 1 in the column 'b'") == true)
    #expect(errorMessage { _ = try read(["a": "1", "b": ""]) }?.contains("found nothing") == true)
    #expect(
      errorMessage { _ = try read(["a": "1", "b": "no"], .regression) }?.contains(
        "expected a number in the column 'b', found 'no'") == true)
    #expect(errorMessage { _ = try read(["a": "1", "b": "0"], .singleLabel) }?.contains("one label") == true)
  }

  @Test("labels and what they mean are inferred from data where that is clear")
  func inference() throws {
    func infer(_ written: [WrittenLabel], _ given: ProblemType? = nil) throws -> InferredLabels {
      try SequenceClassification.inferredLabels(of: written.map { TextRow("x", label: $0) }, given)
    }
    func texts(_ texts: String...) -> [WrittenLabel] { texts.map { .text($0) } }
    #expect(try infer(texts("web", "games", "web")) == InferredLabels(["games", "web"], .singleLabel))
    #expect(
      try infer(texts("10", "9.0", "2", "-1")) == InferredLabels(["-1", "2", "9", "10"], .singleLabel))
    #expect(try infer(texts("0.5", "1", "2")) == InferredLabels(["LABEL_0"], .regression))
    #expect(try infer(texts("1", "2"), .regression) == InferredLabels(["LABEL_0"], .regression))
    #expect(try infer(texts("b|a", "", "c")) == InferredLabels(["a", "b", "c"], .multiLabel))
    #expect(try infer([.list(["b"]), .list([])]) == InferredLabels(["b"], .multiLabel))
    // Lists are read alike in every format: each has one label, or not.
    let one = InferredLabels(["a", "b"], .singleLabel, areSingle: true)
    #expect(try infer([.list(["b"]), .list(["a"])]) == one)
    #expect(try infer(texts(#"["b"]"#, #"["a"]"#)) == one && infer(texts("['b']", "a")) == one)
    #expect(
      try infer([.list(["b"]), .list(["a"])], .multiLabel) == InferredLabels(["a", "b"], .multiLabel))
    #expect(try infer([.list(["b"]), .list(["b"])]) == InferredLabels(["b"], .multiLabel))
    #expect(try infer(texts(#"["b"]"#, "[]", #"["a"]"#)) == InferredLabels(["a", "b"], .multiLabel))
    #expect(
      try infer([.list(["1", "0"]), .list(["0", "0"])])
        == InferredLabels(["LABEL_0", "LABEL_1"], .multiLabel))
    #expect(
      try infer([.list(["1.5", "0"]), .list(["0", "2"])])
        == InferredLabels(["LABEL_0", "LABEL_1"], .regression))
    func columns(_ texts: String...) -> WrittenLabel {
      .columns(zip(["x", "y"], texts).map { .init(name: $0, text: $1) })
    }
    #expect(try infer([columns("1", "0"), columns("0", "1")]) == InferredLabels(["x", "y"], .multiLabel))
    #expect(try infer([columns("1.5", "0")]) == InferredLabels(["x", "y"], .regression))
    // What Swift takes for a number beside decimal ones is a name, as Python has it.
    #expect(try infer(texts("0x1F", "0x2F.8p0")) == InferredLabels(["0x1F", "0x2F.8p0"], .singleLabel))
    let many = (0..<150).map { WrittenLabel.text("\($0)") }
    #expect(errorMessage { _ = try infer(many) }?.contains("not clearly classes") == true)
    #expect(try infer(many, .singleLabel).labels.count == 150)
    #expect(
      errorMessage { _ = try infer(texts("a", "b"), .regression) }?.contains("regression can learn") == true)
    for beyond in ["0x1F", "1e40"] {
      #expect(
        errorMessage { _ = try infer(texts("0.5", beyond), .regression) }?.contains("found '\(beyond)'")
          == true)
      #expect(
        errorMessage { _ = try read(.text(beyond), .regression, labels: ["x"]) }?.contains(
          "expected a number, found '\(beyond)'") == true)
    }
    #expect(errorMessage { _ = try SequenceClassification.inferredLabels(of: [TextRow("x")], nil) } != nil)
  }

  @Test("numbers of which one is none, or with commas, are no names, and neither is what is missing")
  func unclearLabels() throws {
    func message(_ labels: [String], _ given: ProblemType? = nil) -> String? {
      let rows = labels.enumerated().map { index, label in
        TextRow("x", label: .text(label), place: .init(file: "a.csv", row: index + 2))
      }
      return errorMessage { _ = try SequenceClassification.inferredLabels(of: rows, given) }
    }
    #expect(
      message(["1.5", "2.25", "big", "3"])?.hasPrefix(
        "a.csv: row 4: the labels are neither all numbers nor all names; expected numbers, as 3 of 4 labels are, found 'big'."
      ) == true)
    #expect(
      message(["1,5", "2,25", "3"])?.hasPrefix(
        "a.csv: row 2: the labels look like numbers with commas; expected numbers with points, such as 1.5, found '1,5'."
      ) == true)
    #expect(
      message(["web", "NaN", "games"])?.hasPrefix("a.csv: row 3: a label is missing") == true)
    for labels in [["1.5", "nan", "2.5"], ["0", "nan", "1", "2"], ["0.0", " NaN ", "1.0"]] {
      #expect(
        message(labels)?.hasPrefix(
          "a.csv: row 3: a label is missing; 'nan' is how tables write that; expected a label in each row, found "
        ) == true)
    }
    #expect(
      message(["1.5", "nan", "2.5"], .regression)?.hasPrefix(
        "a.csv: row 3: the labels are not numbers that a regression can learn; expected a number in each row, found 'nan'."
      ) == true)
    #expect(message(["1.5", "inf"])?.contains("row 3: the labels are not numbers that") == true)
    #expect(message(["1.5", "2", ""], .regression)?.contains("row 4") == true)
    #expect(message(["1.5", "2|3"], .regression)?.contains("row 3") == true)
    let several = ["a;b", "a", "b;c", "a; b; c", "c", "a;c", "b"]
    #expect(
      message(several)?.hasPrefix(
        "a.csv: row 2: rows seem to have several labels, with ';' between them; expected '|' between labels, or lists of them, found 7 labels made of 3, such as 'a;b'."
      ) == true)
    #expect(message(several.map { $0.replacing(";", with: ",") })?.contains("with ',' between them") == true)
    #expect(message(several, .singleLabel) == nil)
    // One is enough that is made of others.
    let few = ["alpha", "alpha; beta", "beta", "gamma", "delta", "beta;other"]
    #expect(
      message(few)?.hasPrefix(
        "a.csv: row 3: rows seem to have several labels, with ';' between them; expected '|' between labels, or lists of them, found 6 labels made of 5, such as 'alpha; beta'."
      ) == true)
    #expect(message(few, .singleLabel) == nil)
    #expect(message(few.map { $0.replacing("beta", with: "x;y") }) == nil)
    // Commas in names are not that.
    #expect(message(["Art, Music", "War, Peace", "Sea", "Sky", "Sun, Moon", "Ice"]) == nil)
    // Whoever says what they mean is believed; and names may hold numbers and commas.
    #expect(message(["1.5", "2.25", "big"], .singleLabel) == nil)
    #expect(message(["web", "NaN"], .singleLabel) == nil && message(["1,5", "2,5"], .singleLabel) == nil)
    #expect(message(["1", "2", "other"]) == nil && message(["web, mail", "games, 3D"]) == nil)
  }

  @Test("one odd cell does not make values of columns of 0 and 1")
  func unclearColumns() throws {
    func infer(_ cells: [[String]], _ given: ProblemType? = nil) throws -> InferredLabels {
      try SequenceClassification.inferredLabels(
        of: cells.enumerated().map { index, texts in
          TextRow(
            "x", label: .columns(zip(["x", "y"], texts).map { .init(name: $0, text: $1) }),
            place: .init(file: "a.csv", row: index + 2))
        }, given)
    }
    func message(_ cells: [[String]]) -> String? { errorMessage { _ = try infer(cells) } }
    let advice = "Correct the data, or set 'problem-type' to regression when they are values."
    for odd in ["2", "yes", "-0.5", "nan"] {
      #expect(
        message([["0", "1"], ["1", odd], ["1", "0"]])
          == "a.csv: row 3: columns of 0 and 1 for each label have something else; expected 0 or 1 in the column 'y', as 5 of 6 cells have, found '\(odd)'. \(advice)"
      )
    }
    #expect(
      message([["0", "1"], ["true", ""]])
        == "a.csv: row 3: columns of 0 and 1 for each label have something else; expected 0 or 1 in the column 'y', as 3 of 4 cells have, found nothing. \(advice)"
    )
    #expect(
      message([["yes", "no"], ["no", "yes"]])
        == "a.csv: row 2: columns of labels have no number; expected 0 or 1, or a number, in the column 'x', found 'yes'. Correct the data, or check 'label-column'."
    )
    #expect(message([["0.5", "2"], ["3", ""]])?.contains("found nothing") == true)
    let several = InferredLabels(["x", "y"], .multiLabel)
    #expect(try infer([["0", "1"], ["1.0", "0.25"]]) == several)
    #expect(try infer([["0", "1"], ["", ""]]) == several)
    let values = InferredLabels(["x", "y"], .regression)
    #expect(try infer([["0.5", "1"], ["2", "0.1"]]) == values)
    #expect(try infer([["4", "1"], ["2", "0"]]) == values)
    #expect(try infer([["0", "1"], ["1", "2"]], .regression) == values)
  }

  @Test("several labels on a head of one are said to be that")
  func severalLabelsForOne() throws {
    let message = errorMessage { _ = try read(.text("Sports|World")) }
    #expect(
      message?.hasSuffix(
        "wrong label; expected one label, found 'Sports|World'. A head for any number of labels takes them: 'swapHead(to: \"NAME\", labels: inferLabels(of:forHead:of:).labels)'."
      ) == true)
    let labels = ["a|b", "c"]
    #expect(
      try LabelReader(labels: labels, problemType: .singleLabel, rows: [TextRow("x", label: .text("a|b"))])
        .label(of: TextRow("x", label: .text("a|b"))).json == JSON(0))
  }

  private func values(_ values: [Float]) -> JSON { ValuesLabel(values).json }

  @Test func namesAndNumbers() throws {
    #expect(try read(.text("Sports")) == JSON(1))
    #expect(try read(.text(" Sci/Tech ")) == JSON(3))
    #expect(try read(.text("0")) == JSON(0))
    #expect(try read(.text("3.0")) == JSON(3))
    #expect(try read(.text("4"), base: 1) == JSON(3))
    #expect(try read(.text("World"), base: 1) == JSON(0))
    // Stars are names that look like numbers, unless a base says that they are numbers.
    #expect(try read(.text("2"), labels: ["1", "2", "3"]) == JSON(1))
    #expect(try read(.text("2"), labels: ["1", "2", "3"], base: 0) == JSON(2))
  }

  @Test(arguments: [
    WrittenLabel.text("Sports|World"), .text("1|0"), .text("[\"World\", \"Sports\"]"),
    .list(["World", "Sports"]),
    .list(["1.0", "1.0", "0.0", "0.0"]), .text("[1.0, 1.0, 0.0, 0.0]"),
  ])
  func severalLabels(_ written: WrittenLabel) throws {
    #expect(try read(written, .multiLabel) == values([1, 1, 0, 0]))
  }

  /// A float for each label, as `BCEWithLogitsLoss` takes it, and not the numbers of labels: read as those, all of these
  /// would be [1, 1, 0, 0] or out of range.
  @Test(
    arguments: [
      ([0.0, 0, 1, 1], WrittenLabel.text("[0.0, 0.0, 1.0, 1.0]")),
      ([0, 0, 0, 1], .list(["0.0", "0.0", "0.0", "1.0"])),
      ([0, 0.25, 1, 0], .text("[0.0, 0.25, 1.0, 0.0]")), ([0, 0, 0, 0], .text(" [0.0,0.0,0.0,0.0] ")),
    ] as [([Float], WrittenLabel)])
  func aDecimalForEachLabel(_ expected: [Float], _ written: WrittenLabel) throws {
    #expect(try read(written, .multiLabel) == values(expected))
  }

  @Test func aDecimalForEachOfTwoLabels() throws {
    #expect(try read(.text("[0.0, 1.0]"), .multiLabel, labels: ["a", "b"]) == values([0, 1]))
    #expect(try read(.list(["1.0", "0.0"]), .multiLabel, labels: ["a", "b"]) == values([1, 0]))
    // Without a base whole numbers are read likewise; see `indicators()`.
    #expect(try read(.text("[0, 1]"), .multiLabel, labels: ["a", "b"]) == values([0, 1]))
  }

  @Test func noneOfSeveralLabels() throws {
    #expect(try read(.text(""), .multiLabel) == values([0, 0, 0, 0]))
    #expect(try read(.list([]), .multiLabel) == values([0, 0, 0, 0]))
  }

  @Test func numbers() throws {
    #expect(try read(.text("-2.5e-1"), .regression, labels: ["score"]) == values([-0.25]))
    #expect(try read(.list(["1", "2.5"]), .regression, labels: ["a", "b"]) == values([1, 2.5]))
  }

  @Test func mistakesAreExplained() {
    func message(
      _ label: WrittenLabel?,
      _ type: ProblemType = .singleLabel,
      labels: [String]? = nil,
      base: Int? = nil
    ) -> String? {
      errorMessage { _ = try read(label, type, labels: labels, base: base) }
    }
    #expect(
      message(.text("Politics"))
        == "a.csv: row 7: unknown label; expected one of World, Sports, Business, Sci/Tech, "
        + "found 'Politics'. Check 'label-column', or give the head the labels of the data: 'swapHead(to: \"NAME\", labels: [Politics])'."
    )
    #expect(
      message(.text("neg, bad"), labels: ["LABEL_0"])?.hasSuffix(
        "The data have 'neg, bad'. Name the outputs of a trained head in its own order, which its card may say: "
          + "'nameLabels(of:, [A,B,C])'. Or start a new one: 'swapHead(to: \"NAME\", labels: inferLabels(of:forHead:of:).labels)'."
      ) == true)
    #expect(
      message(.text("4"))
        == "a.csv: row 7: the label number is out of range; expected 0 to 3 for the labels World, "
        + "Sports, Business, Sci/Tech, found 4. Set 'label-base' to 1 when classes are counted from 1."
    )
    #expect(
      message(.text("0"), base: 1)
        == "a.csv: row 7: the label number is out of range; expected 1 to 4 for the labels "
        + "World, Sports, Business, Sci/Tech, found 0. Choose a head with more labels, or check 'label-column' and "
        + "'label-base'."
    )
    #expect(message(.text("-9223372036854775808"), base: 1)?.contains("out of range") == true)
    #expect(
      message(nil)
        == "a.csv: row 7: there is no label; expected one of World, Sports, Business, Sci/Tech. Say which "
        + "column has it: 'label-column'."
    )
    #expect(message(.text(" "))?.contains("there is no label") == true)
    #expect(
      message(.text("warm"), .regression, labels: ["score"])
        == "a.csv: row 7: wrong label; expected a number, found 'warm'."
    )
    #expect(message(.text("nan"), .regression, labels: ["score"])?.contains("expected a number") == true)
    #expect(
      message(.list(["World", "Sports"]))?.hasPrefix(
        "a.csv: row 7: wrong label; expected one label, found a list of 2.") == true)
    #expect(message(.list(["1", "0", "1"]))?.contains("expected one label, found a list of 3.") == true)
    #expect(message(.list(["a"]))?.contains("unknown label") == true)
    #expect(message(.list([]))?.contains("there is no label") == true)
    #expect(message(.text("World|Cooking"), .multiLabel)?.contains("unknown label") == true)
  }
}
