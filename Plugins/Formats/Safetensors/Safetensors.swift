import Foundation
import GraftTensors

/// The safetensors container: a JSON header, then every tensor's bytes without a gap.
///
/// Opening reads the header only. A file is held to the rules of the reference implementation, and to a few
/// that its JSON parser cannot enforce: see ``Header``. Reference: https://github.com/huggingface/safetensors
public struct SafetensorsFormat: WeightFormat {
  public static let name = "safetensors"
  public static let fileDescription = "a safetensors file"
  public static let fileNames = ["model.safetensors"]
  public static let holdsScales = true

  public init() {}

  public func open(_ file: RandomAccessFile) throws -> Weights? {
    guard Header.begins(try file.head(Header.signatureLength)) else { return nil }
    do {
      let header = try Header(of: file)
      var weights = Weights(metadata: header.metadata)
      for entry in header.entries {
        weights[entry.name] = LazyTensor(
          entry.spec,
          in: file,
          at: header.byteCount + entry.offsets.lowerBound
        )
      }
      return weights
    } catch let error as GraftError {
      throw error.inFile(file.url.path)
    }
  }

  /// Writes one file: the header lists the tensors in their order, the bytes follow with the widest element
  /// types first, so that every element is aligned for readers that map the file.
  ///
  /// The metadata gets `"format": "pt"` unless it names a format: transformers refuses a file without it.
  public func write(_ weights: Weights, to url: URL) throws {
    do {
      let header = try Header(describing: weights)
      let text = try header.encoded()
      try FileWriter.write(url) { writer in
        try writer.append(text)
        for entry in header.entriesByOffset {
          do {
            if let tensor = weights[entry.name] { try writer.append(tensor) }
          } catch var error as GraftError {
            error.subject = error.subject ?? "tensor '\(entry.name)'"
            throw error
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
}
