import Foundation
import GraftCore
import GraftTensors

/// Which of a model's files are wanted: its weights in one format, its configuration, its tokenizer.
struct FileSelection {
  /// Names of weight files, the best first.
  let weightNames: [String]
  /// Names of files that hold a model's configuration.
  let configurationNames: [String]
  /// What the files of tokenizers are called, by kind of tokenizer.
  let tokenizerNames: [TokenizerFileNames]

  /// What KerasHub has beside its configuration.
  private static let presets = ["metadata.json", "task.json", "preprocessor.json"]

  private static let indexSuffix = ".index.json"

  /// The files of a model that stand beside its weights: its configuration and its tokenizer.
  func companions(in files: Set<String>) -> [String] {
    var seen: Set<String> = []
    return (configurationNames + Self.presets + tokenizerNames.flatMap(\.all))
      .filter { files.contains($0) && seen.insert($0).inserted }
  }

  /// Whether there is a configuration.
  func hasConfiguration(in files: Set<String>) -> Bool { configurationNames.contains(where: files.contains) }

  /// Whether a tokenizer can be loaded from these files.
  func hasTokenizer(in files: Set<String>) -> Bool {
    tokenizerNames.contains { $0.areSufficient(in: files) }
  }

  /// The best weight file, or the index of its shards.
  func weights(in files: Set<String>) -> String? {
    weightNames.lazy.flatMap { [$0, $0 + Self.indexSuffix] }.first(where: files.contains)
  }

  /// Whether a weight file only says which others there are.
  func isIndex(_ file: String) -> Bool { file.hasSuffix(Self.indexSuffix) }

  /// The files that belong to the best weights.
  ///
  /// - Parameter directory: Where an index of shards is, once it is there.
  /// - Throws: `GraftError` when the index is broken.
  func parts(of weights: String, in files: Set<String>, directory: URL) throws -> [String] {
    if isIndex(weights) {
      var seen: Set<String> = []
      return try ShardIndex(directory.appendingPathComponent(weights)).files.values
        .filter { seen.insert($0).inserted }
    }
    // TensorFlow's `X.index` stands beside `X.data-00000-of-00001`.
    guard weights.hasSuffix(".index") else { return [] }
    return files.filter { $0.hasPrefix(weights.dropLast("index".count) + "data-") }.sorted()
  }
}
