import Foundation
import GraftCore
import GraftData
import GraftTensors
import TestSupport
import Testing

@testable import TokenClassification

/// Rows of data as words and labels, and what is wrong with those that are none.
@Suite("Reading tagged words")
struct ReadingTests {
  private static let names = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]

  private static func task(_ labels: [String] = names, scheme: String? = nil) throws -> TokenClassification {
    var configuration = Configuration()
    configuration.setLabels(labels)
    configuration["tag_scheme"] = scheme.map { .string($0) }
    return try TokenClassification(configuration)
  }

  private static func rows(
    _ text: String, file: String = "data.jsonl", _ options: DataOptions = DataOptions()
  )
    throws -> [TextRow]
  {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: file)
      try Data(text.utf8).write(to: url)
      var options = options
      options.fields = TokenClassification.columns
      return try DataSource(reading: [url], options: options).rows()
    }
  }

  private static func read(
    _ text: String, file: String = "data.jsonl", labels: [String] = names, scheme: String? = nil,
    base: Int? = nil, options: DataOptions = DataOptions()
  ) throws -> [RowLabels] {
    try task(labels, scheme: scheme).labels(
      of: rows(text, file: file, options), LabelReading(base: base)
    ).map { try #require($0 as? RowLabels) }
  }

  // MARK: Rows

  @Test(
    "columns are known by their tags, whatever the file is called",
    arguments: ["a.txt", "a.tsv", "a", "a.conll"])
  func columnsByTheirTags(_ file: String) throws {
    for separator in [" ", "\t"] {
      let lines = ["Ada NNP B-PER", "sleeps VBZ O", "", "# 2", "In IN O", "Rome NNP B-LOC", ""]
      let text = lines.map { $0.replacing(" ", with: separator) + "\n" }.joined()
      let rows = try Self.rows(text, file: file)
      #expect(try rows.map { try $0.tokens() } == [["Ada", "sleeps"], ["In", "Rome"]])
    }
  }

  @Test(
    "what is no tags stays what it was",
    arguments: [
      "He is O\nShe is B\n\nWe are O\n", "a O\n\nb O\n\nc O\n", "text tag\na B-X\n\nb O\nc O\n",
      "a B-X\nb O\nc O\n", "a b B-X\nc O\n\nd O\n",
    ])
  func textsStayTexts(_ text: String) throws {
    var options = DataOptions()
    options.defaultsToLines = true
    #expect(try Self.rows(text, file: "a.txt", options).allSatisfy { try $0.tokens() == nil })
  }

  @Test("tokens with tags, as names or numbers, under 'tags' or as the label")
  func tokens() throws {
    for line in [
      #"{"tokens": ["Ada", "lives", "in", "New", "York"], "tags": ["B-PER", "O", "O", "B-LOC", "I-LOC"]}"#,
      #"{"tokens": ["Ada", "lives", "in", "New", "York"], "tags": [1, 0, 0, 3, 4]}"#,
      #"{"tokens": ["Ada", "lives", "in", "New", "York"], "label": ["B-PER", "O", "O", "B-LOC", "I-LOC"]}"#,
      #"{"text": "Ada lives in New York", "label": ["B-PER", "O", "O", "B-LOC", "I-LOC"]}"#,
    ] {
      let found = try Self.read(line)
      #expect(found[0].classes == [1, 0, 0, 3, 4], "\(line)")
      #expect(found[0].words.strings == ["Ada", "lives", "in", "New", "York"])
      #expect(found[0].words.ranges.last == 17..<21)
    }
    #expect(try Self.read(#"{"tokens": ["a", "b"], "tags": [2, 1]}"#, base: 1)[0].classes == [1, 0])
    #expect(try Self.read("text,label\nAda lives,B-PER O\n", file: "a.csv")[0].classes == [1, 0])
    #expect(TokenClassification.hasLabel(try Self.rows(#"{"tokens": ["a"], "tags": ["O"]}"#)[0], nil))
    #expect(!TokenClassification.hasLabel(try Self.rows(#"{"tokens": ["a"], "entities": []}"#)[0], nil))
    #expect(try Self.read(#"{"tokens": [], "tags": []}"#)[0].classes.isEmpty)
  }

  @Test("entities by their places, in Unicode scalars")
  func spans() throws {
    let text = #"{"text": "👩‍🚀 Ada Lovelace, London.", "#
    for spans in [
      #""entities": [{"start": 18, "end": 24, "label": "LOC"}, {"start": 4, "end": 16, "label": "PER"}]}"#,
      #""spans": [[4, 16, "PER"], [18, 24, "LOC"]]}"#,
    ] {
      let found = try Self.read(text + spans)[0]
      let words = zip(found.words.strings, found.classes).map { "\($0) \($1)" }
      #expect(words.suffix(5) == ["Ada 1", "Lovelace 2", ", 0", "London 3", ". 0"])
    }
    // A word ends where an entity does.
    let cut = try Self.read(
      #"{"text": "the 3rdAda", "entities": [{"start": 7, "end": 10, "label": "PER"}]}"#)[0]
    #expect(cut.words.strings == ["the", "3rd", "Ada"] && cut.classes == [0, 0, 1])
    #expect(try Self.read(#"{"text": "nobody", "entities": []}"#)[0].classes == [0])
  }

  @Test("cells of tables are lists as JSON or Python writes them, as well as names between spaces")
  func cells() throws {
    for cell in [
      #""[""B-PER"", ""O""]""#, #""['B-PER', 'O']""#, #""[""B-PER"",""O""]""#, "B-PER O", #""[1, 0]""#,
      #""('B-PER', 'O')""#,
    ] {
      for column in ["label", "tags"] {
        let found = try Self.read("text,\(column)\nAda's lives,\(cell)\n", file: "a.csv")
        #expect(found[0].classes == [1, 0], "\(cell)")
      }
    }
    let words = try Self.read(
      "tokens,tags\n\"['Ada', \"\"'s\"\", 'in']\",\"['B-PER', 'O', 'O']\"\n", file: "a.csv")
    #expect(words[0].words.strings == ["Ada", "'s", "in"])
    for written in ["{'start': 0, 'end': 5, 'label': 'PER'}", "(0, 5, 'PER')"] {
      let cells = "text,entities\nAda L,\"[\(written)]\"\nIn,[]\n"
      #expect(try Self.read(cells, file: "a.csv").map(\.classes) == [[1, 2], [0]])
    }
    let spans = "text,entities\nAda L,\"[(0, 5, 'PER')]\"\nIn,[]\n"
    #expect(
      try TokenClassification.inferredLabels(of: Self.rows(spans, file: "a.csv"), nil).labels
        == ["O", "B-PER", "I-PER"])
  }

  @Test("the column of the text may have lists of words")
  func columnOfWords() throws {
    let options = DataOptions(textColumns: [.name("words")], labelColumns: [.name("ner")])
    for (file, text) in [
      ("a.jsonl", #"{"words": ["New York", "is"], "ner": ["B-LOC", "O"], "tokens": ["x"]}"#),
      ("a.csv", "words,ner\n\"['New York', 'is']\",B-LOC O\n"),
    ] {
      let found = try Self.read(text, file: file, options: options)[0]
      #expect(found.words.strings == ["New York", "is"] && found.classes == [3, 0])
      #expect(try Self.rows(text, file: file, options)[0].text == "New York is")
    }
    // So may the usual one, but not lines of plain text, or a text beside tokens.
    for (file, text) in [
      ("a.jsonl", #"{"text": ["New York", "is"], "label": ["B-LOC", "O"]}"#),
      ("a.csv", "text,label\n\"['New York', 'is']\",B-LOC O\n"),
      ("a.csv", "text,tokens,label\n\"['x']\",\"['New York', 'is']\",B-LOC O\n"),
    ] {
      #expect(try Self.read(text, file: file)[0].words.strings == ["New York", "is"])
    }
    #expect(try Self.rows("['a', 'b']\n", file: "a.txt", DataOptions(format: .lines))[0].fields.isEmpty)
    // What is no list of words is a text.
    for (cell, words) in [("[1] is", ["[1]", "is"]), ("[1] [2]", ["[1]", "[2]"])] {
      let text = try Self.read("words,ner\n\(cell),O O\n", file: "a.csv", options: options)
      #expect(text[0].words.strings == words)
    }
  }

  @Test(
    "lists are the same in a cell as in JSON Lines, under any name, with empty words and Python's escapes")
  func listsInCells() throws {
    let named = DataOptions(textColumns: [.name("words")], labelColumns: [.name("ner")])
    let words = ["he", "", "a\u{A0}b"]
    let json = #"{"words": ["he", "", "a\u00a0b"], "ner": ["O", "O", "O"]}"#
    let table = #"words,ner"# + "\n" + #""['he', '', 'a\xa0b']",O O O"# + "\n"
    for (file, text) in [("a.jsonl", json), ("a.csv", table)] {
      let found = try Self.read(text, file: file, options: named)[0]
      #expect(found.words == Words(tokens: words), "\(file)")
      let usual = text.replacing("words", with: "tokens").replacing("ner", with: "tags")
      #expect(try Self.read(usual, file: file)[0].words == Words(tokens: words), "\(file)")
    }
  }

  @Test(
    "cells that are nearly lists are refused with their row",
    arguments: [
      ("tokens,tags", "['he' 'can'],O O", "a list that cannot be read"),
      ("text,tags", "he can,['O' 'O']", "a list that cannot be read"),
      ("text,label", "he can,['O' 'O']", "a list that cannot be read"),
      ("text,tags", "he can,\"[None, 'O']\"", "a list that cannot be read"),
      ("text,tags", "he can,[1 0]", "a list that cannot be read"),
      ("text,label", "he can,[O O]", "wrong tags; expected a list of names or numbers, found '[O O]'"),
    ])
  func nearlyLists(_ header: String, _ row: String, _ message: String) throws {
    let text = "\(header)\nhe can,O O\n\(row)\n"
    let error = #expect(throws: GraftError.self) { try Self.read(text, file: "a.csv") }
    #expect(error?.description.contains("row 3: \(message)") == true, "\(error?.description ?? "")")
    // Nor does such a row say what labels there are.
    #expect(throws: GraftError.self) {
      try TokenClassification.inferredLabels(of: Self.rows("\(header)\n\(row)\n", file: "a.csv"), nil)
    }
  }

  @Test("a list of words under 'text' is read, and 'tokens' beside it where it is not named")
  func unnamedWords() throws {
    let both = #"{"tokens": ["he", "can"], "text": ["so they", "do"], "tags": ["O", "O"]}"#
    #expect(try Self.read(both)[0].words.strings == ["he", "can"])
    let named = DataOptions(textColumns: [.name("text")])
    #expect(try Self.read(both, options: named)[0].words.strings == ["so they", "do"])
    let alone = #"{"text": ["he", "can"], "tags": ["O", "O"]}"#
    for options in [DataOptions(), named] {
      #expect(try Self.read(alone, options: options)[0].words.strings == ["he", "can"])
    }
  }

  @Test("tags none of which begins an entity in the scheme that was named are said")
  func otherScheme() throws {
    let rows = try Self.rows(#"{"tokens": ["Ada", "L"], "tags": ["B-PER", "I-PER"]}"#)
    for (scheme, isSaid) in [("IOBES", true), ("IOB2", false), (nil, false)] {
      let task = try Self.task(scheme: scheme)
      let remarks = task.remarks(on: try task.labels(of: rows, LabelReading()), of: rows)
      #expect(
        remarks
          == (isSaid
            ? [
              "no tag begins an entity as the scheme IOBES has it, and 1 of 1 rows has tags other than O: these may be in another scheme"
            ] : []),
        "\(scheme ?? "none")")
    }
  }

  @Test("numbers as tags are no other scheme where they are those of O")
  func numbersInAScheme() throws {
    for (tags, isSaid) in [("[0, 0]", false), ("[2, 2]", true), ("[0, 1]", false)] {
      let rows = try Self.rows(#"{"tokens": ["Ada", "L"], "tags": \#(tags)}"#)
      let task = try Self.task(scheme: "IOB2")
      let remarks = task.remarks(on: try task.labels(of: rows, LabelReading()), of: rows)
      #expect(remarks.count == (isSaid ? 1 : 0), "\(tags) \(remarks)")
    }
  }

  @Test("words that entities begin or end within, and tags beside entities, are said")
  func slips() throws {
    let lines = [
      #"{"text": "Ada Lovelace lived", "entities": [[0, 6, "PER"]], "tags": ["news"]}"#,
      #"{"text": "Adalived in Rome", "entities": [[0, 3, "PER"], [3, 8, "LOC"]], "tags": null}"#,
      #"{"tokens": ["Ada"], "tags": ["B-PER"], "entities": [[0, 2, "PER"]]}"#,
    ]
    func remarks(_ lines: some Sequence<String>) throws -> [String] {
      let (task, rows) = (try Self.task(), try Self.rows(lines.joined(separator: "\n")))
      return task.remarks(on: try task.labels(of: rows, LabelReading()), of: rows)
    }
    #expect(
      try remarks(lines) == [
        "2 words are cut where an entity begins or ends within them, the first is 'Lo|velace' in row 1",
        "1 of 3 rows has both entities and 'tags', and the tags are not read: row 1",
      ])
    #expect(
      try remarks(lines[1...]) == [
        "1 word is cut where an entity begins or ends within it: 'Ada|lived' in row 1"
      ])
    #expect(try remarks(lines[2...]).isEmpty)
    // Of several files the row's is named.
    let task = try Self.task()
    var rows = try Self.rows(lines[1])
    rows.append(rows[0])
    rows[0].place.file = "data/other.jsonl"
    #expect(
      task.remarks(on: try task.labels(of: rows, LabelReading()), of: rows) == [
        "2 words are cut where an entity begins or ends within them, the first is 'Ada|lived' in row 1 of other.jsonl"
      ])
    #expect(
      try TokenClassification.inferredLabels(of: Self.rows(lines[0]), nil).labels == ["O", "B-PER", "I-PER"])
  }

  @Test("sentences in columns: the first and the last, or those that are named")
  func columns() throws {
    let text = """
      -DOCSTART- -X- -X- O

      Ada NNP B-NP B-PER
      lives VBZ B-VP O


      # a comment of its own
      in IN B-PP O
      York NNP B-NP B-LOC
      """
    let found = try Self.read(text, file: "train.txt")
    #expect(found.map(\.classes) == [[1, 0], [0, 3]])
    #expect(found[1].words.strings == ["in", "York"])
    let rows = try Self.rows(text, file: "train.conll")
    #expect(rows.map(\.place.row) == [3, 8] && rows.map(\.place.index) == [0, 1])
    #expect(rows[0].text == "Ada lives")
    let tabs = "1\tAda L.\tB-PER\tx\n2\tlives\tO\tx\n \n1\tin\tO\tx\n"
    let options = DataOptions(textColumns: [.number(2)], labelColumns: [.number(3)])
    let second = try Self.read(tabs, file: "a.bio", options: options)
    #expect(second.map(\.classes) == [[1, 0], [0]])
    #expect(second[0].words.ranges == [0..<6, 7..<12])
    #expect(try Self.rows("a\nb\n\nc\n", file: "words.conll").map(\.label) == [nil, nil])
  }

  @Test("tags of one scheme become those of the head's")
  func schemes() throws {
    let loose = #"{"tokens": ["a", "b", "c", "d"], "tags": ["I-PER", "I-PER", "O", "I-LOC"]}"#
    #expect(try Self.read(loose, scheme: "IO")[0].classes == [1, 2, 0, 3])
    let ends = #"{"tokens": ["a", "b", "c", "d"], "tags": ["I-PER", "E-PER", "E-PER", "O"]}"#
    #expect(try Self.read(ends, scheme: "IOE2")[0].classes == [1, 2, 1, 0])
    let single = #"{"tokens": ["a", "b", "c"], "tags": ["B-PER", "E-PER", "S-LOC"]}"#
    #expect(try Self.read(single, scheme: "IOBES")[0].classes == [1, 2, 3])
    let plain = #"{"tokens": ["a", "b", "c"], "tags": ["B-PER", "I-PER", "O"]}"#
    #expect(try Self.read(plain, labels: ["O", "PER"], scheme: "IOB2")[0].classes == [1, 1, 0])
  }

  @Test("words: letters together, punctuation and ideographs by themselves")
  func words() {
    #expect(
      Words(in: " U.S.-based  naïve_x 2,000\t中文 e\u{301}a").strings
        == ["U", ".", "S", ".", "-", "based", "naïve", "_", "x", "2", ",", "000", "中", "文", "e\u{301}a"])
    #expect(Words(in: "").ranges.isEmpty && Words(in: " \n").ranges.isEmpty)
  }

  // MARK: What is wrong

  static let mistakes: [(String, String)] = [
    (
      #"{"tokens": ["a", "b"], "tags": ["O"]}"#,
      "row 1: words and labels are not equally many; expected a label for each of 2 words, found 1."
    ),
    (#"{"tokens": ["a", 3], "tags": ["O", "O"]}"#, "row 1: wrong tokens; expected a list of strings"),
    (#"{"tokens": "a b", "tags": {"a": 1}}"#, "row 1: wrong tags; expected a list of names or numbers"),
    (#"{"tokens": ["a"]}"#, "row 1: there are no labels for the words; expected 'tags'"),
    (
      #"{"tokens": ["a", "b"], "tags": ["O", "B-ORG"]}"#,
      "row 1: unknown label; expected one of O, B-PER, I-PER, B-LOC, I-LOC, found 'B-ORG' at word 2. "
        + "Give the head the labels of the data too: "
        + #"'swapHead(to: "token-classification", labels: [O,B-PER,I-PER,B-LOC,I-LOC,B-ORG])'"#
    ),
    // Both kinds together would be no tags.
    (
      #"{"tokens": ["a", "b"], "tags": ["NOUN", "VERB"]}"#,
      #"the labels of the data: 'swapHead(to: "token-classification", labels: [NOUN,VERB])'"#
    ),
    (
      #"{"tokens": ["a", "b"], "tags": ["B,PER", "O"]}"#,
      #"the labels of the data: 'swapHead(to: "token-classification", labels: inferLabels(of:forHead:of:).labels)'"#
    ),
    (
      #"{"tokens": ["a"], "tags": [9]}"#,
      "row 1: the label number is out of range; expected 0 to 4 for the labels O, B-PER, I-PER, B-LOC, I-LOC, found 9."
    ),
    (
      #"{"tokens": ["a", "b"], "tags": ["O", "-100"]}"#,
      "found '-100' at word 2. Correct the data, or check 'label-column'."
    ),
    (
      #"{"tokens": ["a", "b", "c"], "tags": ["B-PER", "E-PER", "S-LOC"]}"#,
      "found 'E-PER' at word 2. The tags of the data seem to be in the scheme IOBES: say so by 'tag-scheme' IOBES."
    ),
    (#"{"tokens": ["a", "b"], "tags": ["U-PER", "U-LOC"]}"#, "say so by 'tag-scheme' BILOU."),
    // No head gets tags of two schemes.
    (
      #"{"tokens": ["a", "b"], "tags": ["S-ORG", "S-PER"]}"#,
      "The tags of the data seem to be in the scheme IOBES, and the head lacks types of theirs. Give it these: "
        + #"'swapHead(to: "token-classification", labels: [O,B-PER,I-PER,B-LOC,I-LOC,B-ORG,I-ORG])'; then say the "#
        + "scheme: 'tag-scheme' IOBES."
    ),
    (
      #"{"tokens": ["a", "b"], "tags": ["B-CO", "E-CO"]}"#, "labels: [O,B-PER,I-PER,B-LOC,I-LOC,B-CO,I-CO])'"
    ),
    (
      #"{"text": "Ada", "entities": [{"start": 1, "end": 4, "label": "PER"}]}"#,
      "row 1: an entity is not within its text; expected 0 <= start < end <= 3, counted in Unicode scalars, found 1 to 4."
    ),
    (#"{"text": "Ada", "entities": [{"start": 2, "end": 2, "label": "PER"}]}"#, "found 2 to 2"),
    (#"{"text": "Ada", "entities": [{"start": -1, "end": 2, "label": "PER"}]}"#, "found -1 to 2"),
    (
      #"{"text": "Ada L", "entities": [[0, 5, "PER"], [4, 5, "LOC"]]}"#,
      "row 1: two entities overlap; found 'PER' at 0 to 5 and 'LOC' at 4 to 5."
    ),
    (
      #"{"text": "Ada", "entities": [[0, 3, "ORG"]]}"#,
      "row 1: unknown label; expected one of PER, LOC, found 'ORG' at 0 to 3. Give the head the labels of the data too: "
        + #"'swapHead(to: "token-classification", labels: [O,B-PER,I-PER,B-LOC,I-LOC,B-ORG,I-ORG])'"#
    ),
    (
      #"{"text": "Ada", "entities": [[0, 3, "B-PER"]]}"#,
      "found 'B-PER' at 0 to 3. An entity has a type without the letter of a tag: 'PER'."
    ),
    (
      #"{"text": "Ada  lived", "entities": [[3, 5, "PER"]]}"#,
      "row 1: an entity of white space alone; expected an entity with something to read, found 'PER' at 3 to 5."
    ),
    (#"{"text": "Ada", "entities": [{"start": 0, "label": "PER"}]}"#, "row 1: not an entity"),
    (#"{"text": "Ada", "entities": "PER"}"#, "row 1: wrong entities"),
  ]

  @Test("what is wrong with a row", arguments: mistakes.indices)
  func refused(_ index: Int) throws {
    let (line, message) = Self.mistakes[index]
    let error = #expect(throws: GraftError.self) { try Self.read(line) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test("what is wrong with a file of columns")
  func wrongColumns() {
    func message(_ text: String, _ options: DataOptions = DataOptions()) -> String {
      let error = #expect(throws: GraftError.self) { try Self.rows(text, file: "a.conll", options) }
      return error?.description ?? ""
    }
    #expect(
      message("a O\nb\n").contains(
        "row 2: wrong number of columns; expected 2, as in the lines before, found 1."))
    #expect(
      message("a O\n", DataOptions(labelColumns: [.number(3)])).contains(
        "row 1, column '3': no such column; found 2 columns."))
    #expect(
      message("a O\n", DataOptions(labelColumns: [.name("tag")])).contains(
        "column 'tag': sentences in columns have no column names."))
    #expect(message("-DOCSTART- O\n\n\n").contains("the file has no sentences"))
    #expect(message("\n\n").contains("the file has no sentences"))
  }

  @Test("rows of one word are remarked upon")
  func singleWords() throws {
    func remarks(_ text: String) throws -> [String] {
      let (rows, task) = (try Self.rows(text, file: "a.csv"), try Self.task())
      return task.remarks(on: try task.labels(of: rows, LabelReading()), of: rows)
    }
    #expect(
      try remarks("text,label\nAda,B-PER\n,\nruns,O\n").first?.hasPrefix(
        "each of 2 rows is one word, and is read alone") == true)
    #expect(try remarks("text,label\nAda,B-PER\nAda runs,B-PER O\n").isEmpty)
    #expect(try remarks("text,label\nAda,B-PER\n").isEmpty)
  }

  @Test("a tag of another scheme than the data are said to have")
  func wrongScheme() throws {
    let line = #"{"tokens": ["a"], "tags": ["B-PER"]}"#
    let error = #expect(throws: GraftError.self) { try Self.read(line, scheme: "IO") }
    #expect(
      error?.description.hasSuffix(
        "a tag is not of the scheme IO; expected one that begins with O, I, found 'B-PER'. "
          + "The tags of the data seem to be in the scheme IOB2: say so by 'tag-scheme' IOB2.") == true
    )
  }

  @Test("labels that the head lacks are listed as it spells them, behind its own where they are of a kind")
  func missing() throws {
    func advice(_ lines: String, labels: [String], scheme: String? = nil) throws -> String {
      let error = #expect(throws: GraftError.self) { try Self.read(lines, labels: labels, scheme: scheme) }
      return error?.description ?? ""
    }
    let lines =
      #"{"tokens": ["a", "b"], "tags": ["O", "B-X"]}"# + "\n" + #"{"tokens": ["a"], "tags": ["I-Y"]}"#
    #expect(try advice(lines, labels: Self.names).contains("I-LOC,B-X,I-Y])'"))
    #expect(try advice(lines, labels: ["LABEL_0", "LABEL_1"]).contains("of the data: 'swapHead"))
    #expect(try advice(lines, labels: ["LABEL_0", "LABEL_1"]).contains("labels: [O,B-X,I-Y])'"))
    // Data that are said to be in another scheme get the head's.
    let single = #"{"tokens": ["a", "b"], "tags": ["S-PER", "S-X"]}"#
    #expect(try advice(single, labels: Self.names, scheme: "IOBES").contains("I-LOC,B-X,I-X])'"))
    #expect(try advice(single, labels: ["O", "PER"], scheme: "IOBES").contains("labels: [O,PER,X])'"))
    let entity = #"{"text": "Ada", "entities": [[0, 3, "X"]]}"#
    #expect(try advice(entity, labels: ["O", "PER"]).contains("labels: [O,PER,X])'"))
    for bare in [["PER", "LOC"], ["LABEL_0", "LABEL_1"]] {
      let message = try advice(entity, labels: bare)
      #expect(
        message.contains(
          "row 1: the head's labels are no tags of entities; expected O, B-PER, I-PER, …, found \(bare[0]), \(bare[1]). "
            + #"Give the head the labels of the data: 'swapHead(to: "token-classification", labels: [O,B-X,I-X])'"#
        ),
        "\(message)")
    }
  }
}
