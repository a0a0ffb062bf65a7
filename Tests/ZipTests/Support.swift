import CZlib
import TestSupport
import Foundation
import GraftTensors
import Testing
import Zip

/// Numbers of a width, little-endian.
func numbers(_ values: [Int], _ width: Int) -> [UInt8] {
  values.flatMap { value in (0..<width).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
}

/// A zip archive, assembled by hand so that each of its fields can lie.
struct Archive {
  struct Entry {
    var name = "a"
    var data: [UInt8] = Array("hello".utf8)
    var method = 0
    var flags = 0
    var packed: Int?
    var size: Int?
    var checksum: Int?
    /// Where the directory says that the entry is; where it is when `nil`.
    var offset: Int?
    var extra: [UInt8] = []
    /// What the entry's own header says, where it differs.
    var local: (name: String?, method: Int?, packed: Int?, size: Int?) = (nil, nil, nil, nil)
  }

  var entries = [Entry()]
  var count: Int?
  var directorySize: Int?
  var directoryStart: Int?
  var disk = 0
  var comment: [UInt8] = []
  /// What stands between the directory and the end.
  var beforeEnd: [UInt8] = []

  var bytes: [UInt8] {
    var (content, directory): ([UInt8], [UInt8]) = ([], [])
    for entry in entries {
      let start = content.count
      let crc = entry.checksum ?? Int(crc32_z(0, entry.data, entry.data.count))
      let (packed, size) = (entry.packed ?? entry.data.count, entry.size ?? entry.data.count)
      let localName = Array((entry.local.name ?? entry.name).utf8)
      content +=
        numbers([0x0403_4B50], 4) + numbers([20, entry.flags, entry.local.method ?? entry.method, 0, 33], 2)
      content += numbers([crc, entry.local.packed ?? packed, entry.local.size ?? size], 4)
      content += numbers([localName.count, 0], 2) + localName + entry.data
      let name = Array(entry.name.utf8)
      directory += numbers([0x0201_4B50], 4) + numbers([20, 20, entry.flags, entry.method, 0, 33], 2)
      directory += numbers([crc, packed, size], 4) + numbers([name.count, entry.extra.count, 0, 0, 0], 2)
      directory += numbers([0, entry.offset ?? start], 4) + name + entry.extra
    }
    let end =
      numbers([0x0605_4B50], 4) + numbers([disk, disk, count ?? entries.count, count ?? entries.count], 2)
    return content + directory + beforeEnd + end
      + numbers([directorySize ?? directory.count, directoryStart ?? content.count], 4)
      + numbers([comment.count], 2) + comment
  }
}

/// Raw deflated data, as an archive holds them.
func deflated(_ bytes: [UInt8]) -> [UInt8] {
  var stream = z_stream()
  deflateInit2_(&stream, 9, Z_DEFLATED, -15, 8, 0, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
  defer { deflateEnd(&stream) }
  var input = bytes
  var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))))
  return input.withUnsafeMutableBufferPointer { input in
    let count = output.withUnsafeMutableBufferPointer { output in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      stream.next_out = output.baseAddress
      stream.avail_out = UInt32(output.count)
      deflate(&stream, Z_FINISH)
      return Int(stream.total_out)
    }
    return Array(output[..<count])
  }
}

/// Opens an archive and unpacks every entry.
func unpack(_ bytes: [UInt8], limit: Int = 1 << 24) throws -> [String: [UInt8]] {
  try withTemporaryDirectory { directory in
    let url = directory.appendingPathComponent("a.zip")
    try Data(bytes).write(to: url)
    do {
      let archive = try ZipArchive(RandomAccessFile(url))
      return try Dictionary(
        uniqueKeysWithValues: archive.entries.map { ($0.key, try archive.bytes(of: $0.value, limit: limit)) })
    } catch var error as GraftError {
      #expect(error.file == url.path)
      error.file = nil
      throw error
    }
  }
}

func crc(_ bytes: [UInt8]) -> UInt { crc32_z(0, bytes, bytes.count) }
