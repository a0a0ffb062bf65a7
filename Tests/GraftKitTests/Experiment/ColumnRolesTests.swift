import Foundation
import GraftCore
import GraftData
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

/// What the columns of a file are, and which of its rows are read.
@Suite struct ColumnRolesTests {
  @Test func columnsAreFound() throws {
    func sample(_ columns: [(String, [String])]) -> ColumnSample {
      var sample = ColumnSample(format: .csv)
      sample.columns = columns.map { .init(.name($0.0), $0.1) }
      return sample
    }
    let odd = sample([
      ("a", ["1", "2", "3", "4"]), ("b", ["so it is", "no it is not", "well then", "oh no"]),
      ("c", ["x", "y", "x", "y"]),
    ])
    #expect(ColumnRoles(odd) == .init(texts: [.name("b")], labels: [.name("c")]))
    var given = DataOptions(textColumns: [.name("c")])
    given.labelColumns = [.name("a")]
    #expect(ColumnRoles(odd, given: given) == .init(texts: [.name("c")], labels: [.name("a")]))
    let values = sample([("text", ["a", "b", "c"]), ("n", ["0.5", "0.25", "1.5"])])
    #expect(ColumnRoles(values).labels == [.name("n")])
    let two = sample([("first", ["a", "b", "c"]), ("second", ["d", "e", "f"]), ("label", ["x", "y", "x"])])
    #expect(ColumnRoles(two).pair == .name("second") && ColumnRoles(two).texts == [.name("first")])
    let counter = sample([("text", ["a", "b", "c"]), ("n", ["1", "2", "3"])])
    #expect(ColumnRoles(counter).labels.isEmpty)
  }

  @Test func samplesAreOfTheFile() throws {
    func sample(_ name: String, _ text: String, rows: Int = 2) throws -> ColumnSample {
      try withTemporaryDirectory { directory in
        let file = directory.appending(path: name)
        try Data(text.utf8).write(to: file)
        return try DataSource(reading: [file]).columnSample(rows: rows)
      }
    }
    let named = try sample("a.csv", "x,y\n1,\"a,b\"\n2,c\n3,d\n")
    #expect(named.columns == [.init(.name("x"), ["1", "2"]), .init(.name("y"), ["a,b", "c"])])
    let numbered = try sample("a.csv", "1,\"a\"\n2,c\n3,d\n")
    #expect(numbered.columns == [.init(.number(1), ["1", "2"]), .init(.number(2), ["a", "c"])])
    // pandas' numbers of rows, a trailing comma, a name that is there twice.
    let columns = [ColumnSample.Entry(.name("text"), ["a", "b"]), .init(.name("label"), ["x", "y"])]
    #expect(try sample("a.csv", ",text,label\n0,a,x\n1,b,y\n").columns == columns)
    #expect(try sample("a.csv", "text,label,\na,x,\nb,y,\n").columns == columns)
    #expect(try sample("a.csv", "text,label,text\na,x,c\nb,y,d\n").columns == columns)
    let unnamed = try sample("a.csv", ",review,mood\n0,a,x\n1,b,y\n")
    #expect(unnamed.columns.map(\.column) == [.name("review"), .name("mood")])
    // A text may be its column's name by chance.
    let reviews = (0..<8).map { "fine \($0),\(["good", "bad"][$0 % 2])\n" }.joined()
    let likeName = try sample("a.csv", "review,mood\nreview,good\n\(reviews)", rows: 9)
    #expect(likeName.columns.map(\.column) == [.name("review"), .name("mood")])
    let twice = try sample("a.csv", "fine 1,bad\n\(reviews)", rows: 9)
    #expect(twice.columns.map(\.column) == [.number(1), .number(2)])
    // A cell that is a value of its column is no name.
    let headless = try sample("a.csv", "so it is,web\nno,web\nwell,games\n")
    #expect(headless.columns == [.init(.number(1), ["so it is", "no"]), .init(.number(2), ["web", "web"])])
    let objects = try sample("a.jsonl", "{\"a\": 1}\n{\"b\": [\"x\"], \"a\": null}\n")
    #expect(objects.columns == [.init(.name("a"), ["1", nil]), .init(.name("b"), [nil, "[\"x\"]"])])
    let wide = "{" + (0...1000).map { "\"k\($0)\": 1" }.joined(separator: ", ") + "}\n"
    #expect(
      errorMessage { _ = try sample("a.jsonl", wide) }?.contains("too many keys to choose columns from")
        == true)
    #expect(try sample("a.csv", "x|y\n1|2\n").delimiter == UInt8(ascii: "|"))
    #expect(try sample("a.txt", "x\n").columns.isEmpty)
  }

  /// The rows that two data sets share are none.
  @Test func skippedAndTakenRowsAreAll() throws {
    let rows = (0..<10).map { TextRow("\($0)") }
    for seed in [UInt64?.none, 42] {
      var (first, rest) = (DataOptions(shuffleSeed: seed, take: 3), DataOptions(shuffleSeed: seed))
      rest.skip = 3
      #expect(
        first.selected(from: rows) + rest.selected(from: rows)
          == DataOptions(shuffleSeed: seed).selected(from: rows))
      rest.take = 2
      #expect(rest.selected(from: rows).count == 2)
      first.skip = 20
      #expect(first.selected(from: rows).isEmpty)
    }
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "a.txt")
      try Data((0..<10).map { "\($0)\n" }.joined().utf8).write(to: file)
      var options = DataOptions(take: 2)
      options.skip = 3
      let source = DataSource([file, file], options: options)
      #expect(try source.rows().map(\.text) == ["3", "4"])
      var streamed: [String] = []
      try source.forEachRow { streamed.append($0.text) }
      #expect(streamed == ["3", "4"])
    }
  }
}
