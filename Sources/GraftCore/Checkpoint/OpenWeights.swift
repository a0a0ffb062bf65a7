import Foundation
import GraftTensors

extension Registry {
  /// Opens a weight file by what it holds, whatever it is called; a shard index opens its shards.
  ///
  /// - Returns: The tensors, and the name of the format.
  /// - Throws: ``GraftError`` when no format recognises the file, or the file is broken.
  public func openWeights(_ url: URL) throws -> (weights: Weights, format: String) {
    guard url.lastPathComponent.hasSuffix(".index.json") else { return try openWeightFile(url) }
    var format = ""
    let weights = try ShardIndex(url).open(in: url.deletingLastPathComponent()) { shard in
      let opened = try openWeightFile(shard)
      format = opened.format
      return opened.weights
    }
    return (weights, format)
  }

  private func openWeightFile(_ url: URL) throws -> (weights: Weights, format: String) {
    let file = try RandomAccessFile(url)
    for type in formats.values {
      if let weights = try type.init().open(file) { return (weights, type.name) }
    }
    if let kind = FileKind(try file.head()) { throw kind.error(file: url.path) }
    throw GraftError(
      .unsupported,
      "no known weight format",
      file: url.path,
      advice: "Known formats: \(formats.names.joined(separator: ", "))."
    )
  }
}
