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

  /// Opens an array, in row-major order whatever its file has.
  ///
  /// - Throws: ``GraftError`` when the file is no such array, or has another length than its header says.
  public static func open(_ url: URL) throws -> LazyTensor {
    let file = try RandomAccessFile(url)
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
      throw error.inFile(url.path)
    }
  }
}
