import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Collects bytes and writes them on a thread of its own, so that reading goes on meanwhile.
///
/// The disk starts at once as well: what is left to do for `fsync` at the end is short then.
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
  private let queue = DispatchQueue(label: "graft.writing")
  private let free = DispatchSemaphore(value: BackgroundWriter.bufferCount - 1)
  private let failure = Failure()

  /// The system's number for the first thing that went wrong.
  private final class Failure: Sendable {
    let code = Atomic<Int32>(0)
  }

  init(_ descriptor: Int32) { self.descriptor = descriptor }

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

  /// Writes what is left, and waits for all of it.
  ///
  /// - Returns: 0, or the system's number for what went wrong.
  func finish() -> Int32 {
    if filled > 0 { handOver() }
    queue.sync {}
    return failure.code.load(ordering: .relaxed)
  }

  private func handOver() {
    nonisolated(unsafe) let full = UnsafeRawBufferPointer(rebasing: buffers[current][..<filled])
    queue.async { [descriptor, failure, free, position] in
      if failure.code.load(ordering: .relaxed) == 0 {
        let code = Self.write(full, to: descriptor)
        if code == 0 { Self.startSaving(descriptor, position, full.count) }
        failure.code.store(code, ordering: .relaxed)
      }
      free.signal()
    }
    position += filled
    // Buffers are written in turn, so that the next one is free when so many are.
    free.wait()
    (current, filled) = ((current + 1) % Self.bufferCount, 0)
  }

  /// Writes all bytes at a file's position.
  ///
  /// - Returns: 0, or the system's number for what went wrong.
  private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
    var done = 0
    while done < bytes.count {
      let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return errno }
      done += count
    }
    return 0
  }

  /// Has Linux bring a part of a file to the disk without waiting for it; elsewhere, nothing.
  private static func startSaving(_ descriptor: Int32, _ offset: Int, _ count: Int) {
    let start: UInt32 = 2  // SYNC_FILE_RANGE_WRITE
    _ = syncFileRange?(descriptor, Int64(offset), Int64(count), start)
  }

  /// Glibc's module for Swift hides it.
  private static let syncFileRange = dlsym(nil, "sync_file_range").map {
    unsafeBitCast($0, to: (@convention(c) (Int32, Int64, Int64, UInt32) -> Int32).self)
  }
}
