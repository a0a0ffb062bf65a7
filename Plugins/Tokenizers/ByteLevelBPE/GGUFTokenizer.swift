import GraftTensors
import OrderedCollections
import TokenizerKit

/// llama.cpp's description of a byte-level BPE tokenizer in the attributes of a GGUF file.
enum GGUFTokenizer {
  private static let kind: JSON = "gpt2"
  /// What llama.cpp calls RoBERTa's way to split text; it is GPT-2's.
  private static let roberta = "roberta-bpe"
  /// Its names for splitting as GPT-2 does, without a normalizer before.
  private static let splittings = [
    "gpt-2", roberta, "jina-v1-en", "jina-v2-code", "jina-v2-de", "jina-v2-es",
  ]
  /// Its name for the same behind NFC, which is another kind of tokenizer here.
  private static let normalizedSplitting: JSON = "modern-bert"

  /// - Returns: No attributes for a tokenizer that splits text otherwise than llama.cpp does.
  static func attributes(of tokenizer: ByteLevelBPETokenizer) -> OrderedDictionary<String, JSON> {
    let core = tokenizer.core
    guard tokenizer.isPlain, let addsTokens = addsTokens(core) else { return [:] }
    var attributes = GGMLTokens.attributes(of: core)
    attributes[GGMLTokens.model] = kind
    attributes[GGMLTokens.splitting] = addsTokens ? .string(roberta) : "gpt-2"
    attributes[GGMLTokens.merges] = GGMLTokens.attribute(tokenizer.merges)
    for key in [GGMLTokens.addsFirst, GGMLTokens.addsLast, GGMLTokens.addsSeparator] {
      attributes[key] = JSON(addsTokens)
    }
    return attributes
  }

  /// Whether texts stand between special tokens as RoBERTa's do; `nil` when they stand otherwise than llama.cpp can
  /// say.
  private static func addsTokens(_ core: TokenizerCore) -> Bool? {
    let processor = core.postProcessor
    if processor.single == PostProcessor.none.single { return false }
    guard let first = core.specialTokens.classification, let last = core.specialTokens.separator else {
      return nil
    }
    let expected = PostProcessor.roberta(classification: first, separator: last, trimmings: [])
    return processor.single == expected.single && processor.pair == expected.pair ? true : nil
  }

  /// - Returns: `nil` when the attributes are of another tokenizer.
  /// - Throws: ``GraftError`` when they are broken, or text is split otherwise than GPT-2 does.
  static func description(of attributes: OrderedDictionary<String, JSON>) throws -> ByteLevelBPEDescription? {
    let splitting = attributes[GGMLTokens.splitting]
    guard attributes[GGMLTokens.model] == kind, splitting != normalizedSplitting else { return nil }
    guard splitting.map({ splittings.contains($0.string ?? "") }) ?? true else {
      throw GraftError(
        .unsupported, "text is split in a way that Graft does not know",
        subject: "key '\(GGMLTokens.splitting)'",
        expected: "one of \(splittings.joined(separator: ", "))",
        found: splitting.map { $0.string ?? $0.kind } ?? "nothing")
    }
    let tokens = try GGMLTokens(reading: attributes, defaults: ByteLevelBPEDescription.defaultTokens)
    let settings = TokenizerSettings(
      configuration: tokens.configuration, defaults: ByteLevelBPEDescription.defaultTokens)
    let (made, notes) = try ByteLevelBPEDocument.make(settings, tokens.entries)
    var document = made
    if try JSON.object(attributes).flag(GGMLTokens.addsFirst) == false, var members = document.object {
      members["post_processor"] = [
        "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true,
      ]
      document = .object(members)
    }
    return try ByteLevelBPEDescription(
      document: document, entries: tokens.entries, merges: GGMLTokens.merges(attributes), settings,
      notes: notes)
  }
}
