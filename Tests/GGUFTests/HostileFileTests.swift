import TestSupport
import Foundation
import GraftCore
import GraftTensors
import Testing

@testable import GGUF

/// What is not read or written, and what a person reads about each. The path is left out.
@Suite struct HostileFileTests {
  private static let again = " Copy or download it again."
  private static let largest: [UInt8] = [UInt8](repeating: 0xFF, count: 8)

  /// Changes of a file with the attribute `general.alignment`, 32, and two tensors: `first`, 6 float32 in two rows, and
  /// `blocks`, 64 numbers in two blocks.
  ///
  ///     0 magic, 4 version, 8 tensors, 16 attributes, 24 length, 32 key, 49 type, 53 value,
  ///     57 length, 65 name, 70 rank, 74 extents, 90 type, 94 offset,
  ///     102 length, 110 name, 116 rank, 120 extents, 136 type, 140 offset, 148 padding, 160 data, 192 blocks, 260 padding, 288 end
  @Test(
    arguments: [
      ("another magic", 0, [0x67], "not a GGUF file." + again),
      (
        "version 1", 4, [1],
        "version 1 of GGUF; expected version 2 or 3, little-endian. "
          + "Convert the model again with a current llama.cpp."
      ),
      (
        "big-endian", 4, [0, 0, 0, 3],
        "a big-endian GGUF file; expected version 2 or 3, little-endian. "
          + "Convert the model again with a current llama.cpp."
      ),
      (
        "more tensors than bytes", 8, largest,
        "more tensors than the file has room for; expected at most 11, found 18446744073709551615."
      ),
      (
        "more attributes than bytes", 16, [0, 1],
        "more attributes than the file has room for; expected at most 20, found 256."
      ),
      (
        "a key longer than the file", 24, largest,
        "more characters than the file has room for; expected at most 256, found 18446744073709551615."
      ),
      ("a key that is no text", 32, [0xFF], "a text that is not UTF-8."),
      (
        "an unknown type of value", 49, [13],
        "key 'general.alignment': an unknown type of value; found 13."
      ),
      (
        "a list longer than the file", 49, [9, 0, 0, 0, 4, 0, 0, 0] + largest,
        "key 'general.alignment': more elements than the file has room for; "
          + "expected at most 55, found 18446744073709551615."
      ),
      ("a list of lists", 49, [9, 0, 0, 0, 9], "key 'general.alignment': a list of lists."),
      (
        "alignment 0", 53, [0],
        "key 'general.alignment': wrong value; expected a power of two, found the number 0."
      ),
      (
        "alignment 48", 53, [48],
        "key 'general.alignment': wrong value; expected a power of two, found the number 48."
      ),
      ("five extents", 70, [5], "tensor 'first': more than 4 extents; found 5."),
      (
        "an extent beyond any file", 74, largest,
        "tensor 'first': an extent larger than any file; found 18446744073709551615."
      ),
      (
        "a product beyond any file", 80, [0, 0x40],
        "tensor 'first': a tensor larger than any file; found [2, 4611686018427387907]."
      ),
      (
        "blocks of another kind", 90, [12],
        "tensor 'first': stored as ggml's Q4_K; expected one of int8, int16, int32, int64, float16, bfloat16, "
          + "float32, float64, q8_0. Convert the model's original weights, or quantize it as Q8_0."
      ),
      (
        "a type that there is none of", 90, [200],
        "tensor 'first': stored as type 200; expected one of int8, int16, int32, int64, float16, bfloat16, "
          + "float32, float64, q8_0. Convert the model's original weights, or quantize it as Q8_0."
      ),
      (
        "rows that are no blocks", 90, [8],
        "tensor 'first': the rows do not divide into blocks of 32; found [2, 3]."
      ),
      (
        "an offset with a hole", 140, [64],
        "tensor 'blocks': the data does not follow that of the tensor before; expected offset 32, found 64."
      ),
      (
        "an offset that overlaps", 140, [0],
        "tensor 'blocks': the data does not follow that of the tensor before; expected offset 32, found 0."
      ),
      (
        "more rows than the file has", 128, [3],
        "truncated: the tensors need 320 bytes, the file has 288." + again
      ),
      (
        "fewer rows than the file has", 128, [1],
        "something follows the last tensor; expected 256 bytes, found 288." + again
      ),
    ] as [(String, Int, [UInt8], String)])
  func changed(_ item: (name: String, offset: Int, bytes: [UInt8], message: String)) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.gguf")
      var bytes = sample
      bytes.replaceSubrange(item.offset..<(item.offset + item.bytes.count), with: item.bytes)
      try Data(bytes).write(to: url)
      let error = #expect(throws: GraftError.self) { try GGUFFormat().open(url) }
      #expect(error?.description == "\(url.path): \(item.message)")
    }
  }

  private var sample: [UInt8] {
    var bytes = Header.magic
    bytes.append(3 as UInt32)
    bytes.append(2 as UInt64)
    bytes.append(1 as UInt64)
    bytes.append("general.alignment")
    bytes.append(4 as UInt32)
    bytes.append(32 as UInt32)
    for (name, extents, type, offset) in [("first", [3, 2], 0, 0), ("blocks", [32, 2], 8, 32)] {
      bytes.append(name)
      bytes.append(UInt32(extents.count))
      for extent in extents { bytes.append(UInt64(extent)) }
      bytes.append(UInt32(type))
      bytes.append(UInt64(offset))
    }
    bytes += [UInt8](repeating: 0, count: 160 - bytes.count + 32 + 96)
    return bytes
  }

  @Test func theSampleItselfIsRead() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.gguf")
      try Data(sample).write(to: url)
      let weights = try GGUFFormat().open(url).weights
      #expect(weights.tensors.keys == ["first", "blocks"])
      #expect(weights.tensors.values.map(\.spec.shape) == [[2, 3], [2, 32]])
    }
  }

  @Test("blocks without elements are read as nothing", arguments: [[0, 32], [32, 0]])
  func emptyBlocks(_ shape: [Int]) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.gguf")
      let weights = Weights(["a": LazyTensor([] as [Float], shape: shape)])
      try GGUFFormat().write(ModelFile(weights, storageTypes: ["a": .q8_0]), to: url, limit: nil)
      let read = try #require(try GGUFFormat().open(url).weights["a"])
      #expect(read.storedTypeName == "q8_0" && read.spec.shape == shape)
      #expect(try read.bytes() == [])
    }
  }

  @Test func twice() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.gguf")
      let tensor = LazyTensor([1] as [Float], shape: [1])
      try GGUFFormat().write(ModelFile(Weights(["a": tensor, "b": tensor])), to: url, limit: nil)
      var bytes = Array(try Data(contentsOf: url))
      let second = try #require(bytes.lastIndex(of: UInt8(ascii: "b")))
      bytes[second] = UInt8(ascii: "a")
      try Data(bytes).write(to: url)
      let error = #expect(throws: GraftError.self) { try GGUFFormat().open(url) }
      #expect(error?.description == "\(url.path): tensor 'a': given twice.")
    }
  }

  @Test("lists are bounded by memory, not by the file alone")
  func longLists() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.gguf")
      var bytes = Header.magic
      bytes.append(3 as UInt32)
      bytes.append(0 as UInt64)
      bytes.append(1 as UInt64)
      bytes.append("k")
      bytes.append(9 as UInt32)
      bytes.append(0 as UInt32)
      bytes.append(5_000_000 as UInt64)
      bytes += [UInt8](repeating: 0, count: 5_000_000)
      try Data(bytes).write(to: url)
      let error = #expect(throws: GraftError.self) { try GGUFFormat().open(url) }
      #expect(
        error?.description
          == "\(url.path): key 'k': longer lists than those of any vocabulary; "
          + "expected at most 4194304 elements, found 5000000.")
    }
  }

  // MARK: Writing

  @Test(
    "attributes are what they were",
    arguments: [
      [0.0, 2.0], [0.0], [0.5, 1], [true, false], [1, 4_294_967_296, -1], ["a", ""], [],
      .array([.number("18446744073709551615"), 1]), .number("18446744073709551615"), 4_294_967_296, -7,
    ] as [JSON])
  func attributes(_ value: JSON) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.gguf")
      try GGUFFormat().write(ModelFile(attributes: ["k": value]), to: url, limit: nil)
      let expected = value == [0.5, 1] ? [0.5, 1.0] : value
      #expect(try GGUFFormat().open(url).attributes["k"] == expected)
    }
  }

  @Test(
    "lists that no type holds",
    arguments: [
      [1, "a"], [true, 1], [true, "a"], [[1]], .array([.null]),
      .array([-1, .number("18446744073709551615")]),
    ] as [JSON])
  func mixedLists(_ value: JSON) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.gguf")
      let error = #expect(throws: GraftError.self) {
        try GGUFFormat().write(ModelFile(attributes: ["k": value]), to: url, limit: nil)
      }
      #expect(error?.description == "\(url.path): key 'k': GGUF has no type for this; found a list.")
    }
  }

  @Test("numbers that blocks cannot hold", arguments: [Float.nan, .infinity, -.infinity, 1e8])
  func unquantizable(_ number: Float) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.gguf")
      let tensor = LazyTensor([Float](repeating: 1, count: 31) + [number], shape: [1, 32])
      let file = ModelFile(Weights(["a": tensor]), storageTypes: ["a": .q8_0])
      let error = #expect(throws: GraftError.self) { try GGUFFormat().write(file, to: url, limit: nil) }
      #expect(
        error?.description
          == "\(url.path): tensor 'a': NaN, infinity or a number too large for blocks of eight bits. "
          + "Export it as float16 or float32.")
      let left = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      #expect(left.isEmpty)
    }
  }

  @Test("rows that do not divide into blocks are float16")
  func oddRows() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.gguf")
      let tensor = LazyTensor([Float](repeating: 1, count: 66), shape: [2, 33])
      let file = ModelFile(Weights(["a": tensor]), storageTypes: ["a": .q8_0])
      try GGUFFormat().write(file, to: url, limit: nil)
      let read = try #require(try GGUFFormat().open(url).weights["a"])
      #expect(read.storedTypeName == "float16" && read.spec.dtype == .float16)
      #expect(try read.floats() == tensor.floats())
    }
  }

  @Test(
    arguments: [
      (
        String(repeating: "n", count: 64), [1],
        "a name too long for GGUF; expected at most 63 bytes, found 64."
      ),
      ("a", [1, 1, 1, 1, 1], "GGUF has no place for the shape [1, 1, 1, 1, 1]."),
    ] as [(String, [Int], String)])
  func unwritable(_ item: (name: String, shape: [Int], message: String)) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.gguf")
      let weights = Weights([item.name: LazyTensor([1] as [Float], shape: item.shape)])
      let error = #expect(throws: GraftError.self) {
        try GGUFFormat().write(ModelFile(weights), to: url, limit: nil)
      }
      #expect(error?.description == "\(url.path): tensor '\(item.name)': \(item.message)")
    }
  }

  // MARK: Models

  /// Attributes that are no BERT's, or broken.
  @Test(
    arguments: [
      (
        "general.architecture", "llama",
        "key 'general.architecture': a model of an architecture that no plugin knows; expected one of bert, modern-bert, nomic-bert, "
          + "found the string \"llama\"."
      ),
      (
        "bert.block_count", "two",
        "key 'num_hidden_layers': wrong value; expected a positive integer, found the string \"two\"."
      ),
      (
        "tokenizer.ggml.mask_token_id", 260,
        "key 'tokenizer.ggml.mask_token_id': not a token's number; expected a whole number below 260, found 260."
      ),
      (
        "tokenizer.ggml.tokens", [1, 2],
        "key 'tokenizer.ggml.tokens': not a text; found the number 1 as number 0."
      ),
    ] as [(String, JSON, String)])
  func models(_ item: (key: String, value: JSON, message: String)) throws {
    try withTemporaryDirectory { directory in
      var file = try GGUFFormat().open(fixtures.appendingPathComponent("gguf/base-q8_0.gguf"))
      file.attributes[item.key] = item.value
      let url = directory.appendingPathComponent("model.gguf")
      try GGUFFormat().write(file, to: url, limit: nil)
      let error = #expect(throws: GraftError.self) { try registry.get().open(url) }
      #expect(error?.description == "\(url.path): \(item.message)")
    }
  }
}
