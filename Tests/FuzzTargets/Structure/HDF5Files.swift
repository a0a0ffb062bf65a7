import GraftCompute
import HDF5

extension Structure {
  /// Changes an HDF5 file, and puts its checksums right.
  static func changeHDF5(_ bytes: [UInt8], _ generator: inout Philox, _ change: Change) -> [UInt8]? {
    guard bytes.count > 64, bytes.starts(with: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]) else {
      return nil
    }
    var changed = change(bytes)
    sealHDF5(&changed)
    return changed
  }

  /// Puts the checksums of the structures since HDF5 1.8 right, as far as their lengths are known.
  public static func sealHDF5(_ bytes: inout [UInt8]) {
    /// How long parts are before their checksums.
    let lengths = ["FRHP": 142, "BTHD": 34, "FAHD": 24, "EAHD": 68]
    func put(_ start: Int, _ count: Int) {
      guard start + count + 4 <= bytes.count else { return }
      bytes.replaceSubrange(
        (start + count)..<(start + count + 4), with: littleEndian(checksum(bytes[start..<(start + count)])))
    }
    guard bytes.count > 64 else { return }
    if bytes[8] >= 2 { put(0, 44) }
    for start in 0..<(bytes.count - 16) where (0x41...0x5A).contains(bytes[start]) {
      let name = String(decoding: bytes[start..<(start + 4)], as: UTF8.self)
      if let length = lengths[name] { put(start, length) }
      guard name == "OHDR" else { continue }
      let flags = Int(bytes[start + 5])
      let begin = 6 + (flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0)
      let width = 1 << (flags & 3)
      guard width < 8, start + begin + width <= bytes.count else { continue }
      let size = bytes[(start + begin)..<(start + begin + width)].reversed().reduce(0) { $0 << 8 | Int($1) }
      put(start, begin + width + size)
    }
  }
}
