import CLinux
import Foundation
import Glibc
import Synchronization

/// Collects bytes and writes them on a thread of its own, so that reading goes on meanwhile.
///
/// The disk starts at once as well, and finds its blocks allocated: what is left to do for `fsync` at the end is
/// short then.
final class BackgroundWriter {
  /// Large enough for threads to wait for each other rarely.
  private static let bufferSize = 1 << 20
  private static let bufferCount = 3

  private let descriptor: Int32
  /// Taken in turn; the one that is filled, and how many bytes of it are.
  private var buffers: [UnsafeMutableRawBufferPointer] = []
  private var current = 0
  private var filled = 0
  private var position = 0
  /// Of a file that is larger than a buffer.
  private var blocks: Preallocation
  private let queue = DispatchQueue(label: "graft.writing")
  private let free = DispatchSemaphore(value: BackgroundWriter.bufferCount - 1)
  private let failure = Failure()

  /// The system's number for the first thing that went wrong.
  private final class Failure: Sendable {
    let code = Atomic<Int32>(0)
  }

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    blocks = Preallocation(descriptor)
  }

  deinit {
    queue.sync {}
    for buffer in buffers { buffer.deallocate() }
  }

  /// Adds bytes to the end.
  ///
  /// - Returns: 0, or the system's number for what went wrong, with earlier bytes it may be.
  func append(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    var rest = bytes[...]
    while !rest.isEmpty {
      if filled == Self.bufferSize { handOver() }
      if current == buffers.count { buffers.append(.allocate(byteCount: Self.bufferSize, alignment: 4096)) }
      let part = rest.prefix(Self.bufferSize - filled)
      UnsafeMutableRawBufferPointer(rebasing: buffers[current][filled...]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: part))
      filled += part.count
      rest = rest.dropFirst(part.count)
    }
    return failure.code.load(ordering: .relaxed)
  }

  /// Writes what is left, waits for all of it, and gives back what is allocated beyond it.
  ///
  /// - Returns: 0, or the system's number for what went wrong.
  func finish() -> Int32 {
    if filled > 0 { handOver() }
    queue.sync {}
    let code = failure.code.load(ordering: .relaxed)
    guard code == 0, blocks.end != 0 else { return code }
    // A file system may have allocated a part of what it then refused. What is no file has no end to set.
    return ftruncate(descriptor, off_t(position)) == 0 || errno == EINVAL ? 0 : errno
  }

  private func handOver() {
    if position > 0 || filled == Self.bufferSize { blocks.reserve(upTo: position + filled) }
    nonisolated(unsafe) let full = UnsafeRawBufferPointer(rebasing: buffers[current][..<filled])
    queue.async { [descriptor, failure, free, position] in
      if failure.code.load(ordering: .relaxed) == 0 {
        let code = writeAll(full, to: descriptor)
        if code == 0 { _ = sync_file_range(descriptor, position, full.count, SYNC_FILE_RANGE_WRITE) }
        failure.code.store(code, ordering: .relaxed)
      }
      free.signal()
    }
    position += filled
    // Buffers are written in turn, so that the next one is free when so many are.
    free.wait()
    (current, filled) = ((current + 1) % Self.bufferCount, 0)
  }
}
