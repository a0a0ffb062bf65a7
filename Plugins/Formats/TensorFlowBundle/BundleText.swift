import Checksums
import GraftTensors
import Protobuf

extension BundleEntry {
  /// The bytes of a single text: its length, a checksum of that, and the text.
  ///
  /// - Throws: ``GraftError`` when it is none, or damaged.
  func text(in file: RandomAccessFile) throws -> ArraySlice<UInt8> {
    guard shape.isEmpty, (0...Self.longestText).contains(size), isInside(file) else {
      throw GraftError(.malformed, "not one text within its data file", advice: "Copy or download it again.")
    }
    var rest = try file.bytes(offset..<(offset + size))[...]
    let length = try rest.readVarint()
    var lengths: [UInt8] = []
    lengths.appendFixed(UInt32(truncatingIfNeeded: length))
    var checksum = CRC32C(lengths)
    let stored = rest.prefix(4)
    guard try rest.readFixed(4) == checksum.masked, rest.count == length else {
      throw GraftError(.malformed, "damaged: its checksum differs", advice: "Copy or download it again.")
    }
    stored.withUnsafeBytes { checksum.add($0) }
    rest.withUnsafeBytes { checksum.add($0) }
    guard checksum.masked == self.checksum else {
      throw GraftError(.malformed, "damaged: its checksum differs", advice: "Copy or download it again.")
    }
    return rest
  }

  /// The most bytes of a text that is read: a thousand times a model's graph.
  private static let longestText = 1 << 26
}
