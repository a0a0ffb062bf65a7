import TestSupport
import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import Testing

@testable import GGUF

/// What opens also reads.
@Suite struct FuzzTests {
  @Test func mutationsNeverCrash() throws {
    var models = 0
    try withTemporaryDirectory { directory in
      let registry = try registry.get()
      let url = directory.appendingPathComponent("model.gguf")
      let seeds = try seeds(in: directory)
      let run = try Fuzzing(seed: 2) { round, generator in
        let bytes = mutate(seeds[round % seeds.count], &generator) { bytes, generator in
          // The header stands at the beginning.
          let position = Int(generator.nextWord()) % bytes.count
          return generator.nextWord() % 4 != 0 ? position % min(12288, bytes.count) : position
        }
        try Data(bytes).write(to: url)
        if (try? registry.open(url)) != nil { models += 1 }
        let weights = try GGUFFormat().open(url).weights
        for tensor in weights.tensors.values {
          #expect(tensor.spec.byteCount <= 4 * bytes.count)
          var count = 0
          try tensor.stream { count += $0.count }
          #expect(count == tensor.spec.byteCount)
        }
      } refused: { error in
        #expect(error.file == url.path)
      }
      // All have to happen, or the mutations test nothing.
      #expect(run.opened > 20 && models > 20 && run.refused > 200)
    }
  }

  /// Models by llama.cpp's converter with each kind of tokenizer, ours of one, and a small file of every type.
  private func seeds(in directory: URL) throws -> [[UInt8]] {
    let theirs = fixtures.appendingPathComponent("gguf/base-q8_0.gguf")
    let ours = directory.appendingPathComponent("ours.gguf")
    try GGUFFormat().write(GGUFFormat().open(theirs), to: ours, limit: nil)
    var weights = Weights()
    var file = ModelFile(storageTypes: ["blocks": .q8_0])
    file.attributes = [
      "a": true, "b": "text", "c": [1, 2, -3], "d": ["x", "y"], "e": [0.5, 1.5], "f": 7, "g": 0.25,
    ]
    for type in ElementType.all where type != .q8_0 {
      let spec = TensorSpec(type.dtype, [2, 3])
      weights[type.name] = LazyTensor(spec, bytes: [UInt8](repeating: 1, count: spec.byteCount))
    }
    weights["blocks"] = LazyTensor([Float](repeating: 2, count: 64), shape: [2, 32])
    let small = directory.appendingPathComponent("small.gguf")
    file.weights = weights
    try GGUFFormat().write(file, to: small, limit: nil)
    let others = ["xlm-roberta", "modernbert"].map {
      fixtures.appending(path: "gguf/\($0)-sequence-classification-f16.gguf")
    }
    return try ([theirs, small, ours, small] + others).map { Array(try Data(contentsOf: $0)) }
  }
}
