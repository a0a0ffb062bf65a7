import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import OrderedCollections
import Protobuf

/// Writes a `ModelProto`. The lengths of messages are known beforehand, so the tensors stream.
struct ModelWriter {
  private let weights: Weights
  private let attributes: OrderedDictionary<String, JSON>
  private let graph: Lowering.Result
  private let url: URL
  /// The most bytes of tensors in one file, if there is such a limit.
  private let limit: Int?

  /// The version of the format that goes with ``Lowering/opset``.
  private static let irVersion = 8
  /// Less than the 2³¹ bytes that readers of protocol buffers take, with room for all but the tensors.
  private static let maximumSize = 2_000_000_000
  /// What offsets in a data file are multiples of, so that a tensor can be mapped into memory.
  private static let pageSize = 4096

  init(_ model: ModelFile, _ graph: Lowering.Result, _ url: URL, _ limit: Int?) {
    weights = model.weights
    attributes = model.attributes
    self.graph = graph
    self.url = url
    self.limit = limit
  }

  func write() throws {
    let isExternal = weights.byteCount > min(limit ?? .max, Self.maximumSize)
    let heads = try isExternal ? writeData() : weights.tensors.map { head($0.key, $0.value.spec) }
    var message: [UInt8] = []
    message.appendField(Field.Graph.name, "model")
    message += graph.nodes
    for input in graph.inputs { message.appendField(Field.Graph.input, input) }
    for output in graph.outputs { message.appendField(Field.Graph.output, output) }

    let sizes = zip(heads, weights.tensors.values).map { head, tensor in
      head.count + (isExternal ? 0 : tensor.spec.byteCount)
    }
    var prefixes: [[UInt8]] = []
    for (head, size) in zip(heads, sizes) {
      var prefix: [UInt8] = []
      prefix.appendFieldHead(Field.Graph.initializer, length: size)
      prefixes.append(prefix + head)
    }
    var model = prologue
    let data = isExternal ? 0 : weights.byteCount
    model.appendFieldHead(
      Field.Model.graph, length: prefixes.reduce(message.count + data) { $0 + $1.count })
    try FileWriter.write(url) { writer in
      try writer.append(model)
      try writer.append(message)
      for (prefix, (name, tensor)) in zip(prefixes, weights.tensors) {
        try writer.append(prefix)
        if !isExternal { try append(tensor, name, to: writer) }
      }
    }
  }

  /// The model without its graph, which comes last, so that a truncated file has no graph or one too short.
  private var prologue: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendField(Field.Model.irVersion, Self.irVersion)
    bytes.appendField(Field.Model.producerName, ModelProto.producer)
    var opset: [UInt8] = []
    opset.appendField(Field.Opset.version, Lowering.opset)
    bytes.appendField(Field.Model.opsetImport, opset)
    let texts = attributes.map { ($0.key, $0.value.string ?? $0.value.text()) }
    for (key, value) in weights.metadata.sorted(by: { $0.key < $1.key }) + texts {
      bytes.appendField(Field.Model.metadata, Self.entry(key, value))
    }
    return bytes
  }

  private static func entry(_ key: String, _ value: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendField(Field.Entry.key, key)
    bytes.appendField(Field.Entry.value, value)
    return bytes
  }

  /// A `TensorProto` up to its elements; with all of it when they stand elsewhere.
  private func head(_ name: String, _ spec: TensorSpec, external: (file: String, offset: Int)? = nil)
    -> [UInt8]
  {
    var bytes: [UInt8] = []
    for extent in spec.shape { bytes.appendNumber(Field.Tensor.dimensions, extent) }
    bytes.appendField(Field.Tensor.type, spec.dtype.onnxType)
    bytes.appendField(Field.Tensor.name, name)
    guard let external else {
      bytes.appendFieldHead(Field.Tensor.raw, length: spec.byteCount)
      return bytes
    }
    let place = [
      ("location", external.file), ("offset", String(external.offset)), ("length", String(spec.byteCount)),
    ]
    for (key, value) in place { bytes.appendField(Field.Tensor.externalData, Self.entry(key, value)) }
    bytes.appendField(Field.Tensor.location, 1)
    return bytes
  }

  /// Writes the elements beside the model, to `model.onnx.data`, or as many files as the limit asks for.
  ///
  /// - Returns: The message of each tensor.
  private func writeData() throws -> [[UInt8]] {
    let shards = ShardIndex.split(weights, limit: limit ?? .max)
    return try shards.enumerated().flatMap { index, shard in
      let part = String(format: "-%05d-of-%05d", index + 1, shards.count)
      let file = url.appendingPathExtension("data" + (shards.count == 1 ? "" : part))
      return try FileWriter.write(file) { writer in
        var position = 0
        return try shard.tensors.map { name, tensor in
          let start = (position + Self.pageSize - 1) / Self.pageSize * Self.pageSize
          try writer.append([UInt8](repeating: 0, count: start - position))
          try append(tensor, name, to: writer)
          position = start + tensor.spec.byteCount
          return head(name, tensor.spec, external: (file.lastPathComponent, start))
        }
      }
    }
  }

  private func append(_ tensor: LazyTensor, _ name: String, to writer: FileWriter) throws {
    do {
      try writer.append(tensor)
    } catch var error as GraftError {
      error.subject = error.subject ?? "tensor '\(name)'"
      throw error
    }
  }
}
