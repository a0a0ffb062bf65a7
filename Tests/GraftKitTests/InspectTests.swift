import Foundation
import GraftKit
import GraftTensors
import TestSupport
import Testing

@Suite struct InspectTests {
  @Test("weights of dense layers that make vectors are counted")
  func denseLayers() throws {
    let folder = fixtures.appending(path: "sentences/current")
    let found = try inspect(folder, registry: Support.registry())
    // The encoder's file, and that of the folder 2_Dense.
    #expect(found.backbone.parameters == 2972 && found.parameters == 2972 + 245)
  }

  @Test("element types are in the order of their counts, then of their names")
  func orderOfTypes() throws {
    try withTemporaryDirectory { directory in
      let registry = try Support.registry()
      let source = Support.fixture("base")
      let original = try registry.open(source).stored
      let format = try registry.formats.find("safetensors").init()
      for name in ["config.json", "vocab.txt"] {
        try FileManager.default.copyItem(
          at: source.appending(path: name), to: directory.appending(path: name))
      }
      let types: [DType] = [.float64, .float32, .bfloat16, .float16]
      // As many of each, and the rest of the last.
      let share = original.tensors.count / (types.count + 1)
      var weights = Weights(metadata: original.metadata)
      for (index, (name, tensor)) in original.tensors.enumerated() {
        weights[name] = tensor.converted(to: types[min(index / share, types.count - 1)])
      }
      try format.write(weights, to: directory.appending(path: "model.safetensors"))
      let found = try inspect(directory, registry: registry).types
      #expect(found.map(\.name) == ["float16", "bfloat16", "float32", "float64"])
      #expect(found.map(\.count) == [original.tensors.count - 3 * share, share, share, share])
    }
  }
}
