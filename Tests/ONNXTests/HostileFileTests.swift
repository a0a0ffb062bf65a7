import TestSupport
import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import Protobuf
import Testing

@testable import ONNX

/// Broken files, and what a person reads about each. The directory is left out.
@Suite struct HostileFileTests {
  typealias Case = Refusal<[UInt8]>

  // MARK: Messages

  /// A message of fields.
  static func message(_ fill: (inout [UInt8]) -> Void) -> [UInt8] {
    var bytes: [UInt8] = []
    fill(&bytes)
    return bytes
  }

  static func model(_ graph: [UInt8], producer: String = "other") -> [UInt8] {
    message {
      $0.appendField(Field.Model.irVersion, 8)
      $0.appendField(Field.Model.producerName, producer)
      $0.appendField(Field.Model.graph, graph)
    }
  }

  /// A model of whole numbers with their scales, which an embedding reads.
  static func quantized(
    _ numbers: [UInt8]? = nil, scale: [UInt8]? = nil, zero: [UInt8]? = nil
  ) -> [UInt8] {
    let nodes = [
      node("DequantizeLinear", ["q", "s"] + (zero == nil ? [] : ["z"]), ["y"]),
      node("Gather", ["y", "ids"], ["rows"], name: "/table/Gather"),
    ]
    let whole = numbers ?? tensor([2, 2], type: 3, name: "q", raw: [0, 0, 0, 0])
    let scale = scale ?? tensor(name: "s")
    return model(
      zero.map { graph(whole, scale, $0, nodes: nodes) } ?? graph(whole, scale, nodes: nodes))
  }

  /// A model of a product of whole numbers, and what reads it.
  static func product(_ operation: String, _ inputs: [String]) -> [UInt8] {
    model(
      graph(
        tensor([2, 2], type: 3, name: "q", raw: [0, 0, 0, 0]), tensor(name: "s"),
        nodes: [node("MatMulInteger", ["x", "q"], ["y"], name: "n"), node(operation, inputs, ["z"])]))
  }

  /// A graph of one tensor, or of more.
  static func graph(_ tensors: [UInt8]..., nodes: [[UInt8]] = []) -> [UInt8] {
    message {
      for node in nodes { $0.appendField(Field.Graph.node, node) }
      for tensor in tensors { $0.appendField(Field.Graph.initializer, tensor) }
    }
  }

  /// A float32 `[2]` called `a`, but for what is given.
  static func tensor(
    _ shape: [Int] = [2], type: Int = 1, name: String = "a", raw: [UInt8]? = [UInt8](repeating: 0, count: 8),
    _ change: (inout [UInt8]) -> Void = { _ in }
  ) -> [UInt8] {
    message {
      for extent in shape { $0.appendNumber(Field.Tensor.dimensions, extent) }
      $0.appendField(Field.Tensor.type, type)
      $0.appendField(Field.Tensor.name, name)
      if let raw { $0.appendField(Field.Tensor.raw, raw) }
      change(&$0)
    }
  }

  static func external(_ entries: KeyValuePairs<String, String>) -> [UInt8] {
    model(
      graph(
        tensor(raw: nil) { bytes in
          for (key, value) in entries {
            bytes.appendField(
              Field.Tensor.externalData,
              message {
                $0.appendField(Field.Entry.key, key)
                $0.appendField(Field.Entry.value, value)
              })
          }
          bytes.appendField(Field.Tensor.location, 1)
        }))
  }

  static func node(
    _ operation: String, _ inputs: [String], _ outputs: [String], domain: String = "", name: String = "",
    scopes: String? = nil
  ) -> [UInt8] {
    message {
      if let scopes {
        $0.appendField(
          Field.Node.metadata,
          message {
            $0.appendField(Field.Entry.key, "pkg.torch.onnx.name_scopes")
            $0.appendField(Field.Entry.value, scopes)
          })
      }
      for input in inputs { $0.appendField(Field.Node.input, input) }
      for output in outputs { $0.appendField(Field.Node.output, output) }
      $0.appendField(Field.Node.name, name)
      $0.appendField(Field.Node.operation, operation)
      $0.appendField(Field.Node.domain, domain)
    }
  }

  static let copyAgain = " Copy or download it again."

  static let cases: [Case] = [
    Case("nothing", [], "x.onnx: an empty file, not an ONNX file. Download it again."),
    Case(
      "another file", Array("version https://git-lfs.github.com/spec/v1".utf8),
      "x.onnx: a Git LFS pointer, not an ONNX file. Run 'git lfs pull' in its repository to fetch the file "
        + "itself."),
    Case("no graph", [8, 8], "x.onnx: not an ONNX file." + copyAgain),
    Case("two graphs", model([]) + model([]), "x.onnx: the model has two graphs."),
    Case(
      "cut in the graph", model(graph(tensor())).dropLast(),
      "x.onnx: truncated: a field is longer than what holds it; expected 19 bytes, found 18." + copyAgain),
    Case("no message", [UInt8](repeating: 0xFF, count: 40), "x.onnx: not an ONNX file." + copyAgain),
    Case("a number cut off before the graph", [8, 0x80], "x.onnx: not an ONNX file." + copyAgain),
    Case("a group before the graph", [8, 8, 0x0B], "x.onnx: not an ONNX file." + copyAgain),
    Case(
      "a number without end", model([UInt8](repeating: 0xFF, count: 40)),
      "x.onnx: a number has more than 64 bits."),
    Case("a number cut off", model([8, 0x80]), "x.onnx: a number or text is cut off."),
    Case("a group", model([8, 8, 0x0B]), "x.onnx: a message has a field of unknown kind 3."),
    Case(
      "a tensor longer than the graph", model([0x2A, 0xFF, 0xFF, 0x03, 8, 2]),
      "x.onnx: truncated: a field is longer than what holds it; expected 65535 bytes, found 2." + copyAgain),
    Case(
      "elements longer than the tensor",
      model(graph(tensor(raw: nil) { $0 += [0x4A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F] })),
      "x.onnx: tensor 'a': truncated: a field is longer than what holds it; expected 9223372036854775807 bytes, "
        + "found 0." + copyAgain),
    Case(
      "fewer elements than the shape has", model(graph(tensor([3]))),
      "x.onnx: tensor 'a': the data does not have the length of float32 [3]; expected 12 bytes, found 8."),
    Case(
      "more elements than the shape has", model(graph(tensor([1]))),
      "x.onnx: tensor 'a': the data does not have the length of float32 [1]; expected 4 bytes, found 8."),
    Case(
      "no elements", model(graph(tensor(raw: nil))),
      "x.onnx: tensor 'a': the data does not have the length of float32 [2]; expected 8 bytes, found nothing."
    ),
    Case(
      "an extent below 0", model(graph(tensor([-1]))), "x.onnx: an extent below 0."
    ),
    Case(
      "extents whose product overflows", model(graph(tensor([1 << 40, 1 << 40]))),
      "x.onnx: tensor 'a': the shape [1099511627776, 1099511627776] is larger than any file."),
    Case(
      "very many extents", model(graph(tensor([Int](repeating: 1, count: 65)))),
      "x.onnx: the shape has more than 64 extents."),
    Case(
      "very many extents, packed",
      model(graph(tensor { $0.appendField(Field.Tensor.dimensions, [UInt8](repeating: 1, count: 65)) })),
      "x.onnx: tensor 'a': the shape has more than 64 extents."),
    Case(
      "text as elements", model(graph(tensor(type: 8))),
      "x.onnx: tensor 'a': unsupported type of elements (number 8 in TensorProto.DataType)."),
    Case(
      "no type", model(graph(tensor(type: 0))),
      "x.onnx: tensor 'a': unsupported type of elements (number 0 in TensorProto.DataType)."),
    Case(
      "elements twice",
      model(graph(tensor { $0.appendField(Field.Tensor.floats, [UInt8](repeating: 0, count: 8)) })),
      "x.onnx: tensor 'a': its elements stand in several fields."),
    Case(
      "elements one by one", model(graph(tensor(raw: nil) { $0.appendField(Field.Tensor.floats, Float(1)) })),
      "x.onnx: tensor 'a': its elements are not packed into one field."),
    Case(
      "elements in the field of another type",
      model(graph(tensor(raw: nil) { $0.appendField(Field.Tensor.int64s, [1, 2] as [UInt8]) })),
      "x.onnx: tensor 'a': its elements stand in the field of another type."),
    Case(
      "too few numbers for the shape",
      model(
        graph(tensor([9], type: 7, raw: nil) { $0.appendField(Field.Tensor.int64s, [1, 2] as [UInt8]) })),
      "x.onnx: tensor 'a': the data does not have the length of int64 [9]; expected 1 to 10 bytes for each "
        + "element, found 2."),
    Case(
      "a number too few for the shape",
      model(
        graph(tensor([2], type: 7, raw: nil) { $0.appendField(Field.Tensor.int64s, [0x81, 2] as [UInt8]) })),
      "x.onnx: tensor 'a': the data does not have the length of int64 [2]; expected 2 elements, found 1."),
    Case(
      "a number too many for the shape",
      model(
        graph(tensor([1], type: 7, raw: nil) { $0.appendField(Field.Tensor.int64s, [1, 2] as [UInt8]) })),
      "x.onnx: tensor 'a': the data does not have the length of int64 [1]; expected 1 elements, found more."),
    Case(
      "a number that does not end",
      model(
        graph(tensor([1], type: 7, raw: nil) { $0.appendField(Field.Tensor.int64s, [0x81] as [UInt8]) })),
      "x.onnx: tensor 'a': a number or text is cut off."),
    Case(
      "a tensor in segments", model(graph(tensor { $0.appendField(Field.Tensor.segment, [] as [UInt8]) })),
      "x.onnx: tensor 'a': a tensor in segments."),
    Case(
      "a sparse tensor", model(message { $0.appendField(Field.Graph.sparseInitializer, [] as [UInt8]) }),
      "x.onnx: a sparse tensor. Export the model again with dense weights."),
    Case("a tensor twice", model(graph(tensor(), tensor())), "x.onnx: tensor 'a': stored twice."),
    Case(
      "a name that is no text",
      model(graph(message { $0.appendField(Field.Tensor.name, [0xFF] as [UInt8]) })),
      "x.onnx: a name or text is not UTF-8."),
    Case(
      "an endless name", model(graph(tensor(name: String(repeating: "x", count: 70_000)))),
      "x.onnx: a name or text is too long; expected at most 65536 bytes, found 70000."),
    Case(
      "a node of very many attributes",
      model(
        graph(nodes: [
          message { for _ in 0..<101 { $0.appendField(Field.Node.attribute, [] as [UInt8]) } }
        ])),
      "x.onnx: a node has more than 100 attributes."),
    Case(
      "millions of nodes", model([UInt8]((0..<100_001).flatMap { _ in [0x0A, 0] as [UInt8] })),
      "x.onnx: more than 100000 nodes."),
    Case(
      "external data above the directory", external(["location": "../x.bin"]),
      "x.onnx: tensor 'a': its external data is not beside the model; expected a file name, found '../x.bin'."
    ),
    Case(
      "external data at an absolute path", external(["location": "/etc/passwd"]),
      "x.onnx: tensor 'a': its external data is not beside the model; expected a file name, found '/etc/passwd'."
    ),
    Case(
      "external data below and above", external(["location": "weights/../../x.bin"]),
      "x.onnx: tensor 'a': its external data is not beside the model; expected a file name, found "
        + "'weights/../../x.bin'."),
    Case(
      "external data nowhere", external([:]),
      "x.onnx: tensor 'a': in another file, of which the name is missing."),
    Case(
      "external data in a file that is not there", external(["location": "absent.bin"]),
      "absent.bin: tensor 'a': no such file."),
    Case(
      "external data behind the end of its file", external(["location": "x.bin", "offset": "5"]),
      "x.bin: tensor 'a': truncated: the tensor ends behind its data file; expected at least 13 bytes, found 12."
        + copyAgain),
    Case(
      "external data at an offset beyond all numbers",
      external(["location": "x.bin", "offset": "9223372036854775807"]),
      "x.bin: tensor 'a': truncated: the tensor ends behind its data file; expected more than "
        + "9223372036854775807 bytes, found 12." + copyAgain),
    Case(
      "external data at no number", external(["location": "x.bin", "offset": "-1"]),
      "x.onnx: tensor 'a': the offset of its external data is no number; found '-1'."),
    Case(
      "external data of another length", external(["location": "x.bin", "length": "12"]),
      "x.onnx: tensor 'a': the data does not have the length of float32 [2]; expected 8 bytes, found 12."),
    Case(
      "a weight that is no matrix",
      model(graph(tensor(), nodes: [node("MatMul", ["x", "a"], ["y"], name: "/model/dense/MatMul")])),
      "x.onnx: tensor 'a': the weight of a product is no matrix; found float32 [2]."),
    Case(
      "a graph that an optimizer changed",
      model(graph(nodes: [node("Attention", ["x"], ["y"], domain: "com.microsoft", name: "n")])),
      "x.onnx: node 'n' (Attention): the graph was optimized, and no longer has the model's weights. Import the "
        + "model that it was made from."),
    Case(
      "scales of another number",
      quantized(scale: tensor([3], name: "s", raw: [UInt8](repeating: 0, count: 12))),
      "x.onnx: tensor 'q': the scales are not as many as the numbers ask for; expected 1 or 2, found float32 [3]."
    ),
    Case(
      "a zero point for two scales", quantized(zero: tensor([1], type: 3, name: "z", raw: [0])),
      "x.onnx: tensor 'q': there is not a zero point for each scale; expected 2, found int8 [1]."),
    Case(
      "whole numbers of two bytes",
      quantized(tensor([2, 2], type: 5, name: "q", raw: [UInt8](repeating: 0, count: 8))),
      "x.onnx: tensor 'q': whole numbers of another type than Graft reads; expected int8, uint8 or int32 with a "
        + "scale, found int16 [2, 2], scale float32 [2]. Import the model that it was made from."),
    Case(
      "a scale below 0", quantized(scale: tensor([1], name: "s", raw: [0, 0, 128, 191])),
      "x.onnx: tensor 's': a scale is no positive number, or makes numbers infinite; expected numbers from 0 to "
        + "1.3292279e+36, found -1.0 at 0. The file is broken; quantize the model again."),
    Case(
      "a zero point that is computed",
      model(
        graph(
          tensor([2, 2], type: 3, name: "q", raw: [0, 0, 0, 0]), tensor(name: "s"),
          nodes: [node("DequantizeLinear", ["q", "s", "z"], ["y"], name: "n")])),
      "x.onnx: node 'n' (DequantizeLinear): whole numbers with a zero point that is no constant; expected an "
        + "initializer or a constant, found 'z'. Import the model that it was made from."),
    Case(
      "a scale that is computed",
      model(
        graph(
          tensor([2, 2], type: 3, name: "q", raw: [0, 0, 0, 0]),
          nodes: [node("DequantizeLinear", ["q", "s"], ["y"], name: "n")])),
      "x.onnx: node 'n' (DequantizeLinear): whole numbers with a scale that is no constant; expected an "
        + "initializer or a constant, found 's'. Import the model that it was made from."),
    Case(
      "a product whose zero point is computed",
      model(
        graph(
          tensor([2, 2], type: 3, name: "q", raw: [0, 0, 0, 0]),
          nodes: [node("MatMulInteger", ["x", "q", "", "z"], ["y"], name: "n")])),
      "x.onnx: node 'n' (MatMulInteger): whole numbers with a zero point that is no constant; expected an "
        + "initializer or a constant, found 'z'. Import the model that it was made from."),
    Case(
      "a product with one scale for weight and activations", product("Mul", ["y", "s"]),
      "x.onnx: node 'n' (MatMulInteger): whole numbers with a scale that is no constant; expected an "
        + "initializer or a constant, found 's'. Import the model that it was made from."),
    Case(
      "a product without a scale", product("Cast", ["y"]),
      "x.onnx: node 'n' (MatMulInteger): whole numbers with a scale that is no constant; expected an "
        + "initializer or a constant, found none. Import the model that it was made from."),
    Case(
      "a quantized graph", model(graph(nodes: [node("QLinearMatMul", ["x"], ["y"], name: "n")])),
      "x.onnx: node 'n' (QLinearMatMul): the graph was quantized, and no longer has the model's weights. Import "
        + "the model that it was made from."),
  ]

  @Test(arguments: cases)
  func message(_ test: Case) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.onnx")
      try Data(test.input).write(to: url)
      try Data(count: 12).write(to: directory.appending(path: "x.bin"))
      let message = errorMessage(in: directory) {
        for tensor in try ONNXFormat().open(url).weights.tensors.values { _ = try tensor.bytes() }
      }
      #expect(message == test.message)
    }
  }

  @Test("a cyclic graph, and nodes that name nothing, are read like any other")
  func cycles() throws {
    let nodes = [
      Self.node("Identity", ["b"], ["c"]), Self.node("Identity", ["c"], ["b"]),
      Self.node("Transpose", ["b"], ["b"]), Self.node("MatMul", ["y", "y"], ["y"]),
      Self.node("Add", ["y", "y"], ["y"]), Self.node("Gemm", [], []), Self.node("Gather", ["a"], []),
    ]
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.onnx")
      try Data(Self.model(Self.graph(Self.tensor(), nodes: nodes))).write(to: url)
      #expect(try ONNXFormat().open(url).weights.tensors.keys.elements == ["a"])
    }
  }

  @Test("two names of one initializer have one origin, equal initializers have two")
  func origins() throws {
    let graph = Self.graph(
      Self.tensor(name: "a.weight"), Self.tensor(name: "c.weight"),
      nodes: [Self.node("Identity", ["a.weight"], ["b.weight"])])
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.onnx")
      try Data(Self.model(graph)).write(to: url)
      let weights = try ONNXFormat().open(url).weights
      let (a, b, c) = try (
        #require(weights["a.weight"]), #require(weights["b.weight"]), #require(weights["c.weight"])
      )
      #expect(a.hasSameOrigin(as: b))
      #expect(!a.hasSameOrigin(as: c))
      let areEqual = try a.isIdentical(to: c)
      #expect(areEqual)
    }
  }

  @Test("a weight of no elements that no file could hold otherwise is refused, and no bias is made")
  func endlessBias() throws {
    let product = Self.node("MatMul", ["x", "a"], ["y"], scopes: "['', 'l', '']")
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.onnx")
      let graph = Self.graph(Self.tensor([0, 1 << 62], raw: []), nodes: [product])
      try Data(Self.model(graph)).write(to: url)
      let error = #expect(throws: GraftError.self) { try ONNXFormat().open(url) }
      #expect(error?.problem == "the shape [0, 4611686018427387904] is larger than any file")
    }
  }

  @Test("layers that share a weight get their biases in the graph's order of outputs, in every run")
  func sharedWeights() throws {
    let layers = (0..<9).map { "l\($0)" }
    let nodes = layers.map { Self.node("MatMul", ["x", "a"], ["y\($0)"], scopes: "['', '\($0)', 'linear']") }
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.onnx")
      try Data(Self.model(Self.graph(Self.tensor([1, 2]), nodes: nodes))).write(to: url)
      #expect(
        try ONNXFormat().open(url).weights.tensors.keys.elements
          == layers.map { "\($0).weight" } + layers.map { "\($0).bias" })
    }
  }

  @Test("bytes that are repeated, by tensors of one external place and by names of one constant")
  func repeatedBytes() throws {
    let places = Self.model(
      Self.message {
        for index in 0..<80 {
          let tensor = Self.tensor([16_384], name: "\(index).weight", raw: nil) {
            $0.appendField(
              Field.Tensor.externalData,
              Self.message {
                $0.appendField(Field.Entry.key, "location")
                $0.appendField(Field.Entry.value, "x.bin")
              })
            $0.appendField(Field.Tensor.location, 1)
          }
          $0.appendField(Field.Graph.initializer, tensor)
        }
      })
    let names = Self.model(
      Self.graph(
        Self.tensor([16_384], raw: [UInt8](repeating: 0, count: 65_536)),
        nodes: (0..<80).map { Self.node("Identity", ["a"], ["\($0).weight"]) }))
    let product = Self.node("MatMul", ["x", "a"], ["y"], scopes: "['', 'l', '']")
    let zeros = Self.model(Self.graph(Self.tensor([0, 1 << 40], raw: []), nodes: [product]))
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.onnx")
      try Data(count: 65_536).write(to: directory.appending(path: "x.bin"))
      for content in [places, names, zeros] {
        try Data(content).write(to: url)
        let error = #expect(throws: GraftError.self) { try ONNXFormat().open(url) }
        #expect(error?.file == url.path)
        #expect(error?.problem == "the tensors repeat the same bytes to many times their size")
      }
    }
  }

  @Test("numbers are only those of the file, however long the varints")
  func longNumbers() throws {
    var packed: [UInt8] = []
    for value in [Int64.min, -1, 0, 1, .max] { packed.appendVarint(UInt64(bitPattern: value)) }
    let bytes = Self.model(
      Self.graph(Self.tensor([5], type: 7, raw: nil) { $0.appendField(Field.Tensor.int64s, packed) }))
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.onnx")
      try Data(bytes).write(to: url)
      #expect(try ONNXFormat().open(url).weights["a"]?.integers() == [.min, -1, 0, 1, .max])
    }
  }
}
