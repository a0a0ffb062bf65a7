import CLinux
import Glibc

/// Writes all bytes at a file's position.
///
/// - Returns: 0, or the system's number for what went wrong.
package func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
  var done = 0
  while done < bytes.count {
    let count = write(descriptor, bytes.baseAddress! + done, bytes.count - done)
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { return count < 0 ? errno : EIO }
    done += count
  }
  return 0
}

/// Blocks that a growing file has allocated ahead: the disk is faster then. A file system need not be able to.
package struct Preallocation {
  /// How many bytes the file grows by: what a kill leaves allocated is no more.
  private static let step = 64 << 20

  private let descriptor: Int32
  private let mode: Int32
  /// Up to where blocks were asked for; `nil` when the file system has none ahead, and for what is no file.
  package private(set) var end: Int?

  /// - Parameters:
  ///   - descriptor: The file.
  ///   - end: How many bytes it has.
  ///   - keepsSize: Whether the file's size stays that of what is written.
  package init(_ descriptor: Int32, from end: Int = 0, keepsSize: Bool = false) {
    (self.descriptor, self.end) = (descriptor, end)
    mode = keepsSize ? FALLOC_FL_KEEP_SIZE : 0
  }

  /// Has blocks ready up to `position`, and more, but none beyond `size`. A full disk is for writing to find: less
  /// may be needed.
  package mutating func reserve(upTo position: Int, of size: Int = .max) {
    guard let end, position > end, end < size else { return }
    let added = min(max(Self.step, position - end), size - end)
    self.end = fallocate(descriptor, mode, off_t(end), off_t(added)) == 0 ? end + added : nil
  }
}
