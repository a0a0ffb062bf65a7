import Checksums
import Foundation
import GraftTensors
import Synchronization
import Zlib

extension ZipArchive {
  /// The bytes of an entry that should be small.
  ///
  /// - Parameter limit: The most bytes that are unpacked.
  /// - Throws: `GraftError` when the entry is larger or corrupt.
  public func bytes(of entry: Entry, limit: Int) throws -> [UInt8] {
    guard entry.size <= limit else {
      throw GraftError(
        .malformed, "too large for an entry of its kind", file: file.url.path,
        subject: ZipDirectory.subject(entry.name), expected: "at most \(limit) bytes", found: "\(entry.size)")
    }
    return try LazyTensor(TensorSpec(.uint8, [entry.size]), in: self, entry).bytes()
  }

  /// The first bytes of an entry, at most `count`, unchecked.
  ///
  /// - Throws: `GraftError` when the entry is corrupt.
  public func head(of entry: Entry, _ count: Int) throws -> [UInt8] {
    let count = min(count, entry.size)
    return try Array(unsafeUninitializedCapacity: count) { buffer, filled in
      try Unpacking(self, entry).read(into: UnsafeMutableRawBufferPointer(buffer))
      filled = count
    }
  }
}

extension LazyTensor {
  /// A tensor that is the rest of a zip entry from an offset on, in this machine's byte order.
  ///
  /// Whoever reads its bytes gets what the archive's checksum vouches for: it is held against the entry
  /// while that streams, or before the first time it is read at any place.
  ///
  /// - Precondition: `offset + spec.byteCount` is the entry's size.
  public init(_ spec: TensorSpec, in archive: ZipArchive, _ entry: ZipArchive.Entry, from offset: Int = 0) {
    precondition(offset + spec.byteCount == entry.size, "\(spec) at \(offset) of \(entry.size) bytes")
    let source: @Sendable (Consumer) throws -> Void = { consume in
      try archive.unpack(entry, from: offset, consume)
    }
    // Another offset into deflated bytes is another tensor.
    let origin =
      entry.isDeflated
      ? TensorOrigin(
        archive.file, at: entry.range.lowerBound, byteCount: entry.range.count, isPacked: true)
      : TensorOrigin(archive.file, at: entry.range.lowerBound + offset, byteCount: spec.byteCount)
    guard !entry.isDeflated else {
      self.init(spec, origin: origin, source: source)
      return
    }
    let verification = Verification()
    self.init(spec, origin: origin, source: source) { buffer, position in
      try verification.once { try archive.unpack(entry, from: offset) { _ in } }
      try archive.file.read(into: buffer, at: entry.range.lowerBound + offset + position)
    }
  }
}

/// Something that has to succeed before anything else, and then need not be repeated.
private final class Verification: Sendable {
  private let isDone = Mutex(false)

  func once(_ body: () throws -> Void) throws {
    try isDone.withLock { isDone in
      if !isDone { try body() }
      isDone = true
    }
  }
}

extension ZipArchive {
  /// Streams an entry through a window, leaving out its first bytes, and checks all of it.
  fileprivate func unpack(_ entry: Entry, from offset: Int, _ consume: LazyTensor.Consumer) throws {
    let unpacking = try Unpacking(self, entry)
    var checksum = CRC32()
    let size = min(LazyTensor.windowSize, max(entry.size - offset, min(offset, entry.size)))
    try withUnsafeTemporaryAllocation(byteCount: size, alignment: 64) { window in
      var position = 0
      while position < entry.size {
        let end = position < offset ? offset : entry.size
        let chunk = UnsafeMutableRawBufferPointer(rebasing: window[..<min(size, end - position)])
        try unpacking.read(into: chunk)
        let bytes = UnsafeRawBufferPointer(chunk)
        checksum.add(bytes)
        if position >= offset { try consume(bytes) }
        position += chunk.count
      }
    }
    try unpacking.finish()
    guard checksum.value == entry.checksum else { throw error(entry, "its checksum is wrong") }
  }

  fileprivate func error(_ entry: Entry, _ what: String) -> GraftError {
    GraftError(
      .malformed, "the entry is corrupt: \(what)", file: file.url.path,
      subject: ZipDirectory.subject(entry.name), advice: ZipDirectory.again)
  }
}

/// An entry that is unpacked from its beginning to its end.
private final class Unpacking {
  private let archive: ZipArchive
  private let entry: ZipArchive.Entry
  private let inflater: InflateStream?
  private var position = 0
  /// Whether the end mark of deflated data has been met.
  private var isAtEnd = false

  init(_ archive: ZipArchive, _ entry: ZipArchive.Entry) throws {
    (self.archive, self.entry) = (archive, entry)
    inflater = entry.isDeflated ? try InflateStream(archive.file, entry.range, .raw) : nil
  }

  /// Fills a buffer with the next bytes.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws {
    guard let inflater else {
      try archive.file.read(into: buffer, at: entry.range.lowerBound + position)
      position += buffer.count
      return
    }
    var filled = 0
    while filled < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
      let count = try inflate(inflater, into: rest)
      filled += count
      guard filled == buffer.count || (count > 0 && !isAtEnd) else {
        throw archive.error(entry, "it unpacks to fewer bytes than the directory says")
      }
    }
  }

  /// Demands that nothing is left.
  func finish() throws {
    guard let inflater else { return }
    let excess = try withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) {
      try inflate(inflater, into: $0)
    }
    guard excess == 0, isAtEnd, inflater.offset == entry.range.upperBound else {
      throw archive.error(entry, "it does not unpack to as many bytes as the directory says")
    }
  }

  private func inflate(_ inflater: InflateStream, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard !isAtEnd else { return 0 }
    do {
      let (count, isEnd) = try inflater.inflate(into: buffer)
      isAtEnd = isEnd
      return count
    } catch var error as GraftError {
      error.subject = ZipDirectory.subject(entry.name)
      throw error
    }
  }
}
