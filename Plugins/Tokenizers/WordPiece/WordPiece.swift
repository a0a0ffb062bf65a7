import Foundation
import GraftCore
import GraftTensors

/// Registers the WordPiece tokenizer.
public enum WordPiecePlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(WordPieceTokenizer.self)
  }
}

/// The tokenizer of BERT: cleaning, splitting at white space and punctuation, then greedy longest-match
/// pieces.
///
/// Ids, types and offsets are those of Hugging Face `tokenizers` 0.23.3 for the same files. It reads
/// `tokenizer.json`, or else `vocab.txt` with the settings of `tokenizer_config.json`,
/// `special_tokens_map.json` and `added_tokens.json`. Truncation and padding that a `tokenizer.json` asks for
/// are kept in the file but not applied: here the caller says how long an encoding may be, and batches are
/// not padded.
///
/// Reference: Wu et al., "Google's Neural Machine Translation System", 2016, section 4.1;
/// google-research/bert.
public struct WordPieceTokenizer: Tokenizer {
  public static let name = "wordpiece"

  public let specialTokens: SpecialTokens
  /// What is done to text before it is split into words.
  public var normalizer: BertNormalizer { splitter.options }

  let vocabulary: Vocabulary
  let addedTokens: [AddedToken]
  let decoder: WordPieceDecoder
  /// What is written to `tokenizer.json`, its vocabulary apart.
  let document: JSON
  /// What is written to `tokenizer_config.json`.
  let configuration: JSON

  private let splitter: WordSplitter
  private let postProcessor: PostProcessor
  /// The added tokens to look for in the text as it is, and in the normalized text.
  private let verbatim: AddedTokenMatcher
  private let normalized: AddedTokenMatcher
  /// By id, the texts that tokens decode to where these are not the tokens.
  private let decodedTexts: [Int32: String]
  /// By id: whether the token has a role or is an added special token.
  private let isSpecial: [Bool]
  /// By id: whether decoding without special tokens leaves the token out.
  private let isSkipped: [Bool]

  init(_ description: TokenizerDescription) {
    vocabulary = description.vocabulary
    addedTokens = description.addedTokens
    decoder = description.decoder
    document = description.document
    configuration = description.configuration
    specialTokens = description.specialTokens
    postProcessor = description.postProcessor
    splitter = WordSplitter(
      options: description.normalizer,
      model: WordPieceModel(
        initial: vocabulary.initial, continuing: vocabulary.continuing, unknown: description.unknown,
        maximumWordLength: description.maximumWordLength))
    verbatim = AddedTokenMatcher(
      addedTokens.filter { !$0.isNormalized }.map { (Array($0.content.utf8), $0) })
    var patterns: [(text: [UInt8], token: AddedToken)] = []
    var decodedTexts: [Int32: String] = [:]
    for token in addedTokens where token.isNormalized {
      let text = WordPieceTokenizer.normalize(token.content, with: description.normalizer)
      patterns.append((text, token))
      decodedTexts[token.id] = String(decoding: text, as: UTF8.self)
    }
    normalized = AddedTokenMatcher(patterns)
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
  }

  private static func normalize(_ text: String, with options: BertNormalizer) -> [UInt8] {
    var result = NormalizedText()
    let bytes = Array(text.utf8)
    bytes.withUnsafeBufferPointer { result.normalize($0[...], firstOrigin: 0, with: options) }
    var normalized: [UInt8] = []
    for scalar in result.scalars { appendScalar(scalar, to: &normalized) }
    return normalized
  }

  public var vocabularySize: Int { vocabulary.tokens.count }

  public func id(of token: String) -> Int32? { vocabulary.id(of: token) }

  public func token(of id: Int32) -> String? {
    vocabulary.tokens.indices.contains(Int(id)) ? vocabulary.tokens[Int(id)] : nil
  }

  public func encode(_ text: String, pair: String?, truncation: Truncation?, addSpecialTokens: Bool)
    -> Encoding
  {
    // What is cut of a pair depends on both lengths, and what is cut from the left on the whole length.
    let stopsEarly = pair == nil && truncation?.direction != .left
    let limit = stopsEarly ? max(0, truncation?.maximumLength ?? Int.max) : Int.max
    return postProcessor.join(
      pieces(of: text, limit: limit), pair.map { pieces(of: $0, limit: limit) }, truncation: truncation,
      addSpecialTokens: addSpecialTokens, isSpecial: isSpecial)
  }

  public func decode(_ ids: [Int32], skippingSpecialTokens: Bool) -> String {
    decoder.decode(
      ids.lazy.compactMap { id in
        guard let token = token(of: id), !skippingSpecialTokens || !isSkipped[Int(id)] else { return nil }
        return decodedTexts[id] ?? token
      })
  }

  /// The pieces of a text, at least as many of them as `limit` if there are so many.
  private func pieces(of text: String, limit: Int) -> Pieces {
    var text = text
    return text.withUTF8 { bytes in
      var pieces = Pieces(limit: limit, expecting: bytes.count / 4 + 4)
      var workspace = WordSplitter.Workspace()
      guard !verbatim.isEmpty || !normalized.isEmpty else {
        splitter.split(bytes[...], firstScalar: 0, into: &pieces, &workspace)
        return pieces
      }
      var position = (byte: 0, scalar: 0)
      for match in verbatim.matches(in: bytes) where !pieces.isFull {
        if position.byte < match.range.lowerBound {
          let part = bytes[position.byte..<match.range.lowerBound]
          split(part, firstScalar: position.scalar, into: &pieces, &workspace)
        }
        let start = scalarIndex(of: match.range.lowerBound, from: position, in: bytes)
        let end = scalarIndex(of: match.range.upperBound, from: (match.range.lowerBound, start), in: bytes)
        pieces.append(match.token.id, start..<end)
        position = (match.range.upperBound, end)
      }
      if position.byte < bytes.count {
        split(bytes[position.byte...], firstScalar: position.scalar, into: &pieces, &workspace)
      }
      return pieces
    }
  }

  private func scalarIndex(
    of byte: Int, from known: (byte: Int, scalar: Int), in bytes: UnsafeBufferPointer<UInt8>
  ) -> Int {
    byte < known.byte
      ? known.scalar - countScalars(bytes[byte..<known.byte])
      : known.scalar + countScalars(bytes[known.byte..<byte])
  }

  /// Splits text without verbatim added tokens.
  private func split(
    _ text: Slice<UnsafeBufferPointer<UInt8>>, firstScalar: Int, into pieces: inout Pieces,
    _ workspace: inout WordSplitter.Workspace
  ) {
    guard !normalized.isEmpty else {
      splitter.split(text, firstScalar: firstScalar, into: &pieces, &workspace)
      return
    }
    workspace.normalized.normalize(text, firstOrigin: firstScalar, with: normalizer)
    var bytes: [UInt8] = []
    var starts: [Int] = []  // by byte: which scalar of the normalized text it belongs to
    for (index, scalar) in workspace.normalized.scalars.enumerated() {
      appendScalar(scalar, to: &bytes)
      while starts.count < bytes.count { starts.append(index) }
    }
    starts.append(workspace.normalized.scalars.count)
    var position = 0
    for match in bytes.withUnsafeBufferPointer({ normalized.matches(in: $0) }) where !pieces.isFull {
      let range = starts[match.range.lowerBound]..<starts[match.range.upperBound]
      if position < range.lowerBound {
        splitter.split(position..<range.lowerBound, of: &workspace, into: &pieces)
      }
      let origins = workspace.normalized.origins
      pieces.append(match.token.id, origins[range.lowerBound]..<origins[range.upperBound - 1] + 1)
      position = range.upperBound
    }
    splitter.split(position..<workspace.normalized.scalars.count, of: &workspace, into: &pieces)
  }
}
