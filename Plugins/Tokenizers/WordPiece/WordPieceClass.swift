import GraftTensors
import TokenizerKit

/// Who makes a WordPiece tokenizer of its files in transformers.
enum WordPieceClass {
  /// A class of BERT's: it takes the vocabulary and the settings, and nothing else of a `tokenizer.json`.
  case bert
  /// The same with RoBERTa's tokens in BERT's vocabulary, two separators between texts and a mask that takes the space
  /// before it.
  case mpnet
  /// Nobody: a `tokenizer.json` says it all.
  case file

  /// The classes that come out as BERT's. The last is no class of transformers, whose model takes BERT's.
  private static let bertClasses = [
    "BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "ConvBertTokenizer",
    "DPRContextEncoderTokenizer",
    "DPRQuestionEncoderTokenizer", "DPRReaderTokenizer", "LayoutLMTokenizer", "LxmertTokenizer",
    "MobileBertTokenizer", "RetriBertTokenizer", "SqueezeBertTokenizer", "NomicBertTokenizer",
  ]

  private static let mpnetClass = "MPNetTokenizer"

  /// Classes with a vocabulary of BERT's form that split text in other ways.
  private static let others: Set<String> = ["BertJapaneseTokenizer", "RoCBertTokenizer"]

  /// - Parameters:
  ///   - model: `config.json`.
  ///   - hasDocument: Whether there is a `tokenizer.json`.
  /// - Throws: ``GraftError`` for a class that splits text in other ways.
  init(_ settings: TokenizerSettings, model: JSON, hasDocument: Bool) throws {
    guard let name = settings.className(model: model, among: Self.bertClasses + [Self.mpnetClass]) else {
      self = hasDocument ? .file : .bert
      return
    }
    if Self.bertClasses.contains(name) {
      self = .bert
    } else if name == Self.mpnetClass {
      self = .mpnet
    } else if hasDocument, !Self.others.contains(name) {
      self = .file
    } else {
      throw GraftError(
        .unsupported, "a tokenizer that Graft does not have", subject: "key 'tokenizer_class'",
        expected: hasDocument
          ? "BertTokenizer or one like it" : "BertTokenizer or one like it, or a tokenizer.json",
        found: settings.configuration["tokenizer_class"]?.string ?? name,
        advice: "The weights can be converted all the same.")
    }
  }

  /// What the tokens with a role are called where nothing says it.
  var defaultTokens: [String: String] {
    switch self {
    case .bert, .file: TokenizerDescription.defaultTokens
    case .mpnet:
      [
        "unk_token": "[UNK]", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>",
        "mask_token": "<mask>",
      ]
    }
  }
}
