import Checksums
import GraftTensors
import Protobuf

/// The sorted table that a bundle's index is: blocks of keys and values, an index of the blocks, a footer.
///
/// https://github.com/google/leveldb/blob/main/doc/table_format.md, without filters and compression.
package enum Table {
  static let footerSize = 48
  package static let magic: [UInt8] = [0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB]
  /// Behind each block: the kind of compression, and a masked checksum of both.
  private static let trailerSize = 5
  /// A block is closed when it is this large.
  private static let blockSize = 1 << 18
  /// How often a key is written out in full.
  private static let restartInterval = 16
  /// The most bytes of all keys together. They share their beginnings, so a small file could ask for much.
  private static let maximumKeys = 1 << 26

  /// A place in the file: offset and size as variable-length numbers.
  private struct Handle {
    var offset: UInt64
    var size: UInt64

    init(_ bytes: inout ArraySlice<UInt8>) throws {
      offset = try bytes.readVarint()
      size = try bytes.readVarint()
    }
  }
}

// MARK: - Reading

extension Table {
  /// The keys and values of a table, in the order of its keys.
  ///
  /// - Throws: ``GraftError`` when a block is outside the file, damaged or compressed, or keys are out of order.
  package static func entries(of file: [UInt8]) throws -> [(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>)]
  {
    guard file.count >= footerSize, file.suffix(magic.count).elementsEqual(magic) else {
      throw GraftError(
        .malformed,
        BundleHeader.begins(Array(file.prefix(64)))
          ? "truncated: the index does not end with its footer" : "not the index of a TensorFlow checkpoint",
        found: "\(file.count) bytes", advice: "Copy or download it again.")
    }
    var footer = file.suffix(footerSize)
    _ = try Handle(&footer)  // An index of filters, of which there are none.
    let index = try Handle(&footer)
    var entries: [(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>)] = []
    var keyBytes = 0
    // The blocks follow each other, so that together they are no larger than the file.
    var end: UInt64 = 0
    try forEachEntry(in: block(index, of: file)) { _, value in
      var value = value
      let handle = try Handle(&value)
      guard handle.offset >= end else { throw GraftError(.malformed, "blocks of the index overlap") }
      let content = try block(handle, of: file)
      end = handle.offset + handle.size
      try forEachEntry(in: content) { key, value in
        if let last = entries.last, !last.key.lexicographicallyPrecedes(key) {
          throw GraftError(.malformed, "the names in the index are out of order")
        }
        keyBytes += key.count
        guard keyBytes <= maximumKeys else {
          throw GraftError(
            .malformed, "the names in the index are too long", expected: "at most \(maximumKeys) bytes")
        }
        entries.append((key, value))
      }
    }
    return entries
  }

  /// The content of a block, its checksum compared.
  private static func block(_ handle: Handle, of file: [UInt8]) throws -> ArraySlice<UInt8> {
    let (end, overflow) = handle.offset.addingReportingOverflow(handle.size)
    guard !overflow, end <= UInt64(max(0, file.count - footerSize - trailerSize)) else {
      throw GraftError(
        .malformed, "a block of the index is outside the file", advice: "Copy or download it again.")
    }
    let range = Int(handle.offset)..<Int(end)
    let compression = file[range.upperBound]
    var checksum = file[(range.upperBound + 1)..<(range.upperBound + trailerSize)]
    guard try checksum.readFixed(4) == CRC32C(file[range.lowerBound...range.upperBound]).masked else {
      throw GraftError(
        .malformed, "a block of the index is damaged: its checksum differs",
        advice: "Copy or download it again.")
    }
    guard compression == 0 else {
      throw GraftError(
        .unsupported, "the index is compressed (kind \(compression))",
        advice: "Read it with TensorFlow and save it again.")
    }
    return file[range]
  }

  /// Calls `body` with the entries of a block, whose keys lack what they share with the one before.
  private static func forEachEntry(
    in block: ArraySlice<UInt8>, _ body: (ArraySlice<UInt8>, ArraySlice<UInt8>) throws -> Void
  ) throws {
    var tail = block.suffix(4)
    let restarts = Int(try tail.readFixed(4))
    guard restarts <= (block.count - 4) / 4 else {
      throw GraftError(.malformed, "a block of the index is smaller than its own table")
    }
    var rest = block.dropLast(4 + 4 * restarts)
    var key: [UInt8] = []
    while !rest.isEmpty {
      let (shared, added, size) = (try rest.readVarint(), try rest.readVarint(), try rest.readVarint())
      guard shared <= UInt64(key.count) else {
        throw GraftError(.malformed, "a name in the index shares more than the one before has")
      }
      key.removeSubrange(Int(shared)...)
      key += try rest.read(added)
      try body(key[...], rest.read(size))
    }
  }
}

// MARK: - Writing

extension Table {
  /// A table of keys and values, which are in order.
  package static func encoded(_ entries: [(key: [UInt8], value: [UInt8])]) -> [UInt8] {
    var file: [UInt8] = []
    var index = Block(restartInterval: 1)
    var block = Block(restartInterval: restartInterval)
    for (position, entry) in entries.enumerated() {
      block.append(entry.key, entry.value)
      if block.size >= blockSize || position == entries.count - 1 {
        let next = position + 1 < entries.count ? entries[position + 1].key : nil
        index.append(separator(entry.key, next), block.write(to: &file))
        block = Block(restartInterval: restartInterval)
      }
    }
    var footer = Block(restartInterval: 1).write(to: &file)
    footer += index.write(to: &file)
    footer += [UInt8](repeating: 0, count: footerSize - magic.count - footer.count)
    return file + footer + magic
  }

  /// A short key that is not below the last of a block and is below the first of the next, as LevelDB picks it.
  private static func separator(_ last: [UInt8], _ next: [UInt8]?) -> [UInt8] {
    guard let next else {
      guard let place = last.firstIndex(where: { $0 != 0xFF }) else { return last }
      return last[..<place] + [last[place] + 1]
    }
    let shared = zip(last, next).prefix { $0 == $1 }.count
    guard shared < min(last.count, next.count), last[shared] < 0xFF, last[shared] + 1 < next[shared] else {
      return last
    }
    return last[..<shared] + [last[shared] + 1]
  }

  private struct Block {
    let restartInterval: Int
    private var content: [UInt8] = []
    private var restarts: [UInt32] = [0]
    private var count = 0
    private var lastKey: [UInt8] = []

    init(restartInterval: Int) { self.restartInterval = restartInterval }

    var size: Int { content.count + 4 * (restarts.count + 1) }

    mutating func append(_ key: [UInt8], _ value: [UInt8]) {
      if count > 0, count % restartInterval == 0 {
        restarts.append(UInt32(content.count))
        lastKey = []
      }
      let shared = zip(lastKey, key).prefix { $0 == $1 }.count
      content.appendVarint(UInt64(shared))
      content.appendVarint(UInt64(key.count - shared))
      content.appendVarint(UInt64(value.count))
      content += key[shared...]
      content += value
      lastKey = key
      count += 1
    }

    /// Adds the block to a file and returns its handle.
    func write(to file: inout [UInt8]) -> [UInt8] {
      var bytes = content
      for restart in restarts { bytes.appendFixed(restart) }
      bytes.appendFixed(UInt32(restarts.count))
      var handle: [UInt8] = []
      handle.appendVarint(UInt64(file.count))
      handle.appendVarint(UInt64(bytes.count))
      bytes.append(0)
      bytes.appendFixed(CRC32C(bytes).masked)
      file += bytes
      return handle
    }
  }
}
