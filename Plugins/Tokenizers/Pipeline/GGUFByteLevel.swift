import GraftTensors
import OrderedCollections
import TokenizerKit

/// Byte-level BPE behind NFC in llama.cpp's attributes, which names this way to split text after ModernBERT. It does not
/// normalize text itself.
enum GGUFByteLevel {
  static let kind: JSON = "gpt2"
  static let splitting: JSON = "modern-bert"
  private static let preTokenizer = ByteLevelPreTokenizer(addsPrefixSpace: false)

  /// - Returns: No attributes for a pipeline that llama.cpp does not have.
  static func attributes(of tokenizer: PipelineTokenizer) -> OrderedDictionary<String, JSON> {
    let (core, file) = (tokenizer.core, tokenizer.file)
    guard tokenizer.model is BPEModel, isPlain(file.json["model"] ?? [:]),
      tokenizer.normalizer is NFCNormalizer,
      let splitter = tokenizer.preTokenizer as? ByteLevelPreTokenizer, !splitter.addsPrefixSpace,
      splitter.splitsWords, tokenizer.decoder is ByteLevelDecoder, let ends = ends(core.postProcessor)
    else { return [:] }
    var attributes = GGMLTokens.attributes(of: core, first: ends.first, last: ends.last)
    attributes[GGMLTokens.model] = kind
    attributes[GGMLTokens.splitting] = splitting
    attributes[GGMLTokens.merges] = GGMLTokens.attribute(file.merges)
    attributes[GGMLTokens.addsFirst] = true
    attributes[GGMLTokens.addsLast] = true
    attributes[GGMLTokens.addsSeparator] = false
    return attributes
  }

  /// Whether merges are all that a model knows.
  private static func isPlain(_ model: JSON) -> Bool {
    [nil, .null].contains(model["unk_token"]) && [nil, .null, false].contains(model["byte_fallback"])
      && [nil, .null, false].contains(model["ignore_merges"])
      && ["continuing_subword_prefix", "end_of_word_suffix"].allSatisfy {
        [nil, .null, ""].contains(model[$0])
      }
  }

  /// The tokens before and behind a text, as BERT has them; `nil` when it stands between others.
  private static func ends(_ processor: PostProcessor) -> (first: Int32, last: Int32)? {
    guard case .special(let first, _) = processor.single.first,
      case .special(let last, _) = processor.single.last
    else { return nil }
    let expected = PostProcessor.bert(classification: first, separator: last)
    return withoutTypes(processor) == withoutTypes(expected) ? (first, last) : nil
  }

  /// The model has no token types, and GGUF does not say them.
  private static func withoutTypes(_ processor: PostProcessor) -> [[PostProcessor.Element]] {
    [processor.single, processor.pair].map { elements in
      elements.map { element in
        switch element {
        case .special(let id, _): .special(id: id, type: 0)
        case .sequence(let isPair, _): .sequence(isPair: isPair, type: 0)
        }
      }
    }
  }

  /// - Throws: ``GraftError`` when the attributes are broken.
  static func description(of attributes: OrderedDictionary<String, JSON>) throws -> PipelineDescription {
    let tokens = try GGMLTokens(reading: attributes, defaults: ["mask_token": "[MASK]"])
    let settings = TokenizerSettings(configuration: tokens.configuration, defaults: [:])
    let added = try settings.decoderTokens() ?? []
    let ends = try GGUFTokenizer.ends(attributes, tokens, byDefault: (first: false, last: false))
    var document = TokenizerDocument.parts(
      addedTokens: added, normalizer: NFCNormalizer().json, preTokenizer: preTokenizer.json,
      postProcessor: ends.map {
        PostProcessor.bertTemplate(
          classification: $0.first, separator: $0.last, added, secondType: 0)
      } ?? .null,
      decoder: ByteLevelDecoder().json)
    let model: JSON = [
      "type": "BPE", "dropout": .null, "unk_token": .null, "continuing_subword_prefix": .null,
      "end_of_word_suffix": .null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
      "vocab": [:], "merges": [],
    ]
    document.append(JSON.Member("model", model))
    return try PipelineDescription(
      TokenizerDocument(
        JSON(members: document), entries: tokens.entries, merges: GGMLTokens.merges(attributes)),
      settings)
  }
}
