import TestSupport
import Foundation
import GraftTensors
import Safetensors
import Testing

@testable import TensorFlowBundle

/// Checkpoints written by TensorFlow: what is read is what TensorFlow itself reads.
@Suite struct FixtureTests {
  @Test(arguments: ["google/pretraining", "google/sharded", "google/classifier"])
  func readsIdenticalBytes(_ name: String) throws {
    let directory = fixtures.appendingPathComponent("tensorflow/\(name)")
    let expected = try SafetensorsFormat().open(directory.appendingPathComponent("tensors.safetensors"))
    let prefix = directory.appendingPathComponent("bert_model.ckpt")
    for suffix in [".index", name.hasSuffix("sharded") ? ".data-00001-of-00002" : ".data-00000-of-00001"] {
      let url = URL(fileURLWithPath: prefix.path + suffix)
      #expect(try TensorFlowBundleFormat().open(url).differences(from: expected) == [])
    }
  }

  @Test func readsEveryType() throws {
    let directory = fixtures.appendingPathComponent("tensorflow/types")
    let expected = try SafetensorsFormat().open(directory.appendingPathComponent("tensors.safetensors"))
    var found = try TensorFlowBundleFormat().open(directory.appendingPathComponent("types.ckpt.index"))
    #expect(found.metadata == ["strings": "text"])
    // NumPy has no bfloat16; the values are those of every other type.
    let bfloat16 = try #require(found["bfloat16"])
    found["bfloat16"] = nil
    #expect(bfloat16.spec == TensorSpec(.bfloat16, [2, 3]))
    #expect(try bfloat16.floats() == [0, 1, 3, 5, 1, 0])
    #expect(try found.differences(from: expected) == [])
  }

  /// TensorFlow writes in the order of names, its header and its entries as they are here.
  @Test func writesWhatTensorFlowWrote() throws {
    let source = fixtures.appendingPathComponent("tensorflow/google/pretraining/bert_model.ckpt.index")
    try withTemporaryDirectory { directory in
      let copy = directory.appendingPathComponent("bert_model.ckpt.index")
      try TensorFlowBundleFormat().write(TensorFlowBundleFormat().open(source), to: copy)
      #expect(try Data(contentsOf: copy) == Data(contentsOf: source))
      let data = "bert_model.ckpt.data-00000-of-00001"
      #expect(
        try Data(contentsOf: directory.appendingPathComponent(data))
          == Data(contentsOf: source.deletingLastPathComponent().appendingPathComponent(data)))
    }
  }

  /// Enough names for several blocks.
  @Test func largeTables() throws {
    var weights = Weights()
    for index in 0..<20_000 {
      weights["layer/\(index * 7919 % 20_000)/weight"] = LazyTensor([Float(index)], shape: [])
    }
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("large.index")
      try TensorFlowBundleFormat().write(weights, to: url)
      #expect(try RandomAccessFile(url).size > 1 << 19)
      #expect(try TensorFlowBundleFormat().open(url).differences(from: weights) == [])
    }
  }
}
