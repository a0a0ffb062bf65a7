import Foundation
import GraftCore
import GraftData
import GraftTensors
import TestSupport
import Testing

@Suite struct DataSourceTests {
  @Test func quotedFieldsHoldAnything() throws {
    let rows = try read(
      "a.csv",
      "text,label\r\n\"one, two\",0\r\n\"a \"\"quote\"\"\",1\r\n\"two\nlines\",2\r\nplain \"inside\" text,3\r\n"
    )
    #expect(rows.map(\.text) == ["one, two", "a \"quote\"", "two\nlines", "plain \"inside\" text"])
    #expect(rows.map(\.label) == ["0", "1", "2", "3"].map { .text($0) })
    #expect(rows.map(\.place.row) == [2, 3, 4, 5])
  }

  @Test("with a delimiter of labels a cell is a list, and one that is a JSON list already stays it")
  func labelDelimiters() throws {
    var options = DataOptions()
    options.labelDelimiter = ";"
    let rows = try read(
      "a.csv", #"text,label\#na,x; y\#nb,"[""x"",""y;z""]"\#nc,"[1, 0]"\#nd,[x];[y]\#ne,x\#n"#, options)
    #expect(
      rows.map(\.label) == [
        .list(["x", "y"]), .text(#"["x","y;z"]"#), .text("[1, 0]"), .list(["[x]", "[y]"]), .list(["x"]),
      ])
  }

  @Test func backslashesAreKept() throws {
    let rows = try read(
      "a.csv",
      #""4","A second\team","said \"hi\"""#.replacing("\\\"hi\\\"", with: "\\hi") + "\n",
      DataOptions(textColumns: [.number(2), .number(3)], labelColumns: [.number(1)])
    )
    #expect(rows == [TextRow("A second\\team said \\hi", label: .text("4"), place: rows[0].place)])
  }

  @Test(arguments: ["\n", "\r\n"])
  func theLastLineEndingIsOptional(_ lineEnd: String) throws {
    for final in ["", lineEnd, lineEnd + lineEnd] {
      let rows = try read(
        "a.csv",
        "\u{FEFF}text,label" + lineEnd + lineEnd + "x,1" + lineEnd + "\"y\",\"2\"" + final
      )
      #expect(rows.map(\.text) == ["x", "y"])
      #expect(rows.map(\.label) == [.text("1"), .text("2")])
    }
  }

  @Test func fieldsCrossWindows() throws {
    let texts = (0..<40).map { String(repeating: "αβγ,\"\n", count: 97 * $0 + 1) }
    let file = "text\n" + texts.map { "\"" + $0.replacing("\"", with: "\"\"") + "\"\n" }.joined()
    #expect(file.utf8.count > 3 << 16)
    #expect(try read("a.csv", file).map(\.text) == texts)
  }

  @Test func numbersMeanThatThereIsNoHeader() throws {
    let numbered = DataOptions(textColumns: [.number(1)])
    #expect(try read("a.csv", "x,0\ny,1\n", numbered).map(\.text) == ["x", "y"])
    var options = numbered
    options.hasHeader = true
    #expect(try read("a.csv", "t,label\ny,1\n", options).map(\.label) == [.text("1")])
    options = DataOptions(textColumns: [.name("t")], labelColumns: [.number(2)])
    #expect(try read("a.csv", "t,l\ny,1\n", options).map(\.label) == [.text("1")])
  }

  @Test func anEmptyFieldInQuotesIsARow() throws {
    let rows = try read("a.csv", "text\n\"\"\n\nx\r\n\"\"\r\n\r\ny\n\"\"")
    #expect(rows.map(\.text) == ["", "x", "", "y", ""])
    #expect(rows.map(\.place.row) == [2, 4, 5, 7, 8])
  }

  @Test func theNumberOfColumnsIsBounded() throws {
    let most = String(repeating: ",", count: (1 << 16) - 1)
    let numbered = DataOptions(textColumns: [.number(1)])
    #expect(try read("a.csv", "x\(most)\n", numbered).map(\.text) == ["x"])
    let error = #expect(throws: GraftError.self) { try read("a.csv", "x\(most)\ny\(most),\n", numbered) }
    #expect(error?.problem == "more than 65536 columns")
    #expect(error?.subject == "row 2")
  }

  @Test func pairs() throws {
    let options = DataOptions(textColumns: [.name("a")], pairColumn: .name("b"))
    #expect(try read("a.tsv", "a\tb\nx\t\"y\n", options).map(\.pair) == ["\"y"])
  }

  @Test func jsonLines() throws {
    let rows = try read(
      "a.jsonl",
      """
      {"text": "x\\ny", "label": 3, "other": null}

      {"label": "Sports", "text": "z"}
      {"text": "v", "label": ["a", "b"]}
      {"text": "w", "label": null}
      {"text": "w"}
      """
    )
    #expect(rows.map(\.text) == ["x\ny", "z", "v", "w", "w"])
    #expect(rows.map(\.label) == [.text("3"), .text("Sports"), .list(["a", "b"]), nil, nil])
    #expect(rows.map(\.place.row) == [1, 3, 4, 5, 6])
  }

  @Test func plainLines() throws {
    #expect(
      try read("a.txt", "one, \"two\"\r\n\r\nthree\tfour").map(\.text) == ["one, \"two\"", "three\tfour"]
    )
  }

  @Test(arguments: [
    ("a", "text,label\nx,1\n"), ("b", "text\tlabel\nx\t1\n"), ("c", "{\"text\": \"x\", \"label\": 1}"),
  ])
  func aFileWithoutAnExtensionIsRecognised(_ name: String, _ content: String) throws {
    let rows = try read(name, content)
    #expect(rows.map(\.text) == ["x"])
    #expect(rows.map(\.label) == [.text("1")])
  }

  @Test func shufflingComesBeforeTaking() throws {
    let file = "text\n" + (0..<10).map { "\($0)\n" }.joined()
    #expect(try read("a.csv", file, DataOptions(take: 3)).map(\.text) == ["0", "1", "2"])
    // numpy.random.default_rng(42).permutation(10)
    let shuffled = try read("a.csv", file, DataOptions(shuffleSeed: 42)).map(\.text)
    #expect(shuffled == ["5", "6", "0", "7", "3", "2", "4", "9", "1", "8"])
    #expect(try read("a.csv", file, DataOptions(shuffleSeed: 42, take: 3)).map(\.text) == ["5", "6", "0"])
    #expect(try read("a.csv", file, DataOptions(take: 100)).count == 10)
  }

  @Test func takingStopsReading() throws {
    #expect(try read("a.csv", "text\nx\n\"unterminated", DataOptions(take: 1)).map(\.text) == ["x"])
  }

  @Test func severalFilesAreOne() throws {
    try withTemporaryDirectory { directory in
      let files = ["x", "y"].map { directory.appending(path: "\($0).csv") }
      for file in files {
        let name = file.deletingPathExtension().lastPathComponent
        try FileWriter.write(file, text: "text\n\(name)1\n\(name)2\n")
      }
      let source = DataSource(files, options: DataOptions(take: 3))
      #expect(try source.rows().map(\.text) == ["x1", "x2", "y1"])
    }
  }

  @Test func aDecompressorIsChosenByContent() throws {
    // The "compression" of this test adds 1 to every byte.
    let bytes = [0xFE, 0xFE] + "text\nx\n".utf8.map { $0 + 1 }
    let decompressor = Decompressor(recognizes: { $0.starts(with: [0xFE, 0xFE]) }) { file in
      var position = 2
      return ByteStream { buffer in
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(min(3, file.size - position)))
        try file.read(into: part, at: position)
        position += part.count
        for index in part.indices { part[index] -= 1 }
        return part.count
      }
    }
    let rows = try withFile("a.csv.gz", bytes) { try DataSource([$0], decompressors: [decompressor]).rows() }
    #expect(rows.map(\.text) == ["x"])
  }

  struct BadFile: Sendable, CustomTestStringConvertible {
    var name = "a.csv"
    var content: [UInt8]
    var options = DataOptions()
    var message: String
    var testDescription: String { message }

    init(_ content: String, name: String = "a.csv", options: DataOptions = DataOptions(), _ message: String) {
      self.init(Array(content.utf8), name: name, options: options, message)
    }

    init(
      _ content: [UInt8],
      name: String = "a.csv",
      options: DataOptions = DataOptions(),
      _ message: String
    ) {
      self.content = content
      self.name = name
      self.options = options
      self.message = message
    }
  }

  @Test(arguments: [
    BadFile("", "the file is empty; expected rows of text."),
    BadFile("\n\n", "the file is empty; expected rows of text."),
    BadFile("", name: "a.jsonl", "the file is empty; expected rows of text."),
    BadFile(
      " \n",
      name: "a.jsonl",
      "row 1: invalid JSON at byte 1: the text ends where a value should stand. JSON Lines have one object on "
        + "each line."
    ),
    BadFile("text,label\n", "there is no row below the header; expected rows of text."),
    BadFile(
      "headline,class\nx,1\n",
      "column 'text': no such column; found the columns 'headline', 'class'. Name the columns with "
        + "'text-column' and 'label-column'; by number when there is no header."
    ),
    BadFile(
      "x,1\n",
      options: DataOptions(textColumns: [.number(3)]),
      "column '3': no such column; found 2 columns without names. Name the column by its number, from 1 to 2."
    ),
    BadFile(
      "text\nx\n",
      options: DataOptions(labelColumns: [.name("label")]),
      "column 'label': no such column; found the columns 'text'. Name the columns with 'text-column' and "
        + "'label-column'; by number when there is no header."
    ),
    BadFile(
      "text,label\nx,1\ny,2,3\n",
      "row 3: wrong number of columns; expected 2, as in the header (text, label), found 3. A text that holds the "
        + "delimiter has to stand in quotes."
    ),
    BadFile(
      "text,label\nx,1\n\"y,2\n",
      "row 3, column 1: a quoted field does not end. Close the quote; a quote inside a field is written twice. "
        + "Where quotes are ordinary characters, say so with 'quoting'."
    ),
    BadFile(
      "text,label\n\"x\"y,1\n",
      "row 2, column 1: text after the closing quote; expected a comma or the end of the line. A quote inside a "
        + "field is written twice; where quotes are ordinary characters, say so with 'quoting'."
    ),
    BadFile(
      Array("text\nx\n".utf8) + [0xE4, 0x0A],
      "row 3, column 1: invalid UTF-8. Convert the file to UTF-8, for example with 'iconv -f latin1 -t utf-8'."
    ),
    BadFile(
      "{\"text\": \"x\"}\n{\"title\": \"y\", \"class\": 1}\n",
      name: "a.jsonl",
      "row 2, column 'text': no such column; found the columns 'title', 'class'. Name the columns with "
        + "'text-column' and 'label-column'."
    ),
    BadFile(
      "{\"text\": [1]}\n",
      name: "a.jsonl",
      "row 1, column 'text': wrong value; expected a string, found a list."
    ),
    BadFile(
      "[\n",
      name: "a.json",
      "row 1: the JSON array is not closed. The file may be cut off."
    ),
    BadFile("[]", name: "a.json", "the file is empty; expected JSON objects in a list."),
    BadFile(
      "[{\"text\": \"x\"}, 1]", name: "a.json",
      "row 2: not a row; expected a list of JSON objects, found the number 1. Write a list of objects:"),
    BadFile(
      "[{\"text\": \"x\"}] 1", name: "a.json", "row 1: text after the end of the JSON array."),
    BadFile(
      "text|label\nx|1\n", options: DataOptions(textColumns: [.name("title")]),
      "column 'title': no such column; found the columns 'text|label'. The columns seem to stand between other "
        + "delimiters than a comma: name it with 'delimiter'."),
    BadFile(
      "a\tb\n\"x\ty\tz\n", name: "a.tsv", options: DataOptions(textColumns: [.name("a")]),
      "row 2: wrong number of columns; expected 2, as in the header (a, b), found 3. A text that holds the delimiter "
        + "has to stand in quotes, and quotes have to be read: 'quoting'."),
    BadFile(
      "{\"text\": \"x\"}", name: "a.jsonl", options: DataOptions(delimiter: 0x3B, quoting: .csv),
      "column 'text': no such column"),
    BadFile(
      "x", name: "a.txt", options: DataOptions(format: .lines, delimiter: 0x3B),
      "only tables have delimiters and quotes; found the format 'lines'. Leave out 'delimiter' and 'quoting'."
    ),
    BadFile(
      "{\"text\": \"x\"}",
      name: "a.jsonl",
      options: DataOptions(textColumns: [.number(1)]),
      "column '1': JSON objects have no column numbers. Name the column by its key."
    ),
    BadFile(
      "words,tags\nx,1\n",
      options: DataOptions(fields: [TaskColumn("tokens", replacesText: true), TaskColumn("tags")]),
      "column 'tokens': no such column; found the columns 'words', 'tags'. Name the column of the lists of "
        + "words, or that of plain texts, with 'text-column'. A table with a word in each row has no sentences: write it as "
        + "CoNLL's columns."
    ),
    BadFile(
      "{\"tokens\": [\"x\"]}\n{\"words\": [\"x\"]}\n",
      name: "a.jsonl",
      options: DataOptions(fields: [TaskColumn("tokens", replacesText: true)]),
      "row 2, column 'tokens': no such column; found the columns 'words'. Name the column of the lists of words, "
        + "or that of plain texts, with 'text-column'."
    ),
    BadFile(
      "query,answer\nx,1\n",
      options: DataOptions(fields: [TaskColumn("anchor", replacesText: true), TaskColumn("positive")]),
      "column 'anchor': no such column; found the columns 'query', 'answer'. Name the column of 'anchor' with "
        + "'text-column', and that of 'positive' with 'pair-column'."
    ),
    BadFile(
      "Anchor,Positive\nx,1\n", options: DataOptions(fields: [TaskColumn("anchor", replacesText: true)]),
      "column 'anchor': no such column; found the columns 'Anchor', 'Positive'; the nearest is 'Anchor'."
    ),
    BadFile(
      "a,B-PER\n", name: "a.conll", options: DataOptions(format: .conll, delimiter: 0x2C),
      "only tables have delimiters and quotes; found the format 'conll', whose columns stand between tabs or spaces."
    ),
    BadFile(
      "words,tags\nx,1\n",
      options: DataOptions(
        textColumns: [.name("sentence")], fields: [TaskColumn("tokens", replacesText: true)]),
      "column 'sentence': no such column; found the columns 'words', 'tags'."
    ),
    BadFile(
      "PAR1....", name: "a.parquet",
      "a Parquet file. Convert it to JSON Lines, for example in Python with pandas.read_parquet('FILE').to_json("
    ),
    BadFile("version https://git-lfs", "a Git LFS pointer, not data. Run 'git lfs pull'."),
  ])
  func badFilesAreExplained(_ bad: BadFile) throws {
    let message = try errorMessage(reading: bad.content, as: bad.name) {
      _ = try DataSource([$0], options: bad.options).rows()
    }
    #expect(message?.hasPrefix(bad.message) == true, "\(message ?? "accepted")")
  }

  @Test func anEndlessRowIsRefused() throws {
    let bytes = [UInt8(ascii: "\"")] + [UInt8](repeating: 0x61, count: (1 << 24) + 70000)
    let message = try errorMessage(reading: bytes, as: "a.csv") { _ = try DataSource([$0]).rows() }
    #expect(message?.contains("row 1: longer than 16 MiB. Look for a quote") == true)
  }

  @Test func columnsAreParsed() throws {
    #expect(try Column.list("2,3") == [.number(2), .number(3)])
    #expect(try Column.list("title") == [.name("title")])
    #expect(throws: GraftError.self) { try Column.list("0") }
    #expect(throws: GraftError.self) { try Column.list("1,,2") }
  }

  private func read(_ name: String, _ content: String, _ options: DataOptions = DataOptions()) throws
    -> [TextRow]
  {
    try withFile(name, Array(content.utf8)) { try DataSource([$0], options: options).rows() }
  }

  private func withFile<Result>(_ name: String, _ bytes: [UInt8], _ body: (URL) throws -> Result) throws
    -> Result
  {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: name)
      try Data(bytes).write(to: file)
      return try body(file)
    }
  }
}
