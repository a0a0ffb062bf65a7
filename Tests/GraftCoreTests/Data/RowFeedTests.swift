import Foundation
import GraftCore
import GraftTensors
import Synchronization
import TestSupport
import Testing

@testable import GraftData

/// Rows that are worked on while others are read.
@Suite struct RowFeedTests {
  /// Lines as `predict` reads them.
  private static var lines: DataOptions {
    var options = DataOptions()
    options.defaultsToLines = true
    return options
  }

  /// As `tag` reads them.
  private static var words: DataOptions {
    var options = lines
    options.fields = [TaskColumn("tokens", replacesText: true)]
    return options
  }

  private func write(_ text: String, to pipe: FileHandle) throws {
    try pipe.write(contentsOf: Data(text.utf8))
  }

  /// A named pipe, open for writing.
  private func withPipe(_ body: (URL, () throws -> FileHandle) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "pipe")
      try #require(mkfifo(url.path, 0o600) == 0)
      // Opening waits for the reader.
      try body(url) { try #require(FileHandle(forWritingAtPath: url.path)) }
    }
  }

  @Test("rows of a pipe are there while the writer waits") func livePipe() throws {
    try withPipe { url, open in
      let feed = RowFeed(DataSource([url], options: Self.lines))
      let pipe = try open()
      try write("one\n", to: pipe)
      #expect(try feed.next(atMost: 100)?.map(\.text) == ["one"])
      #expect(feed.reports == nil)
      try write("tw", to: pipe)
      try write("o\nthree\n", to: pipe)
      var more: [String] = []
      while more.count < 2 { more += try #require(try feed.next(atMost: 100)).map(\.text) }
      #expect(more == ["two", "three"])
      try write("four", to: pipe)
      try pipe.close()
      #expect(try feed.next(atMost: 100)?.map(\.text) == ["four"])
      #expect(try feed.next(atMost: 100) == nil)
      #expect(feed.reports?.map(\.rows) == [4] && feed.share == nil)
    }
  }

  /// A writer that is slow, and one that writes a few bytes at a time.
  @Test(
    "a pipe is laid out as the file with the same bytes is",
    arguments: [
      "he B-PER\ncan O\n\nso O\nit B-LOC\n", "-DOCSTART- O\n\nhe B-PER\n\nit O\n", "text,label\na,1\nb,2\n",
      "text;label\na;1\nb;2\n", "text\tlabel\na\t1\n", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n",
      "[{\"text\": \"a\"},\n{\"text\": \"b\"}]\n", "text,label\ra,1\rb,2\r", "a text\nhe B-PER\n\nso O\n",
      "\u{FEFF}text\nfirst\nsecond\n", "# one\nhe B-PER\ncan O\n\nso O\n", "so\n",
    ], [(1 << 16, 0.0), (7, 0.0), (7, 0.02)])
  func pipes(_ text: String, _ writes: (size: Int, pause: Double)) throws {
    try withPipe { url, open in
      let file = url.deletingLastPathComponent().appending(path: "file")
      var bytes = Data(text.utf8)
      try bytes.write(to: file)
      let expected = try DataSource([file], options: Self.words).contents()
      let feed = RowFeed(DataSource([url], options: Self.words))
      let pipe = try open()
      while !bytes.isEmpty {
        try pipe.write(contentsOf: bytes.prefix(writes.size))
        bytes = Data(bytes.dropFirst(writes.size))
        Thread.sleep(forTimeInterval: writes.pause)
      }
      try pipe.close()
      var rows: [TextRow] = []
      while let more = try feed.next(atMost: 100) { rows += more }
      #expect(rows.map(\.text) == expected.rows.map(\.text))
      #expect(rows.map(\.fields) == expected.rows.map(\.fields))
      #expect(feed.reports?.map(\.format) == expected.files.map(\.format))
    }
  }

  @Test("what stands in other columns than the text is bounded as well") func longFields() throws {
    try withPipe { url, open in
      var options = Self.lines
      options.fields = [TaskColumn("context", replacesText: true)]
      let feed = RowFeed(DataSource([url], options: options))
      let pipe = try open()
      let written = Mutex(0)
      let line = #"{"context": ""# + String(repeating: "x", count: 1 << 20) + "\"}\n"
      let writer = Thread {
        for _ in 0..<64 {
          // The reader leaves before the end.
          guard (try? pipe.write(contentsOf: Data(line.utf8))) != nil else { return }
          written.withLock { $0 += 1 }
        }
      }
      signal(SIGPIPE, SIG_IGN)
      writer.start()
      #expect(try feed.next(atMost: 1)?.count == 1)
      Thread.sleep(forTimeInterval: 1)
      #expect(written.withLock { $0 } <= 20)
    }
  }

  @Test("a pipe is not read further than rows are taken") func slowReader() throws {
    try withPipe { url, open in
      let feed = RowFeed(DataSource([url], options: Self.lines))
      let pipe = try open()
      let written = Mutex(0)
      let line = String(repeating: "x", count: 1 << 20) + "\n"
      let writer = Thread {
        for _ in 0..<64 {
          // The reader leaves before the end.
          guard (try? pipe.write(contentsOf: Data(line.utf8))) != nil else { return }
          written.withLock { $0 += 1 }
        }
      }
      signal(SIGPIPE, SIG_IGN)
      writer.start()
      #expect(try feed.next(atMost: 1)?.count == 1)
      Thread.sleep(forTimeInterval: 0.3)
      // 16 wait, one is in the reader's hands, one in the pipe, one was taken.
      #expect(written.withLock { $0 } <= 20)
    }
  }

  @Test("rows before an error come first") func errors() throws {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "a.csv")
      try Data("text,label\na,1\nb,2\nc\n".utf8).write(to: file)
      let feed = RowFeed(DataSource([file]))
      #expect(try feed.next(atMost: 10)?.map(\.text) == ["a", "b"])
      let error = #expect(throws: GraftError.self) { try feed.next(atMost: 10) }
      #expect(error?.subject == "row 4")
    }
  }

  @Test("the share of files that was read grows to the whole") func share() throws {
    try withTemporaryDirectory { directory in
      let files = try (0..<2).map { number in
        let file = directory.appending(path: "\(number).txt")
        try Data(String(repeating: "a line of text\n", count: 50_000).utf8).write(to: file)
        return file
      }
      let feed = RowFeed(DataSource(files, options: Self.lines))
      var (shares, count) = ([Double](), 0)
      while let rows = try feed.next(atMost: 5000) {
        count += rows.count
        shares.append(try #require(feed.share))
      }
      #expect(count == 100_000 && shares == shares.sorted() && shares.last == 1)
      let first = try #require(shares.first)
      #expect(first > 0 && first < 0.5)
    }
  }

  @Test("windows of files do not depend on how fast they are read")
  func windows() throws {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "a.txt")
      try Data(String(repeating: "a line of text\n", count: 1000).utf8).write(to: file)
      for _ in 0..<20 {
        let feed = RowFeed(DataSource([file], options: Self.lines))
        for count in [1, 64, 512, 423] { #expect(try feed.next(atMost: count)?.count == count) }
        #expect(try feed.next(atMost: 1) == nil)
      }
    }
  }

  @Test(
    "texts that look like words with tags come from a pipe as they are", arguments: ["# a", "blood type O"])
  func likeTags(_ text: String) throws {
    for options in [Self.lines, Self.words] {
      try withPipe { url, open in
        let feed = RowFeed(DataSource([url], options: options))
        let pipe = try open()
        try write(text + "\n", to: pipe)
        // The writer waits for the answer.
        #expect(try feed.next(atMost: 100)?.map(\.text) == [text])
        try pipe.close()
        #expect(try feed.next(atMost: 100) == nil)
      }
    }
  }

  @Test("of a pipe, words with tags are looked for where a head labels words") func tagsOfLines() throws {
    for (options, texts) in [
      (Self.lines, ["he B-PER", "can O", "", "so O"]), (Self.words, ["he can", "so"]),
    ] {
      try withPipe { url, open in
        let feed = RowFeed(DataSource([url], options: options))
        let pipe = try open()
        try write("he B-PER\ncan O\n\nso O\n", to: pipe)
        try pipe.close()
        var rows: [TextRow] = []
        while let more = try feed.next(atMost: 100) { rows += more }
        #expect(rows.map(\.text) == texts)
      }
    }
  }

  @Test(
    "how long is waited for more, by the first bytes of a live stream, where texts are read and where words are",
    arguments: [
      ("a text", nil, nil), ("a text\n", 10, 10), ("\n\na text\n", 10, 10), ("text\n", nil, nil),
      ("text\nfirst\n", 10, 10), ("text,label\n", nil, nil), ("text,label\na,1\n", 10, 10),
      ("{\"text\": \"a\"}\n", 10, 10), ("{\n", nil, nil), ("[\n", nil, nil), ("[{\n", 10, 10),
      ("\u{FEFF}text\n", nil, nil), ("\u{FEFF}text\nfirst\n", 10, 10), ("he B-PER\n", 10, 500),
      ("he O\ncan O\n", 10, 500), ("he B-PER\ncan O\n\n", 10, 500),
      ("he B-PER\ncan O\n\nso O\n", 10, 10), ("he B-PER\nand more of it\n", 10, 10), ("# a\n", 10, 500),
    ] as [(String, Int?, Int?)])
  func patience(_ head: String, ofLines: Int?, ofWords: Int?) {
    #expect(FileLayout.patience(after: Array(head.utf8)[...], Self.lines) == ofLines)
    #expect(FileLayout.patience(after: Array(head.utf8)[...], Self.words) == ofWords)
  }
}
