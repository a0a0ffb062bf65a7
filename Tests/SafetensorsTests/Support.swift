/// A file's first eight bytes, for a header of `count` bytes.
func length(_ count: UInt64) -> [UInt8] { withUnsafeBytes(of: count.littleEndian, Array.init) }

/// A file: the length, a header, and `data` bytes of zero.
func file(_ header: String, data: Int = 0) -> [UInt8] {
  length(UInt64(header.utf8.count)) + Array(header.utf8) + [UInt8](repeating: 0, count: data)
}
