import GraftTensors
import TokenizerKit

/// The `tokenizer.json` of a SentencePiece model.
struct SentencePieceConversion {
  let model: SentencePieceFile
  let tokenizerClass: SentencePieceClass
  let settings: TokenizerSettings

  /// A longer piece is not learnt by merges.
  private static let longestMergedPiece = 1000

  /// - Throws: ``GraftError`` when the model is of another kind, or its charsmap is broken.
  func document() throws -> TokenizerDocument {
    let entries = entries()
    let tokens = entries.enumerated().map { ($1.token, $0) }
    let added = try addedTokens(tokens)
    let charsmap = try model.charsmap.isEmpty ? nil : Charsmap(model.charsmap)
    let metaspace = MetaspacePreTokenizer(
      prependScheme: try settings.configuration.flag("add_prefix_space") ?? tokenizerClass.addsPrefixSpace
        ? .always : .never)
    var preTokenizers = try tokenizerClass.preTokenizers(settings)
    preTokenizers.append(metaspace)
    var document = TokenizerDocument.parts(
      addedTokens: added,
      normalizer: SequenceNormalizer(try tokenizerClass.normalizers(settings, charsmap)).json,
      preTokenizer: preTokenizers.count == 1 ? metaspace.json : SequencePreTokenizer(preTokenizers).json,
      postProcessor: postProcessor(added), decoder: MetaspaceDecoder(metaspace).json)
    switch model.kind {
    case .unigram:
      document.append(
        JSON.Member(
          "model", TokenizerDocument.unigram(unknownID: tokenizerClass.unknownID ?? model.unknownID)))
      return TokenizerDocument(JSON(members: document), entries: tokens, scores: entries.map(\.score))
    case .bpe:
      let unknown = tokenizerClass.unknownID.map { entries[$0].token } ?? model.unknownPiece
      let model: JSON = [
        "type": "BPE", "dropout": .null, "unk_token": .string(unknown), "continuing_subword_prefix": .null,
        "end_of_word_suffix": .null, "fuse_unk": true, "byte_fallback": JSON(model.usesBytes),
        "ignore_merges": false, "vocab": [:], "merges": [],
      ]
      document.append(JSON.Member("model", model))
      return TokenizerDocument(JSON(members: document), entries: tokens, merges: try merges(entries))
    case .word, .char:
      throw GraftError(
        .unsupported, "a kind of SentencePiece model that Graft does not know", expected: "unigram or bpe",
        found: "\(model.kind)")
    }
  }

  /// The model's tokens by id.
  private func entries() -> [(token: String, score: Double)] {
    var entries = tokenizerClass.leading
    for piece in model.pieces.dropFirst(tokenizerClass.replacedCount) {
      var score = Double(piece.score)
      if tokenizerClass.avoidsNumbersWithComma, Self.isNumberWithComma(piece.text) { score -= 100 }
      entries.append((piece.text, score))
    }
    if tokenizerClass.modelHasMask { entries.append((tokenizerClass.tokens["mask_token"] ?? "<mask>", 0)) }
    return entries
  }

  private static func isNumberWithComma(_ text: String) -> Bool {
    let last = Array(text.unicodeScalars.suffix(2))
    return last.count == 2 && last[1] == "," && last[0].properties.numericType.map { $0 != .numeric } ?? false
  }

  /// The tokens that are looked for in the text, by id: those with a role, control and user-defined pieces, and others
  /// that files name.
  private func addedTokens(_ tokens: [Vocabulary.Entry]) throws -> [AddedToken] {
    if let tokens = try settings.decoderTokens() { return tokens }
    let table = PieceTable(tokens.reversed())
    var added: [AddedToken] = []
    var seen: Set<[UInt8]> = []
    var next = Int32(clamping: tokens.count)
    func append(_ content: String, id: Int32? = nil, flags: JSON = [:], isSpecial: Bool = true) throws {
      guard !content.isEmpty, seen.insert(Array(content.utf8)).inserted else { return }
      let id = table.find(content) ?? id ?? next
      if id >= next, id < Int32.max { next = id + 1 }
      added.append(try AddedToken(id: id, content: content, flags: flags, isSpecial: isSpecial))
    }
    let extra = try settings.extraTokens()
    for role in TokenizerSettings.roles {
      let entry = settings.entry(role)
      guard let token = settings.token(role) ?? tokenizerClass.tokens[role] else { continue }
      let flags: JSON =
        entry?.object != nil
        ? entry ?? [:] : role == "mask_token" && tokenizerClass.maskStripsLeft ? ["lstrip": true] : [:]
      try append(token, id: extra.first { $0.content.utf8.elementsEqual(token.utf8) }?.id, flags: flags)
    }
    for token in tokenizerClass.furtherTokens { try append(token) }
    for piece in model.pieces where piece.type == .control || piece.type == .userDefined {
      guard table.find(piece.text) != nil else { continue }
      try append(piece.text, flags: ["normalized": false], isSpecial: piece.type == .control)
    }
    for token in extra {
      try append(token.content, id: token.id, flags: token.flags, isSpecial: token.isSpecial)
    }
    return added.sorted { $0.id < $1.id }
  }

  private func postProcessor(_ added: [AddedToken]) -> JSON {
    func token(_ role: String) -> String { settings.token(role) ?? tokenizerClass.tokens[role] ?? "" }
    switch tokenizerClass.template {
    case .none: return .null
    case .bert:
      return PostProcessor.bertTemplate(
        classification: token("cls_token"), separator: token("sep_token"), added)
    case .roberta:
      return PostProcessor.robertaTemplate(
        classification: token("cls_token"), separator: token("sep_token"), added)
    }
  }

  /// The merges of a byte-pair model: all pairs of pieces that make a piece, those of the better ones first.
  private func merges(_ entries: [(token: String, score: Double)]) throws -> [TokenizerDocument.Merge] {
    let table = PieceTable(entries.enumerated().map { ($1.token, $0) })
    var found: [(merge: TokenizerDocument.Merge, score: Double, left: Int, right: Int)] = []
    for entry in entries {
      let scalars = entry.token.unicodeScalars
      guard entry.token.utf8.count <= Self.longestMergedPiece else {
        throw GraftError(
          .unsupported, "a piece that is too long to be merged",
          expected: "at most \(Self.longestMergedPiece) bytes", found: "\(entry.token.utf8.count)")
      }
      var count = 1
      for index in scalars.indices.dropFirst() {
        let (left, right) = (String(scalars[..<index]), String(scalars[index...]))
        if table.find(left) != nil, table.find(right) != nil {
          found.append(
            (TokenizerDocument.Merge(left: left, right: right), entry.score, count, scalars.count - count))
        }
        count += 1
      }
    }
    let order = found.indices.sorted { first, second in
      let (a, b) = (found[first], found[second])
      if a.score != b.score { return a.score > b.score }
      if a.left != b.left { return a.left > b.left }
      if a.right != b.right { return a.right > b.right }
      return first < second
    }
    return order.map { found[$0].merge }
  }
}
