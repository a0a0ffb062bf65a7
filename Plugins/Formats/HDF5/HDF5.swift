import Foundation
import GraftTensors

/// HDF5 as Keras, KerasHub and transformers' TensorFlow classes use it: a tensor's name is its path.
///
/// Contiguous, compact and chunked datasets, with deflate, shuffle and checksums. Texts in datasets are no
/// tensors; their paths are in the metadata, as are the root's attributes that are one text.
public struct HDF5Format: WeightFormat {
  public static let name = "hdf5"
  public static let usualDialect: String? = "transformers-tf"
  public static let fileDescription = "an HDF5 file"
  public static let fileNames = ["model.h5", "tf_model.h5", "model.weights.h5"]

  /// The metadata key that names the datasets that hold texts.
  static let stringsKey = "strings"

  public init() {}

  public func open(_ file: RandomAccessFile) throws -> Weights? {
    guard try file.head(File.signature.count) == File.signature else { return nil }
    do {
      return try Tree(File(file)).weights
    } catch let error as GraftError {
      throw error.inFile(file.url.path)
    }
  }

  /// Writes one file in the structures of HDF5 1.8, tensors in their order as far as their paths allow it.
  public func write(_ weights: Weights, to url: URL) throws {
    do {
      let layout = try Writer(weights)
      try FileWriter.write(url) { writer in
        try writer.append(layout.head)
        var end = layout.head.count
        for (name, tensor, address) in layout.tensors {
          try writer.append([UInt8](repeating: 0, count: address - end))
          do {
            try writer.append(tensor)
          } catch var error as GraftError {
            error.subject = error.subject ?? "tensor '\(name)'"
            throw error
          }
          end = address + tensor.spec.byteCount
        }
      }
    } catch let error as GraftError {
      throw error.inFile(url.path)
    }
  }
}
