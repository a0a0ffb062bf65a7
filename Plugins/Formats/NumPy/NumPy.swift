import Foundation
import GraftTensors
import NPY
import Zip

/// NumPy's archive of arrays: a zip with an `.npy` file for each, stored or deflated.
///
/// Arrays in Fortran order or of big-endian machines are read as the others. NumPy has no bfloat16, so that
/// writing one is refused. Reference: `numpy.savez`, `numpy/lib/format.py`.
public struct NPZFormat: WeightFormat {
  public static let name = "npz"
  public static let fileDescription = "a NumPy archive"
  public static let fileNames = ["model.npz"]
  public static let storageTypes: [StorageType] = [.float32, .float16]

  private static let suffix = ".npy"
  /// What the header of an array of few extents has.
  private static let usualHeaderSize = 128

  public init() {}

  /// Opens an archive of arrays, or of nothing: that is how NumPy writes no array.
  public func open(_ file: RandomAccessFile) throws -> Weights? {
    do {
      guard
        let archive = try ZipArchive.open(
          file, where: { $0.isEmpty || $0.contains { $0.hasSuffix(Self.suffix) } })
      else { return nil }
      var weights = Weights()
      for entry in archive.entries.values where entry.name.hasSuffix(Self.suffix) {
        let name = String(entry.name.dropLast(Self.suffix.count))
        weights[name] = try Self.naming(name) { try Self.array(in: archive, entry) }
      }
      return weights
    } catch let error as GraftError {
      throw error.inFile(file.url.path)
    }
  }

  private static func array(in archive: ZipArchive, _ entry: ZipArchive.Entry) throws -> LazyTensor {
    var head = try archive.head(of: entry, Self.usualHeaderSize)
    let needed = try NPYHeader.byteCount(head)
    if needed > head.count { head = try archive.head(of: entry, needed) }
    let header = try NPYHeader(head)
    guard entry.size - header.byteCount == header.spec.byteCount else {
      throw GraftError(
        .malformed, "the array does not have the length of \(header.spec)",
        expected: "\(header.spec.byteCount) bytes", found: "\(entry.size - header.byteCount)",
        advice: "Copy or download it again.")
    }
    return try header.arranged(LazyTensor(header.spec, in: archive, entry, from: header.byteCount))
  }

  public func write(_ weights: Weights, to url: URL) throws {
    do {
      try ZipWriter.write(url) { archive in
        for (name, tensor) in weights.tensors {
          try Self.naming(name) {
            try archive.append(name + Self.suffix, NPYHeader(tensor.spec).encoded(), tensor)
          }
        }
      }
    } catch let error as GraftError {
      throw error.inFile(url.path)
    }
  }

  public func write(_ weights: Weights, to url: URL, limit: Int?) throws {
    try ShardIndex.write(weights, to: url, limit: limit, format: self)
  }

  /// Runs `body`, whose errors are about a tensor.
  private static func naming<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch var error as GraftError {
      error.subject = "tensor '\(name)'"
      throw error
    }
  }
}
