import GraftCore
import GraftTensors
import OrderedCollections
import Protobuf

/// An ONNX file: what Graft reads of its `ModelProto`.
struct ModelProto {
  private var producer = ""
  private var metadata: [String: String] = [:]
  /// The texts of files that Graft puts among the metadata.
  private var attributes: OrderedDictionary<String, JSON> = [:]
  private var initializers: OrderedDictionary<String, LazyTensor> = [:]
  private var nodes: [Node] = []
  private var hasNodes = false
  /// The sizes of the file and of those beside it that hold tensors.
  private var sizes: [Int] = []

  /// Ten times what the largest models have, for a file of empty nodes would ask for much more than its size.
  private static let maximumCount = 100_000
  /// The most bytes of a name.
  static let maximumNameSize = 1 << 16
  /// The most bytes of a text of the metadata.
  private static let maximumTextSize = 1 << 26

  /// What Graft's own files say that made them.
  static let producer = "graft"

  /// Reads a file, if it begins like a `ModelProto` up to its graph.
  ///
  /// - Returns: `nil` for another file.
  /// - Throws: `GraftError` when the file breaks the format.
  init?(_ file: RandomAccessFile) throws {
    let source = ProtobufFile(file)
    let external = ExternalData(beside: file.url)
    var fields = source.fields
    guard try Self.hasGraph(fields) else { return nil }
    var (hasGraph, entryCount) = (false, 0)
    while let (field, value) = try fields.next() {
      switch (field, value) {
      case (Field.Model.producerName, .bytes(let range)):
        producer = try source.text(range, limit: Self.maximumNameSize)
      case (Field.Model.metadata, .bytes(let range)):
        let (key, text) = try source.entry(range, limit: Self.maximumTextSize)
        entryCount += 1
        guard entryCount <= Self.maximumCount else { throw Self.tooMany("entries of metadata") }
        if key.hasSuffix(".json") { attributes[key] = .string(text) } else { metadata[key] = text }
      case (Field.Model.graph, .bytes(let range)):
        guard !hasGraph else { throw GraftError(.malformed, "the model has two graphs") }
        hasGraph = true
        try readGraph(ProtobufFields(source, range), source, external)
      default: break
      }
    }
    sizes = [file.size] + external.sizes
  }

  /// Whether a file's fields go to a graph, whole or cut off, before which stand version, producer, opsets and
  /// metadata at most.
  ///
  /// - Throws: `GraftError` when the file cannot be read.
  private static func hasGraph(_ fields: ProtobufFields) throws -> Bool {
    var fields = fields
    do {
      for _ in 0..<Self.maximumCount {
        guard let (field, value) = try fields.next(allowingTruncation: true) else { return false }
        switch (field, value) {
        case (Field.Model.graph, .bytes): return true
        case (1, .number), (5, .number), (2...4, .bytes), (6, .bytes), (8, .bytes), (14, .bytes),
          (20, .bytes), (25...26, .bytes):
          continue
        default: return false
        }
      }
    } catch let error as GraftError where error.kind == .malformed {
      return false  // No message of protocol buffers.
    }
    return false
  }

  private mutating func readGraph(
    _ fields: ProtobufFields, _ source: ProtobufFile, _ external: ExternalData
  ) throws {
    var fields = fields
    var nodeCount = 0
    while let (field, value) = try fields.next() {
      switch (field, value) {
      case (Field.Graph.initializer, .bytes(let range)):
        guard initializers.count < Self.maximumCount else { throw Self.tooMany("tensors") }
        let tensor = try StoredTensor(source, range)
        guard initializers.updateValue(try tensor.lazy(external), forKey: tensor.name) == nil else {
          throw GraftError(.malformed, "stored twice", subject: "tensor '\(tensor.name)'")
        }
      case (Field.Graph.node, .bytes(let range)):
        nodeCount += 1
        guard nodeCount <= Self.maximumCount else { throw Self.tooMany("nodes") }
        if let node = try Node(source, range, external) { nodes.append(node) }
      case (Field.Graph.sparseInitializer, .bytes):
        throw GraftError(
          .unsupported, "a sparse tensor", advice: "Export the model again with dense weights.")
      default: break
      }
    }
    hasNodes = nodeCount > 0
  }

  private static func tooMany(_ things: String) -> GraftError {
    GraftError(.malformed, "more than \(maximumCount) \(things)")
  }

  /// The weights under the names of parameters, and what the file says of the model.
  ///
  /// - Throws: `GraftError` when a weight has not the shape that its use asks for, or all are much larger than
  ///   the files.
  func model() throws -> ModelFile {
    let isNamed = !hasNodes || producer == Self.producer
    var weights = Weights(initializers, metadata: metadata)
    var notes: [String] = []
    if isNamed {
      weights = try weights.readingProducts()
    } else {
      let names = try ParameterNames(initializers, nodes)
      weights.tensors = names.parameters()
      weights.assumed = names.assumed
      let count = names.dequantizedNames.count
      if count > 0 {
        notes.append(
          "the graph is quantized: \(count == 1 ? "1 tensor" : "\(count) tensors") of whole numbers became the float32 "
            + "numbers that they stand for")
      }
    }
    try weights.checkExpansion(of: sizes)
    var file = ModelFile(weights, attributes: attributes)
    file.notes = notes
    return file
  }
}

extension ProtobufFile {
  /// A text of limited length.
  func text(_ range: Range<Int>, limit: Int = ModelProto.maximumNameSize) throws -> String {
    guard range.count <= limit else {
      throw GraftError(
        .malformed, "a name or text is too long", expected: "at most \(limit) bytes", found: "\(range.count)")
    }
    guard let text = String(validating: try bytes(range), as: UTF8.self) else {
      throw GraftError(.malformed, "a name or text is not UTF-8")
    }
    return text
  }

  /// A `StringStringEntryProto`.
  func entry(_ range: Range<Int>, limit: Int) throws -> (key: String, value: String) {
    var fields = ProtobufFields(self, range)
    var (key, text) = ("", "")
    while let (field, value) = try fields.next() {
      switch (field, value) {
      case (Field.Entry.key, .bytes(let range)): key = try self.text(range)
      case (Field.Entry.value, .bytes(let range)): text = try self.text(range, limit: limit)
      default: break
      }
    }
    return (key, text)
  }
}
