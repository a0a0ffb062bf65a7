import GraftCore
import GraftTensors
import TokenizerKit

/// The SentencePiece model that a class makes the same tokenizer of: the inverse of ``SentencePieceConversion``.
struct SentencePieceExport {
  let file: SentencePieceFile

  /// - Throws: ``GraftError`` of kind `unsupported` when there is none.
  init(_ tokenizer: PipelineTokenizer, _ tokenizerClass: SentencePieceClass) throws {
    guard let unigram = tokenizer.model as? UnigramModel, let unknown = unigram.unknown,
      let scores = tokenizer.file.scores
    else {
      throw Self.unsupported(
        "a tokenizer of another kind than the framework's", "Unigram",
        tokenizer.file.json["model"]?["type"]?.string ?? "another")
    }
    let usesBytes = tokenizer.file.json["model"]?["byte_fallback"]?.bool == true
    let added = Dictionary(
      tokenizer.core.addedTokens.map { (Int($0.id), $0) }, uniquingKeysWith: { first, _ in first })
    let byteTokens = Set(usesBytes ? (0...UInt8.max).map { ByteFallbackDecoder.token(of: $0) } : [])
    var pieces = try Self.entries(of: tokenizer, tokenizerClass).map { id, token in
      var piece = SentencePieceFile.Piece(
        text: token, score: scores.indices.contains(id) ? Float(scores[id]) : 0)
      if id == unknown {
        piece.type = .unknown
      } else if let token = added[id] {
        piece.type = token.isSpecial ? .control : .userDefined
      } else if byteTokens.contains(Array(token.utf8)) {
        piece.type = .byte
      }
      return piece
    }
    if !tokenizerClass.replacedPieces.isEmpty {
      pieces.replaceSubrange(
        ..<tokenizerClass.leading.count,
        with: tokenizerClass.replacedPieces.map { SentencePieceFile.Piece(text: $0, type: .control) })
      pieces[0].type = .unknown
    }
    let spaces = try Spaces(tokenizer)
    file = SentencePieceFile(
      pieces: pieces, unknownID: pieces.firstIndex { $0.type == .unknown } ?? 0, usesBytes: usesBytes,
      charsmap: spaces.charsmap, addsDummyPrefix: spaces.addsPrefix, removesExtraSpaces: spaces.areRemoved)
  }

  /// What a SentencePiece model does to texts that a tokenizer does not.
  static func differences(of tokenizer: PipelineTokenizer) -> [String] {
    let normalizers = tokenizer.normalizer?.flattened ?? []
    let stripsEnd = normalizers.contains { ($0 as? StripNormalizer)?.right == true }
    let splits = tokenizer.preTokenizer?.flattened.first is WhitespaceSplitPreTokenizer
    // The published files of ALBERT.
    return normalizers.contains(where: Spaces.joins) && !stripsEnd && !splits
      ? ["spaces at the end of a text have no token: SentencePiece removes them where it joins others"] : []
  }

  private static func unsupported(
    _ problem: String, subject: String? = nil, _ expected: String, _ found: String
  ) -> GraftError {
    GraftError(
      .unsupported, "a SentencePiece model cannot say this: \(problem)", subject: subject, expected: expected,
      found: found, advice: "Choose another \(option: "dialect").")
  }

  /// The tokens by id that are pieces, or stand in the place of pieces.
  private static func entries(
    of tokenizer: PipelineTokenizer, _ tokenizerClass: SentencePieceClass
  ) throws -> [(id: Int, token: String)] {
    let vocabulary = tokenizer.core.vocabulary
    var entries = vocabulary.tokens.enumerated().map { (id: $0, token: $1) }
    let mask = tokenizerClass.tokens["mask_token"]
    if tokenizerClass.modelHasMask || tokenizerClass.maskMayFollow && vocabulary.isOfModel.last == false {
      guard let last = entries.popLast(), last.token == mask else {
        throw unsupported(
          "another token than the mask comes last", mask ?? "", vocabulary.tokens.last ?? "no token")
      }
    }
    if let stray = entries.first(where: { !vocabulary.isOfModel[$0.id] }) {
      throw unsupported(
        "a token that was added to the vocabulary", "the pieces' tokens alone", "'\(stray.token)'")
    }
    let leading = tokenizerClass.leading.map(\.token)
    guard entries.prefix(leading.count).map(\.token) == leading else {
      throw unsupported(
        "other tokens come first", leading.joined(separator: ", "),
        entries.prefix(leading.count).map(\.token).joined(separator: ", "))
    }
    for token in tokenizerClass.tokens.values.sorted()
    where vocabulary.id(of: token) == nil && !(tokenizerClass.maskMayFollow && token == mask) {
      throw unsupported("a token of the framework's is missing", token, "no such token")
    }
    return entries
  }
}

/// What a pipeline does to a text before it is split into pieces, as SentencePiece does it.
private struct Spaces {
  /// Empty for none.
  private(set) var charsmap: [UInt8] = []
  /// Whether a space is put before the text.
  private(set) var addsPrefix = true
  /// Whether runs of spaces are collapsed to one, and those at the ends removed.
  private(set) var areRemoved = false

  init(_ tokenizer: PipelineTokenizer) throws {
    var (stripsEnd, joins) = (false, false)
    var mapping: [any Normalizer] = []
    let normalizers = tokenizer.normalizer?.flattened ?? []
    for (index, normalizer) in normalizers.enumerated() {
      switch normalizer {
      case let strip as StripNormalizer: stripsEnd = stripsEnd || strip.right
      case _ where Self.joins(normalizer): joins = true
      case _ where CharsmapComposition.canHold(normalizer, before: normalizers[(index + 1)...]):
        mapping.append(normalizer)
      default:
        throw Self.unsupported(
          "normalizer", "what a charsmap can do, and the removal of spaces",
          normalizer.json["type"]?.string ?? "another")
      }
    }
    var preTokenizers = (tokenizer.preTokenizer?.flattened ?? [])[...]
    // What stands between words goes, as it does with the others.
    let splits = preTokenizers.count == 2 && preTokenizers.first is WhitespaceSplitPreTokenizer
    if splits { preTokenizers = preTokenizers.dropFirst() }
    guard preTokenizers.count == 1, let metaspace = preTokenizers.first as? MetaspacePreTokenizer,
      metaspace.replacement == MetaspacePreTokenizer.standardReplacement, metaspace.splits,
      !splits || metaspace.prependScheme == .always
    else {
      throw Self.unsupported(
        "pre-tokenizer", "Metaspace",
        preTokenizers.map { $0.json["type"]?.string ?? "another" }.joined(separator: ", "))
    }
    guard splits || joins || !stripsEnd else {
      throw Self.unsupported(
        "normalizer", "spaces removed at the end of a text and between words", "at the end alone")
    }
    addsPrefix = metaspace.prependScheme != .never
    areRemoved = splits || joins
    if mapping.count == 1, let precompiled = mapping[0] as? PrecompiledNormalizer {
      // Those of published models know white space.
      charsmap = precompiled.charsmap.bytes
    } else if let composed = try Charsmap(composing: mapping, spaces: splits) {
      charsmap = composed.bytes
    }
  }

  private static func unsupported(_ part: String, _ expected: String, _ found: String) -> GraftError {
    GraftError(
      .unsupported, "a SentencePiece model has no such \(part)", expected: expected,
      found: found.isEmpty ? "none" : found, advice: "Choose another \(option: "dialect").")
  }

  /// Whether a normalizer makes one space of several.
  static func joins(_ normalizer: any Normalizer) -> Bool {
    guard let replace = normalizer as? ReplaceNormalizer else { return false }
    return replace.pattern.json == ComponentPattern.spaces.json
      && [" ", "\u{2581}"].contains(replace.content)
  }
}
