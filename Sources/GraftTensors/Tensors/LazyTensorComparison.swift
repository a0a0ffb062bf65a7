import Foundation

extension LazyTensor {
  /// Whether two tensors have one type, one shape and the same bytes.
  ///
  /// Nothing is read when types or shapes differ, or when both have one ``origin``. Otherwise two windows are in
  /// memory at most if either tensor can be read at any place, as one in a file can; of two that can only be
  /// streamed, one is buffered. Reading ends at the first difference.
  ///
  /// - Throws: what reading throws.
  public func isIdentical(to other: LazyTensor) throws -> Bool {
    guard spec == other.spec else { return false }
    guard spec.byteCount > 0, origin != other.origin else { return true }
    if other.reader == nil, reader != nil { return try other.isIdentical(to: self) }
    guard let reader = try other.reader ?? LazyTensor(spec, bytes: other.bytes()).reader else { return false }
    let size = min(LazyTensor.windowSize, spec.byteCount)
    do {
      try withUnsafeTemporaryAllocation(byteCount: size, alignment: 64) { window in
        var position = 0
        try stream { chunk in
          // A source may hand on more than a window at a time.
          for start in stride(from: 0, to: chunk.count, by: size) {
            let count = min(size, chunk.count - start)
            try reader(UnsafeMutableRawBufferPointer(rebasing: window[..<count]), position)
            guard let left = chunk.baseAddress, let right = window.baseAddress,
              memcmp(left + start, right, count) == 0
            else { throw Difference() }
            position += count
          }
        }
      }
      return true
    } catch is Difference {
      return false
    }
  }

  /// Ends a stream early.
  private struct Difference: Error {}
}
