import Foundation
import GraftCore
import GraftTensors
import TokenizerKit

/// KerasHub's files: a serialized tokenizer object in `tokenizer.json`, which is not what Hugging Face calls
/// so, and the vocabulary, a line for each token.
struct KerasTokenizer {
  /// The name of ``TokenizerRepresentation/keras(module:className:)``.
  static let representation = TokenizerRepresentation.keras(module: "", className: "").name
  static let vocabularyName = "assets/tokenizer/vocabulary.txt"
  /// The unknown token, and those that the framework's classes look for.
  private static let unknown = "[UNK]"
  private static let tokens = ["[CLS]", "[SEP]", "[PAD]", "[MASK]"]

  let normalizer: BertNormalizer

  /// - Returns: `nil` when a directory has no such files.
  /// - Throws: ``GraftError`` when they are broken.
  init?(_ directory: TokenizerDirectory) throws {
    guard directory.has(Self.vocabularyName), let settings = try directory.serializedObject()?["config"]
    else { return nil }
    normalizer = try directory.inFile(TokenizerDocument.fileName) {
      BertNormalizer(
        cleanText: true, handleChineseCharacters: true,
        stripAccents: try settings.flag("strip_accents") ?? false,
        lowercase: try settings.flag("lowercase") ?? false)
    }
  }

  /// - Parameter representation: One that ``TokenizerRepresentation/keras(module:className:)`` makes.
  /// - Throws: ``GraftError`` of kind `unsupported` when the framework's tokenizer would give other ids.
  static func write(
    _ tokenizer: WordPieceTokenizer, to url: URL, as representation: TokenizerRepresentation
  ) throws {
    try check(tokenizer)
    let vocabulary = url.appendingPathComponent(vocabularyName)
    try DirectoryWriter.makeDirectory(vocabulary.deletingLastPathComponent())
    try FileWriter.write(vocabulary, text: tokenizer.vocabulary.tokens.map { $0 + "\n" }.joined())
    let normalizer = tokenizer.normalizer
    let settings: JSON = [
      "vocabulary": .null, "lowercase": JSON(normalizer.lowercase),
      "strip_accents": JSON(normalizer.stripsAccents),
      "split": true, "suffix_indicator": "##", "oov_token": .string(unknown), "special_tokens": .null,
      "special_tokens_in_strings": false,
    ]
    try TokenizerDirectory(url).writeSerializedObject(representation, settings)
  }

  private static func check(_ tokenizer: WordPieceTokenizer) throws {
    func unsupported(_ problem: String, expected: String? = nil, found: String? = nil) -> GraftError {
      GraftError(
        .unsupported, "KerasHub's WordPiece tokenizer cannot say this: \(problem)", expected: expected,
        found: found, advice: "Choose another \(option: "dialect").")
    }
    guard tokenizer.isBert else {
      throw unsupported(
        "text is cleaned, split or joined otherwise than BERT's",
        expected:
          "BertNormalizer, pieces marked with ##, words of at most 100 characters, and [CLS] A [SEP] B [SEP]")
    }
    let roles = tokenizer.specialTokens
    let found = [roles.unknown, roles.classification, roles.separator, roles.padding, roles.mask]
    for (token, id) in zip([unknown] + tokens, found) where id == nil || tokenizer.id(of: token) != id {
      throw unsupported(
        "a special token has another name", expected: token,
        found: id.flatMap { tokenizer.token(of: $0) } ?? "no such token")
    }
    if let token = tokenizer.addedTokens.first(where: { !$0.isSpecial }) {
      throw unsupported("a token that is looked for in the text", found: "'\(token.content.prefix(80))'")
    }
    if let hole = tokenizer.vocabulary.holes.min() {
      throw unsupported("an id without a token", found: "\(hole)")
    }
    for (id, token) in tokenizer.vocabulary.tokens.enumerated() where !isLine(token) {
      throw unsupported(
        "a token with a line break, or with white space at its end", found: "token \(id)")
    }
  }

  /// Whether the framework reads a line with the token as that token. It removes what Python calls white space, which
  /// U+001C to U+001F are to it.
  private static func isLine(_ token: String) -> Bool {
    let scalars = token.unicodeScalars
    let last = scalars.last ?? "a"
    return !scalars.contains { $0 == "\n" || $0 == "\r" }
      && !last.properties.isWhitespace && !("\u{1C}"..."\u{1F}" ~= last)
  }
}
