import Checksums
import Foundation
import GraftCompute
import GraftTensors
import Zip
import Zlib

/// Changes of what is packed, with sizes and checksums that fit again.
enum Archives {
  private static let place = URL(filePath: "/dev/shm/archive")
  private static let mostUnpacked = 1 << 20

  typealias Entry = (name: [UInt8], content: [UInt8])

  /// The entries of a zip archive, none of which is large; `nil` of other bytes, and of one that is broken or empty.
  private static func entries(of bytes: [UInt8]) -> [Entry]? {
    guard isZip(bytes), let archive = try? ZipArchive(RandomAccessFile(bytes, named: place)) else {
      return nil
    }
    var entries: [Entry] = []
    for entry in archive.entries.values {
      guard let content = try? archive.bytes(of: entry, limit: mostUnpacked) else { return nil }
      entries.append((Array(entry.name.utf8), content))
    }
    return entries.isEmpty ? nil : entries
  }

  static func isZip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x50, 0x4B, 3, 4]) }

  /// Changes an entry of a zip archive, its name, or which entries there are; mostly what fits together in several.
  static func changeZip(
    _ bytes: [UInt8], _ generator: inout Philox, _ change: Structure.Change
  ) -> [UInt8]? {
    guard var entries = entries(of: bytes) else { return nil }
    if generator.nextWord() % 4 != 0, Bundles.change(&entries, &generator, change) { return zip(entries) }
    let index = Int(generator.nextWord()) % entries.count
    switch generator.nextWord() % 16 {
    case 0: entries[index].name = change(entries[index].name)
    case 1: entries.remove(at: index)
    case 2: entries.append((entries[index].name + [0x30], entries[index].content))
    case 3: entries.swapAt(index, 0)
    default:
      entries[index].content = Structure.changed(entries[index].content, &generator, change)
    }
    return zip(entries)
  }

  /// An archive of entries that are not compressed.
  private static func zip(_ entries: [Entry]) -> [UInt8] {
    var (file, directory) = ([UInt8](), [UInt8]())
    for (name, content) in entries where name.count < 1 << 16 {
      var checksum = CRC32()
      content.withUnsafeBytes { checksum.add($0) }
      // From the version that is needed to the length of the extra field.
      let head =
        [20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0] + Structure.littleEndian(checksum.value)
        + Structure.littleEndian(UInt32(content.count)) + Structure.littleEndian(UInt32(content.count))
        + Structure.littleEndian(UInt16(name.count)) + [0, 0]
      directory += [0x50, 0x4B, 1, 2, 20, 0] + head + [UInt8](repeating: 0, count: 10)
      directory += Structure.littleEndian(UInt32(file.count)) + name
      file += [0x50, 0x4B, 3, 4] + head + name + content
    }
    let count = Structure.littleEndian(UInt16(truncatingIfNeeded: entries.count))
    return file + directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count + count
      + Structure.littleEndian(UInt32(directory.count)) + Structure.littleEndian(UInt32(file.count)) + [0, 0]
  }

  /// Changes what a gzip file holds.
  static func changeGzip(
    _ bytes: [UInt8], _ generator: inout Philox, _ change: Structure.Change
  ) -> [UInt8]? {
    guard Gzip.isGzip(bytes), let reader = try? GzipReader(RandomAccessFile(bytes, named: place)) else {
      return nil
    }
    var content = [UInt8](repeating: 0, count: 1 << 16)
    guard let count = try? content.withUnsafeMutableBytes({ try reader.read(into: $0) }) else { return nil }
    return gzip(Structure.changed(Array(content[..<count]), &generator, change))
  }

  /// A gzip file of blocks that are not compressed.
  private static func gzip(_ content: [UInt8]) -> [UInt8] {
    var checksum = CRC32()
    content.withUnsafeBytes { checksum.add($0) }
    var file: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]
    var rest = content[...]
    repeat {
      let block = rest.prefix(65_535)
      rest = rest.dropFirst(block.count)
      let count = UInt16(block.count)
      file += [rest.isEmpty ? 1 : 0] + Structure.littleEndian(count) + Structure.littleEndian(~count) + block
    } while !rest.isEmpty
    return file + Structure.littleEndian(checksum.value) + Structure.littleEndian(UInt32(content.count))
  }
}
