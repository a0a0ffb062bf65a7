import Foundation
import GraftCore
import GraftTensors

/// Registers the weight format `gguf`.
public enum GGUFPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(GGUFFormat.self)
  }
}

/// The container of ggml and llama.cpp: a whole model in one file, its numbers and tokenizer before the tensors.
///
/// Versions 2 and 3 are read, little-endian, with tensors of the types that Graft has and of ``Q8Block``s; the
/// other block types of ggml are refused by name. A file is held to the rules of ggml's own reader, `ggml/src/gguf.cpp`:
/// tensors follow each other in their order, each padded to the alignment. It has to be whole, and nothing may follow.
public struct GGUFFormat: WeightFormat {
  public static let name = "gguf"
  public static let fileDescription = "a GGUF file"
  public static let fileNames = ["model.gguf"]
  public static let dialect: String? = "gguf"
  public static let storageTypes = StorageType.allCases

  public init() {}

  public func open(_ file: RandomAccessFile) throws -> Weights? {
    guard try file.head(Header.magic.count) == Header.magic else { return nil }
    do {
      let header = try Header(of: file)
      var weights = Weights()
      weights.attributes = header.attributes
      for entry in header.entries {
        let offset = header.byteCount + entry.offset
        weights[entry.name] =
          entry.type == .q8_0
          ? LazyTensor(blocksOf: entry.spec, in: file, at: offset)
          : LazyTensor(entry.spec, in: file, at: offset)
      }
      return weights
    } catch let error as GraftError {
      throw error.inFile(file.url.path)
    }
  }

  /// Writes one file. With attributes it also gets those that are the container's: the type of most of the
  /// tensors, and the version of the blocks.
  public func write(_ weights: Weights, to url: URL) throws {
    do {
      let header = try Header(describing: weights)
      let text = try header.encoded()
      try FileWriter.write(url) { writer in
        try writer.append(text)
        for (entry, tensor) in zip(header.entries, weights.tensors.values) {
          do {
            try entry.type == .q8_0 ? tensor.streamBlocks(writer.append) : writer.append(tensor)
            let padding = Header.alignment - 1 - (entry.byteCount + Header.alignment - 1) % Header.alignment
            try writer.append([UInt8](repeating: 0, count: padding))
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
}
