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
  private static let name = "tokenizer.json"

  let normalizer: BertNormalizer

  init(_ normalizer: BertNormalizer) { self.normalizer = normalizer }

  /// - Returns: `nil` when a directory has no such files.
  /// - Throws: ``GraftError`` when they are broken.
  init?(_ directory: URL) throws {
    let url = directory.appendingPathComponent(Self.name)
    let vocabulary = directory.appendingPathComponent(Self.vocabularyName)
    guard FileManager.default.fileExists(atPath: vocabulary.path),
      FileManager.default.fileExists(atPath: url.path)
    else { return nil }
    do {
      let file = try JSON(parsing: RandomAccessFile(url).bytesOfWholeFile(limit: 1 << 28))
      guard file["class_name"]?.string != nil, let settings = file["config"] else { return nil }
      normalizer = BertNormalizer(
        cleanText: true, handleChineseCharacters: true,
        stripAccents: try settings.flag("strip_accents") ?? false,
        lowercase: try settings.flag("lowercase") ?? false)
    } catch let error as GraftError {
      throw error.inFile(url.path)
    }
  }

  /// - Parameter representation: One that ``TokenizerRepresentation/keras(module:className:)`` makes.
  func write(_ tokens: [String], to directory: URL, as representation: TokenizerRepresentation) throws {
    let vocabulary = directory.appendingPathComponent(Self.vocabularyName)
    try DirectoryWriter.makeDirectory(vocabulary.deletingLastPathComponent())
    try FileWriter.write(vocabulary, text: tokens.map { $0 + "\n" }.joined())
    let settings: JSON = [
      "vocabulary": .null, "lowercase": JSON(normalizer.lowercase),
      // Where it is not said, accents go with the capitals.
      "strip_accents": JSON(normalizer.stripAccents ?? normalizer.lowercase),
      "split": true, "suffix_indicator": "##", "oov_token": "[UNK]", "special_tokens": .null,
      "special_tokens_in_strings": false,
    ]
    try TokenizerDirectory(directory).writeSerializedObject(representation, settings)
  }
}
