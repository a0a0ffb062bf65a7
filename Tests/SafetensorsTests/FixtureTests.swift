import TestSupport
import Foundation
import GraftCore
import Safetensors
import Testing

/// Files written by the reference library: what is read is what a parser of its own finds.
@Suite struct FixtureTests {
  static let files = ["base", "float16", "bfloat16", "pretraining", "legacy-gamma-beta"].map {
    "bert-tiny/\($0)/model.safetensors"
  }

  @Test(arguments: files) func readsIdenticalBytes(_ path: String) throws {
    let url = fixtures.appendingPathComponent(path)
    let weights = try SafetensorsFormat().open(url)
    let expected = try FoundationReading(url)
    #expect(Set(weights.tensors.keys) == Set(expected.tensors.keys))
    #expect(weights.metadata == ["format": "pt"])
    for (name, tensor) in weights.tensors {
      let (dtype, shape, bytes) = try #require(expected.tensors[name])
      #expect(tensor.spec.shape == shape)
      #expect(
        ["float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64"][tensor.spec.dtype.rawValue]
          == dtype
      )
      #expect(try tensor.bytes() == bytes, "\(name)")
    }
  }

  @Test func shardsJoin() throws {
    let index = fixtures.appendingPathComponent("bert-tiny/sharded/model.safetensors.index.json")
    let (weights, format) = try Registry([SafetensorsPlugin.self]).openWeights(index)
    #expect(format == "safetensors")
    var expected: [String: [UInt8]] = [:]
    for shard in 1...3 {
      let file = index.deletingLastPathComponent().appendingPathComponent(
        "model-0000\(shard)-of-00003.safetensors"
      )
      for (name, tensor) in try FoundationReading(file).tensors { expected[name] = tensor.bytes }
    }
    #expect(expected.count == weights.tensors.count)
    for (name, tensor) in weights.tensors { #expect(try tensor.bytes() == expected[name]) }
  }

  @Test(arguments: files) func writesWhatTheReferenceWrote(_ path: String) throws {
    let url = fixtures.appendingPathComponent(path)
    try withTemporaryDirectory { directory in
      let copy = directory.appendingPathComponent("model.safetensors")
      try SafetensorsFormat().write(SafetensorsFormat().open(url), to: copy)
      #expect(try Data(contentsOf: copy) == Data(contentsOf: url))
    }
  }
}

/// A second, careless reader, on Foundation's JSON.
struct FoundationReading {
  var tensors: [String: (dtype: String, shape: [Int], bytes: [UInt8])] = [:]

  init(_ url: URL) throws {
    let data = try Data(contentsOf: url)
    let length = data[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try #require(
      try JSONSerialization.jsonObject(with: data[8..<(8 + length)]) as? [String: [String: Any]]
    )
    for (name, entry) in header where name != "__metadata__" {
      let offsets = try #require(entry["data_offsets"] as? [Int])
      tensors[name] = (
        try #require(entry["dtype"] as? String), try #require(entry["shape"] as? [Int]),
        Array(data[(8 + length + offsets[0])..<(8 + length + offsets[1])])
      )
    }
  }
}
