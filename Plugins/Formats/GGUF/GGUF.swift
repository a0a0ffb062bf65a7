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
public struct GGUFFormat: ModelFormat {
  public static let name = "gguf"
  public static let fileDescription = "a GGUF file"
  public static let fileNames = ["model.gguf"]
  public static let dialect = "gguf"
  public static let holdsGraph = false
  public static let storageTypes: [StorageType] = [.float32, .float16, .bfloat16, .q8_0]

  public init() {}

  public func open(_ file: RandomAccessFile) throws -> ModelFile? {
    guard try file.head(Header.magic.count) == Header.magic else { return nil }
    do {
      let header = try Header(of: file)
      var weights = Weights()
      for entry in header.entries {
        let offset = header.byteCount + entry.offset
        weights[entry.name] =
          entry.type == .q8_0
          ? LazyTensor(blocksOf: entry.spec, in: file, at: offset)
          : LazyTensor(entry.spec, in: file, at: offset)
      }
      return ModelFile(weights, attributes: header.attributes)
    } catch let error as GraftError {
      throw error.inFile(file.url.path)
    }
  }

  /// Writes one file. With attributes it also gets those that are the container's: the type of most of the
  /// tensors, and the version of the blocks.
  public func write(_ model: ModelFile, to url: URL, limit: Int?) throws {
    let weights = model.weights
    if let limit, ShardIndex.split(weights, limit: limit).count > 1 {
      throw GraftError.allInOneFile(Self.name, weights, url, limit: limit)
    }
    do {
      let header = try Header(describing: model)
      let text = try header.encoded()
      try FileWriter.write(url) { writer in
        try writer.append(text)
        for (entry, tensor) in zip(header.entries, weights.tensors.values) {
          do {
            let converted = tensor.converted(to: entry.spec.dtype)
            try entry.type == .q8_0 ? converted.streamBlocks(writer.append) : writer.append(converted)
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

extension StorageType {
  /// ggml's blocks of 32 eight-bit integers, each with a float16 factor.
  static let q8_0 = StorageType("q8_0", of: .float32)
}
