import Foundation
import GraftCore
import GraftTensors
import OrderedCollections
import TokenizerKit

/// KerasHub's files: a serialized tokenizer object in `tokenizer.json`, which is not what Hugging Face calls so, with
/// the vocabulary and the merges beside it.
enum KerasTokenizer {
  /// The name of ``TokenizerRepresentation/keras(module:className:)``.
  static let representation = TokenizerRepresentation.keras(module: "", className: "").name
  static let vocabularyName = "assets/tokenizer/vocabulary.json"
  static let mergesName = "assets/tokenizer/merges.txt"
  private static let name = "tokenizer.json"

  /// - Returns: `nil` when a directory has no such files.
  /// - Throws: ``GraftError`` when they are broken.
  static func description(_ url: URL) throws -> ByteLevelBPEDescription? {
    let directory = TokenizerDirectory(url)
    guard directory.has(vocabularyName), directory.has(mergesName),
      let own = try directory.serializedObject()?["config"]
    else { return nil }
    let addsPrefixSpace = try directory.inFile(name) { try own.flag("add_prefix_space") ?? false }
    let settings = TokenizerSettings(
      configuration: ["add_prefix_space": JSON(addsPrefixSpace)],
      defaults: ByteLevelBPEDescription.defaultTokens)
    return try ByteLevelBPEDescription(
      vocabularyName, mergesName, in: directory, settings)
  }

  /// - Parameter representation: One that ``TokenizerRepresentation/keras(module:className:)`` makes.
  static func write(
    _ tokenizer: ByteLevelBPETokenizer, to url: URL, as representation: TokenizerRepresentation
  ) throws {
    guard tokenizer.merges.allSatisfy({ $0.isLine }) else {
      throw GraftError(
        .unsupported, "a merge has a token with white space, for which the framework's files have no place",
        file: url.appendingPathComponent(mergesName).path)
    }
    let directory = TokenizerDirectory(url)
    try DirectoryWriter.makeDirectory(url.appendingPathComponent(vocabularyName).deletingLastPathComponent())
    let tokens = tokenizer.core.vocabulary.tokens
    let vocabulary = JSON(members: tokens.enumerated().map { JSON.Member($1, JSON($0)) })
    try directory.write(vocabularyName, vocabulary.text())
    try directory.write(mergesName, tokenizer.merges.map { "\($0.left) \($0.right)\n" }.joined())
    let roles = tokenizer.core.specialTokens
    let unsplittable = [roles.classification, roles.padding, roles.separator, roles.mask].compactMap { id in
      id.map { JSON.string(tokens[Int($0)]) }
    }
    let settings: JSON = [
      "add_prefix_space": JSON(tokenizer.addsPrefixSpace), "unsplittable_tokens": .array(unsplittable),
    ]
    try directory.writeSerializedObject(representation, settings)
  }
}
