import GraftTensors
import TokenizerKit

/// What a class of transformers or of KerasHub makes of a SentencePiece model: which pieces it has, and what it does
/// around them.
///
/// Reference: the converters of huggingface/transformers 4, src/transformers/convert_slow_tokenizer.py; the tokenizers
/// of keras-team/keras-hub, keras_hub/src/models.
struct SentencePieceClass: Sendable {
  /// The class without "Fast".
  let name: String
  /// The files in which its models are published.
  let fileName: String
  /// The tokens before the pieces, in the place of the first ones, with their scores.
  var leading: [(token: String, score: Double)] = []
  /// How many pieces these replace.
  var replacedCount = 0
  /// What those pieces are, where models are written; the first is the unknown one.
  var replacedPieces: [String] = []
  /// The unknown token's id; `nil` where the model says it.
  var unknownID: Int?
  /// The tokens with a role.
  var tokens: [String: String]
  /// Tokens beyond those with a role that are looked for in text.
  var furtherTokens: [String] = []
  /// Whether the mask token takes the space before it.
  var maskStripsLeft: Bool
  /// Whether the mask token is one of the model's.
  var modelHasMask = true
  /// Whether the mask token may be the one behind the pieces, which then is none of them.
  var maskMayFollow = false
  /// Whether pieces such as "1," are made unlikely.
  var avoidsNumbersWithComma = false
  /// Whether a space is put before a text where no file says it.
  var addsPrefixSpace = true
  var template: Template
  /// The normalizers, with the charsmap in one of them if there is one.
  var normalizers: @Sendable (TokenizerSettings, Charsmap?) throws -> [any Normalizer] = { _, charsmap in
    precompiled(charsmap) + [StripNormalizer(left: false, right: true)] + spaces("\u{2581}")
  }
  /// What comes before `Metaspace`.
  var preTokenizers: @Sendable (TokenizerSettings) throws -> [any PreTokenizer] = { _ in [] }

  enum Template {
    /// `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`, with types.
    case bert
    /// `<s> A </s>` and `<s> A </s> </s> B </s>`.
    case roberta
    case none
  }

  private static let angular = [
    "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>",
    "cls_token": "<s>", "mask_token": "<mask>",
  ]

  static let xlmRoberta = SentencePieceClass(
    name: "XLMRobertaTokenizer", fileName: "sentencepiece.bpe.model",
    leading: [("<s>", 0), ("<pad>", 0), ("</s>", 0), ("<unk>", 0)], replacedCount: 3, unknownID: 3,
    tokens: angular, maskStripsLeft: true, template: .roberta)

  static let camembert = SentencePieceClass(
    name: "CamembertTokenizer", fileName: "sentencepiece.bpe.model",
    leading: [("<s>NOTUSED", 0), ("<pad>", 0), ("</s>NOTUSED", 0), ("<unk>", 0), ("<unk>NOTUSED", -100)],
    replacedCount: 1, unknownID: 3, tokens: angular,
    furtherTokens: ["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"],
    maskStripsLeft: true, template: .roberta)

  static let albert = SentencePieceClass(
    name: "AlbertTokenizer", fileName: "spiece.model",
    tokens: [
      "bos_token": "[CLS]", "eos_token": "[SEP]", "unk_token": "<unk>", "sep_token": "[SEP]",
      "pad_token": "<pad>", "cls_token": "[CLS]", "mask_token": "[MASK]",
    ],
    maskStripsLeft: true, modelHasMask: false, avoidsNumbersWithComma: true, template: .bert,
    normalizers: { settings, charsmap in
      var parts: [any Normalizer] = ["``", "''"].map {
        ReplaceNormalizer(ComponentPattern(text: $0), with: "\"")
      }
      if try settings.configuration.flag("keep_accents") != true {
        parts += [NFKDNormalizer(), StripAccentsNormalizer()] as [any Normalizer]
      }
      if try settings.configuration.flag("do_lower_case") ?? true { parts.append(LowercaseNormalizer()) }
      return parts + precompiled(charsmap)
    },
    // As transformers 5 and SentencePiece, which have no token for spaces at the end of a text or before a special token.
    preTokenizers: { _ in [WhitespaceSplitPreTokenizer()] })

  static let debertaV2 = SentencePieceClass(
    name: "DebertaV2Tokenizer", fileName: "spm.model",
    tokens: [
      "bos_token": "[CLS]", "eos_token": "[SEP]", "unk_token": "[UNK]", "sep_token": "[SEP]",
      "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]",
    ],
    maskStripsLeft: false, modelHasMask: false, template: .bert,
    normalizers: { settings, charsmap in
      let parts: [any Normalizer] =
        try settings.configuration.flag("do_lower_case") == true ? [LowercaseNormalizer()] : []
      return parts + [StripNormalizer()] + precompiled(charsmap) + spaces(" ")
    },
    preTokenizers: { settings in
      try settings.configuration.flag("split_by_punct") == true ? [PunctuationPreTokenizer()] : []
    })

  /// A model of no class that is known, as SentencePiece itself has it.
  static let plain = SentencePieceClass(
    name: "PreTrainedTokenizer", fileName: "tokenizer.model", tokens: [:], maskStripsLeft: false,
    modelHasMask: false, template: .none)

  static func precompiled(_ charsmap: Charsmap?) -> [any Normalizer] {
    charsmap.map { [PrecompiledNormalizer($0)] } ?? []
  }

  /// Collapses runs of spaces.
  private static func spaces(_ content: String) -> [any Normalizer] {
    [ReplaceNormalizer(.spaces, with: content)]
  }

  static let all = [xlmRoberta, camembert, albert, debertaV2, plain]

  /// KerasHub's classes, which leave all that is before the pieces to the model.
  static let kerasHub: [SentencePieceClass] = {
    var xlmRoberta = Self.xlmRoberta
    xlmRoberta.replacedPieces = ["<unk>", "<s>", "</s>"]
    return [
      SentencePieceClass(
        name: "AlbertTokenizer", fileName: kerasFileName, tokens: albert.tokens, maskStripsLeft: true,
        modelHasMask: false, template: .bert),
      SentencePieceClass(
        name: "DebertaV3Tokenizer", fileName: kerasFileName, tokens: debertaV2.tokens, maskStripsLeft: false,
        modelHasMask: false, maskMayFollow: true, template: .bert),
      xlmRoberta,
    ]
  }()

  /// The name of KerasHub's models.
  static let kerasFileName = "vocabulary.spm"

  /// The class of KerasHub with a name.
  ///
  /// - Throws: ``GraftError`` when it is none that is known.
  static func kerasHub(_ name: String) throws -> SentencePieceClass {
    guard let found = kerasHub.first(where: { $0.name == name }) else {
      throw GraftError(
        .unsupported, "a SentencePiece tokenizer that Graft does not know", subject: "key 'class_name'",
        expected: "one of " + kerasHub.map(\.name).joined(separator: ", "), found: name)
    }
    return found
  }

  /// The tokenizer of a model's class, such as `DebertaV3Backbone`.
  static func kerasHub(ofModel name: String) -> SentencePieceClass? {
    kerasHub.first { name.hasPrefix($0.name.dropLast("Tokenizer".count)) }
  }

  /// The names of the files that models are published in.
  static let fileNames = ["sentencepiece.bpe.model", "spiece.model", "spm.model", "tokenizer.model"]

  /// The class that files ask for: the one that `tokenizer_config.json` names, else the one whose name begins with the
  /// model type of `config.json`, else the one whose models are published under the file's name.
  ///
  /// - Parameter model: `config.json`.
  /// - Throws: ``GraftError`` when they name one that is not known.
  static func find(_ settings: TokenizerSettings, model: JSON, fileName: String) throws -> SentencePieceClass
  {
    guard let name = settings.className(model: model, among: all.map(\.name)) else {
      return all.first { $0.fileName == fileName } ?? plain
    }
    guard let found = all.first(where: { $0.name == name }) else {
      throw GraftError(
        .unsupported, "a SentencePiece tokenizer that Graft does not know",
        subject: "key 'tokenizer_class'",
        expected: "one of " + all.map(\.name).joined(separator: ", "), found: name)
    }
    return found
  }
}
