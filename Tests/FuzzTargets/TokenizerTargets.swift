import Foundation
import GraftCore
import GraftTensors

extension FuzzTarget {
  /// For each tokenizer its files, as zip archives, and texts, by the tokenizer of the first of these.
  static func tokenizers(_ registry: Registry) throws -> [FuzzTarget] {
    try registry.tokenizers.values.flatMap { type in
      let directory = try MemoryDirectory()
      let files = FuzzTarget("tokenizer-\(type.name)") { bytes in
        try directory.with(filesOf: bytes) { folder in
          guard let tokenizer = try type.load(from: folder) else { return .notRecognized }
          for (text, pair) in samples { try encode(text, pair, tokenizer) }
          return .read
        }
      }
      guard let first = try Corpus.files(in: files.corpus.seeds).first,
        let tokenizer = try directory.with(filesOf: first.bytes, { try type.load(from: $0) })
      else { throw GraftError(.missing, "no seed of \(files.name)") }
      let texts = FuzzTarget(reading: "text-\(type.name)") { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        try encode(text, nil, tokenizer)
        try encode(String(text.prefix(20)), text, tokenizer)
      }
      return [files, texts]
    }
  }

  private static let samples: [(String, String?)] = [
    ("", nil), ("The unaffable [MASK], Foo <mask> é 中!\u{200D}", "a ab  abba"),
    (String(repeating: "the a", count: 30), nil),
  ]

  /// Encodes and decodes; what comes out has to lie in the text, in order.
  private static func encode(_ text: String, _ pair: String?, _ tokenizer: any Tokenizer) throws {
    let encoding = tokenizer.encode(text, pair: pair, truncation: nil, addSpecialTokens: true)
    let count = encoding.ids.count
    try Fault.unless(
      encoding.tokenTypes.count == count && encoding.offsets.count == count
        && encoding.isSpecial.count == count,
      "\(count) tokens of \(encoding.offsets.count) places")
    try Fault.unless(
      encoding.ids.allSatisfy { 0..<Int32(clamping: tokenizer.vocabularySize) ~= $0 },
      "a token that is not in the vocabulary")
    for (sequence, text) in zip(encoding.sequences, [text] + [pair].compactMap { $0 }) {
      try Fault.unless(0 <= sequence.lowerBound && sequence.upperBound <= count, "a sequence \(sequence)")
      let length = text.unicodeScalars.count
      var place = 0
      for offset in encoding.offsets[sequence] where !offset.isEmpty {
        // Several tokens of one scalar share its place.
        try Fault.unless(
          offset.lowerBound >= place - 1 && offset.upperBound <= length,
          "a token at \(offset) after \(place) of \(length)")
        place = offset.upperBound
      }
    }
    let cut = tokenizer.encode(text, pair: pair, maximumLength: 9, addSpecialTokens: true)
    try Fault.unless(cut.ids.count <= 9, "\(cut.ids.count) tokens of at most 9")
    _ = tokenizer.decode(encoding.ids, skippingSpecialTokens: true)
  }
}
