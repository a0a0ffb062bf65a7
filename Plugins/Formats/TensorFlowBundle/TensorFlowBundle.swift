import Checksums
import Foundation
import GraftTensors

/// The checkpoint of TensorFlow's savers, version 2: an index, and the bytes in one or more data files.
///
/// The file that is opened may be the index or one of the data files. Every tensor's checksum
/// is compared when it is read. Strings are no tensors here; their names are in the metadata. The object graph that
/// TensorFlow 2 adds says what variables are called. Of SavedModels the variables are read.
/// https://github.com/tensorflow/tensorflow/blob/v2.16.1/tensorflow/core/util/tensor_bundle/tensor_bundle.h
public struct TensorFlowBundleFormat: WeightFormat {
  public static let name = "tensorflow"
  public static let usualDialect: String? = "google"
  public static let fileDescription = "the index of a TensorFlow checkpoint"
  public static let fileNames = [
    "bert_model.ckpt.index", "variables/variables.index", "saved_model/1/variables/variables.index",
  ]
  public static let pathSuffixes = [BundlePath.indexSuffix]

  /// The metadata key that names the entries that hold strings.
  static let stringsKey = "strings"
  /// The most bytes of an index: thousands of times what a model's is.
  private static let maximumIndexSize = 1 << 26

  public init() {}

  /// The newest checkpoint that the savers' own file names, `checkpoint`, in the directory that it stands in now.
  public static func namedFile(in directory: URL) throws -> URL? {
    let record = directory.appending(path: "checkpoint")
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: record.path, isDirectory: &isDirectory),
      !isDirectory.boolValue
    else { return nil }
    // The text form of a message, a field in each line, of which this one comes first.
    let text = String(decoding: try RandomAccessFile(record).head(1 << 16), as: UTF8.self)
    let line = text.split(whereSeparator: \.isNewline).first { line in
      line.trimmingPrefix { $0.isWhitespace }.hasPrefix("model_checkpoint_path")
    }
    guard let parts = line?.split(separator: "\"", omittingEmptySubsequences: false), parts.count == 3,
      let name = parts[1].split(separator: "/").last
    else { return nil }
    let index = directory.appending(path: name + BundlePath.indexSuffix)
    // Version 1 has everything in one file, without a suffix.
    let file = directory.appending(path: name)
    let isOld =
      !FileManager.default.fileExists(atPath: index.path)
      && FileManager.default.fileExists(atPath: file.path, isDirectory: &isDirectory)
      && !isDirectory.boolValue
    return isOld ? file : index
  }

  public func open(_ file: RandomAccessFile) throws -> Weights? {
    let path = BundlePath(file.url)
    // A data file has no signature: the index beside it tells that it is one.
    let isIndex = path.index.path == file.url.path
    guard isIndex || FileManager.default.fileExists(atPath: path.index.path) else { return nil }
    let index = isIndex ? file : try RandomAccessFile(path.index)
    guard try Self.isIndex(index) else { return nil }
    do {
      return try weights(index, path)
    } catch let error as GraftError {
      throw error.inFile(path.index.path)
    }
  }

  /// Whether a file has the beginning or the end of an index: either may be lost.
  private static func isIndex(_ file: RandomAccessFile) throws -> Bool {
    if try BundleHeader.begins(file.head(64)) { return true }
    guard file.size >= Table.footerSize else { return false }
    return try file.bytes((file.size - Table.magic.count)..<file.size) == Table.magic
  }

  private func weights(_ file: RandomAccessFile, _ path: BundlePath) throws -> Weights {
    let table = try Table.entries(of: file.bytesOfWholeFile(limit: Self.maximumIndexSize))
    guard let first = table.first, first.key.isEmpty else {
      throw GraftError(.malformed, "the index does not begin with its header")
    }
    var content = BundleContent(path, shardCount: try BundleHeader(first.value).shardCount)
    for (key, value) in table.dropFirst() { try content.add(key, value) }
    return try content.weights()
  }

  /// Writes the index at `url` and one data file beside it.
  public func write(_ weights: Weights, to url: URL) throws { try write(weights, to: url, limit: nil) }

  /// Writes the index at `url`, and beside it as many data files as a limit asks for.
  public func write(_ weights: Weights, to url: URL, limit: Int?) throws {
    let path = BundlePath(url)
    do {
      let shards = limit.map { ShardIndex.split(weights, limit: $0) } ?? [weights]
      var entries: [(key: [UInt8], value: [UInt8])] = [([], BundleHeader(shardCount: shards.count).encoded)]
      for (index, shard) in shards.enumerated() {
        entries += try write(shard, index, to: path.data(index, of: shards.count))
      }
      entries.sort { $0.key.lexicographicallyPrecedes($1.key) }
      try FileWriter.write(path.index) { try $0.append(Table.encoded(entries)) }
    } catch let error as GraftError {
      throw error.inFile(path.index.path)
    }
  }

  /// Writes one data file.
  ///
  /// - Returns: What the index says of its tensors.
  private func write(_ weights: Weights, _ shard: Int, to url: URL) throws -> [(key: [UInt8], value: [UInt8])]
  {
    try FileWriter.write(url) { writer in
      var offset = 0
      return try weights.tensors.map { name, tensor in
        do {
          guard !name.isEmpty else { throw GraftError(.unsupported, "a tensor without a name") }
          var checksum = CRC32C()
          try tensor.stream { chunk in
            checksum.add(chunk)
            try writer.append(chunk)
          }
          defer { offset += tensor.spec.byteCount }
          let entry = BundleEntry(tensor.spec, shard: shard, offset: offset, checksum: checksum.masked)
          return (Array(name.utf8), entry.encoded)
        } catch var error as GraftError {
          error.subject = error.subject ?? "tensor '\(name)'"
          throw error
        }
      }
    }
  }
}
