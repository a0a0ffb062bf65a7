import Foundation
import GraftTensors
import Zip

/// What Keras saves as `.keras`: a zip with an HDF5 file of weights among its entries, and the model's configuration.
enum KerasArchive {
  private static let weightsName = "model.weights.h5"
  private static let configurationName = "config.json"
  private static let longestConfiguration = 1 << 22

  /// - Parameter other: As for ``HDF5Format/open(_:orElse:)``.
  /// - Returns: `nil` when the file is no such archive.
  static func open(
    _ file: RandomAccessFile, orElse other: (RandomAccessFile, GraftError) throws -> Weights
  ) throws -> Weights? {
    guard let archive = try ZipArchive.open(file, where: { $0.contains(weightsName) }),
      let entry = archive.entries[weightsName]
    else { return nil }
    try file.budget.take(entry.size, for: "the weights in the archive")
    let weights = LazyTensor(TensorSpec(.uint8, [entry.size]), in: archive, entry)
    var opened = try HDF5Format().open(RandomAccessFile(copying: weights, of: file), orElse: other)
    if let entry = archive.entries[configurationName] {
      let text = try archive.bytes(of: entry, limit: longestConfiguration)
      opened?.configuration = String(decoding: text, as: UTF8.self)
    }
    return opened
  }
}
