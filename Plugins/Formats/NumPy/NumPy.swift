import Foundation
import GraftCore
import GraftTensors
import Zip

/// Registers the weight format `npz`.
public enum NumPyPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(NPZFormat.self)
  }
}

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

extension NPYHeader {
  /// The array in row-major order and little-endian.
  fileprivate func arranged(_ stored: LazyTensor) throws -> LazyTensor {
    let tensor = isBigEndian ? stored.byteSwapped() : stored
    guard isFortranOrder else { return tensor }
    var strides: [Int] = []
    var stride = 1
    for extent in spec.shape {
      strides.append(stride)
      // A zero later on allows the product of the others to be anything.
      stride = stride.multipliedReportingOverflow(by: extent).partialValue
    }
    let flat = tensor.reshaped([spec.elementCount])
    guard let array = flat.strided(spec.shape, strides: strides, from: 0) else {
      throw GraftError(.malformed, "the shape \(spec.shape) does not fit the array")
    }
    return array
  }
}

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
