import Checksums
import Foundation
import GraftTensors

/// The checkpoint of TensorFlow's savers, version 2: an index, and the bytes in one or more data files.
///
/// The file that is opened may be the index or one of the data files. Every tensor's checksum
/// is compared when it is read. Strings, such as the object graph that TensorFlow 2 adds, are no tensors here;
/// their names are in the metadata.
/// https://github.com/tensorflow/tensorflow/blob/v2.16.1/tensorflow/core/util/tensor_bundle/tensor_bundle.h
public struct TensorFlowBundleFormat: WeightFormat {
  public static let name = "tensorflow"
  public static let usualDialect: String? = "google"
  public static let fileDescription = "the index of a TensorFlow checkpoint"
  public static let fileNames = ["bert_model.ckpt.index"]
  public static let pathSuffixes = [BundlePath.indexSuffix]

  /// The metadata key that names the entries that hold strings.
  static let stringsKey = "strings"
  /// The most bytes of an index: thousands of times what a model's is.
  private static let maximumIndexSize = 1 << 26

  public init() {}

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
    let header = try BundleHeader(first.value)
    var shards: [Int: RandomAccessFile] = [:]
    var tensors: [(name: String, entry: BundleEntry, spec: TensorSpec, file: RandomAccessFile)] = []
    var strings: [String] = []
    for (key, value) in table.dropFirst() {
      guard let name = String(validating: key, as: UTF8.self) else {
        throw GraftError(
          .malformed, "a tensor's name is not UTF-8", found: String(decoding: key, as: UTF8.self))
      }
      do {
        let entry = try BundleEntry(value)
        if entry.type == BundleEntry.string {
          strings.append(name)
          continue
        }
        let spec = try entry.spec()
        guard (0..<header.shardCount).contains(entry.shard) else {
          throw GraftError(
            .malformed, "in a data file that the checkpoint does not have",
            expected: "below \(header.shardCount)", found: "\(entry.shard)")
        }
        let shard = try shards[entry.shard] ?? path.openShard(entry.shard, of: header.shardCount)
        shards[entry.shard] = shard
        tensors.append((name, entry, spec, shard))
      } catch var error as GraftError {
        error.subject = error.subject ?? "tensor '\(name)'"
        throw error
      }
    }
    let cut = tensors.filter { !$0.entry.isInside($0.file) }
    if let (name, entry, _, file) = cut.first {
      let (end, overflow) = entry.offset.addingReportingOverflow(entry.size)
      throw GraftError(
        .malformed, "truncated: the tensor ends behind its data file", file: file.url.path,
        subject: "tensor '\(name)'",
        expected: overflow ? "more than \(Int.max) bytes" : "at least \(end) bytes",
        found: "\(file.size), with \(tensors.count - cut.count) of \(tensors.count) tensors whole",
        advice: "Copy or download it again.")
    }
    // The index is in the order of names; the bytes are in the writer's order.
    tensors.sort {
      ($0.entry.shard, $0.entry.offset, $0.entry.size) < ($1.entry.shard, $1.entry.offset, $1.entry.size)
    }
    var weights = Weights(
      metadata: strings.isEmpty ? [:] : [Self.stringsKey: strings.joined(separator: ", ")])
    for (name, entry, spec, file) in tensors {
      guard weights[name] == nil else {
        throw GraftError(
          .malformed, "another tensor's name has the same characters in another encoding",
          subject: "tensor '\(name)'")
      }
      weights[name] = LazyTensor(spec, entry, in: file, called: name)
    }
    try weights.checkExpansion(of: shards.values.map(\.size))
    return weights
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

extension BundleEntry {
  /// Whether a data file has all of the bytes.
  fileprivate func isInside(_ file: RandomAccessFile) -> Bool {
    let (end, overflow) = offset.addingReportingOverflow(size)
    return offset >= 0 && !overflow && end <= file.size
  }

  /// - Throws: ``GraftError`` when the entry is no tensor that Graft can hold.
  fileprivate func spec() throws -> TensorSpec {
    guard !isPartitioned else {
      throw GraftError(
        .unsupported, "a variable that is partitioned into slices",
        advice: "Save the checkpoint again without a partitioner.")
    }
    guard let dtype = DType(tensorFlowType: type) else {
      throw GraftError(.unsupported, "unsupported type of elements (number \(type) in TensorFlow's DataType)")
    }
    guard let spec = TensorSpec(validating: dtype, shape) else {
      throw GraftError(.malformed, "the shape \(shape) is larger than any file")
    }
    guard size == spec.byteCount else {
      throw GraftError(
        .malformed, "the data does not have the length of \(spec)", expected: "\(spec.byteCount) bytes",
        found: "\(size)")
    }
    return spec
  }
}

extension LazyTensor {
  /// A tensor inside a data file, whose checksum is compared at the end of each reading.
  fileprivate init(_ spec: TensorSpec, _ entry: BundleEntry, in file: RandomAccessFile, called name: String) {
    let plain = LazyTensor(spec, in: file, at: entry.offset)
    self.init(spec, origin: plain.origin) { consume in
      var checksum = CRC32C()
      try plain.stream { chunk in
        checksum.add(chunk)
        try consume(chunk)
      }
      guard checksum.masked == entry.checksum else {
        throw GraftError(
          .malformed, "damaged: its checksum differs", file: file.url.path, subject: "tensor '\(name)'",
          advice: "Copy or download it again.")
      }
    }
  }
}
