import Foundation
import GraftCore
import GraftTensors
import OrderedCollections
import TokenizerKit

extension ByteLevelBPETokenizer {
  public static let fileNames = TokenizerFileNames(
    sufficient: [
      [TokenizerDocument.fileName],
      [ByteLevelBPEDescription.vocabularyName, ByteLevelBPEDescription.mergesName],
      [TokenizerDocument.fileName, KerasTokenizer.vocabularyName, KerasTokenizer.mergesName],
    ],
    settings: TokenizerSettings.fileNames)

  public static func load(from directory: URL) throws -> ByteLevelBPETokenizer? {
    let description = try ByteLevelBPEDescription(directory: directory)
    return try TokenizerDirectory(directory).inWhole { try description.map { try ByteLevelBPETokenizer($0) } }
  }

  public static func load(describedBy attributes: OrderedDictionary<String, JSON>) throws
    -> ByteLevelBPETokenizer?
  {
    try (GGUFTokenizer.description(of: attributes) ?? ByteLevelBPEDescription(attributes: attributes))
      .map(ByteLevelBPETokenizer.init)
  }

  public func attributes(as representation: TokenizerRepresentation) -> OrderedDictionary<String, JSON> {
    switch representation {
    case .ggml: GGUFTokenizer.attributes(of: self)
    case .huggingFace: core.attributes(text: documentText())
    default: [:]
    }
  }

  /// Writes `tokenizer.json`, `vocab.json`, `merges.txt`, `tokenizer_config.json` and `special_tokens_map.json`.
  ///
  /// What a `tokenizer.json` and a `tokenizer_config.json` had beyond what Graft knows is written again. `vocab.json`
  /// and `merges.txt` are left out when a merge has a token with white space, which they cannot express; nothing
  /// needs them beside the others. `added_tokens.json` goes with them when tokens were added to the vocabulary.
  public func write(to url: URL, as representation: TokenizerRepresentation) throws {
    if representation.name == KerasTokenizer.representation {
      return try KerasTokenizer.write(self, to: url, as: representation)
    }
    guard representation == .huggingFace else {
      throw GraftError(
        .unsupported, "a byte-level BPE tokenizer cannot be written like this",
        expected: "hugging-face or keras", found: representation.name)
    }
    let directory = TokenizerDirectory(url)
    try directory.write(TokenizerDocument.fileName, documentText())
    try directory.write(configuration: core.configuration)
    guard merges.allSatisfy({ $0.isLine }) else { return }
    let vocabulary = core.vocabulary
    try directory.write(ByteLevelBPEDescription.vocabularyName, vocabulary.json.text())
    let lines = merges.map { "\($0.left) \($0.right)\n" }
    try directory.write(ByteLevelBPEDescription.mergesName, "#version: 0.2\n" + lines.joined())
    let added = core.addedTokens.filter { !vocabulary.isOfModel[Int($0.id)] }
    guard !added.isEmpty else { return }
    let members = added.map { JSON.Member($0.content, JSON(Int($0.id))) }
    try directory.write(TokenizerSettings.addedTokensName, JSON(members: members).text(.pretty) + "\n")
  }

  private func documentText() -> String {
    TokenizerDocument.text(core.document, core.vocabulary, merges: merges)
  }
}

extension TokenizerDocument.Merge {
  /// Whether a line of `merges.txt` can say it.
  var isLine: Bool {
    !left.utf8.starts(with: "#version".utf8)
      && !(left + right).utf8.contains { $0 == UInt8(ascii: " ") || $0 == 0x0A || $0 == 0x0D }
  }
}
