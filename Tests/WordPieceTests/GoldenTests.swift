import Foundation
import GraftTensors
import Testing
import WordPiece
import Zlib

/// Ids, types and offsets against those of Hugging Face `tokenizers`; see Fixtures/tokenizer/README.md.
struct GoldenTests {
  static let files = [
    "uncased", "cased", "pairs", "truncation", "truncated-pairs", "uncased.characters", "cased.characters",
    "keep-accents.characters", "cased-strip-accents.characters", "no-chinese.characters",
    "cased-no-chinese.characters",
  ]

  @Test(arguments: files)
  func agrees(file: String) throws {
    try check(file, in: tokenizerFixtures)
  }

  /// The many cases that are too large to commit: `make.py --full` writes them.
  @Test(
    .enabled(if: ProcessInfo.processInfo.environment["GRAFT_TOKENIZER_GOLDENS"] != nil), arguments: files)
  func agreesInFull(file: String) throws {
    let directory = try #require(ProcessInfo.processInfo.environment["GRAFT_TOKENIZER_GOLDENS"])
    try check(file, in: URL(fileURLWithPath: directory))
  }

  private func check(_ file: String, in directory: URL) throws {
    func read(_ name: String) throws -> [UInt8] {
      try Gzip.decompress(file: directory.appendingPathComponent("\(name).gz"), limit: 1 << 30)
    }
    let lines = try read("\(file).jsonl").split(separator: UInt8(ascii: "\n"))
    let settings = try JSON(parsing: lines[0])
    let configuration: JSON = [
      "do_lower_case": settings["lowercase"] ?? .null,
      "strip_accents": settings["strip_accents"] ?? .null,
      "tokenize_chinese_chars": settings["handle_chinese_chars"] ?? .null,
    ]
    let vocabulary = try #require(settings["vocabulary"]?.string)
    let tokenizer = try #require(
      try load([
        "vocab.txt": read(vocabulary),
        "tokenizer_config.json": Array(configuration.text().utf8),
      ]))
    var differing = 0
    for line in lines.dropFirst() {
      let golden = try Case(parsing: line)
      let encoding = tokenizer.encode(
        golden.text, pair: golden.pair, maximumLength: golden.maximumLength, addSpecialTokens: true)
      if encoding.ids == golden.ids && encoding.offsets == golden.offsets
        && encoding.tokenTypes == golden.types ?? golden.ids.map({ _ in 0 })
      {
        continue
      }
      differing += 1
      if differing <= 3 {
        Issue.record("\(String(decoding: line, as: UTF8.self)): \(encoding.ids) \(encoding.offsets)")
      }
    }
    #expect(lines.count > 600 && differing == 0)
  }

  private struct Case {
    var text = ""
    var pair: String?
    var maximumLength: Int?
    var ids: [Int32] = []
    var offsets: [Range<Int>] = []
    var types: [Int32]?

    init(parsing line: some Collection<UInt8>) throws {
      var reader = JSONReader(line)
      try reader.object { reader, key in
        switch key {
        case "text": text = try reader.string()
        case "pair": pair = try reader.string()
        case "max_length": maximumLength = try reader.integer()
        case "ids": ids = try Case.numbers(&reader).map { Int32($0) }
        case "types": types = try Case.numbers(&reader).map { Int32($0) }
        case "offsets":
          try reader.array { reader in
            let bounds = try Case.numbers(&reader)
            offsets.append(bounds[0]..<bounds[1])
          }
        default: try reader.skip()
        }
      }
    }

    private static func numbers(_ reader: inout JSONReader) throws -> [Int] {
      var numbers: [Int] = []
      try reader.array { numbers.append(try $0.integer()) }
      return numbers
    }
  }
}
