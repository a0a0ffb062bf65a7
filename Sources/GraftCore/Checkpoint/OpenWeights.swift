import Foundation
import GraftTensors

extension Registry {
  /// Opens a weight file by what it holds, whatever it is called; a shard index opens its shards.
  ///
  /// - Returns: The tensors, and the name of the format.
  /// - Throws: `GraftError` when no format recognises the file, or the file is broken.
  public func openWeights(_ url: URL) throws -> (weights: Weights, format: String) {
    let (file, format) = try openModelFile(url)
    return (file.weights, format)
  }

  /// Opens a weight file as ``openWeights(_:)`` does, with what else it says of its model. Weights of eight bits and their
  /// scales are one tensor each.
  ///
  /// - Returns: What the file holds, and the name of the format.
  /// - Throws: `GraftError` when no format recognises the file, or the file is broken.
  public func openModelFile(_ url: URL) throws -> (file: ModelFile, format: String) {
    var (file, format) = try openFiles(url)
    do {
      file.weights = try file.weights.joiningScales()
    } catch let error as GraftError {
      throw error.inFile(url.path)
    }
    return (file, format)
  }

  private func openFiles(_ url: URL) throws -> (file: ModelFile, format: String) {
    guard url.lastPathComponent.hasSuffix(".index.json") else { return try openSingleFile(url) }
    var format = ""
    let weights = try ShardIndex(url).open(in: url.deletingLastPathComponent()) { shard in
      let opened = try openSingleFile(shard)
      format = opened.format
      return opened.file.weights
    }
    return (ModelFile(weights), format)
  }

  private func openSingleFile(_ url: URL) throws -> (file: ModelFile, format: String) {
    let file = try RandomAccessFile(url)
    let known = checkpointFormats
    for format in known {
      if let opened = try format.open(file) { return (opened, format.name) }
    }
    if let kind = FileKind(try file.head()) { throw kind.error(file: url.path) }
    throw GraftError(
      .unsupported,
      "no known weight format",
      file: url.path,
      advice: "Known formats: \(known.map(\.name).joined(separator: ", "))."
    )
  }
}
