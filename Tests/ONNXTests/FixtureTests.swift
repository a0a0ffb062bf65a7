import TestSupport
import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors
import Safetensors
import Testing

@testable import ONNX
import GraftPlugins

/// Files of PyTorch's exporters and of the onnx package.
@Suite struct FixtureTests {
  static let exports = [
    "script/sequence-classification", "script/untied-decoder", "script/albert", "dynamo/base",
    "dynamo/pretraining",
  ]

  @Test("every parameter is found in the graph, bit for bit, and nothing else", arguments: exports)
  func importsTheModel(_ name: String) throws {
    let file = fixtures.appending(path: "onnx/\(name)")
    let model = fixtures.appending(
      path: name == "script/albert"
        ? "albert-tiny/sequence-classification" : "bert-tiny/\(file.lastPathComponent)")
    try Registry.builtIn().open(file).report.requireStrict()
    let difference = try compare(file, model, registry: .builtIn())
    #expect(difference.isEmpty && difference.converted.isEmpty, "\(difference)")
    let result = try GraftKit.verify(
      file, golden: model.appending(path: "golden.safetensors"), backend: ReferenceBackend(threads: 1),
      registry: .builtIn())
    for output in result.outputs { #expect(output.maximum <= 1e-5 * output.scale, "\(output.name)") }
  }

  @Test(
    "equal tensors that an exporter kept once are all found, and biases of zeros",
    arguments: ["script", "dynamo"])
  func importsANewModel(_ exporter: String) throws {
    let file = fixtures.appending(path: "onnx/\(exporter)/new")
    try Registry.builtIn().open(file).report.requireStrict()
    let difference = try compare(file, fixtures.appending(path: "onnx/new"), registry: .builtIn())
    #expect(difference.isEmpty && difference.converted.isEmpty, "\(difference)")
  }

  @Test("a model without biases gets none, whatever the exporter does", arguments: ["script", "dynamo"])
  func importsWithoutBiases(_ exporter: String) throws {
    let file = fixtures.appending(path: "onnx/\(exporter)/no-biases")
    let opened = try Registry.builtIn().open(file)
    try opened.report.requireStrict()
    let difference = try compare(file, fixtures.appending(path: "onnx/no-biases"), registry: .builtIn())
    #expect(difference.isEmpty && difference.converted.isEmpty, "\(difference)")
    let backbone = try #require(opened.checkpoint[Component.backbone])
    #expect(
      Set(backbone.weights.tensors.keys) == Set(try opened.checkpoint.makeBackbone().parameters.map(\.name)))
  }

  @Test("parameters that nothing computes with are made anew, and the report says so")
  func importsWithoutUnused() throws {
    let file = fixtures.appending(path: "onnx/dynamo/unused")
    let group = try #require(Registry.builtIn().open(file).report.groups.first)
    #expect(!group.initialized.isEmpty)
    #expect(group.initialized.allSatisfy { $0.contains("albert_layer_groups.1.") }, "\(group.initialized)")
    let difference = try compare(file, fixtures.appending(path: "onnx/unused"), registry: .builtIn())
    #expect(difference.isEmpty && difference.converted.isEmpty, "\(difference)")
  }

  @Test(
    "graphs that ONNX Runtime quantized have the numbers that it computes with",
    arguments: [
      ("dynamic", 11), ("per-channel", 11), ("qdq", 25), ("graft-tied", 17), ("graft-no-biases", 5),
      ("graft-gather", 1), ("graft-qdq", 41), ("constants", 11), ("transposed", 11), ("transposed-qdq", 25),
    ])
  func importsQuantized(_ name: String, count: Int) throws {
    let directory = fixtures.appending(path: "onnx/quantized/\(name)")
    let opened = try Registry.builtIn().open(directory)
    try opened.report.requireStrict()
    let expected = try SafetensorsFormat().open(directory.appending(path: "expected.safetensors"))
    for (name, tensor) in expected.tensors {
      let found = try #require(opened.stored[name], "\(name)")
      #expect(found.spec == tensor.spec)
      #expect(try found.floats() == tensor.floats(), "\(name)")
    }
    let tensors = count == 1 ? "1 tensor" : "\(count) tensors"
    #expect(
      opened.report.notes.contains(
        "the graph is quantized: \(tensors) of whole numbers became the float32 numbers that they stand for"
      ), "\(opened.report.notes)")
    _ = try opened.checkpoint.makeModel()
  }

  @Test("every type is read, raw, listed and from another file")
  func types() throws {
    let directory = fixtures.appending(path: "onnx/types")
    let expected = try SafetensorsFormat().open(directory.appending(path: "types.safetensors"))
    #expect(
      try ONNXFormat().open(directory.appending(path: "types.onnx")).weights.differences(from: expected) == []
    )
  }

  @Test("a file is known by its content")
  func recognition() throws {
    let registry = try Registry.builtIn()
    for name in Self.exports.map({ $0 + "/model.onnx" }) + ["types/types.onnx"] {
      let file = try RandomAccessFile(fixtures.appending(path: "onnx/\(name)"))
      let names = try registry.checkpointFormats.filter { try $0.open(file) != nil }.map { $0.name }
      #expect(names == ["onnx"])
    }
  }
}
