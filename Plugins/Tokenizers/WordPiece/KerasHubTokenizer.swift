import Foundation
import GraftTensors

/// KerasHub's files: a serialized `BertTokenizer` in `tokenizer.json`, which is another file of that name, and
/// the vocabulary, a line for each token.
struct KerasHubTokenizer {
  static let vocabularyName = "assets/tokenizer/vocabulary.txt"
  private static let name = "tokenizer.json"
  private static let className: JSON = "BertTokenizer"

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
      guard file["class_name"] == Self.className, let settings = file["config"] else { return nil }
      normalizer = BertNormalizer(
        cleanText: true, handleChineseCharacters: true,
        stripAccents: try settings.flag("strip_accents") ?? false,
        lowercase: try settings.flag("lowercase") ?? false)
    } catch let error as GraftError {
      throw error.inFile(url.path)
    }
  }

  func write(_ tokens: [String], to directory: URL) throws {
    let vocabulary = directory.appendingPathComponent(Self.vocabularyName)
    try DirectoryWriter.makeDirectory(vocabulary.deletingLastPathComponent())
    try FileWriter.write(vocabulary, text: tokens.map { $0 + "\n" }.joined())
    let file: JSON = [
      "module": "keras_hub.src.models.bert.bert_tokenizer", "class_name": Self.className,
      "config": [
        "name": "bert_tokenizer", "trainable": true,
        "dtype": [
          "module": "keras", "class_name": "DTypePolicy", "config": ["name": "int32"],
          "registered_name": .null,
        ],
        "config_file": .string(Self.name), "vocabulary": .null, "sequence_length": .null,
        "lowercase": JSON(normalizer.lowercase),
        // Where it is not said, accents go with the capitals.
        "strip_accents": JSON(normalizer.stripAccents ?? normalizer.lowercase),
        "split": true, "suffix_indicator": "##", "oov_token": "[UNK]", "special_tokens": .null,
        "special_tokens_in_strings": false,
      ],
      "registered_name": "keras_hub>BertTokenizer",
    ]
    try FileWriter.write(directory.appendingPathComponent(Self.name), text: file.text(.pretty) + "\n")
  }
}
