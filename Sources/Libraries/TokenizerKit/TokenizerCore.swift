import GraftCore
import GraftTensors

/// What tokenizers do around their model: added tokens in the text, special tokens around it, truncation, and
/// which tokens decoding leaves out.
public struct TokenizerCore: Sendable {
  public let vocabulary: Vocabulary
  public let addedTokens: [AddedToken]
  public let specialTokens: SpecialTokens
  public let postProcessor: PostProcessor
  /// The same as the model gets it: without types where `model_input_names` of `tokenizer_config.json` has none.
  private let usedPostProcessor: PostProcessor
  /// What is written to `tokenizer.json`: a ``TokenizerDocument/json``.
  public let document: JSON
  /// What is written to `tokenizer_config.json`.
  public let configuration: JSON
  /// What was decided where the files that it was read from disagree, in sentences.
  public let notes: [String]

  /// The added tokens to look for in the text as it is, and in the normalized text.
  public let verbatim: AddedTokenMatcher
  public let normalized: AddedTokenMatcher
  /// By id, the texts that tokens decode to where these are not the tokens.
  private let decodedTexts: [Int32: String]
  /// By id: whether the token has a role or is an added special token.
  private let isSpecial: [Bool]
  /// By id: whether decoding without special tokens leaves the token out.
  private let isSkipped: [Bool]
  /// By id, the white space that tokens begin and end with; empty where offsets are not trimmed.
  private let margins: [Pieces.Margin]

  /// - Parameters:
  ///   - addedTokens: Tokens of the vocabulary.
  ///   - specialTokens: Ids of the vocabulary.
  ///   - normalize: What the tokenizer does to text before it is split, as UTF-8.
  /// - Throws: `GraftError` for an added token that is too long.
  public init(
    vocabulary: Vocabulary, addedTokens: [AddedToken], specialTokens: SpecialTokens,
    postProcessor: PostProcessor, document: JSON, configuration: JSON, notes: [String] = [],
    normalize: (String) -> [UInt8] = { Array($0.utf8) }
  ) throws {
    self.vocabulary = vocabulary
    self.addedTokens = addedTokens
    self.specialTokens = specialTokens
    self.postProcessor = postProcessor
    let inputs = configuration["model_input_names"]?.array?.compactMap(\.string)
    usedPostProcessor =
      inputs?.contains("token_type_ids") == false ? postProcessor.withoutTypes : postProcessor
    self.document = document
    self.configuration = configuration
    self.notes = notes
    verbatim = try AddedTokenMatcher(
      addedTokens.filter { !$0.isNormalized }.map { (Array($0.content.utf8), $0) })
    var patterns: [(text: [UInt8], token: AddedToken)] = []
    var decodedTexts: [Int32: String] = [:]
    for token in addedTokens where token.isNormalized {
      let text = normalize(token.content)
      patterns.append((text, token))
      decodedTexts[token.id] = String(decoding: text, as: UTF8.self)
    }
    normalized = try AddedTokenMatcher(patterns)
    self.decodedTexts = decodedTexts
    let specialTexts = Set(addedTokens.lazy.filter(\.isSpecial).map { Array($0.content.utf8) })
    var isSkipped = [Bool](repeating: false, count: vocabulary.tokens.count)
    var isSpecial = isSkipped
    for token in addedTokens {
      // `tokenizers` looks for the text that the token decodes to among the special tokens.
      isSkipped[Int(token.id)] = specialTexts.contains(Array((decodedTexts[token.id] ?? token.content).utf8))
      isSpecial[Int(token.id)] = token.isSpecial
    }
    for id in specialTokens.all { isSpecial[Int(id)] = true }
    self.isSkipped = isSkipped
    self.isSpecial = isSpecial
    margins =
      postProcessor.trimmings.isEmpty
      ? []
      : vocabulary.tokens.map { token in
        var token = token
        return token.withUTF8 { AddedTokenMatcher.margin($0[...]) }
      }
  }

  public var vocabularySize: Int { vocabulary.tokens.count }

  public func token(of id: Int32) -> String? {
    vocabulary.tokens.indices.contains(Int(id)) && !vocabulary.holes.contains(Int(id))
      ? vocabulary.tokens[Int(id)] : nil
  }

  /// The tokens that a decoder puts together.
  public func tokens(of ids: [Int32], skippingSpecialTokens: Bool) -> some Sequence<String> {
    ids.lazy.compactMap { id in
      guard let token = token(of: id), !skippingSpecialTokens || !isSkipped[Int(id)] else { return nil }
      return decodedTexts[id] ?? token
    }
  }
}

// MARK: - Encoding

extension TokenizerCore {
  /// Encodes a text, or a pair.
  ///
  /// - Parameter pieces: Splits a text, and may stop once it has as many pieces as the limit says.
  public func encode(
    _ text: String, pair: String?, truncation: Truncation?, addSpecialTokens: Bool,
    pieces: (_ text: String, _ limit: Int) -> Pieces
  ) -> Encoding {
    // What is cut of a pair depends on both lengths, and what is cut from the left on the whole length.
    let stopsEarly = pair == nil && truncation?.direction != .left
    let limit = stopsEarly ? max(0, truncation?.maximumLength ?? Int.max) : Int.max
    let first = pieces(text, limit)
    let second = pair.map { pieces($0, limit) }
    let added = addSpecialTokens ? postProcessor.addedCount(hasPair: pair != nil) : 0
    var lengths = (first.ids.count, second?.ids.count ?? 0)
    if let truncation { lengths = truncation.lengths(lengths, hasPair: pair != nil, added: added) }
    func kept(_ length: Int, of pieces: Pieces?) -> Range<Int> {
      let count = pieces?.ids.count ?? 0
      return truncation?.direction == .left ? count - length..<count : 0..<length
    }
    var encoding = join(
      first, second, (kept(lengths.0, of: first), kept(lengths.1, of: second)), addSpecialTokens)
    if let truncation { encoding.truncate(to: max(0, truncation.maximumLength)) }
    return encoding
  }

  /// Encodes a text, or a pair, as windows over one of the sequences; see
  /// ``Tokenizer/windows(of:pair:over:maximumLength:stride:)``.
  public func windows(
    of text: String, pair: String?, over sequence: Int, maximumLength: Int, stride: Int,
    pieces: (_ text: String, _ limit: Int) -> Pieces
  ) throws -> [Encoding] {
    let first = pieces(text, Int.max)
    let second = pair.map { pieces($0, Int.max) }
    guard let windowed = sequence == 0 ? first : second, sequence == 0 || sequence == 1 else {
      throw GraftError(
        .mismatch, "there is no such sequence", expected: pair == nil ? "0" : "0 or 1", found: "\(sequence)")
    }
    let other = sequence == 0 ? second?.ids.count ?? 0 : first.ids.count
    let added = postProcessor.addedCount(hasPair: pair != nil)
    let room = maximumLength - min(added, maximumLength) - min(other, max(0, maximumLength - added))
    let fits = added + other + windowed.ids.count <= maximumLength
    guard stride >= 0, fits || room > stride else {
      // A stride of a quarter is what windows usually have.
      let reason =
        other > 0 && room <= maximumLength / 4
        ? "the text beside it, such as a question, is too long" : "the stride is too large"
      let tokens = other == 1 ? "1 token" : "\(other) tokens"
      throw GraftError(
        .mismatch, "no room for a window: \(reason)",
        expected: "room for more than the stride of \(stride) tokens in \(maximumLength)",
        found: other > 0 ? "room for \(room) beside \(tokens)" : "room for \(room)")
    }
    var windows: [Encoding] = []
    var start = 0
    repeat {
      let end = min(start + room, windowed.ids.count)
      let whole = 0..<other
      let kept = sequence == 0 ? (start..<end, whole) : (whole, start..<end)
      windows.append(join(first, second, kept, true))
      if end == windowed.ids.count { break }
      start += room - stride
    } while true
    return windows
  }

  private func join(
    _ first: Pieces, _ second: Pieces?, _ kept: (Range<Int>, Range<Int>), _ addSpecialTokens: Bool
  ) -> Encoding {
    usedPostProcessor.join(
      first, second, kept: kept, addSpecialTokens: addSpecialTokens, isSpecial: isSpecial, margins: margins)
  }

  /// Splits text at the verbatim added tokens.
  ///
  /// - Parameters:
  ///   - text: UTF-8.
  ///   - splitRest: Appends the pieces of what lies between; gets a part of the text and what its first scalar is
  ///     counted as.
  public func split(
    _ text: UnsafeBufferPointer<UInt8>, into pieces: inout Pieces,
    _ splitRest: (Slice<UnsafeBufferPointer<UInt8>>, _ firstScalar: Int, inout Pieces) -> Void
  ) {
    guard !verbatim.isEmpty else {
      if !text.isEmpty { splitRest(text[...], 0, &pieces) }
      return
    }
    TokenizerCore.split(text[...], firstScalar: 0, at: verbatim, into: &pieces, splitRest)
  }

  /// Splits a part of a text at added tokens.
  public static func split(
    _ text: Slice<UnsafeBufferPointer<UInt8>>, firstScalar: Int, at matcher: AddedTokenMatcher,
    into pieces: inout Pieces,
    _ splitRest: (Slice<UnsafeBufferPointer<UInt8>>, _ firstScalar: Int, inout Pieces) -> Void
  ) {
    let bytes = UnsafeBufferPointer(rebasing: text)
    var position = (byte: 0, scalar: firstScalar)
    for match in matcher.matches(in: bytes) where !pieces.isFull {
      if position.byte < match.range.lowerBound {
        splitRest(bytes[position.byte..<match.range.lowerBound], position.scalar, &pieces)
      }
      let start = scalarIndex(of: match.range.lowerBound, from: position, in: bytes)
      let end = scalarIndex(of: match.range.upperBound, from: (match.range.lowerBound, start), in: bytes)
      pieces.append(match, start..<end)
      position = (match.range.upperBound, end)
    }
    if position.byte < bytes.count { splitRest(bytes[position.byte...], position.scalar, &pieces) }
  }

  private static func scalarIndex(
    of byte: Int, from known: (byte: Int, scalar: Int), in bytes: UnsafeBufferPointer<UInt8>
  ) -> Int {
    byte < known.byte
      ? known.scalar - countScalars(bytes[byte..<known.byte])
      : known.scalar + countScalars(bytes[known.byte..<byte])
  }
}

extension Pieces {
  /// Appends an added token.
  ///
  /// - Parameter range: Its place, in Unicode scalars.
  public mutating func append(_ match: AddedTokenMatcher.Match, _ range: Range<Int>) {
    // With the white space that it took, the token is another text.
    if match.token.stripsLeft || match.token.stripsRight { margins[ids.count] = match.margin }
    append(match.token.id, range)
  }
}
