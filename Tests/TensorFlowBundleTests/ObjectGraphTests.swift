import Checksums
import Foundation
import GraftTensors
import Protobuf
import TestSupport
import Testing

@testable import TensorFlowBundle

/// What the objects that TensorFlow 2 saves say that variables are called, and what variables in slices are.
@Suite struct ObjectGraphTests {
  private func small(_ name: String) throws -> Weights {
    try TensorFlowBundleFormat().open(fixtures.appending(path: "tensorflow/small/\(name).index"))
  }

  /// What an optimizer has keeps its keys.
  @Test func namesOfVariables() throws {
    let weights = try small("objects")
    let slot = ".OPTIMIZER_SLOT/net/optimizer/momentum/.ATTRIBUTES/VARIABLE_VALUE"
    #expect(
      weights.tensors.keys.sorted() == [
        "dense/bias:0", "dense/kernel:0", "first:0",
        "net/layer_with_weights-0/bias/\(slot)", "net/layer_with_weights-0/kernel/\(slot)",
        "net/optimizer/decay/.ATTRIBUTES/VARIABLE_VALUE", "net/optimizer/iter/.ATTRIBUTES/VARIABLE_VALUE",
        "net/optimizer/learning_rate/.ATTRIBUTES/VARIABLE_VALUE",
        "net/optimizer/momentum/.ATTRIBUTES/VARIABLE_VALUE", "second:0",
      ])
    #expect(try weights["first:0"]?.bytes() == [1, 0, 0, 0, 2, 0, 0, 0])
  }

  @Test func slices() throws {
    let weights = try small("slices")
    #expect(Set(weights.tensors.keys) == ["rows", "columns", "whole"])
    for name in ["rows", "columns"] {
      #expect(weights[name]?.spec == TensorSpec(.float32, [3, 4]))
      #expect(try weights[name]?.floats() == [Float](repeating: 1, count: 12))
    }
  }

  /// A variable of an object may be called as another entry is.
  @Test func twoVariablesOfOneName() throws {
    for (name, message) in [
      (
        "x",
        "x.index: tensor 'x:0': two variables have this name; found the keys 'a/.ATTRIBUTES/VARIABLE_VALUE' and "
          + "'x:0'. Give one of them another name, and save the model again."
      ),
      ("e\u{301}", nil),
    ] {
      let entry = BundleEntry(TensorSpec(.uint8, [1]), offset: 0, checksum: 0).encoded
      let key = "a/.ATTRIBUTES/VARIABLE_VALUE"
      var attribute: [UInt8] = []
      attribute.appendField(2, Array(name.utf8))
      attribute.appendField(3, Array(key.utf8))
      var node: [UInt8] = []
      node.appendField(2, attribute)
      var graph: [UInt8] = []
      graph.appendField(1, node)
      var checksum = CRC32C(withUnsafeBytes(of: UInt32(graph.count).littleEndian, Array.init))
      let stored = withUnsafeBytes(of: checksum.masked.littleEndian, Array.init) + graph
      stored.withUnsafeBytes { checksum.add($0) }
      var text = BundleEntry(TensorSpec(.uint8, []), offset: 0, checksum: checksum.masked)
      text.type = BundleEntry.string
      text.size = 1 + stored.count
      try withTemporaryDirectory { directory in
        let url = directory.appending(path: "x.index")
        try Data(
          HostileFileTests.index([(ObjectGraph.key, text.encoded), (key, entry), ("x:0", entry)])
        ).write(to: url)
        try Data([UInt8(graph.count)] + stored).write(
          to: directory.appending(path: "x.data-00000-of-00001"))
        #expect(errorMessage(in: directory) { _ = try TensorFlowBundleFormat().open(url) } == message)
      }
    }
  }

  /// What is in it is then refused as such.
  @Test("a file checkpoint of version 1 names a file without a suffix") func oldCheckpoints() throws {
    try withTemporaryDirectory { directory in
      try Data(#"model_checkpoint_path: "/a/model.ckpt-7""#.utf8).write(
        to: directory.appending(path: "checkpoint"))
      func named() throws -> String? {
        try TensorFlowBundleFormat.namedFile(in: directory)?.lastPathComponent
      }
      #expect(try named() == "model.ckpt-7.index")
      try Data().write(to: directory.appending(path: "model.ckpt-7"))
      #expect(try named() == "model.ckpt-7")
      try Data().write(to: directory.appending(path: "model.ckpt-7.index"))
      #expect(try named() == "model.ckpt-7.index")
    }
  }

  /// Other programs call their files `checkpoint` too.
  @Test("a file checkpoint that is something else names none") func otherCheckpoints() throws {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "checkpoint")
      for text in ["PK\u{3}\u{4}", #"model_checkpoint_path: "a\"b""#, "model_checkpoint_path: none"] {
        try Data(text.utf8).write(to: file)
        #expect(try TensorFlowBundleFormat.namedFile(in: directory) == nil)
      }
      // Larger than any index.
      try #require(truncate(file.path, 80 << 20) == 0)
      #expect(try TensorFlowBundleFormat.namedFile(in: directory) == nil)
    }
  }
}
