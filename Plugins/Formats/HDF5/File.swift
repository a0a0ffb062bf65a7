import GraftTensors

/// An HDF5 file: its superblock is read, everything else is on request.
///
/// Graft reads the format itself: the library's releases in use crash on damaged files. What is read is what
/// libhdf5 writes unless a program asks for its newest structures; of those, ``UnknownStructure`` is thrown. The
/// format: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
final class File {
  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
  /// The most bytes of one part of the structure.
  private static let maximumPart = 1 << 24

  let content: RandomAccessFile
  /// How many bytes of structure may still be read. Parts that overlap would let a small file ask for much.
  private var budget: Int
  /// The header of the root group.
  let root: Int

  /// - Precondition: The file begins with the ``signature``.
  init(_ content: RandomAccessFile) throws {
    self.content = content
    budget = 4 * content.size + (1 << 16)
    let head = try content.head(512)
    var reader = ByteReader(head[8...])
    let version = try reader.integer(UInt8.self)
    let end: Int?
    switch version {
    case 0, 1:
      try reader.skip(4)
      try Self.checkSizes(&reader)
      try reader.skip(version == 0 ? 9 : 13)
      try Self.checkBase(&reader)
      try reader.skip(8)
      end = try reader.address()
      guard try reader.address() == nil else {
        throw GraftError(.unsupported, "an HDF5 file that is split into several files")
      }
      try reader.skip(8)
    case 2, 3:
      try Self.checkSizes(&reader)
      try reader.skip(1)
      try Self.checkBase(&reader)
      try reader.skip(8)
      end = try reader.address()
    default: throw UnknownStructure("HDF5 superblock version \(version)", expected: "0 to 3")
    }
    guard let root = try reader.address() else { throw GraftError(.malformed, "the file has no root group") }
    if version >= 2 {
      guard try reader.integer(UInt32.self) == checksum(head[..<44]) else {
        throw GraftError(.malformed, "the superblock is damaged: its checksum differs")
      }
    }
    self.root = root
    guard let end, end <= content.size else {
      throw GraftError(
        .malformed, "truncated", expected: end.map { "\($0) bytes" }, found: "\(content.size)",
        advice: "Copy or download it again.")
    }
  }

  private static func checkSizes(_ reader: inout ByteReader) throws {
    let (offset, length) = (try reader.int(UInt8.self), try reader.int(UInt8.self))
    guard offset == 8, length == 8 else {
      throw UnknownStructure(
        "addresses of \(offset) and lengths of \(length) bytes", expected: "8 and 8")
    }
  }

  private static func checkBase(_ reader: inout ByteReader) throws {
    guard try reader.address() == 0 else {
      throw UnknownStructure("an HDF5 file that begins inside another")
    }
  }

  /// A part of the structure.
  ///
  /// - Throws: ``GraftError`` when it is outside the file, or larger than any part should be.
  func part(at address: Int, _ count: Int) throws -> ByteReader {
    guard count <= Self.maximumPart else {
      throw GraftError(
        .malformed, "a part of the file's structure is too large",
        expected: "at most \(Self.maximumPart) bytes",
        found: "\(count)")
    }
    let range = try checked(address, count)
    budget -= count
    guard budget >= 0 else {
      throw GraftError(.malformed, "the file's structure refers to the same bytes over and over")
    }
    return ByteReader(try content.bytes(range)[...])
  }

  /// A place in the file.
  ///
  /// - Throws: ``GraftError`` when it is outside.
  func checked(_ address: Int, _ count: Int) throws -> Range<Int> {
    let (end, overflow) = address.addingReportingOverflow(count)
    guard count >= 0, address >= 0, !overflow, end <= content.size else {
      throw GraftError(
        .malformed, "truncated: a part of the file is behind its end",
        expected: overflow ? nil : "at least \(end) bytes", found: "\(content.size)",
        advice: "Copy or download it again.")
    }
    return address..<end
  }
}
