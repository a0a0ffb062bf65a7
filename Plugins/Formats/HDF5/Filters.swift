import CZlib
import GraftTensors

/// What was done to the bytes of each chunk before they were stored.
struct Filters {
  private enum Filter {
    case deflate
    case shuffle(elementSize: Int)
    case fletcher32
  }

  /// How much deflate can expand a byte: a bit for each of 258 bytes, and some.
  private static let maximumExpansion = 1032

  private var filters: [Filter] = []

  /// - Throws: ``GraftError`` naming a filter that is not available.
  init(_ header: ObjectHeader, elementSize: Int) throws {
    guard var reader = try header.message(ObjectHeader.Kind.filters) else { return }
    let version = try reader.integer(UInt8.self)
    let count = try reader.int(UInt8.self)
    if version == 1 { try reader.skip(6) }
    guard version == 1 || version == 2, count <= 32 else {
      throw GraftError(.malformed, "a list of filters that is not possible")
    }
    for _ in 0..<count {
      let id = try reader.int(UInt16.self)
      var nameSize = version == 1 || id >= 256 ? try reader.int(UInt16.self) : 0
      try reader.skip(2)
      let valueCount = try reader.int(UInt16.self)
      if version == 1 { nameSize = (nameSize + 7) / 8 * 8 }
      let name = String(decoding: try reader.bytes(nameSize).prefix { $0 != 0 }, as: UTF8.self)
      let values = try (0..<valueCount).map { _ in try reader.int(UInt32.self) }
      if version == 1, valueCount % 2 == 1 { try reader.skip(4) }
      switch id {
      case 1: filters.append(.deflate)
      case 2: filters.append(.shuffle(elementSize: values.first ?? elementSize))
      case 3: filters.append(.fletcher32)
      default:
        throw UnknownStructure(
          "compressed by a filter that is not available: number \(id)\(name.isEmpty ? "" : ", \(name)")",
          advice: "Write the file with gzip or without compression.")
      }
    }
  }

  /// Refuses a chunk that could not be as large as it has to be.
  func check(_ size: Int, expanded: Int, skipped: UInt32) throws {
    let isCompressed = applied(skipped).contains { if case .deflate = $0 { true } else { false } }
    guard isCompressed ? expanded / Self.maximumExpansion <= size : size >= expanded else {
      throw GraftError(
        .malformed, "a chunk is shorter than its shape", expected: "\(expanded) bytes", found: "\(size)")
    }
  }

  private func applied(_ skipped: UInt32) -> [Filter] {
    filters.enumerated().filter { skipped >> UInt32($0.offset) & 1 == 0 }.map(\.element)
  }

  /// A chunk as it was before it was filtered.
  ///
  /// - Throws: ``GraftError`` when it does not have as many bytes as it should, or its checksum differs.
  func undo(_ stored: [UInt8], expanded: Int, skipped: UInt32) throws -> [UInt8] {
    var bytes = stored
    let applied = applied(skipped)
    // What comes out of deflate may still have a checksum behind it.
    let checksums = 4 * applied.count { if case .fletcher32 = $0 { true } else { false } }
    for filter in applied.reversed() {
      switch filter {
      case .deflate: bytes = try Self.inflate(bytes, limit: expanded + checksums)
      case .shuffle(let size): bytes = Self.unshuffle(bytes, size)
      case .fletcher32: bytes = try Self.checked(bytes)
      }
    }
    guard bytes.count == expanded else {
      throw GraftError(
        .malformed, "a chunk does not have the length of its shape", expected: "\(expanded) bytes",
        found: "\(bytes.count)")
    }
    return bytes
  }

  private static func inflate(_ bytes: [UInt8], limit: Int) throws -> [UInt8] {
    var status: Int32 = 0
    let result = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      var length = uLongf(limit)
      status = uncompress(buffer.baseAddress, &length, bytes, uLong(bytes.count))
      count = status == Z_OK ? Int(length) : 0
    }
    guard status == Z_OK else {
      throw GraftError(
        .malformed, "a compressed chunk is damaged (zlib status \(status))",
        advice: "Copy or download it again.")
    }
    return result
  }

  /// Puts the bytes of an element together again: all first bytes stand first, then all second ones.
  private static func unshuffle(_ bytes: [UInt8], _ size: Int) -> [UInt8] {
    guard size > 1, size <= bytes.count else { return bytes }
    let count = bytes.count / size
    // A rest that is no whole element was left as it is.
    var result = bytes
    bytes.withUnsafeBufferPointer { input in
      result.withUnsafeMutableBufferPointer { output in
        for byte in 0..<size {
          for element in 0..<count { output[element * size + byte] = input[byte * count + element] }
        }
      }
    }
    return result
  }

  /// The bytes before their checksum.
  private static func checked(_ bytes: [UInt8]) throws -> [UInt8] {
    guard bytes.count >= 4 else { throw GraftError(.malformed, "a chunk without its checksum") }
    let content = Array(bytes.dropLast(4))
    var stored = ByteReader(bytes.suffix(4))
    guard try stored.integer(UInt32.self) == fletcher32(content) else {
      throw GraftError(
        .malformed, "a chunk is damaged: its checksum differs", advice: "Copy or download it again.")
    }
    return content
  }

  /// `H5_checksum_fletcher32` of H5checksum.c. Its sums are modulo 65535 and 0 for zeros alone: where it would
  /// be 0 otherwise, a sum is 65535.
  static func fletcher32(_ bytes: [UInt8]) -> UInt32 {
    func folded(_ sum: UInt32) -> UInt32 { (sum & 0xFFFF) + (sum >> 16) }
    var (first, second): (UInt32, UInt32) = (0, 0)
    var index = 0
    while index < bytes.count {
      let low = index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0
      first = folded(first + (UInt32(bytes[index]) << 8 | low))
      second = folded(second + first)
      index += 2
    }
    return second << 16 | first
  }
}
