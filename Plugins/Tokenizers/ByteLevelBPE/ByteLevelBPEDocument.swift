import GraftTensors
import TokenizerKit

/// A byte-level BPE tokenizer as `tokenizer.json` spells it.
enum ByteLevelBPEDocument {
  /// The document for a vocabulary and merges that stand in files of their own, without these.
  ///
  /// As in transformers 4: text is surrounded by the classification and separator tokens where the vocabulary has
  /// them, and a mask token takes the space before it unless a file says otherwise.
  ///
  /// - Parameter listed: The added tokens that a `tokenizer.json` lists.
  /// - Returns: The document, and what was decided otherwise than a file says.
  /// - Throws: ``GraftError`` when a setting is of the wrong type.
  static func make(
    _ settings: TokenizerSettings, _ entries: [Vocabulary.Entry], listed: [AddedToken] = [],
    table: PieceTable? = nil
  ) throws -> (document: JSON, notes: [String]) {
    let (addedTokens, notes) = try settings.addedTokens(
      beside: listed, in: table ?? PieceTable(entries), count: entries.count,
      flags: ["mask_token": ["lstrip": true]])
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
    let document: JSON = [
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
    return (document, notes)
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
