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
}
