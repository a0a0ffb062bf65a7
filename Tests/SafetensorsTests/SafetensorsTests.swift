import TestSupport
import Foundation
import GraftTensors
import Safetensors
import Testing

@Suite struct SafetensorsTests {
  let format = SafetensorsFormat()

  @Test func readsWhatTheReferenceDocuments() throws {
    // The example of the reference's documentation: SafeTensors::deserialize.
    let bytes = file(#"{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}"#, data: 16)
    #expect(bytes[0] == 60)
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.safetensors")
      try Data(bytes).write(to: url)
      let weights = try format.open(url)
      #expect(weights.tensors.keys.elements == ["test"])
      #expect(weights["test"]?.spec == TensorSpec(.int32, [2, 2]))
      #expect(try weights["test"]?.integers() == [0, 0, 0, 0])
      #expect(weights.metadata.isEmpty)
    }
  }

  @Test func writesTheBytesOfTheReference() throws {
    // serialize({"w": float32 [2] = 1, -2, "b": uint8 [3] = 1 2 3}, {"format": "pt"}) of safetensors 0.8.0.
    let header =
      #"{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
      + #""b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}"#
    let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    let expected = file(padded) + [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 1, 2, 3]
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.safetensors")
      let weights = Weights([
        "w": LazyTensor([1, -2] as [Float], shape: [2]),
        "b": LazyTensor(TensorSpec(.uint8, [3]), bytes: [1, 2, 3]),
      ])
      try format.write(weights, to: url)
      #expect(try Array(Data(contentsOf: url)) == expected)
    }
  }

  @Test func alignsEveryElementAndKeepsTheOrder() throws {
    let weights = Weights([
      "odd": LazyTensor(TensorSpec(.bool, [3]), bytes: [1, 0, 1]),
      "half": LazyTensor(TensorSpec(.float16, [1]), bytes: [0, 0x3C]),
      "double": LazyTensor(TensorSpec(.float64, []), bytes: [0, 0, 0, 0, 0, 0, 0xF0, 0x3F]),
      "empty": LazyTensor([] as [Float], shape: [0, 7]),
    ])
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.safetensors")
      try format.write(weights, to: url)
      let read = try format.open(url)
      #expect(read.tensors.keys == weights.tensors.keys)
      for (name, tensor) in weights.tensors { #expect(try read[name]?.bytes() == tensor.bytes()) }
      let bytes = try Array(Data(contentsOf: url))
      #expect(bytes[0] % 8 == 0)
      #expect(Array(bytes.suffix(13)) == [0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0, 0x3C, 1, 0, 1])
    }
  }

  @Test func metadataIsKept() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.safetensors")
      try format.write(Weights(metadata: ["note": "é\n\"", "format": "np"]), to: url)
      #expect(try format.open(url).metadata == ["note": "é\n\"", "format": "np"])
      try format.write(Weights(metadata: ["note": "x"]), to: url)
      #expect(try format.open(url).metadata == ["note": "x", "format": "pt"])
    }
  }

  @Test func refusesATensorThatIsCalledLikeTheMetadata() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.safetensors")
      let weights = Weights(["__metadata__": LazyTensor([1] as [Float], shape: [1])])
      let error = #expect(throws: GraftError.self) { try format.write(weights, to: url) }
      #expect(error?.description == "\(url.path): a tensor may not be called '__metadata__'.")
      #expect(!FileManager.default.fileExists(atPath: url.path))
    }
  }

  @Test func aSourceOfTheWrongLengthIsNamed() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.safetensors")
      for count in [0, 4, 12] {
        let tensor = LazyTensor(TensorSpec(.float32, [2])) { consume in
          try [UInt8](repeating: 0, count: count).withUnsafeBytes(consume)
        }
        let error = #expect(throws: GraftError.self) {
          try format.write(Weights(["w": tensor]), to: url)
        }
        let found = count > 8 ? "at least 12" : "\(count)"
        #expect(
          error?.description
            == "\(url.path): tensor 'w': the data does not have the length of float32 [2]; "
            + "expected 8 bytes, found \(found)."
        )
        #expect(!FileManager.default.fileExists(atPath: url.path))
      }
    }
  }
}
