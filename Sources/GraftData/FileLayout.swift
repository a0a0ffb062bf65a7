import GraftTensors

/// How one file is laid out: by the options, by its name, and by its first bytes.
struct FileLayout {
  var format: DataFormat
  /// What ends a field.
  var delimiter: UInt8
  /// What ends a line: a line feed, behind a carriage return or not, or in old files a carriage return alone.
  var lineEnd = FileLayout.lineFeed
  /// `nil` is decided where the first field begins with a quote.
  var quoting: Quoting?
  /// Whether the first row of a table has the names of its columns.
  var hasHeader = true
  /// Whether blank lines are rows.
  var keepsBlankLines = false

  static let lineFeed = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let quote = UInt8(ascii: "\"")

  /// - Parameters:
  ///   - name: The file's name; a final `.gz` does not count.
  ///   - isLive: Whether it is a pipe, of which as much is here as ``patience(after:_:)`` has waited for.
  ///   - head: The first bytes, decompressed, in UTF-8.
  /// - Throws: `GraftError` when the options do not go together.
  init(_ options: DataOptions, name: String, isLive: Bool = false, head: ArraySlice<UInt8>) throws {
    let text = Self.withoutMark(head)
    if let format = options.format {
      self.format = format
    } else if let delimiter = options.delimiter {
      format = delimiter == UInt8(ascii: "\t") ? .tsv : .csv
    } else {
      format = FileLayout.format(
        name: name, head: text, looksForTags: !isLive || FileLayout.looksForTags(options), options)
    }
    guard format.isTable || options.delimiter == nil && options.quoting == nil else {
      throw GraftError(
        .refused, "only tables have delimiters and quotes",
        found: "the format '\(format.rawValue)'"
          + (format == .conll ? ", whose columns stand between tabs or spaces" : ""),
        advice: "Leave out \(option: "delimiter") and \(option: "quoting").")
    }
    if FileLayout.endsLinesWithCarriageReturns(text) { lineEnd = FileLayout.carriageReturn }
    hasHeader = options.hasHeader ?? options.impliesHeader
    keepsBlankLines = format == .lines && options.defaultsToLines
    switch format {
    case .csv, .tsv:
      let usual = UInt8(ascii: format == .csv ? "," : "\t")
      delimiter = options.delimiter ?? FileLayout.delimiter(usual, text, lineEnd, options)
      quoting = options.quoting ?? (format == .tsv && delimiter == usual ? nil : .csv)
    case .lines, .jsonLines, .json, .conll, .squad:
      // Where a character has no role, the end of the line stands in: it ends a field anyway.
      delimiter = lineEnd
      quoting = Quoting.none
    }
  }

  private static func withoutMark(_ head: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    head.starts(with: [0xEF, 0xBB, 0xBF]) ? head.dropFirst(3) : head
  }

  /// How long a stream is waited for that has said what it is, in milliseconds.
  private static let shortPatience = 10
  /// How long words with their tags are waited for where texts are as likely, in milliseconds. Whoever writes a text and
  /// waits for the answer gets it that much later.
  private static let patienceForTags = 500

  /// How many milliseconds more is waited for after the first bytes of a stream; `nil` is until it comes, where they do not
  /// suggest what more of them would: a line is whole, there is something below one that may be a header, and lines that
  /// may be words with their tags have shown what they are.
  static func patience(after head: ArraySlice<UInt8>, _ options: DataOptions) -> Int? {
    let text = withoutMark(head).drop { $0 <= 0x20 }
    guard let end = text.firstIndex(of: lineFeed) else { return nil }
    let line = text[..<end]
    switch line.first {
    case UInt8(ascii: "{"): return JSON.isObject(line) ? shortPatience : nil
    case UInt8(ascii: "["): return line.dropFirst().contains { $0 > 0x20 } ? shortPatience : nil
    default:
      guard
        !options.findsText(in: cells(line, UInt8(ascii: ","))) || text[end...].contains(where: { $0 > 0x20 })
      else { return nil }
      guard options.format == nil, looksForTags(options), tags(in: text) == nil else { return shortPatience }
      return options.defaultsToLines ? patienceForTags : nil
    }
  }

  /// Whether a stream may be words with their tags without saying so: a line such as `blood type O` would be, so that texts
  /// are only taken for such where a head labels words.
  private static func looksForTags(_ options: DataOptions) -> Bool {
    !options.defaultsToLines || options.readsWords
  }

  /// What a file's name and first bytes suggest.
  private static func format(
    name: String, head: ArraySlice<UInt8>, looksForTags: Bool, _ options: DataOptions
  ) -> DataFormat {
    var parts = name.lowercased().split(separator: ".").map(String.init)
    if parts.last == "gz" { parts.removeLast() }
    if head.starts(with: "-DOCSTART-".utf8) { return .conll }
    if SQuADReader.recognizes(head, inLines: ["jsonl", "ndjson"].contains(parts.last)) { return .squad }
    let start = head.drop { $0 <= 0x20 }.first
    if looksForTags, ["tsv", "tab", "txt", nil].contains(parts.count > 1 ? parts.last : nil),
      tags(in: head) == true
    {
      return .conll
    }
    switch parts.count > 1 ? parts.last : nil {
    case "csv": return .csv
    case "tsv", "tab": return .tsv
    case "jsonl", "ndjson", "json": return start == UInt8(ascii: "[") ? .json : .jsonLines
    case "txt": return isTable(head, options) ? self.format(of: head, options) : .lines
    case "conll", "iob", "iob2", "bio", "bioes": return .conll
    case "squad": return .squad
    default: return format(of: head, options)
    }
  }

  /// Whether what is one text a line by its name is a table: a column is named. `text` is also what a line is, unless a
  /// header has it.
  private static func isTable(_ head: ArraySlice<UInt8>, _ options: DataOptions) -> Bool {
    let columns = options.textColumns + [options.pairColumn].compactMap(\.self) + options.labelColumns
    guard options.hasHeader ?? options.impliesHeader, !columns.isEmpty else { return false }
    guard columns == [.name("text")] else { return true }
    let line = head.drop { $0 <= 0x20 }.prefix { $0 != lineFeed && $0 != carriageReturn }
    return [",", ";", "\t", "|"].contains { options.findsText(in: cells(line, UInt8(ascii: $0))) }
  }

  /// How many lines are looked at for tags.
  private static let mostTaggedLines = 200

  /// Whether there are words with their tags: lines of equally many columns, blank ones between sentences, and nothing in
  /// the last column but `O` and tags such as `B-LOC`. `nil` where further lines would tell.
  private static func tags(in head: ArraySlice<UInt8>) -> Bool? {
    // The last line may not be whole.
    let lines = head.split(separator: lineFeed, omittingEmptySubsequences: false).dropLast()
      .prefix(mostTaggedLines)
    let rows = lines.map { line in line.split { $0 <= 0x20 } }
    let words = rows.filter { !$0.isEmpty && $0[0] != [UInt8(ascii: "#")][...] }
    guard let width = words.first?.count else { return lines.count < mostTaggedLines ? nil : false }
    let tags = words.compactMap(\.last)
    func isTag(_ text: ArraySlice<UInt8>) -> Bool {
      text.count > 2 && "BIESLUM".utf8.contains(text[text.startIndex])
        && text[text.startIndex + 1] == UInt8(ascii: "-")
    }
    guard width > 1, words.allSatisfy({ $0.count == width }),
      tags.allSatisfy({ isTag($0) || $0.elementsEqual("O".utf8) })
    else { return false }
    if words.count > 2, rows.contains(where: \.isEmpty), tags.contains(where: isTag) { return true }
    return lines.count < mostTaggedLines ? nil : false
  }

  /// What a file's first bytes suggest, whose name says nothing.
  private static func format(of head: ArraySlice<UInt8>, _ options: DataOptions) -> DataFormat {
    let text = head.drop { $0 <= 0x20 }
    let line = text.prefix { $0 != lineFeed && $0 != carriageReturn }
    guard options.defaultsToLines else {
      if text.first == UInt8(ascii: "{") { return .jsonLines }
      if text.first == UInt8(ascii: "[") { return .json }
      return line.contains(UInt8(ascii: "\t")) ? .tsv : .csv
    }
    // A text may begin like anything: only what is certain counts.
    if text.first == UInt8(ascii: "{"), JSON.isObject(line) { return .jsonLines }
    if text.first == UInt8(ascii: "["),
      text.dropFirst().drop(while: { $0 <= 0x20 }).first == UInt8(ascii: "{")
    {
      return .json
    }
    let hasColumns = !options.textColumns.isEmpty || options.pairColumn != nil
    for delimiter in [UInt8(ascii: "\t"), UInt8(ascii: ",")] where line.contains(delimiter) {
      if hasColumns || options.findsText(in: cells(line, delimiter)) {
        return delimiter == UInt8(ascii: "\t") ? .tsv : .csv
      }
    }
    return isColumn(text, header: line, options) ? .csv : .lines
  }

  /// Whether what has no delimiter is a table all the same, of one column: where a column is named, and where the first
  /// of several lines is the name of the wanted one.
  private static func isColumn(
    _ text: ArraySlice<UInt8>, header: ArraySlice<UInt8>, _ options: DataOptions
  ) -> Bool {
    guard options.hasHeader ?? options.impliesHeader else { return false }
    if !options.textColumns.isEmpty { return true }
    let hasRows = text[header.endIndex...].contains { $0 > 0x20 }
    return hasRows && options.findsText(in: cells(header, UInt8(ascii: ",")))
  }

  /// The delimiter of a table: the usual one of its format, unless the header has none of it and has the wanted columns
  /// between others.
  private static func delimiter(
    _ usual: UInt8, _ head: ArraySlice<UInt8>, _ lineEnd: UInt8, _ options: DataOptions
  ) -> UInt8 {
    guard options.hasHeader ?? options.impliesHeader else { return usual }
    let line = head.drop { $0 == lineFeed || $0 == carriageReturn }.prefix { $0 != lineEnd }
    guard !line.contains(usual) else { return usual }
    return [",", ";", "\t", "|"].map { UInt8(ascii: $0) }.first {
      line.contains($0) && options.findsText(in: cells(line, $0))
    } ?? usual
  }

  /// The names in a header.
  private static func cells(_ line: ArraySlice<UInt8>, _ delimiter: UInt8) -> [String] {
    line.split(separator: delimiter, omittingEmptySubsequences: false).map { cell in
      String(decoding: cell.filter { $0 != quote && $0 != carriageReturn }, as: UTF8.self)
    }
  }

  /// The delimiter in words.
  var delimiterName: String {
    switch delimiter {
    case UInt8(ascii: ","): "a comma"
    case UInt8(ascii: ";"): "a semicolon"
    case UInt8(ascii: "\t"): "a tab"
    case UInt8(ascii: " "): "a space"
    case UInt8(ascii: "|"): "a vertical bar"
    default: "the character '\(String(decoding: [delimiter], as: UTF8.self))'"
    }
  }

  /// Whether the first line ends with a carriage return alone, and no more lines end otherwise. Line feeds may stand in
  /// quoted fields.
  private static func endsLinesWithCarriageReturns(_ head: ArraySlice<UInt8>) -> Bool {
    guard let first = head.firstIndex(where: { $0 == lineFeed || $0 == carriageReturn }),
      head[first] == carriageReturn, first + 1 < head.endIndex, head[first + 1] != lineFeed
    else { return false }
    return head.count { $0 == carriageReturn } >= head.count { $0 == lineFeed }
  }
}

extension JSON {
  /// Whether some bytes are one JSON object.
  static func isObject(_ bytes: some Collection<UInt8>) -> Bool {
    // What is no JSON is no object.
    (try? JSON(parsing: Array(bytes)))?.object != nil
  }
}
