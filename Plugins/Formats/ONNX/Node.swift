import GraftTensors
import Protobuf

/// One operation of a graph, as far as it tells which constant is which parameter.
struct Node {
  private(set) var name = ""
  private(set) var operation = ""
  /// The first few.
  private(set) var inputs: [String] = []
  private(set) var output = ""
  /// The module of the PyTorch model that the node was exported from: `bert.encoder.layer.0.attention.self.query`.
  private(set) var module: String?
  /// Whether PyTorch's newer exporter wrote it, which leaves out a bias of zeros.
  private(set) var mayLackBias = false
  /// Whether a `Gemm` reads its weight as `[out, in]`.
  private(set) var transposesWeight = false
  /// The axis of a `DequantizeLinear`.
  private(set) var axis: Int?
  /// The axes of a `Transpose`.
  private(set) var permutation: [UInt64] = []
  /// The value of a `Constant`, where it is numbers of a type that Graft has.
  private(set) var constant: LazyTensor?

  /// What ``ParameterNames`` looks at.
  private static let operations: Set<String> = [
    "Add", "Cast", "Constant", "DequantizeLinear", "Gather", "Gemm", "Identity", "LayerNormalization",
    "MatMul",
    "MatMulInteger", "Mul", "QuantizeLinear", "Transpose",
  ]
  /// Those of ONNX Runtime's optimizer that have made one tensor of several.
  private static let fused: Set<String> = ["Attention", "QAttention", "PackedAttention"]
  /// Those whose whole numbers it does not read.
  private static let quantized: Set<String> = [
    "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "MatMulNBits", "QGemm", "QLinearMatMul",
  ]
  private static let maximumAttributes = 100

  /// - Returns: `nil` for one that tells nothing.
  /// - Throws: `GraftError` when the node is broken, or of a graph that no longer has the model's weights.
  init?(_ source: ProtobufFile, _ range: Range<Int>, _ external: ExternalData) throws {
    var domain = ""
    var attributes: [Range<Int>] = []
    var fields = ProtobufFields(source, range)
    while let (field, value) = try fields.next() {
      guard case .bytes(let range) = value else { continue }
      switch field {
      // No operation that matters has more; others are not limited.
      case Field.Node.input where inputs.count < 4: inputs.append(try source.text(range))
      case Field.Node.output where output.isEmpty: output = try source.text(range)
      case Field.Node.name: name = try source.text(range)
      case Field.Node.operation: operation = try source.text(range)
      case Field.Node.domain: domain = try source.text(range)
      case Field.Node.attribute:
        guard attributes.count < Self.maximumAttributes else {
          throw GraftError(.malformed, "a node has more than \(Self.maximumAttributes) attributes")
        }
        attributes.append(range)
      case Field.Node.metadata:
        let (key, text) = try source.entry(range, limit: 1 << 20)
        if key == "pkg.torch.onnx.name_scopes" {
          module = Self.module(ofScopes: text)
          mayLackBias = true
        }
      default: break
      }
    }
    if Self.quantized.contains(operation) || domain == "com.microsoft" && Self.fused.contains(operation) {
      throw GraftError(
        .unsupported,
        "the graph was \(Self.quantized.contains(operation) ? "quantized" : "optimized"), and no longer has the "
          + "model's weights",
        subject: subject, advice: "Import the model that it was made from.")
    }
    guard Self.operations.contains(operation) else { return nil }
    for range in attributes { try read(attribute: range, source, external) }
    guard operation != "Constant" || constant != nil else { return nil }
    module = module ?? Self.module(ofName: name)
  }

  private mutating func read(attribute range: Range<Int>, _ source: ProtobufFile, _ external: ExternalData)
    throws
  {
    var fields = ProtobufFields(source, range)
    var (name, integer) = ("", UInt64(0))
    var integers: [UInt64] = []
    var tensor: StoredTensor?
    while let (field, value) = try fields.next() {
      switch (field, value) {
      case (Field.Attribute.name, .bytes(let range)): name = try source.text(range)
      case (Field.Attribute.integer, .number(let number)): integer = number
      case (Field.Attribute.integers, .number(let number)) where integers.count < TensorSpec.maximumRank:
        integers.append(number)
      case (Field.Attribute.integers, .bytes(let range)) where range.count <= TensorSpec.maximumRank:
        var packed = try source.bytes(range)
        while !packed.isEmpty { integers.append(try packed.readVarint()) }
      case (Field.Attribute.tensor, .bytes(let range)) where operation == "Constant":
        tensor = try StoredTensor(source, range)
      default: break
      }
    }
    switch (operation, name) {
    case ("Gemm", "transB"): transposesWeight = integer != 0
    case ("DequantizeLinear", "axis"): axis = Int(truncatingIfNeeded: Int64(bitPattern: integer))
    case ("DequantizeLinear", "block_size") where integer != 0:
      throw GraftError(
        .unsupported, "whole numbers with a scale for each block",
        advice: "Import the model that it was made from.")
    case ("Transpose", "perm"): permutation = integers
    case ("Constant", "value"):
      // Scales and zero points are no matrices, and no floating-point numbers.
      if let tensor, tensor.hasNumbers { constant = try tensor.lazy(external) }
    default: break
    }
  }

  /// What messages call it.
  var subject: String { "node '\(name)' (\(operation))" }

  /// The module in what `torch.onnx.export(dynamo=True)` notes: `['', 'bert', …, 'bert.pooler.dense', 'linear_12']`.
  private static func module(ofScopes text: String) -> String? {
    let scopes = text.split(separator: ",").map { $0.trimmingPrefix { " [".contains($0) } }
    guard let last = scopes.dropLast().last, last.count > 2 else { return nil }
    return String(last.dropFirst().dropLast())
  }

  /// The module in a node's name of the older exporter: `/bert/encoder/layer.0/output/dense/MatMul`.
  private static func module(ofName name: String) -> String? {
    guard name.hasPrefix("/") else { return nil }
    let parts = name.split(separator: "/").dropLast()
    return parts.isEmpty ? nil : parts.joined(separator: ".")
  }
}
