import Foundation
import GraftTensors

/// A single array in a file, NumPy's `.npy`.
public enum NPY {
  /// Writes an array, row-major and little-endian.
  ///
  /// - Throws: ``GraftError`` when NumPy does not have the type, or the file cannot be written.
  public static func write(_ tensor: LazyTensor, to url: URL) throws {
    let header = try NPYHeader(tensor.spec).encoded()
    try FileWriter.write(url) { file in
      try file.append(header)
      try file.append(tensor)
    }
  }

  /// Writes an array of float32 whose rows come one after another, `[rows, width]`.
  ///
  /// - Parameter body: Is given what adds rows: a multiple of `width` numbers.
  /// - Throws: what `body` throws, and ``GraftError`` when the file cannot be written, or is no regular file: the number of
  ///   rows stands before them.
  public static func write<Result>(
    rowsOf width: Int, to url: URL,
    _ body: (_ add: (UnsafeBufferPointer<Float>) throws -> Void) throws -> Result
  ) throws -> Result {
    try FileWriter.write(url) { file in
      func header(_ rows: Int) throws -> [UInt8] {
        try NPYHeader(TensorSpec(.float32, [rows, width])).encoded()
      }
      let first = try header(0)
      try file.append(first)
      var count = 0
      let result = try body { rows in
        count += rows.count
        try file.append(UnsafeRawBufferPointer(rows))
      }
      let last = try header(count / width)
      // NumPy pads headers, so that those of all arrays that a disk has room for are of one length.
      precondition(last.count == first.count, "a header of \(last.count) bytes where \(first.count) are")
      try file.replaceStart(with: last)
      return result
    }
  }

  /// Opens an array, in row-major order whatever its file has.
  ///
  /// - Throws: ``GraftError`` when the file is no such array, or has another length than its header says.
  public static func open(_ url: URL) throws -> LazyTensor { try open(RandomAccessFile(url)) }

  /// Opens an array whose file is open.
  package static func open(_ file: RandomAccessFile) throws -> LazyTensor {
    do {
      var head = try file.head(128)
      let needed = try NPYHeader.byteCount(head)
      if needed > head.count { head = try file.head(needed) }
      let header = try NPYHeader(head)
      guard file.size - header.byteCount == header.spec.byteCount else {
        throw GraftError(
          .malformed, "the array does not have the length of \(header.spec)",
          expected: "\(header.spec.byteCount) bytes", found: "\(file.size - header.byteCount)",
          advice: "Copy or download it again.")
      }
      return try header.arranged(LazyTensor(header.spec, in: file, at: header.byteCount))
    } catch let error as GraftError {
      throw error.inFile(file.url.path)
    }
  }
}
