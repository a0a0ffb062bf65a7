import GraftTensors
import OrderedCollections
import TokenizerKit

/// A Unigram model in llama.cpp's attributes, where it is called after T5.
///
/// llama.cpp looks for the longest text of the charsmap at each place, `tokenizers` for the shortest within a grapheme
/// cluster; the two differ for some sequences of combining characters. Only U+0020 is a space to llama.cpp, which the usual
/// charsmaps make of every other.
/// https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp
enum GGUFUnigram {
  static let kind: JSON = "t5"
  private static let charsmap = "tokenizer.ggml.precompiled_charsmap"
  private static let addsSpace = "tokenizer.ggml.add_space_prefix"
  private static let removesSpaces = "tokenizer.ggml.remove_extra_whitespaces"
  /// The unknown token's id where the file does not say it.
  private static let defaultUnknownID = 2
  private static let marker = "\u{2581}"
  private static let defaultTokens = ["mask_token": "<mask>"]

  /// What is done with spaces.
  private struct Spaces: Equatable {
    /// Whether the text gets one in front.
    var addsFirst: Bool
    /// Whether those at the ends go, and one stands for several.
    var removesExtra: Bool

    /// The components in front of the model, without the charsmap.
    var components: (normalizers: [any Normalizer], preTokenizer: (any PreTokenizer)?) {
      if removesExtra {
        return ([], SequencePreTokenizer([WhitespaceSplitPreTokenizer(), MetaspacePreTokenizer()]))
      }
      let prefix: [any Normalizer] = addsFirst ? [PrependNormalizer(marker)] : []
      return (prefix + [ReplaceNormalizer(ComponentPattern(text: " "), with: marker)], nil)
    }

    /// - Parameter normalizers: Without the charsmap.
    /// - Returns: `nil` when the components do something else.
    init?(_ normalizers: [any Normalizer], _ preTokenizer: (any PreTokenizer)?) {
      let found = (normalizers.map(\.json), preTokenizer?.json)
      // As transformers makes it of a SentencePiece model.
      let strips: [any Normalizer] = [
        StripNormalizer(left: false, right: true), ReplaceNormalizer(.spaces, with: marker),
      ]
      if found == (strips.map(\.json), MetaspacePreTokenizer().json) {
        self.init(addsFirst: true, removesExtra: true)
        return
      }
      let known = [(true, true), (true, false), (false, false)].map(Spaces.init).first { spaces in
        let (normalizers, preTokenizer) = spaces.components
        return found == (normalizers.map(\.json), preTokenizer?.json)
      }
      guard let known else { return nil }
      self = known
    }

    init(addsFirst: Bool, removesExtra: Bool) {
      self.addsFirst = addsFirst
      self.removesExtra = removesExtra
    }
  }

  // MARK: Writing

  /// - Returns: No attributes for a pipeline that llama.cpp does not have.
  static func attributes(of tokenizer: PipelineTokenizer) -> OrderedDictionary<String, JSON> {
    let (core, file) = (tokenizer.core, tokenizer.file)
    let tokens = core.vocabulary.tokens
    guard let scores = file.scores, file.json["model"]?["byte_fallback"] != true,
      Set(tokens.map { Array($0.utf8) }).count == tokens.count
    else { return [:] }
    var normalizers = tokenizer.normalizer?.flattened ?? []
    let table = (normalizers.first as? PrecompiledNormalizer)?.charsmap
    if table != nil { normalizers.removeFirst() }
    guard let spaces = Spaces(normalizers, tokenizer.preTokenizer), let ends = ends(core.postProcessor) else {
      return [:]
    }
    var attributes = GGMLTokens.attributes(
      of: core, unknown: tokenizer.model.unknown, first: ends.first, last: ends.last)
    attributes[GGMLTokens.model] = kind
    attributes[GGMLTokens.splitting] = "default"
    attributes[GGMLTokens.scores] = .array(
      tokens.indices.map { JSON(scores.indices.contains($0) ? scores[$0] : 0) })
    attributes[addsSpace] = JSON(spaces.addsFirst)
    attributes[removesSpaces] = JSON(spaces.removesExtra)
    if let table { attributes[charsmap] = .array(table.bytes.map { JSON(Int($0)) }) }
    for key in [GGMLTokens.addsFirst, GGMLTokens.addsLast, GGMLTokens.addsSeparator] {
      attributes[key] = JSON(ends.first != nil)
    }
    return attributes
  }

  /// The tokens before and behind a text, as RoBERTa has them, or none; `nil` when it stands between others.
  private static func ends(_ processor: PostProcessor) -> (first: Int32?, last: Int32?)? {
    if processor.single == PostProcessor.none.single { return (nil, nil) }
    guard case .special(let first, _) = processor.single.first,
      case .special(let last, _) = processor.single.last
    else { return nil }
    let expected = PostProcessor.roberta(classification: first, separator: last, trimmings: [])
    return processor == expected ? (first, last) : nil
  }

  // MARK: Reading

  /// - Throws: ``GraftError`` when the attributes are broken.
  static func description(of attributes: OrderedDictionary<String, JSON>) throws -> PipelineDescription {
    let json = JSON.object(attributes)
    let tokens = try GGMLTokens(reading: attributes, defaults: defaultTokens)
    let settings = TokenizerSettings(configuration: tokens.configuration, defaults: [:])
    let added = try settings.decoderTokens() ?? []
    let removesExtra = try json.flag(removesSpaces) ?? false
    let addsFirst = try json.flag(addsSpace) ?? false
    let (normalizers, preTokenizer) = Spaces(addsFirst: addsFirst, removesExtra: removesExtra).components
    let all = try table(attributes).map { [PrecompiledNormalizer($0)] + normalizers } ?? normalizers
    let ends = try GGUFTokenizer.ends(attributes, tokens, byDefault: (first: false, last: true))
    let metaspace = MetaspacePreTokenizer(prependScheme: addsFirst || removesExtra ? .always : .never)
    var document = TokenizerDocument.parts(
      addedTokens: added,
      normalizer: all.isEmpty ? .null : all.count == 1 ? all[0].json : SequenceNormalizer(all).json,
      preTokenizer: preTokenizer?.json ?? .null,
      postProcessor: ends.map {
        PostProcessor.robertaTemplate(classification: $0.first, separator: $0.last, added)
      } ?? .null,
      decoder: MetaspaceDecoder(metaspace).json)
    let unknown = tokens.id(of: "unk_token") ?? defaultUnknownID
    document.append(JSON.Member("model", TokenizerDocument.unigram(unknownID: unknown)))
    return try PipelineDescription(
      TokenizerDocument(
        JSON(members: document), entries: tokens.entries, scores: tokens.scores(attributes)),
      settings)
  }

  private static func table(_ attributes: OrderedDictionary<String, JSON>) throws -> Charsmap? {
    guard let value = attributes[charsmap], value.array?.isEmpty != true else { return nil }
    do {
      // llama.cpp takes signed bytes as well.
      let bytes = value.array?.compactMap { byte in
        byte.int.flatMap { UInt8(exactly: $0) ?? Int8(exactly: $0).map(UInt8.init(bitPattern:)) }
      }
      guard let bytes, bytes.count == value.array?.count else {
        throw GraftError(.malformed, "not a list of bytes", found: value.kind)
      }
      return try Charsmap(bytes)
    } catch var error as GraftError {
      error.subject = "key '\(charsmap)'"
      throw error
    }
  }
}
