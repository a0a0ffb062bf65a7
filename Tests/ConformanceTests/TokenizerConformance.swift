import Foundation
import GraftCore
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

/// Every tokenizer in the registry, with every set of its files among the fixtures.
@Suite("Every tokenizer")
struct TokenizerConformance {
  /// A directory of the fixtures and the tokenizer that its files describe.
  struct Sample: Sendable, CustomTestStringConvertible {
    let name: String
    let directory: URL

    var testDescription: String { "\(name) in \(directory.lastPathComponent)" }

    func load() throws -> any Tokenizer {
      try #require(try Registry(builtInPlugins).tokenizers.find(name).load(from: directory))
    }
  }

  /// One directory for each tokenizer and each set of files of which there is an example.
  static let samples: [Sample] = {
    var samples: [Sample] = []
    var seen: Set<String> = []
    let tokenizers = (try? Registry(builtInPlugins))?.tokenizers.values ?? []
    let paths = FileManager.default.enumerator(atPath: fixtures.path)?.compactMap { $0 as? String } ?? []
    let directories = Set(paths.map { ($0 as NSString).deletingLastPathComponent }).sorted()
    for path in directories {
      let directory = fixtures.appending(path: path)
      for type in tokenizers {
        let files = type.fileNames.all.filter {
          FileManager.default.fileExists(atPath: directory.appending(path: $0).path)
        }
        guard type.fileNames.areSufficient(in: Set(files)), !seen.contains(type.name + files.joined()),
          hasTokenizer(type, directory)
        else { continue }
        seen.insert(type.name + files.joined())
        samples.append(Sample(name: type.name, directory: directory))
      }
    }
    return samples
  }()

  /// Whether a directory has a tokenizer that loads, and of all types a certain one is asked first.
  private static func hasTokenizer(_ type: any Tokenizer.Type, _ directory: URL) -> Bool {
    let tokenizer: (any Tokenizer)?? = try? Registry(builtInPlugins).loadTokenizer(from: directory)
    return tokenizer?.map { Swift.type(of: $0).name == type.name } ?? false
  }

  static let texts = [
    "", " ", "Hello, my dog is cute.", "  two  spaces ", "don't stop",
    "Ünïcödé e\u{301} \u{E9} 中文 한국어 👩\u{200D}👩\u{200D}👧",
    "a\tb\nc\r\n", "[MASK] <mask> [CLS]<s></s>[SEP]", "\u{0}\u{1F}\u{FEFF}\u{200B}",
    "x = y**2  # 7\n\treturn 0.5e-3",
    String(repeating: "word ", count: 50), String(repeating: "long", count: 60),
  ]

  @Test("each has files among the fixtures")
  func allAreThere() throws {
    #expect(
      Set(Self.samples.map(\.name)) == Set(try Registry(builtInPlugins).tokenizers.values.map { $0.name }))
  }

  @Test("what is written says the same", arguments: samples)
  func isWrittenWhole(_ sample: Sample) throws {
    let tokenizer = try sample.load()
    try withTemporaryDirectory { directory in
      try tokenizer.write(to: directory)
      let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      #expect(Set(names).isSubset(of: type(of: tokenizer).fileNames.all))
      let registry = try Registry(builtInPlugins)
      // Whatever tokenizer is asked first, only its own finds these files.
      let written = try #require(try registry.loadTokenizer(from: directory))
      #expect(type(of: written).name == sample.name)
      let carried = try #require(
        try registry.loadTokenizer(describedBy: tokenizer.attributes(as: .huggingFace)))
      for other in [written, carried] {
        #expect(other.vocabularySize == tokenizer.vocabularySize)
        #expect(other.specialTokens == tokenizer.specialTokens)
        for id in 0..<Int32(tokenizer.vocabularySize) {
          #expect(other.token(of: id)?.utf8.elementsEqual((tokenizer.token(of: id) ?? "").utf8) == true)
        }
        for (text, pair) in zip(Self.texts, Self.texts.reversed()) {
          #expect(other.encode(text) == tokenizer.encode(text))
          #expect(
            other.encode(text, pair: pair, maximumLength: 12, addSpecialTokens: true)
              == tokenizer.encode(text, pair: pair, maximumLength: 12, addSpecialTokens: true))
        }
      }
      #expect(throws: GraftError.self) {
        try tokenizer.write(to: directory, as: TokenizerRepresentation("nothing that there is"))
      }
    }
  }

  @Test("tokens are found by id and by name", arguments: samples)
  func vocabulary(_ sample: Sample) throws {
    let tokenizer = try sample.load()
    for id in 0..<Int32(tokenizer.vocabularySize) {
      let token = try #require(tokenizer.token(of: id))
      #expect(tokenizer.id(of: token) == id, "\(token)")
    }
    #expect(tokenizer.token(of: -1) == nil && tokenizer.token(of: Int32(tokenizer.vocabularySize)) == nil)
    #expect(tokenizer.id(of: "no token at all, surely") == nil)
    #expect(tokenizer.specialTokens.all.allSatisfy { tokenizer.token(of: $0) != nil })
    #expect(tokenizer.specialTokens.mask != nil, "without a mask token no masked-language-model training")
  }

  @Test("arrays fit each other, offsets lie in the text and follow each other", arguments: samples)
  func encodings(_ sample: Sample) throws {
    let tokenizer = try sample.load()
    for (text, pair) in zip(Self.texts, Self.texts.reversed()) {
      for pair in [nil, pair] {
        let encoding = tokenizer.encode(text, pair: pair, truncation: nil, addSpecialTokens: true)
        check(encoding, tokenizer, [text] + [pair].compactMap { $0 })
        let bare = tokenizer.encode(text, pair: pair, truncation: nil, addSpecialTokens: false)
        check(bare, tokenizer, [text] + [pair].compactMap { $0 })
        #expect(bare.sequences.map(\.count).reduce(0, +) == bare.ids.count)
        #expect(bare.sequences.flatMap { bare.ids[$0] } == encoding.sequences.flatMap { encoding.ids[$0] })
      }
    }
  }

  private func check(_ encoding: Encoding, _ tokenizer: any Tokenizer, _ texts: [String]) {
    let count = encoding.ids.count
    #expect(encoding.tokenTypes.count == count && encoding.offsets.count == count)
    #expect(encoding.isSpecial.count == count && encoding.sequences.count == texts.count)
    #expect(encoding.ids.allSatisfy { 0..<Int32(tokenizer.vocabularySize) ~= $0 })
    for (sequence, text) in zip(encoding.sequences, texts) {
      #expect(0 <= sequence.lowerBound && sequence.upperBound <= count)
      var place = 0
      for offset in encoding.offsets[sequence] where !offset.isEmpty {
        // Several tokens of one scalar share its place.
        #expect(offset.lowerBound >= place - 1 && offset.upperBound <= text.unicodeScalars.count, "\(text)")
        place = offset.upperBound
      }
    }
    for index in 0..<count where encoding.sequence(ofToken: index) == nil {
      #expect(encoding.isSpecial[index] && encoding.offsets[index] == 0..<0)
    }
  }

  @Test("what is cut is as long as was asked, and from the right place", arguments: samples)
  func truncation(_ sample: Sample) throws {
    let tokenizer = try sample.load()
    let (text, pair) = ("the quick brown fox jumps over it", "a lazy dog")
    let whole = tokenizer.encode(text, pair: pair, truncation: nil, addSpecialTokens: true)
    let added = whole.ids.count - whole.sequences.map(\.count).reduce(0, +)
    let counts = whole.sequences.map(\.count)
    for length in 0...whole.ids.count + 2 {
      for strategy in [Truncation.Strategy.longestFirst, .onlyFirst, .onlySecond] {
        for direction in [Truncation.Direction.right, .left] {
          let truncation = Truncation(length, strategy: strategy, direction: direction)
          let cut = tokenizer.encode(text, pair: pair, truncation: truncation, addSpecialTokens: true)
          #expect(cut.ids.count == min(length, whole.ids.count))
          guard
            length >= added + (strategy == .onlyFirst ? counts[1] : strategy == .onlySecond ? counts[0] : 0)
          else { continue }
          for (sequence, kept) in zip(whole.sequences, cut.sequences) {
            let ids = whole.ids[sequence]
            #expect(cut.ids[kept] == (direction == .left ? ids.suffix(kept.count) : ids.prefix(kept.count)))
          }
          if strategy == .onlyFirst { #expect(cut.sequences[1].count == counts[1]) }
          if strategy == .onlySecond { #expect(cut.sequences[0].count == counts[0]) }
        }
      }
    }
  }

  @Test("windows cover the text, with the stride in common", arguments: samples)
  func windows(_ sample: Sample) throws {
    let tokenizer = try sample.load()
    let (text, pair) = ("what?", String(repeating: "the quick brown fox ", count: 6))
    let whole = tokenizer.encode(text, pair: pair, truncation: nil, addSpecialTokens: true)
    let length = whole.ids.count - whole.sequences[1].count + 8
    let windows = try tokenizer.windows(of: text, pair: pair, over: 1, maximumLength: length, stride: 3)
    #expect(windows.count > 2 && windows.allSatisfy { $0.ids.count <= length })
    var ids: [Int32] = []
    for (index, window) in windows.enumerated() {
      let part = window.ids[window.sequences[1]]
      if index > 0 { #expect(part.prefix(3) == ids.suffix(3)) }
      ids += index == 0 ? part[...] : part.dropFirst(3)
      #expect(window.ids[window.sequences[0]] == whole.ids[whole.sequences[0]])
    }
    #expect(ids[...] == whole.ids[whole.sequences[1]])
  }

  /// What cannot be said by tokens is gone after the first time, and the white space around it after the second.
  @Test("decoding what was decoded gives the same again", arguments: samples)
  func decoding(_ sample: Sample) throws {
    let tokenizer = try sample.load()
    for text in Self.texts {
      let encoding = tokenizer.encode(text)
      let once = tokenizer.decode(encoding.ids, skippingSpecialTokens: true)
      let twice = tokenizer.decode(tokenizer.encode(once).ids, skippingSpecialTokens: true)
      let again = tokenizer.decode(tokenizer.encode(twice).ids, skippingSpecialTokens: true)
      #expect(again == twice)
    }
    #expect(tokenizer.decode([], skippingSpecialTokens: true).isEmpty)
    #expect(tokenizer.decode([-1, .max], skippingSpecialTokens: true).isEmpty)
  }
}
