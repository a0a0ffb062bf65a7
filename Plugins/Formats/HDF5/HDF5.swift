import Foundation
import GraftTensors

/// HDF5 as Keras, KerasHub and transformers' TensorFlow classes use it: a tensor's name is its path.
///
/// Contiguous, compact and chunked datasets, with deflate, shuffle and checksums, are read by Graft itself; what it
/// does not know, by libhdf5 in a process without rights, where that is installed. Texts in datasets are no
/// tensors; their paths are in the metadata, as are the root's attributes that are one text.
public struct HDF5Format: WeightFormat {
  public static let name = "hdf5"
  public static let usualDialect: String? = "transformers-tf"
  public static let fileDescription = "an HDF5 file"
  public static let fileNames = ["model.h5", "tf_model.h5", "model.weights.h5", "model.keras"]

  /// The metadata key that names the datasets that hold texts.
  static let stringsKey = "strings"
  /// The same for references.
  static let referencesKey = "references"

  public init() {}

  /// Opens an HDF5 file, or an archive `.keras` with one inside.
  public func open(_ file: RandomAccessFile) throws -> Weights? {
    try open(file) { try LibraryFile.weights(of: $0, since: $1) }
  }

  /// Opens the same by Graft's own reader.
  ///
  /// - Parameter other: Opens a file that has structures which it does not know, as the error says.
  package func open(
    _ file: RandomAccessFile, orElse other: (RandomAccessFile, GraftError) throws -> Weights
  ) throws -> Weights? {
    do {
      guard let start = try Self.start(of: file) else { return try KerasArchive.open(file, orElse: other) }
      do {
        guard start == 0 else {
          throw UnknownStructure("\(start) bytes of something else before the HDF5 file")
        }
        return try Tree(File(file), in: file).weights
      } catch let unknown as UnknownStructure {
        return try other(file, unknown.error)
      }
    } catch let error as GraftError {
      throw error.inFile(file.url.path)
    }
  }

  /// Where the signature stands: at the beginning, or behind a block of the user's, as MATLAB has one.
  private static func start(of file: RandomAccessFile) throws -> Int? {
    let blocks = [0] + (9...16).map { 1 << $0 }
    return try blocks.first { start in
      let end = start + File.signature.count
      return try end <= file.size && file.bytes(start..<end) == File.signature
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
