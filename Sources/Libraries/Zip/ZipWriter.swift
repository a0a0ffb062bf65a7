import Checksums
import Foundation
import GraftTensors

/// Writes a zip archive as it streams: stored entries, aligned, with 64-bit sizes where needed.
///
/// A checksum is known only when its entry has been written, and an entry is read only once; so checksums
/// and sizes follow the data, as in the archives that PyTorch writes.
public final class ZipWriter {
  private let file: FileWriter
  private var position = 0
  /// The records of the directory, as they are written at the end.
  private var directory: [UInt8] = []
  private var count = 0

  /// What the data of an entry begin at a multiple of, so that readers can map it.
  private static let alignment = 64
  /// Stored, sizes behind the data, names in UTF-8.
  private static let flags = 0x0808
  /// Without a clock, so that equal content makes equal files: 1 January 1980.
  private static let date = 0x0021

  private init(_ file: FileWriter) { self.file = file }

  /// Creates or replaces an archive with the entries that `body` appends.
  ///
  /// - Throws: what `body` throws, or `GraftError` when the file cannot be written; an older file of that
  ///   name is then untouched.
  public static func write(_ url: URL, _ body: (ZipWriter) throws -> Void) throws {
    try FileWriter.write(url) { file in
      let writer = ZipWriter(file)
      try body(writer)
      try writer.finish()
    }
  }

  /// Adds an entry.
  ///
  /// - Parameters:
  ///   - name: A relative path, whose parts are separated by `/`.
  ///   - head: The first bytes.
  ///   - tensor: The rest.
  /// - Throws: `GraftError` when a zip archive cannot hold the name, or writing fails.
  public func append(_ name: String, _ head: [UInt8], _ tensor: LazyTensor? = nil) throws {
    let nameBytes = try Self.checked(name)
    let size = head.count + (tensor?.spec.byteCount ?? 0)
    let start = position
    let isLarge = size >= Int(UInt32.max)
    var extra: [UInt8] = isLarge ? bytes([1, 16], 2) + bytes([0, 0], 8) : []
    extra += padding(before: start + 30 + nameBytes.count + extra.count)
    let version = isLarge ? 45 : 20
    let small = isLarge ? Int(UInt32.max) : 0
    try emit(
      bytes([0x0403_4B50], 4) + bytes([version, Self.flags, 0, 0, Self.date], 2)
        + bytes([0, small, small], 4)
        + bytes([nameBytes.count, extra.count], 2) + nameBytes + extra)

    var checksum = CRC32()
    func emitContent(_ chunk: UnsafeRawBufferPointer) throws {
      checksum.add(chunk)
      try file.append(chunk)
      position += chunk.count
    }
    try head.withUnsafeBytes(emitContent)
    try tensor?.stream(emitContent)

    let crc = Int(checksum.value)
    try emit(bytes([0x0807_4B50, crc], 4) + bytes([size, size], isLarge ? 8 : 4))
    record(nameBytes, size, crc, start)
  }

  /// An extra field that fills up to the alignment, under the mark that PyTorch gives it.
  private func padding(before end: Int) -> [UInt8] {
    var count = (Self.alignment - end % Self.alignment) % Self.alignment
    if count == 0 { return [] }
    if count < 4 { count += Self.alignment }
    return bytes([0x4246, count - 4], 2) + [UInt8](repeating: UInt8(ascii: "Z"), count: count - 4)
  }

  private func record(_ name: [UInt8], _ size: Int, _ crc: Int, _ start: Int) {
    let most = Int(UInt32.max)
    let large: [Int] = (size >= most ? [size, size] : []) + (start >= most ? [start] : [])
    let extra: [UInt8] = large.isEmpty ? [] : bytes([1, large.count * 8], 2) + bytes(large, 8)
    // Made on a Unix, as a regular file that everybody may read.
    let version = large.isEmpty ? 20 : 45
    directory += bytes([0x0201_4B50], 4) + bytes([0x0300 + version, version, Self.flags, 0, 0, Self.date], 2)
    directory += bytes([crc, min(size, most), min(size, most)], 4)
    directory += bytes([name.count, extra.count, 0, 0, 0], 2) + bytes([0o100644 << 16, min(start, most)], 4)
    directory += name + extra
    count += 1
  }

  private func finish() throws {
    let (start, size) = (position, directory.count)
    try emit(directory)
    let (mostEntries, most) = (Int(UInt16.max), Int(UInt32.max))
    if count >= mostEntries || start >= most || size >= most {
      let end = position
      try emit(
        bytes([0x0606_4B50], 4) + bytes([44], 8) + bytes([0x032D, 45], 2) + bytes([0, 0], 4)
          + bytes([count, count, size, start], 8))
      try emit(bytes([0x0706_4B50, 0], 4) + bytes([end], 8) + bytes([1], 4))
    }
    let entries = min(count, mostEntries)
    try emit(
      bytes([0x0605_4B50], 4) + bytes([0, 0, entries, entries], 2)
        + bytes([min(size, most), min(start, most)], 4)
        + bytes([0], 2))
  }

  private func emit(_ bytes: [UInt8]) throws {
    try file.append(bytes)
    position += bytes.count
  }

  private static func checked(_ name: String) throws -> [UInt8] {
    guard ZipDirectory.isInside(name), !name.utf8.contains(0), name.utf8.count <= UInt16.max else {
      throw GraftError(
        .unsupported, "a zip archive cannot hold an entry of this name",
        subject: ZipDirectory.subject("\(name.prefix(80))"))
    }
    return Array(name.utf8)
  }
}

/// Numbers of a width, little-endian.
private func bytes(_ numbers: [Int], _ width: Int) -> [UInt8] {
  numbers.flatMap { number in (0..<width).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }
}
