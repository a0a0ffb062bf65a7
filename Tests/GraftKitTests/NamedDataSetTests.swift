import Foundation
import GraftData
import GraftKit
import TestSupport
import Testing

@Suite struct NamedDataSetTests {
  private let test = NamedDataSet.agNews.splits[1]

  /// Rows as the original file has them: class, title, description, all quoted.
  private func rows(_ count: Int, classes: Int = 4) -> String {
    (0..<count).map { #""\#($0 % classes + 1)","Title \#($0)","Text, with \"# + "and \"\"quotes\"\"\"\n" }
      .joined()
  }

  private func withDirectory(_ csv: String?, _ body: (URL) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let files = directory.appending(path: "ag_news")
      try FileManager.default.createDirectory(at: files, withIntermediateDirectories: true)
      if let csv { try Data(csv.utf8).write(to: files.appending(path: "test.csv")) }
      try body(directory)
    }
  }

  @Test func namesAndParts() throws {
    #expect(try NamedDataSet.find("ag_news")?.split.name == "train")
    #expect(try NamedDataSet.find("fancyzhx/ag_news:test")?.split.name == "test")
    #expect(try NamedDataSet.find("imdb") == nil)
    #expect(try NamedDataSet.find("ag_news.csv") == nil)
    #expect {
      try NamedDataSet.find("ag_news:dev")
    } throws: { error in
      "\(error)"
        == "the data set 'ag_news' has no part of that name; expected one of train, test, found 'dev'."
    }
  }

  @Test func readsAsItWasPublished() throws {
    try withDirectory(rows(7600)) { directory in
      let data = try NamedDataSet.agNews.read(test, in: [directory], selection: DataOptions())
      #expect(data.rows.count == 7600)
      // Title and description with a space between, backslashes kept.
      #expect(data.rows[5].text == #"Title 5 Text, with \and "quotes""#)
      #expect(data.rows[5].label == .text("2"))
      #expect(data.labelBase == 1)
      #expect(data.names == ["ag_news:test"])
    }
  }

  @Test func selectsAsDatasetsDoes() throws {
    try withDirectory(rows(7600)) { directory in
      let selection = DataOptions(shuffleSeed: 42, take: 5)
      let data = try NamedDataSet.agNews.read(test, in: [directory], selection: selection)
      // numpy.random.default_rng(42).permutation(7600)[:5], NumPy 2.4
      let order = [2265, 1411, 5980, 1416, 6312]
      #expect(data.rows.map { $0.text.prefix(10) } == order.map { "Title \($0) Text".prefix(10) })
      let first = try NamedDataSet.agNews.read(test, in: [directory], selection: DataOptions(take: 2))
      #expect(first.rows.map(\.place.row) == [1, 2])
    }
  }

  @Test(arguments: [
    (7599, 4, "expected 7600 rows, found 7599"),
    (7600, 3, "expected 1900 rows of class 1, found 2534"),
    (7600, 5, "expected 1900 rows of class 1, found 1520"),
  ])
  func otherContent(count: Int, classes: Int, message: String) throws {
    try withDirectory(rows(count, classes: classes)) { directory in
      #expect {
        try NamedDataSet.agNews.read(test, in: [directory], selection: DataOptions())
      } throws: { error in
        "\(error)".contains("test.csv: not the data set 'ag_news' as it was published; \(message)")
      }
    }
  }

  @Test func missing() throws {
    try withDirectory(nil) { directory in
      #expect {
        try NamedDataSet.agNews.read(test, in: [directory], selection: DataOptions())
      } throws: { error in
        "\(error)".contains("'ag_news': the data set's file test.csv is not on this machine")
          && "\(error)".contains(directory.path + "/ag_news")
      }
    }
  }

  @Test func searchPath() {
    let found = NamedDataSet.directories(["GRAFT_DATA": "/data", "HOME": "/home/me"])
    #expect(
      found.map(\.path) == ["/data", FileManager.default.currentDirectoryPath, "/home/me/.cache/graft/data"])
    #expect(NamedDataSet.directories(["XDG_CACHE_HOME": "/c"]).last?.path == "/c/graft/data")
  }
}
