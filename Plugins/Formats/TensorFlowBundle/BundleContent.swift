import Foundation
import GraftTensors
import Checksums

/// What a bundle's index lists, while it is gathered.
struct BundleContent {
  private typealias Stored = (name: String, entry: BundleEntry, spec: TensorSpec, file: RandomAccessFile)

  private let path: BundlePath
  private let shardCount: Int
  private var shards: [Int: RandomAccessFile] = [:]
  private var tensors: [Stored] = []
  /// Variables that stand in slices.
  private var divided: [(name: String, entry: BundleEntry, spec: TensorSpec)] = []
  /// The slices by their keys.
  private var slices: [[UInt8]: Stored] = [:]
  private var strings: [String] = []
  private var names: [String: String] = [:]

  init(_ path: BundlePath, shardCount: Int) {
    (self.path, self.shardCount) = (path, shardCount)
  }

  /// - Throws: ``GraftError`` when the entry is broken, or a data file is missing.
  mutating func add(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws {
    // The key of a slice begins with a zero, and is no text.
    let isSlice = key.first == 0
    guard let name = isSlice ? Self.sliceName(key) : String(validating: key, as: UTF8.self) else {
      throw GraftError(
        .malformed, "a tensor's name is not UTF-8", found: String(decoding: key, as: UTF8.self))
    }
    do {
      let entry = try BundleEntry(value)
      if entry.type == BundleEntry.string {
        strings.append(name)
        if name == ObjectGraph.key {
          names = try ObjectGraph(entry.text(in: shard(entry))).names
        }
        return
      }
      let spec = try entry.spec()
      guard entry.slices.isEmpty else {
        divided.append((name, entry, spec))
        return
      }
      let stored = (name, entry, spec, try shard(entry))
      if isSlice { slices[Array(key)] = stored } else { tensors.append(stored) }
    } catch var error as GraftError {
      error.subject = error.subject ?? "tensor '\(name)'"
      throw error
    }
  }

  /// The name of the variable in the key of a slice, for messages.
  private static func sliceName(_ key: ArraySlice<UInt8>) -> String? {
    String(validating: key.dropFirst().prefix { $0 != 0 }, as: UTF8.self)
  }

  private mutating func shard(_ entry: BundleEntry) throws -> RandomAccessFile {
    guard (0..<shardCount).contains(entry.shard) else {
      throw GraftError(
        .malformed, "in a data file that the checkpoint does not have",
        expected: "below \(shardCount)", found: "\(entry.shard)")
    }
    let shard = try shards[entry.shard] ?? path.openShard(entry.shard, of: shardCount)
    shards[entry.shard] = shard
    return shard
  }

  /// The tensors, in the writer's order.
  ///
  /// - Throws: ``GraftError`` when data are missing.
  func weights() throws -> Weights {
    let all = tensors + slices.values
    let cut = all.filter { !$0.entry.isInside($0.file) }
    if let (name, entry, _, file) = cut.min(by: { $0.name < $1.name }) {
      let (end, overflow) = entry.offset.addingReportingOverflow(entry.size)
      throw GraftError(
        .malformed, "truncated: the tensor ends behind its data file", file: file.url.path,
        subject: "tensor '\(name)'",
        expected: overflow ? "more than \(Int.max) bytes" : "at least \(end) bytes",
        found: "\(file.size), with \(all.count - cut.count) of \(all.count) tensors whole",
        advice: "Copy or download it again.")
    }
    // The index is in the order of names; the bytes are in the writer's order.
    let ordered = tensors.sorted {
      ($0.entry.shard, $0.entry.offset, $0.entry.size) < ($1.entry.shard, $1.entry.offset, $1.entry.size)
    }
    var weights = Weights(
      metadata: strings.isEmpty
        ? [:] : [TensorFlowBundleFormat.stringsKey: strings.joined(separator: ", ")])
    for (key, entry, spec, file) in ordered {
      let name = names[key] ?? key
      do {
        try weights.insert(LazyTensor(spec, entry, in: file, called: key), as: name)
      } catch var error as GraftError {
        let other = ordered.first { (names[$0.name] ?? $0.name).utf8.elementsEqual(name.utf8) }?.name
        if let other, other != key {
          error.found = "the keys '\(other)' and '\(key)'"
          error.advice = "Give one of them another name, and save the model again."
        }
        throw error
      }
    }
    for (name, entry, spec) in divided {
      let parts = try entry.slices.map { slice in
        guard let (_, entry, spec, file) = slices[slice.key(of: name)] else {
          throw GraftError(
            .malformed, "one of its slices is not in the index", subject: "tensor '\(name)'",
            advice: "Copy or download it again.")
        }
        return (slice, LazyTensor(spec, entry, in: file, called: name))
      }
      do {
        try weights.insert(LazyTensor(spec, slices: parts, name), as: names[name] ?? name)
      } catch var error as GraftError {
        error.subject = error.subject ?? "tensor '\(name)'"
        throw error
      }
    }
    try weights.checkExpansion(of: shards.values.map(\.size))
    return weights
  }
}

extension Weights {
  fileprivate mutating func insert(_ tensor: LazyTensor, as name: String) throws {
    if let index = tensors.index(forKey: name) {
      throw GraftError(
        .malformed,
        tensors.keys[index].utf8.elementsEqual(name.utf8)
          ? "two variables have this name"
          : "another tensor's name has the same characters in another encoding",
        subject: "tensor '\(name)'")
    }
    self[name] = tensor
  }
}

extension BundleEntry {
  /// Whether a data file has all of the bytes.
  func isInside(_ file: RandomAccessFile) -> Bool {
    let (end, overflow) = offset.addingReportingOverflow(size)
    return offset >= 0 && !overflow && end <= file.size
  }

  /// - Throws: ``GraftError`` when the entry is no tensor that Graft can hold.
  fileprivate func spec() throws -> TensorSpec {
    guard let dtype = DType(tensorFlowType: type) else {
      throw GraftError(.unsupported, "unsupported type of elements (number \(type) in TensorFlow's DataType)")
    }
    guard let spec = TensorSpec(validating: dtype, shape) else {
      throw GraftError(.malformed, "the shape \(shape) is larger than any file")
    }
    guard !slices.isEmpty || size == spec.byteCount else {
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
