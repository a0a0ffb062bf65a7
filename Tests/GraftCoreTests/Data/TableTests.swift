import Foundation
import GraftCore
import GraftData
import GraftTensors
import TestSupport
import Testing

/// Tables in the dialects, encodings and line ends that Python's csv module writes; see Fixtures/tables/make.py.
@Suite struct TableTests {
  private static let folder = fixtures.appending(path: "tables")
  private static let expected = Result {
    try JSON(parsing: Array(Data(contentsOf: folder.appending(path: "rows.json"))))
  }

  @Test(arguments: [
    "comma-lf.csv", "comma-crlf.csv", "comma-cr.csv", "comma-all.csv", "semicolon.csv", "bar.csv", "tab.csv",
    "minimal.tsv", "all.tsv", "cr.tsv", "utf-16-le.csv", "utf-16-be.csv", "utf-8.csv", "compressed.csv.gz",
    "plain.tsv", "array.json", "array-indented.json", "lines.jsonl",
  ])
  func rowsAreThoseThatPythonReads(_ name: String) throws {
    let file = Self.folder.appending(path: name)
    let contents = try DataSource(reading: [file]).contents()
    let expected = try #require(try Self.expected.get()[name]?.array?.map { $0.array?.compactMap(\.string) })
    #expect(contents.rows.map { [$0.text, Self.text($0.label)] } == expected)
    #expect(contents.files.map(\.rows) == [expected.count])
  }

  private static func text(_ label: WrittenLabel?) -> String {
    if case .text(let text) = label { text } else { "" }
  }

  @Test(arguments: [
    ("comma-lf.csv", DataFormat.csv, []), ("semicolon.csv", .csv, ["a semicolon between columns"]),
    ("tab.csv", .csv, ["a tab between columns"]), ("all.tsv", .tsv, ["fields in quotes"]),
    ("plain.tsv", .tsv, []), ("compressed.csv.gz", .csv, ["compressed", "UTF-16"]),
    ("comma-cr.csv", .csv, ["lines that end with a carriage return"]), ("array.json", .json, []),
  ])
  func whatWasTakenIsReported(_ name: String, _ format: DataFormat, _ remarks: [String]) throws {
    let report = try DataSource(reading: [Self.folder.appending(path: name)]).contents().files[0]
    #expect(report.format == format)
    #expect(report.remarks == remarks)
    #expect(report.textColumns == [.name("text")] && report.labelColumns == [.name("label")])
  }

  @Test func quotesAreReadAsTheOptionSays() throws {
    let plain = DataOptions(quoting: Quoting.none)
    #expect(try read("a.tsv", "text\n\"x\"\n\"y\"\n", plain) == ["\"x\"", "\"y\""])
    #expect(try read("a.csv", "text\n\"x\"\n", plain) == ["\"x\""])
    #expect(try read("a.tsv", "text\n\"x\"\n", DataOptions(quoting: .csv)) == ["x"])
  }

  /// Each is what a file with tabs may be where quotes begin fields.
  @Test(arguments: [
    ("a\tb\n\"x\"\ty\nz\tz\n", "\"x\""),  // A writer that quotes where it must would not have quoted x.
    ("a\tb\n\"x\"\t1\n\"y\"\t2\n", "x"),  // All texts stand in quotes.
    ("a\tb\n\"x\"\ty\n\"y\"\tz\n", "x"),  // So do those of the one column that has any.
    ("c\ta\n1\t\"x\"\n2\t\"y\"\n", "x"),
    ("\"a\"\t\"b\"\n\"x\"\ty\n\"y\"\tz\n", "x"),
    ("\"a\"\t\"b\"\nx\ty\n", "x"),  // Only the names do.
    ("a\tb\nz\tz\n\"x\"\tz\n", "z"),
    ("a\tb\n\"x\ty\"\t1\nz\tz\n", "x\ty"),
    ("a\tb\n\"x\ny\"\tz\nz\tz\n", "x\ny"),
    ("a\tb\n\"x \"\"y\"\"\"\tz\n", "x \"y\""),
    ("a\tb\n\"x\"y\tz\n", "\"x\"y"),
    ("a\tb\n\"x\tz\n\"y\tz\n", "\"x"),  // Two quotations that never end are not one field of two lines.
    ("a\tb\n\"\"\tz\nx\tz\n", "\"\""),
  ])
  func quotesInFilesWithTabsAreSeenFromTheRows(_ content: String, _ first: String) throws {
    let options = DataOptions(textColumns: [.name("a")])
    #expect(try read("a.tsv", content, options).first == first)
  }

  @Test func aDecisionAboutQuotesIsMadeWhereTheFirstBeginsAField() throws {
    let rows = (0..<20000).map { "line \($0)\t\($0)\n" }.joined()
    let texts = try read("a.tsv", "text\tlabel\n" + rows + "\"the \"\"big\"\" world\"\tx\n")
    #expect(texts.last == "the \"big\" world")
  }

  @Test func aTextWithoutQuotesAboveTheFirstOnesCounts() throws {
    #expect(try read("a.tsv", "text\tlabel\nx\ta\n\"y\"\tb\n") == ["x", "\"y\""])
    #expect(try read("a.tsv", "text\tlabel\n1\ta\n\"y\"\tb\n") == ["1", "y"])
    let numbered = DataOptions(textColumns: [.number(1)])
    #expect(try read("a.tsv", "x\ta\n\"y\"\tb\n", numbered) == ["x", "\"y\""])
  }

  @Test func namesInQuotesLeadToTheOption() throws {
    let content = "\"text\"\tlabel\n\"x\"\ta\ny\tb\n"
    #expect(
      errorMessage { _ = try read("a.tsv", content) }?.hasSuffix(
        "The names stand in quotes, which are not read here: set 'quoting' to csv.") == true)
    #expect(try read("a.tsv", content, DataOptions(quoting: .csv)) == ["x", "y"])
  }

  @Test(arguments: [true, false])
  func linesOfWhichAColumnIsNamedAreATable(_ defaultsToLines: Bool) throws {
    func texts(_ content: String, _ columns: [Column], labels: [Column] = []) throws -> [String] {
      var options = DataOptions(textColumns: columns, labelColumns: labels)
      options.defaultsToLines = defaultsToLines
      return try read("a.txt", content, options)
    }
    #expect(try texts("text,label\nx,1\n", [.name("text")]) == ["x"])
    #expect(try texts("label;text\n1;x\n", [.name("text")]) == ["x"])
    #expect(try texts("comment\nx\ny\n", [.name("comment")]) == ["x", "y"])
    #expect(try texts("id\tcomment\n1\tx, y\n", [.name("comment")]) == ["x, y"])
    #expect(try texts("text,label\nx,1\n", [], labels: [.name("label")]) == ["x"])
    #expect(try texts("{\"a\": \"x\"}\n", [.name("a")]) == ["x"])
    // A line is a text, and the first column.
    #expect(try texts("a text\nx\n", [.name("text")]) == ["a text", "x"])
    #expect(try texts("a text\nx\n", [.number(1)]) == ["a text", "x"])
    #expect(
      errorMessage { _ = try texts("one,two\nx,y\n", [.name("body")]) }?.contains(
        "column 'body': no such column; found the columns 'one', 'two'") == true)
  }

  @Test func filesThatAreGivenAgainAreNamed() {
    let files = ["/a/b.csv", "/a/c.csv", "/a/../a/b.csv"].map { URL(fileURLWithPath: $0) }
    #expect(
      FilePattern.remarks(on: files) == ["b.csv is given more than once, and its rows count as often"])
    #expect(FilePattern.remarks(on: Array(files.prefix(2))).isEmpty)
  }

  @Test func delimitersAreGiven() throws {
    #expect(try read("a.dat", "text~label\na,b~1\n", DataOptions(delimiter: 0x7E)) == ["a,b"])
    #expect(try read("a.txt", "x\ty\n", DataOptions(textColumns: [.number(2)], delimiter: 9)) == ["y"])
    #expect(DataOptions.delimiter("tab") == 9 && DataOptions.delimiter("\\t") == 9)
    #expect(DataOptions.delimiter(";") == 0x3B && DataOptions.delimiter("Semicolon") == 0x3B)
    #expect(["", "ab", "\"", "é", "\n"].allSatisfy { DataOptions.delimiter($0) == nil })
  }

  @Test func aFileForTextsIsLinesUnlessItSaysOtherwise() throws {
    var options = DataOptions()
    options.defaultsToLines = true
    #expect(try read("a", "one, two\n\nthree\n", options) == ["one, two", "", "three"])
    #expect(try read("a.log", "{not json\n", options) == ["{not json"])
    #expect(try read("a", "[1] a reference\n", options) == ["[1] a reference"])
    #expect(try read("a", "text,label\nx,1\n", options) == ["x"])
    #expect(try read("a", "{\"text\": \"x\"}\n{\"text\": \"y\"}\n", options) == ["x", "y"])
    #expect(try read("a", "[ {\"text\": \"x\"} ]", options) == ["x"])
    #expect(try read("a.txt", "text,label\nx,1\n", options) == ["text,label", "x,1"])
    #expect(try read("a.csv", "text,label\nx,1\n", options) == ["x"])
    options.textColumns = [.number(2)]
    #expect(try read("a", "x,y\n", options) == ["y"])
    options.textColumns = [.number(1)]
    #expect(try read("a", "text\nx\n", options) == ["text", "x"])
  }

  @Test func oneColumnWithItsHeaderIsATable() throws {
    var options = DataOptions()
    options.defaultsToLines = true
    #expect(try read("a", "text\nx\ny\n", options) == ["x", "y"])
    #expect(try read("a", "\"text\"\r\n\"x, y\"\r\n", options) == ["x, y"])
    #expect(try read("a", "a text\nx\n", options) == ["a text", "x"])
    // Alone it is a text.
    #expect(try read("a", "text\n\n", options) == ["text", ""])
    #expect(try read("a.txt", "text\nx\n", options) == ["text", "x"])
    options.usual = TrainedInputs()
    options.usual?.textColumns = ["title"]
    #expect(try read("a", "title\nx\n", options) == ["x"])
    options.textColumns = [.name("body")]
    #expect(try read("a", "body\nx\n", options) == ["x"])
    #expect(
      errorMessage { _ = try read("a", "one\nx\n", options) }?.contains(
        "column 'body': no such column; found the columns 'one'") == true)
  }

  @Test func whereNoColumnsAreGivenThoseOfTheTrainingDataAreTaken() throws {
    var (options, usual) = (DataOptions(), TrainedInputs())
    (usual.textColumns, usual.pairColumn, usual.labelColumns) = (["title", "body"], "other", ["class"])
    options.usual = usual
    func rows(_ name: String, _ content: String) throws -> [TextRow] {
      try withTemporaryDirectory { directory in
        let file = directory.appending(path: name)
        try Data(content.utf8).write(to: file)
        return try DataSource(reading: [file], options: options).rows()
      }
    }
    for (name, content) in [
      ("a.csv", "class,title,body,other\n1,x,y,z\n"), ("b.csv", "class;title;body;other\n1;x;y;z\n"),
      ("a.json", #"[{"title": "x", "body": "y", "other": "z", "class": 1}]"#),
    ] {
      let row = try rows(name, content)[0]
      #expect(row.text == "x y" && row.pair == "z" && row.label == .text("1"), "\(name)")
    }
    // A file without them is read as ever, and so is one without all of them.
    #expect(try rows("a.csv", "text,label\nx,1\n").map(\.label) == [.text("1")])
    #expect(try rows("a.csv", "title,body\nx,y\n")[0].pair == nil)
    #expect(throws: GraftError.self) { try rows("a.csv", "title,class\nx,1\n") }
    // Numbers are of files without a header.
    (usual.textColumns, usual.pairColumn, usual.labelColumns) = (["2", "3"], nil, ["1"])
    options.usual = usual
    #expect(try rows("a.csv", "4,x,y\n").map(\.text) == ["x y"])
    #expect(try rows("a.csv", "4,x,y\n").map(\.label) == [.text("4")])
    #expect(try rows("a.csv", "n,text,label\n4,x,y\n").map(\.text) == ["x"])
    // What is given wins.
    options.textColumns = [.name("a")]
    #expect(try rows("a.csv", "a,b,c\nx,y,z\n").map(\.text) == ["x"])
  }

  @Test func aPatternIsItsFilesByName() throws {
    try withTemporaryDirectory { directory in
      for name in ["part-2.csv", "part-1.csv", "other.csv", "odd[1].csv"] {
        try FileWriter.write(directory.appending(path: name), text: "text\n\(name)\n")
      }
      let found = try FilePattern.files([directory.appending(path: "part-*.csv")])
      #expect(found.map(\.lastPathComponent) == ["part-1.csv", "part-2.csv"])
      // A file of that very name wins.
      #expect(try FilePattern.files(directory.appending(path: "odd[1].csv")).count == 1)
      let error = #expect(throws: GraftError.self) {
        try FilePattern.files(directory.appending(path: "none-*.csv"))
      }
      #expect(error?.problem == "no file matches the pattern")
    }
  }

  @Test func aPipeIsReadAsAFileIs() throws {
    try withTemporaryDirectory { directory in
      let pipe = directory.appending(path: "pipe.csv.gz")
      #expect(mkfifo(pipe.path, 0o600) == 0)
      let bytes = try Data(contentsOf: Self.folder.appending(path: "compressed.csv.gz"))
      let writer = Thread {
        let handle = FileHandle(forWritingAtPath: pipe.path)
        handle?.write(bytes)
        try? handle?.close()
      }
      writer.start()
      let rows = try DataSource(reading: [pipe]).rows()
      #expect(rows.count == 10 && rows[0].text == "the \"big\" world")
    }
  }

  struct Foreign: Sendable, CustomTestStringConvertible {
    let name: String
    let head: [UInt8]
    let message: String
    var testDescription: String { name }

    init(_ name: String, _ head: [UInt8], _ message: String) {
      (self.name, self.head, self.message) = (name, head, message)
    }
  }

  private static func zip(_ first: String) -> [UInt8] {
    [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 26) + Array(first.utf8)
  }

  @Test(arguments: [
    Foreign("a.xlsx", zip("xl/workbook.xml"), "an Excel workbook. Save the sheet as CSV."),
    Foreign("b.xlsx", zip("[Content_Types].xml"), "an Excel workbook or another file of Office programs."),
    Foreign(
      "a.ods", zip("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"), "an OpenDocument spreadsheet."),
    Foreign("a.zip", zip("data.csv"), "a zip archive. Unpack it"),
    Foreign(
      "a.xls", [0xD0, 0xCF, 0x11, 0xE0, 0xA1], "an Excel workbook or another file of old Office programs."),
    Foreign("a.parquet", Array("PAR1".utf8), "a Parquet file. Convert it to JSON Lines"),
    Foreign("a.arrow", Array("ARROW1".utf8), "an Arrow file. Convert it to JSON Lines"),
    Foreign("b.arrow", [0xFF, 0xFF, 0xFF, 0xFF, 0x78, 0, 0, 0], "an Arrow stream. Convert it to JSON Lines"),
    Foreign("a.xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "compressed with xz."),
    Foreign("a.zst", [0x28, 0xB5, 0x2F, 0xFD], "compressed with Zstandard."),
    Foreign("a.bz2", Array("BZh9".utf8), "compressed with bzip2."),
    Foreign("a.pdf", Array("%PDF-1.7".utf8), "a PDF document."),
    Foreign("a.html", Array("\n<!DOCTYPE html>".utf8), "a web page, not data."),
    Foreign("a.tar", [UInt8](repeating: 97, count: 257) + Array("ustar".utf8), "a tar archive."),
    Foreign("u32.csv", [0xFF, 0xFE, 0, 0, 0x61, 0, 0, 0], "a file in UTF-32."),
    Foreign(
      "u16.csv", Array("text,label\nx,1\n".utf8).flatMap { [$0, 0] },
      "a file in UTF-16 without a byte order mark. Convert the file to UTF-8, for example with 'iconv -f UTF-16LE"
    ),
    Foreign("bin.csv", [1, 2, 3, 0, 5, 6, 7, 8, 9], "a binary file, not text; expected rows of text."),
    Foreign(
      "odd.csv", [0xFF, 0xFE, 0x61, 0, 0x00, 0xD8], "byte 4: invalid UTF-16. Save the file again, as UTF-8."),
    Foreign("half.csv", [0xFF, 0xFE, 0x61, 0, 0x62], "byte 4: invalid UTF-16."),
  ])
  func filesOfOtherKindsAreNamed(_ foreign: Foreign) throws {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: foreign.name)
      try Data(foreign.head).write(to: file)
      let error = #expect(throws: GraftError.self) { try DataSource(reading: [file]).rows() }
      var message = try #require(error)
      message.file = nil
      #expect(message.description.hasPrefix(foreign.message), "\(message.description)")
    }
  }

  @Test("a zero in text is a character, also where a scalar is cut off at the end of what is looked at")
  func zerosInText() throws {
    let line = "a\0b\u{1} cé"
    let texts = Array(repeating: line, count: 90)
    #expect(try read("a.txt", texts.map { $0 + "\n" }.joined()) == texts)
    #expect(try read("a.csv", "text\n\(line)\n") == [line])
  }

  private func read(_ name: String, _ content: String, _ options: DataOptions = DataOptions()) throws
    -> [String]
  {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: name)
      try Data(content.utf8).write(to: file)
      return try DataSource(reading: [file], options: options).rows().map(\.text)
    }
  }
}
