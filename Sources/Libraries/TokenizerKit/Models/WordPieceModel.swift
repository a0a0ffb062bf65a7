import GraftTensors

/// The WordPiece model: splits a normalized word into the longest pieces of the vocabulary, greedily from the
/// left.
///
/// Reference: `WordpieceTokenizer` in google-research/bert, tokenization.py.
public struct WordPieceModel: TokenModel {
  public static let kind = "WordPiece"

  /// The pieces that a word can begin with.
  @usableFromInline let initial: PieceTable
  /// The pieces that can follow, without their prefix.
  private let continuing: PieceTable
  /// What marks a token that continues a word.
  public let prefix: String
  public let unknownID: Int32
  /// Words of more scalars are unknown.
  public let maximumWordLength: Int

  /// The longest piece that may be looked for, in bytes. At each place of a word, all texts up to that length are looked
  /// up.
  private static let longestPiece = 1024

  public var unknown: Int32? { unknownID }
  public var continuingPrefix: String? { prefix.isEmpty ? nil : prefix }

  public init(_ file: TokenizerDocument, _ vocabulary: Vocabulary) throws {
    try self.init(ComponentReader(modelOf: file), vocabulary)
  }

  /// - Parameter reader: At a `model` of a `tokenizer.json`; its vocabulary is not looked at.
  public init(_ reader: ComponentReader, _ vocabulary: Vocabulary) throws {
    let unknown = try reader.optionalString("unk_token") ?? "[UNK]"
    guard let unknownID = vocabulary.model.find(unknown) else {
      throw GraftError(
        .malformed, "the vocabulary has no token '\(unknown)'", subject: "key 'model.vocab'",
        expected: "the token that 'model.unk_token' names, for words that have no pieces")
    }
    self.unknownID = unknownID
    let length = reader.json["max_input_chars_per_word"] ?? 100
    guard let maximumWordLength = length.int, maximumWordLength >= 0 else {
      throw GraftError(
        .malformed, "wrong value", subject: "key 'model.max_input_chars_per_word'",
        expected: "a whole number, 0 or more", found: length.kind)
    }
    self.maximumWordLength = maximumWordLength
    // No word has a piece that is longer than itself; a scalar has at most 4 bytes.
    guard vocabulary.model.maximumLength <= Self.longestPiece || maximumWordLength <= Self.longestPiece / 4
    else {
      throw GraftError(
        .unsupported, "words with tokens as long as these would take too long to split",
        subject: "key 'model.max_input_chars_per_word'",
        expected: "at most \(Self.longestPiece / 4), or no token of more than \(Self.longestPiece) bytes",
        found: "\(maximumWordLength), and a token of \(vocabulary.model.maximumLength) bytes")
    }
    let prefix = try reader.optionalString("continuing_subword_prefix") ?? "##"
    self.prefix = prefix
    initial = vocabulary.model
    continuing = PieceTable(
      vocabulary.tokens.enumerated().filter { vocabulary.isOfModel[$0.offset] }
        .compactMap { id, token -> Vocabulary.Entry? in
          guard token.utf8.starts(with: prefix.utf8) else { return nil }
          // A combining mark behind the prefix is one character with its end, but two scalars.
          return (String(Substring(token.utf8.dropFirst(prefix.utf8.count))), id)
        })
  }

  /// Splits a word, however long it is given: one of too many scalars is unknown.
  public func split(_ word: UnsafeBufferPointer<UInt8>, into pieces: inout Pieces) {
    if word.count > maximumWordLength, countScalars(word[...]) > maximumWordLength {
      pieces.append(unknownID, 0..<word.count)
    } else {
      splitWord(word, into: &pieces)
    }
  }

  /// Splits a word of no more scalars than there may be, and appends the pieces with their places in `word`, in bytes.
  ///
  /// - Parameter word: UTF-8, behind which ``PieceTable/padding`` more bytes can be read.
  @inlinable @inline(__always)
  public func splitWord(_ word: UnsafeBufferPointer<UInt8>, into pieces: inout Pieces) {
    guard let base = word.baseAddress else { return }
    if word.count <= initial.maximumLength, let id = initial.find(base, word.count) {
      pieces.append(id, 0..<word.count)
    } else {
      splitLonger(word, base, into: &pieces)
    }
  }

  @usableFromInline
  func splitLonger(
    _ word: UnsafeBufferPointer<UInt8>, _ base: UnsafePointer<UInt8>, into pieces: inout Pieces
  ) {
    let count = pieces.ids.count
    var start = 0
    while start < word.count {
      let maximum = start == 0 ? initial.maximumLength : continuing.maximumLength
      var end = min(word.count, start + maximum)
      var found: Int32?
      while end > start {
        if end == word.count || word[end] & 0xC0 != 0x80 {
          found =
            start == 0 ? initial.find(base, end) : continuing.find(base + start, end - start)
          if found != nil { break }
        }
        end -= 1
      }
      guard let id = found else {
        pieces.ids.removeLast(pieces.ids.count - count)
        pieces.offsets.removeLast(pieces.offsets.count - count)
        return pieces.append(unknownID, 0..<word.count)
      }
      pieces.append(id, start..<end)
      start = end
    }
  }
}
