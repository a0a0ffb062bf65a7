import Foundation
import GraftCore
import GraftTensors
import OrderedCollections
import TokenizerKit

extension WordPieceTokenizer {
  public static let fileNames = TokenizerFileNames(
    sufficient: [["tokenizer.json"], ["vocab.txt"], ["tokenizer.json", KerasTokenizer.vocabularyName]],
    settings: TokenizerSettings.fileNames)

  public static func load(from directory: URL) throws -> WordPieceTokenizer? {
    let description = try TokenizerDescription(directory: directory)
    return try TokenizerDirectory(directory).inWhole { try description.map { try WordPieceTokenizer($0) } }
  }

  public static func load(describedBy attributes: OrderedDictionary<String, JSON>) throws
    -> WordPieceTokenizer?
  {
    try (GGUFTokenizer.description(of: attributes) ?? TokenizerDescription(attributes: attributes))
      .map(WordPieceTokenizer.init)
  }

  public func attributes(as representation: TokenizerRepresentation) -> OrderedDictionary<String, JSON> {
    switch representation {
    case .ggml: GGUFTokenizer.attributes(of: self)
    case .huggingFace: core.attributes(text: documentText())
    default: [:]
    }
  }

  public func write(to directory: URL, as representation: TokenizerRepresentation) throws {
    switch representation.name {
    case TokenizerRepresentation.huggingFace.name: try writeHuggingFaceFiles(to: directory)
    case KerasTokenizer.representation:
      try KerasTokenizer.write(self, to: directory, as: representation)
    default:
      throw GraftError(
        .unsupported, "a WordPiece tokenizer cannot be written like this", expected: "hugging-face or keras",
        found: representation.name)
    }
  }

  /// Writes `tokenizer.json`, `vocab.txt`, `tokenizer_config.json` and `special_tokens_map.json`.
  ///
  /// What a `tokenizer.json` and a `tokenizer_config.json` had beyond what Graft knows is written again.
  /// `vocab.txt` is left out when a token contains a line feed, which it cannot express; nothing needs it
  /// beside the others.
  private func writeHuggingFaceFiles(to url: URL) throws {
    let directory = TokenizerDirectory(url)
    try directory.write(TokenizerDocument.fileName, documentText())
    try directory.write(configuration: configuration)
    // Lines are ids, so tokens that were only added stay where they are among those of the model.
    let count = vocabulary.isOfModel.lastIndex(of: true).map { $0 + 1 } ?? 0
    // An id without a token is a line whose token stands in a later one.
    let lines = vocabulary.tokens[..<count].enumerated().map { id, token in
      token.isEmpty && !vocabulary.isOfModel[id] ? vocabulary.tokens[count - 1] : token
    }
    guard !lines.contains(where: { $0.utf8.contains(UInt8(ascii: "\n")) }) else { return }
    try directory.write("vocab.txt", lines.map { $0 + "\n" }.joined())
  }

  private func documentText() -> String { TokenizerDocument.text(document, vocabulary) }
}

/// `tokenizer_config.json`, from which transformers makes a tokenizer even when there is a `tokenizer.json`.
enum TokenizerConfiguration {
  /// The settings that came with a tokenizer, made to agree with it.
  static func updated(
    _ settings: TokenizerSettings, for description: TokenizerDescription, unknown: String
  ) throws -> JSON {
    var members =
      try settings.updatedConfiguration(
        for: description.vocabulary, added: description.addedTokens, ["unk_token": unknown]
      ).object ?? [:]
    let normalizer = description.normalizer
    members["do_lower_case"] = JSON(normalizer.lowercase)
    members["strip_accents"] = normalizer.stripAccents.map { JSON($0) } ?? .null
    members["tokenize_chinese_chars"] = JSON(normalizer.handleChineseCharacters)
    let isBert = description.splitsAsBert && description.decoder == WordPieceDecoder()
    if !isBert {
      members["tokenizer_class"] = "PreTrainedTokenizerFast"
    } else if members["tokenizer_class"] == nil {
      members["tokenizer_class"] = "BertTokenizer"
    }
    return .object(members)
  }
}

extension TokenizerDescription {
  /// Whether text becomes the ids that BERT's own tokenizer gives, but for the few settings that every framework has: the
  /// case of letters, accents, and Chinese characters.
  var splitsAsBert: Bool {
    guard let classification = specialTokens.classification, let separator = specialTokens.separator else {
      return false
    }
    return normalizer.cleanText && model.maximumWordLength == 100 && model.prefix == "##"
      && postProcessor == .bert(classification: classification, separator: separator)
  }
}
