import GraftTensors
import TokenizerKit

/// A byte-level BPE tokenizer as `tokenizer.json` spells it.
enum ByteLevelBPEDocument {
  /// The document for a vocabulary and merges that stand in files of their own, without these.
  ///
  /// As in transformers 4: text is surrounded by the classification and separator tokens where the vocabulary has
  /// them, and a mask token takes the space before it unless a file says otherwise.
  ///
  /// - Throws: ``GraftError`` when a setting is of the wrong type.
  static func make(_ settings: TokenizerSettings, _ entries: [Vocabulary.Entry]) throws -> JSON {
    let addedTokens = try addedTokens(settings, entries)
    let configuration = settings.configuration
    let addsPrefixSpace = try configuration.flag("add_prefix_space") ?? false
    let byteLevel: JSON = [
      "type": "ByteLevel", "add_prefix_space": JSON(addsPrefixSpace), "trim_offsets": true, "use_regex": true,
    ]
    var postProcessor: JSON = [
      "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true,
    ]
    if let classification = settings.token("cls_token"), let separator = settings.token("sep_token"),
      addedTokens.contains(where: { $0.content == classification }),
      addedTokens.contains(where: { $0.content == separator })
    {
      postProcessor = PostProcessor.robertaProcessing(
        classification: classification, separator: separator, addedTokens,
        trimsOffsets: try configuration.flag("trim_offsets") ?? true, addsPrefixSpace: addsPrefixSpace)
    }
    return [
      "version": "1.0",
      "truncation": .null,
      "padding": .null,
      "added_tokens": .array(addedTokens.map(\.json)),
      "normalizer": .null,
      "pre_tokenizer": byteLevel,
      "post_processor": postProcessor,
      "decoder": [
        "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
      ],
      "model": [
        "type": "BPE", "dropout": .null, "unk_token": .null, "continuing_subword_prefix": "",
        "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": [:], "merges": [],
      ],
    ]
  }

  /// The tokens that are looked for in the text, by id: those with a role, and others that files name.
  private static func addedTokens(_ settings: TokenizerSettings, _ entries: [Vocabulary.Entry]) throws
    -> [AddedToken]
  {
    if let tokens = try settings.decoderTokens() { return tokens }
    let table = PieceTable(entries)
    var tokens: [AddedToken] = []
    var seen: Set<[UInt8]> = []
    var next = Int32(clamping: entries.count)
    func append(_ content: String, id: Int32?, flags: JSON, isSpecial: Bool) throws {
      guard !content.isEmpty, seen.insert(Array(content.utf8)).inserted else { return }
      let id = id ?? table.find(content) ?? next
      if id >= next, id < Int32.max { next = id + 1 }
      tokens.append(try AddedToken(id: id, content: content, flags: flags, isSpecial: isSpecial))
    }
    let extra = try settings.extraTokens()
    for token in extra where token.id != nil {
      try append(token.content, id: token.id, flags: token.flags, isSpecial: token.isSpecial)
    }
    for role in TokenizerSettings.roles {
      guard let token = settings.token(role) else { continue }
      let entry = settings.entry(role)
      // A default that is not in the vocabulary is not this tokenizer's.
      guard entry != nil || table.find(token) != nil || seen.contains(Array(token.utf8)) else { continue }
      let isObject = entry?.object != nil
      let flags: JSON = isObject ? entry ?? [:] : role == "mask_token" ? ["lstrip": true] : [:]
      if let place = tokens.firstIndex(where: { $0.content.utf8.elementsEqual(token.utf8) }) {
        // A role makes a token of `added_tokens.json` special.
        let id = tokens[place].id
        if !tokens[place].isSpecial {
          tokens[place] = try AddedToken(id: id, content: token, flags: flags, isSpecial: true)
        }
      } else {
        try append(token, id: nil, flags: flags, isSpecial: true)
      }
    }
    for token in extra where token.id == nil {
      try append(token.content, id: nil, flags: token.flags, isSpecial: true)
    }
    return tokens.sorted { $0.id < $1.id }
  }

  /// Whether a document is of bytes without other rules: no normalizer, nothing but a `ByteLevel` pre-tokenizer and
  /// decoder, and merges of what these make.
  static func isOfBytes(_ document: JSON) -> Bool {
    func isAbsent(_ key: String) -> Bool { [nil, .null].contains(document[key]) }
    func isByteLevel(_ key: String) -> Bool { document[key]?["type"] == "ByteLevel" }
    let model = document["model"] ?? [:]
    return isAbsent("normalizer") && isByteLevel("pre_tokenizer")
      && (isAbsent("decoder") || isByteLevel("decoder"))
      && ["continuing_subword_prefix", "end_of_word_suffix"].allSatisfy {
        [nil, .null, ""].contains(model[$0])
      }
      && [nil, .null, false].contains(model["byte_fallback"])
      && ([nil, .null].contains(model["dropout"]) || model["dropout"]?.double == 0)
  }
}
