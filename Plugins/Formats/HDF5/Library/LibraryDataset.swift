import CHDF5
import GraftTensors

/// A dataset of numbers in a file that libhdf5 reads.
struct LibraryDataset: StoredDataset {
  /// How many bytes are asked for at a time, where chunks do not make it more.
  private static let windowSize = 1 << 21

  let spec: TensorSpec
  let storedByteCount: Int
  private let address: Int
  private let isBigEndian: Bool
  private let storage: Storage
  private let readers: LibraryReaders

  private enum Storage {
    case none
    /// Graft reads it itself.
    case contiguous(offset: Int)
    /// The process reads as many rows at a time as chunks have, and holds some chunks.
    case rows(count: Int, chunkByteCount: Int)
  }

  /// - Throws: ``GraftError`` when what the process says is not possible, or the dataset is not all in this file.
  init(
    _ description: DatasetDescription, _ dtype: DType, at address: Int, in file: RandomAccessFile,
    _ readers: LibraryReaders
  ) throws {
    guard let spec = TensorSpec(validating: dtype, description.shape) else {
      throw GraftError(.malformed, "the shape \(description.shape) is larger than any file")
    }
    guard spec.byteCount <= file.budget.work else {
      throw GraftError(
        .refused, "\(spec) is larger than what a file of this size should hold",
        expected: "at most \(file.budget.work >> 20) MiB")
    }
    guard description.storedByteCount <= file.size else {
      throw GraftError(
        .malformed, "more bytes are stored than the file has", expected: "at most \(file.size)",
        found: "\(description.storedByteCount)")
    }
    (self.spec, self.address, self.readers) = (spec, address, readers)
    isBigEndian = description.isBigEndian
    switch description.storage {
    case GraftHDF5Outside: throw GraftError(.unsupported, "its data stands in another file")
    case _ where spec.elementCount == 0: storage = .none
    case GraftHDF5NeverWritten: throw GraftError(.missing, "the dataset was never written")
    case GraftHDF5LacksChunk: throw GraftError(.missing, "a chunk was never written")
    case GraftHDF5LacksPart: throw GraftError(.missing, "a part of the virtual dataset was never written")
    case GraftHDF5Contiguous where description.isStored:
      guard let offset = description.offset, offset <= file.size, spec.byteCount <= file.size - offset else {
        throw GraftError(
          .malformed, "truncated: a part of the file is behind its end", advice: "Copy or download it again.")
      }
      storage = .contiguous(offset: offset)
    default: storage = try Self.rows(spec, chunk: description.chunk, most: file.budget.work)
    }
    storedByteCount =
      switch storage {
      case .none: 0
      case .contiguous: spec.byteCount
      case .rows: description.storedByteCount
      }
  }

  /// How many rows are read at a time: as many as chunks have, so that each chunk is unpacked once.
  private static func rows(_ spec: TensorSpec, chunk: [Int], most: Int) throws -> Storage {
    guard let first = spec.shape.first else { return .rows(count: 1, chunkByteCount: 0) }
    guard let whole = TensorSpec(validating: spec.dtype, chunk), whole.byteCount <= most else {
      throw GraftError(.malformed, "chunks of a shape that is not possible", found: "\(chunk)")
    }
    let chunkRows = max(1, chunk[0])
    let rowByteCount = spec.byteCount / first
    let (slab, overflow) = chunkRows.multipliedReportingOverflow(by: rowByteCount)
    let slabs = overflow ? 1 : max(1, windowSize / slab)
    let (count, isMore) = slabs.multipliedReportingOverflow(by: chunkRows)
    return .rows(count: isMore ? first : min(first, count), chunkByteCount: whole.byteCount)
  }

  func tensor(_ name: String, in file: RandomAccessFile) -> LazyTensor {
    switch storage {
    case .none: return LazyTensor(spec, bytes: [])
    case .contiguous(let offset):
      let stored = LazyTensor(spec, in: file, at: offset)
      return isBigEndian ? stored.byteSwapped() : stored
    case .rows(let count, let chunkByteCount):
      let origin = TensorOrigin(file, at: address, byteCount: storedByteCount, isPacked: true)
      return LazyTensor(spec, origin: origin) { consume in
        do {
          let rowByteCount = spec.byteCount / (spec.shape.first ?? 1)
          // A chunk is there as it is stored, as it is meant, and once more where a filter rearranges it.
          try file.budget.holding(count * rowByteCount + 3 * chunkByteCount, for: "a chunk of the data") {
            try stream(count, rowByteCount, consume)
          }
        } catch var error as GraftError {
          error.subject = error.subject ?? "tensor '\(name)'"
          throw error.inFile(file.url.path)
        }
      }
    }
  }

  private func stream(_ count: Int, _ rowByteCount: Int, _ consume: LazyTensor.Consumer) throws {
    let rows = spec.shape.first ?? 1
    for first in stride(from: 0, to: rows, by: count) {
      let many = min(count, rows - first)
      try readers.withReader(window: count * rowByteCount) { reader in
        try reader.ask(GraftHDF5Read, about: address, rows: first..<(first + many))
        try LazyTensor.chunks(
          of: UnsafeRawBufferPointer(rebasing: reader.window[..<(many * rowByteCount)]),
          elementSize: spec.dtype.byteCount, consume)
      }
    }
  }
}
