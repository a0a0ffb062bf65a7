import Foundation
import GraftTensors

/// The directory at the end of a zip archive, as it is written: nothing is compared with the entries yet.
struct ZipDirectory {
  enum Method: Int {
    case stored = 0
    case deflated = 8
  }

  struct Record {
    let name: String
    let method: Method
    let checksum: UInt32
    let packedSize: Int
    let size: Int
    /// Where the entry's own header stands.
    let offset: Int
    /// The name as it is stored, which the entry repeats.
    fileprivate let nameBytes: ArraySlice<UInt8>
    /// Whether checksum and sizes follow the data, so that the header does not have them.
    fileprivate let hasDescriptor: Bool

    func error(_ problem: String, expected: String? = nil, found: String? = nil) -> GraftError {
      GraftError(
        .malformed, problem, subject: ZipDirectory.subject(name), expected: expected, found: found,
        advice: ZipDirectory.again)
    }
  }

  let records: [Record]
  /// Where the directory begins, and the entries end.
  let start: Int

  static let again: Advice = "Copy or download it again."
  static func subject(_ name: String) -> String { "entry '\(name)'" }
}

// MARK: - The end of the file

extension ZipDirectory {
  private static let endMark: UInt32 = 0x0605_4B50
  private static let endSize = 22

  /// Finds and reads the directory.
  ///
  /// - Throws: `GraftError` when there is none, or it is broken.
  init(of file: RandomAccessFile) throws {
    // The end record is the last thing but for a comment of at most 65,535 bytes.
    let tailStart = max(0, file.size - Self.endSize - 0xFFFF)
    let tail = LittleEndian(try file.bytes(tailStart..<file.size))
    let candidates = stride(from: tail.bytes.count - Self.endSize, through: 0, by: -1)
    guard
      let position = candidates.first(where: {
        tail.uint32(at: $0) == Self.endMark
          && tail.uint16(at: $0 + 20) == tail.bytes.count - $0 - Self.endSize
      }), let disk = tail.uint16(at: position + 4), let smallCount = tail.uint16(at: position + 10),
      let smallSize = tail.uint32(at: position + 12), let smallOffset = tail.uint32(at: position + 16)
    else {
      throw GraftError(
        .malformed, "truncated: the zip archive does not end with its directory",
        found: Self.firstName(of: file).map { "\(file.size) bytes that begin with '\($0)'" },
        advice: Self.again)
    }
    guard disk == 0 || disk == 0xFFFF else {
      throw GraftError(.unsupported, "one part of a zip archive in several", advice: "Join them first.")
    }
    var (count, size, start) = (smallCount, Int(smallSize), Int(smallOffset))
    var end = tailStart + position
    let needsLarge = smallCount == 0xFFFF || smallSize == .max || smallOffset == .max
    if let large = try Self.large(of: file, before: end, isNeeded: needsLarge) {
      (count, size, start, end) = large
    }
    let (found, overflow) = start.addingReportingOverflow(size)
    guard !overflow, found == end else {
      throw GraftError(
        .malformed, "the zip archive's directory is not where its end says",
        expected: "its end at byte \(end)", found: overflow ? "beyond \(Int.max)" : "\(found)",
        advice: Self.again)
    }
    guard size <= ZipArchive.maximumDirectorySize else {
      throw GraftError(
        .malformed, "the zip archive's directory is too large",
        expected: "at most \(ZipArchive.maximumDirectorySize) bytes", found: "\(size)")
    }
    records = try Self.parse(LittleEndian(try file.bytes(start..<end)), count: count)
    self.start = start
  }

  /// The name of the entry that the file begins with.
  static func firstName(of file: RandomAccessFile) -> String? {
    guard let head = try? LittleEndian(file.head()), let length = head.uint16(at: 26) else { return nil }
    return head.text(at: 30, count: length)
  }

  /// The 64-bit end record, and where it begins; PyTorch writes one whether it is needed or not.
  private static func large(
    of file: RandomAccessFile, before end: Int, isNeeded: Bool
  ) throws -> (count: Int, size: Int, start: Int, end: Int)? {
    let broken = GraftError(.malformed, "the zip archive's 64-bit end record is broken", advice: again)
    let locator = LittleEndian(try file.bytes(max(0, end - 20)..<end))
    guard locator.uint32(at: 0) == 0x0706_4B50 else {
      if isNeeded { throw broken }
      return nil
    }
    guard let position = locator.int(at: 8), position >= 0, position <= end - 20 - 56 else { throw broken }
    let record = LittleEndian(try file.bytes(position..<position + 56))
    guard record.uint32(at: 0) == 0x0606_4B50, let length = record.int(at: 4),
      length == end - 20 - position - 12, let count = record.int(at: 32), let size = record.int(at: 40),
      let start = record.int(at: 48), count >= 0, size >= 0, start >= 0
    else { throw broken }
    return (count, size, start, position)
  }
}

// MARK: - Records

extension ZipDirectory {
  private static func parse(_ bytes: LittleEndian, count: Int) throws -> [Record] {
    var records: [Record] = []
    var position = 0
    while position < bytes.bytes.count {
      guard let record = try parse(bytes, &position) else {
        throw GraftError(
          .malformed, "the zip archive's directory is broken after \(records.count) entries", advice: again)
      }
      records.append(record)
    }
    guard records.count == count else {
      throw GraftError(
        .malformed, "the zip archive's directory is not complete", expected: "\(count) entries",
        found: "\(records.count)", advice: again)
    }
    return records
  }

  private static func parse(_ bytes: LittleEndian, _ position: inout Int) throws -> Record? {
    let start = position
    guard bytes.uint32(at: start) == 0x0201_4B50, let flags = bytes.uint16(at: start + 8),
      let methodNumber = bytes.uint16(at: start + 10), let checksum = bytes.uint32(at: start + 16),
      let smallPacked = bytes.uint32(at: start + 20), let smallSize = bytes.uint32(at: start + 24),
      let nameLength = bytes.uint16(at: start + 28), let extraLength = bytes.uint16(at: start + 30),
      let commentLength = bytes.uint16(at: start + 32), let smallOffset = bytes.uint32(at: start + 42),
      let nameBytes = bytes.slice(at: start + 46, count: nameLength),
      let extra = bytes.slice(at: start + 46 + nameLength, count: extraLength),
      bytes.slice(at: start + 46 + nameLength + extraLength, count: commentLength) != nil
    else { return nil }
    position = start + 46 + nameLength + extraLength + commentLength

    let name = try checked(nameBytes)
    guard flags & 0x2041 == 0 else {
      throw GraftError(.unsupported, "the entry is encrypted", subject: subject(name))
    }
    guard let method = Method(rawValue: methodNumber) else {
      throw GraftError(
        .unsupported, "the entry is compressed in a way that is not supported", subject: subject(name),
        expected: "method 0 (stored) or 8 (deflated)", found: "\(methodNumber)",
        advice: "Unpack it and pack it again.")
    }
    // A field that is too small for its value is all ones; the value then stands in an extra field.
    var large = largeFields(extra).makeIterator()
    func value(_ small: UInt32) throws -> Int {
      guard small == .max else { return Int(small) }
      guard let value = large.next(), value >= 0 else {
        throw GraftError(
          .malformed, "the entry's 64-bit size is missing or out of range", subject: subject(name),
          advice: again)
      }
      return value
    }
    let (size, packedSize, offset) = (try value(smallSize), try value(smallPacked), try value(smallOffset))
    let record = Record(
      name: name, method: method, checksum: checksum, packedSize: packedSize, size: size, offset: offset,
      nameBytes: nameBytes, hasDescriptor: flags & 8 != 0)
    try record.checkSizes()
    return record
  }

  /// Whether a name would stay within the directory that an archive were unpacked to.
  static func isInside(_ name: String) -> Bool {
    !name.hasPrefix("/") && !name.split(whereSeparator: { $0 == "/" || $0 == "\\" }).contains("..")
  }

  /// A name that is text and would stay within a directory.
  private static func checked(_ bytes: ArraySlice<UInt8>) throws -> String {
    guard let name = String(validating: bytes, as: UTF8.self), !name.utf8.contains(0) else {
      throw GraftError(.malformed, "an entry's name in the zip archive is not UTF-8", advice: again)
    }
    guard isInside(name) else {
      throw GraftError(
        .malformed, "the entry's name leads out of the archive", subject: subject(name),
        advice: "Do not trust this file.")
    }
    return name
  }

  /// The values of the extra field for 64-bit sizes; none when it is not there.
  private static func largeFields(_ extra: ArraySlice<UInt8>) -> [Int] {
    let extra = LittleEndian(Array(extra))
    var position = 0
    while let id = extra.uint16(at: position), let length = extra.uint16(at: position + 2) {
      guard id == 1 else {
        position += 4 + length
        continue
      }
      return (0..<length / 8).compactMap { extra.int(at: position + 4 + $0 * 8) }
    }
    return []
  }
}

// MARK: - The entry itself

extension ZipDirectory.Record {
  /// Demands that the packed size can become the other.
  fileprivate func checkSizes() throws {
    let (product, overflow) = packedSize.multipliedReportingOverflow(by: ZipArchive.maximumExpansion)
    let most = overflow ? Int.max : product
    guard method == .stored ? size == packedSize : size <= most else {
      throw error(
        "the entry's sizes contradict each other",
        expected: method == .stored ? "\(packedSize) bytes" : "at most \(most) bytes", found: "\(size)")
    }
  }

  /// Holds the entry's own header against the directory.
  ///
  /// - Returns: Where the packed data begin.
  /// - Throws: `GraftError` when they differ.
  func dataStart(in file: RandomAccessFile) throws -> Int {
    let length = 30 + nameBytes.count
    guard offset <= file.size - length else {
      throw error("the entry begins beyond the archive", found: "byte \(offset)")
    }
    let header = LittleEndian(try file.bytes(offset..<offset + length))
    guard header.uint32(at: 0) == 0x0403_4B50, header.uint16(at: 26) == nameBytes.count,
      header.slice(at: 30, count: nameBytes.count) == nameBytes,
      let extraLength = header.uint16(at: 28)
    else { throw error("the entry is not where the directory says", found: "byte \(offset)") }
    guard header.uint16(at: 8) == method.rawValue else {
      throw error("the entry's header and the directory disagree on its compression")
    }
    if !hasDescriptor {
      let sizes: [(String, Int, UInt32?)] = [
        ("checksum", Int(checksum), header.uint32(at: 14)),
        ("packed size", packedSize, header.uint32(at: 18)),
        ("size", size, header.uint32(at: 22)),
      ]
      for (what, value, found) in sizes where found.map(Int.init) != value {
        // A 64-bit size stands elsewhere.
        if found == .max, what != "checksum" { continue }
        throw error("the entry's header and the directory disagree on its \(what)")
      }
    }
    return offset + length + extraLength
  }
}
