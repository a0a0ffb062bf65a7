import GraftTensors

/// The kinds of file that people pass by mistake, each named with what to do instead.
enum ForeignFile {
  /// - Parameter head: The first bytes of a file, decompressed.
  /// - Throws: `GraftError` naming what the file is.
  static func refuse(_ head: some Collection<UInt8>) throws {
    guard !head.isEmpty else {
      throw GraftError(.malformed, "the file is empty", expected: "rows of text")
    }
    let head = Array(head.prefix(4096))
    if head.starts(with: [0x50, 0x4B, 0x03, 0x04]) || head.starts(with: [0x50, 0x4B, 0x05, 0x06]) {
      throw archive(head)
    }
    for (magic, name, advice) in kinds where head.starts(with: magic) {
      throw GraftError(.unsupported, name, advice: advice)
    }
    if head.dropFirst(257).starts(with: "ustar".utf8) {
      throw GraftError(.unsupported, "a tar archive", advice: unpack)
    }
    let start = String(decoding: head.drop { $0 <= 0x20 }.prefix(15), as: UTF8.self).lowercased()
    if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") {
      throw GraftError(
        .unsupported, "a web page, not data",
        advice: "Download the file itself: this is what a site showed instead.")
    }
    try refuseBinary(head)
  }

  private static let unpack: Advice = "Unpack it, and give the files with the rows."
  private static let table: Advice = """
    Convert it to JSON Lines, for example in Python with \
    pandas.read_parquet('FILE').to_json('rows.jsonl', orient='records', lines=True).
    """
  private static let arrow: Advice = """
    Convert it to JSON Lines, for example in Python with \
    datasets.Dataset.from_file('FILE').to_json('rows.jsonl').
    """
  private static let feather: Advice = """
    Convert it to JSON Lines, for example in Python with \
    pandas.read_feather('FILE').to_json('rows.jsonl', orient='records', lines=True).
    """
  private static let workbook: Advice = "Save the sheet as CSV."

  /// What files begin with; `.arrow` files of `datasets` are streams, and begin with a message's marker.
  private static let kinds: [(magic: [UInt8], name: String, advice: Advice)] = [
    (Array("PAR1".utf8), "a Parquet file", table),
    (Array("ARROW1".utf8), "an Arrow file", feather),
    (Array("FEA1".utf8), "a Feather file", feather),
    ([0xFF, 0xFF, 0xFF, 0xFF], "an Arrow stream", arrow),
    ([0xD0, 0xCF, 0x11, 0xE0], "an Excel workbook or another file of old Office programs", workbook),
    (Array("version https://git-lfs".utf8), "a Git LFS pointer, not data", "Run 'git lfs pull'."),
    ([0x1F, 0x8B], "compressed with gzip, which this reader was not given", unpack),
    ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "compressed with xz", "Decompress it with 'unxz'."),
    ([0x28, 0xB5, 0x2F, 0xFD], "compressed with Zstandard", "Decompress it with 'unzstd'."),
    (Array("BZh".utf8), "compressed with bzip2", "Decompress it with 'bunzip2'."),
    (Array("7z".utf8) + [0xBC, 0xAF, 0x27, 0x1C], "a 7-Zip archive", unpack),
    (Array("SQLite format 3".utf8), "an SQLite database", "Export the table as CSV."),
    (Array("%PDF-".utf8), "a PDF document", "Extract its text first, for example with 'pdftotext'."),
    ([0x93] + Array("NUMPY".utf8), "a NumPy array", "Write its rows as CSV or JSON Lines."),
    (
      [0xFF, 0xFE, 0x00, 0x00], "a file in UTF-32",
      "Convert the file to UTF-8, for example with 'iconv -f UTF-32 -t UTF-8'."
    ),
    (
      [0x00, 0x00, 0xFE, 0xFF], "a file in UTF-32",
      "Convert the file to UTF-8, for example with 'iconv -f UTF-32 -t UTF-8'."
    ),
  ]

  /// What a zip archive is: a workbook and a document are such archives too.
  private static func archive(_ head: [UInt8]) -> GraftError {
    let names = String(decoding: head, as: UTF8.self)
    if names.contains("xl/") || names.contains("opendocument.spreadsheet") {
      return GraftError(
        .unsupported, names.contains("xl/") ? "an Excel workbook" : "an OpenDocument spreadsheet",
        advice: workbook)
    }
    // A workbook may begin with other files than those of its sheets.
    if names.contains("[Content_Types].xml") {
      return GraftError(
        .unsupported, "an Excel workbook or another file of Office programs", advice: workbook)
    }
    return GraftError(.unsupported, "a zip archive", advice: unpack)
  }

  /// Refuses UTF-16 without a byte order mark, of which every other byte is 0 where the text is English, and what has
  /// bytes that no text has. A zero here and there in text is a character.
  private static func refuseBinary(_ head: [UInt8]) throws {
    let start = head.prefix(512)
    guard start.contains(0), !start.starts(with: [0xFF, 0xFE]), !start.starts(with: [0xFE, 0xFF]) else {
      return
    }
    func zeros(_ remainder: Int) -> Int { start.indices.count { $0 % 2 == remainder && start[$0] == 0 } }
    for (order, remainder) in [("LE", 1), ("BE", 0)] where zeros(remainder) * 3 > start.count {
      throw GraftError(
        .malformed, "a file in UTF-16 without a byte order mark",
        advice: Advice("Convert the file to UTF-8, for example with 'iconv -f UTF-16\(order) -t UTF-8'."))
    }
    let controls = start.count { $0 < 0x20 && ![0x09, 0x0A, 0x0D].contains($0) }
    // The last scalar may be cut off.
    let isText = (0..<4).contains { String(validating: start.dropLast($0), as: UTF8.self) != nil }
    guard isText, controls * 2 < start.count else {
      throw GraftError(.malformed, "a binary file, not text", expected: "rows of text")
    }
  }
}
