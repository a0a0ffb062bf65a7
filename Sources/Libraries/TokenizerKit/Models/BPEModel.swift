import GraftTensors

/// The byte-pair model over the characters of a piece.
public final class BPEModel: TokenModel {
  public static let kind = "BPE"
  public let unknown: Int32?
  public var continuingPrefix: String? { prefix.isEmpty ? nil : String(decoding: prefix, as: UTF8.self) }
  /// Whether one unknown token stands for all that follow each other.
  private let fusesUnknown: Bool
  /// What the characters after the first begin with, and what the last one ends with, before they are looked up.
  private let prefix: [UInt8]
  private let suffix: [UInt8]
  /// By byte: the token that stands for it; empty where no bytes stand for characters that are not in the vocabulary.
  private let byteTokens: [Int32?]
  /// Whether a piece that the vocabulary has is not split.
  private let keepsWholeWords: Bool
  private let vocabulary: PieceTable
  /// By ASCII character: its token; -1 where there is none, or where a prefix or suffix belongs to it.
  private let characters: [Int32]
  private let merges: MergeTable
  /// The most bytes of a prefix or suffix: each character of a text may be spelled with it.
  private static let longestAffix = 32

  public init(_ file: TokenizerDocument, _ vocabulary: Vocabulary) throws {
    let reader = ComponentReader(modelOf: file)
    guard [nil, .null].contains(reader.json["dropout"]) || reader.json["dropout"]?.double == 0 else {
      throw reader.unsupported("dropout", expected: "null")
    }
    unknown = try reader.optionalString("unk_token").map {
      try reader.unknownToken($0, "unk_token", in: vocabulary)
    }
    fusesUnknown = try reader.flag("fuse_unk") ?? false
    func affix(_ key: String) throws -> String {
      let affix = try reader.optionalString(key) ?? ""
      guard affix.utf8.count <= Self.longestAffix else {
        throw GraftError(
          .unsupported, "it is too long", subject: "key 'model.\(key)'",
          expected: "at most \(Self.longestAffix) bytes", found: "\(affix.utf8.count)")
      }
      return affix
    }
    let prefix = try affix("continuing_subword_prefix")
    self.prefix = Array(prefix.utf8)
    suffix = Array(try affix("end_of_word_suffix").utf8)
    keepsWholeWords = try reader.flag("ignore_merges") ?? false
    byteTokens =
      try reader.flag("byte_fallback") == true
      ? (0...UInt8.max).map {
        vocabulary.model.find(String(decoding: ByteFallbackDecoder.token(of: $0), as: UTF8.self))
      } : []
    self.vocabulary = vocabulary.model
    let isBare = self.prefix.isEmpty && suffix.isEmpty
    characters = (0..<0x80).map { byte in
      (isBare ? vocabulary.model.find(String(UnicodeScalar(UInt8(byte)))) : nil) ?? -1
    }
    merges = try MergeTable(file.merges, vocabulary, prefix: prefix)
  }

  /// The same over bytes that are spelled in ``ByteLevelAlphabet``; `nil` where some of them would be unknown.
  var ofBytes: ByteMergeModel? {
    guard prefix.isEmpty, suffix.isEmpty else { return nil }
    let model = ByteMergeModel(vocabulary, merges, unknown: nil, keepsWholeWords: keepsWholeWords)
    return model.isComplete ? model : nil
  }

  public func split(_ piece: UnsafeBufferPointer<UInt8>, into pieces: inout Pieces) {
    guard let base = piece.baseAddress else { return }
    if keepsWholeWords, piece.count <= vocabulary.maximumLength, let id = vocabulary.find(base, piece.count) {
      return pieces.append(id, 0..<piece.count)
    }
    // Each character may have to be spelled with its prefix and suffix, byte by byte.
    let capacity = byteTokens.isEmpty ? piece.count : piece.count * (1 + prefix.count) + suffix.count
    merges.merge(capacity: capacity, layOut: { layOut(piece, base, &$0) }) { pieces.append($0, $1) }
  }

  /// Makes a symbol of each character. One without a token is left out where there is no unknown token either, and what
  /// follows it moves up.
  private func layOut(
    _ piece: UnsafeBufferPointer<UInt8>, _ base: UnsafePointer<UInt8>, _ word: inout MergeTable.Word
  ) {
    var unknownLength = 0
    func flushUnknown() {
      if let unknown, unknownLength > 0 { word.append(unknown, length: unknownLength) }
      unknownLength = 0
    }
    var index = 0
    while index < piece.count {
      let byte = Int(piece[index])
      if byte < characters.count, characters[byte] >= 0 {
        flushUnknown()
        word.append(characters[byte], length: 1)
        index += 1
        continue
      }
      let start = index
      _ = decodeScalar(piece, &index, end: piece.count)
      let length = index - start
      let spelling = spelling(start..<index, of: piece)
      let id = spelling.map { Self.find($0, vocabulary) } ?? vocabulary.find(base + start, length)
      if let id {
        flushUnknown()
        word.append(id, length: length)
      } else if let bytes = bytes(spelling ?? Array(piece[start..<index])) {
        // What is unknown before them comes after them, as in `tokenizers`.
        for byte in bytes { word.append(byte, length: 1) }
      } else if unknown != nil {
        if !fusesUnknown { flushUnknown() }
        unknownLength += length
      }
    }
    flushUnknown()
  }

  /// A character with prefix and suffix; `nil` where it has neither.
  private func spelling(_ range: Range<Int>, of piece: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    let hasPrefix = !prefix.isEmpty && range.lowerBound > 0
    let hasSuffix = !suffix.isEmpty && range.upperBound == piece.count
    guard hasPrefix || hasSuffix else { return nil }
    return (hasPrefix ? prefix : []) + piece[range] + (hasSuffix ? suffix : [])
  }

  private static func find(_ text: [UInt8], _ table: PieceTable) -> Int32? {
    let padded = text + Array(repeating: 0, count: PieceTable.padding)
    return padded.withUnsafeBufferPointer { buffer in
      buffer.baseAddress.flatMap { table.find($0, text.count) }
    }
  }

  /// The tokens of bytes; `nil` where one of them has none.
  private func bytes(_ text: [UInt8]) -> [Int32]? {
    guard !byteTokens.isEmpty else { return nil }
    let tokens = text.compactMap { byteTokens[Int($0)] }
    return tokens.count == text.count ? tokens : nil
  }
}
