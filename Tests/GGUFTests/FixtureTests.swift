import TestSupport
import Foundation
import GraftCore
import GraftKit
import GraftTensors
import Safetensors
import Testing

@testable import GGUF

/// What llama.cpp's converter writes of the tiny checkpoints, and its quantizer of numbers.
@Suite struct FixtureTests {
  /// The converter's file, the checkpoint, and the type: `base-q8_0`.
  static let files = [
    "base-f32", "base-f16", "base-q8_0", "cased-f32", "padded-vocab-q8_0", "pretraining-f16",
  ]
  private static let types = ["f32": "float32", "f16": "float16", "q8_0": "q8_0"]
  /// What the converter takes from the directory's name, and what Graft says beyond it.
  private static let theirs: Set = ["general.name", "general.size_label"]
  private static let ours: Set = [
    "bert.vocab_size", "bert.hidden_activation", "bert.pooling_type", "tokenizer.ggml.cls_token_id",
    "tokenizer.ggml.normalizer.strip_accents",
  ]

  private func export(_ file: String, to url: URL) throws -> LoadReport {
    let parts = try #require(file.lastIndex(of: "-"))
    let source = fixtures.appendingPathComponent("bert-tiny/\(file[..<parts])")
    let type = Self.types[String(file[file.index(after: parts)...])]
    return try exportModel(
      source, to: url, options: OutputOptions(format: "gguf", dtype: type), registry: registry.get())
  }

  private func golden(_ file: String) throws -> JSON {
    let bytes = try Data(contentsOf: fixtures.appendingPathComponent("gguf/converter.json"))
    return try #require(try JSON(parsing: Array(bytes))[file])
  }

  @Test("attributes are the converter's", arguments: files)
  func attributes(_ file: String) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.gguf")
      _ = try export(file, to: url)
      var found = try Header(of: RandomAccessFile(url)).attributes
      for (key, value) in try #require(golden(file)["attributes"]?.object) where !Self.theirs.contains(key) {
        let removed = found.removeValue(forKey: key)
        let own = try #require(removed, "\(key)")
        // The converter's JSON has a float32 with the decimals of a float64.
        #expect(own == value || Float(own.double ?? .nan) == Float(value.double ?? 0), "\(key)")
      }
      #expect(Set(found.keys) == Self.ours)
    }
  }

  @Test("names, types and shapes are the converter's", arguments: files)
  func tensors(_ file: String) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.gguf")
      _ = try export(file, to: url)
      let names: [ElementType: String] = [.plain(.float32): "F32", .plain(.float16): "F16", .q8_0: "Q8_0"]
      let found = try Header(of: RandomAccessFile(url)).entries.map { entry -> (String, JSON) in
        let shape = entry.spec.shape.reversed().map { JSON($0) }
        return (entry.name, .array([.string(names[entry.type] ?? "")] + shape))
      }
      let expected = try #require(golden(file)["tensors"]?.object)
      #expect(
        Dictionary(uniqueKeysWithValues: found)
          == Dictionary(uniqueKeysWithValues: expected.map { ($0.key, $0.value) }))
    }
  }

  @Test("bytes are the converter's", arguments: ["base-f16", "base-q8_0"])
  func bytes(_ file: String) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.gguf")
      _ = try export(file, to: url)
      let theirs = fixtures.appendingPathComponent("gguf/\(file).gguf")
      #expect(try stored(url) == stored(theirs))
      #expect(try stored(url).count == 37)
    }
  }

  /// The bytes of each tensor as they stand in a file.
  private func stored(_ url: URL) throws -> [String: [UInt8]] {
    let file = try RandomAccessFile(url)
    let header = try Header(of: file)
    return try Dictionary(
      uniqueKeysWithValues: header.entries.map { entry in
        let start = header.byteCount + entry.offset
        return (entry.name, try file.bytes(start..<(start + entry.byteCount)))
      })
  }

  @Test func blocksAreThoseOfTheQuantizer() throws {
    let golden = try SafetensorsFormat().open(fixtures.appendingPathComponent("gguf/q8_0.safetensors"))
    let values = try #require(golden["values"])
    var blocks: [UInt8] = []
    try values.streamBlocks { blocks += $0 }
    let expected = try golden["blocks"]?.bytes()
    #expect(blocks == expected)
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.gguf")
      let file = ModelFile(Weights(["values": values]), storageTypes: ["values": .q8_0])
      try GGUFFormat().write(file, to: url, limit: nil)
      let read = try #require(try GGUFFormat().open(url).weights["values"])
      #expect(read.storedTypeName == "q8_0" && read.spec == values.spec)
      #expect(try read.bytes() == golden["read"]?.bytes())
      // What was read from blocks means the same in blocks.
      let again = directory.appendingPathComponent("again.gguf")
      try GGUFFormat().write(GGUFFormat().open(url), to: again, limit: nil)
      #expect(try GGUFFormat().open(again).weights["values"]?.floats() == read.floats())
    }
  }

  @Test("a tensor of many windows is the same as row by row")
  func windows() throws {
    let count = 3 * LazyTensor.windowSize / 4 / 32 * 32 + 32
    let values = (0..<count).map { Float(($0 * 7919) % 1013) - 500 }
    var (whole, parts): ([UInt8], [UInt8]) = ([], [])
    try LazyTensor(values, shape: [count / 32, 32]).streamBlocks { whole += $0 }
    for start in stride(from: 0, to: count, by: 32) {
      try LazyTensor(Array(values[start..<(start + 32)]), shape: [32]).streamBlocks { parts += $0 }
    }
    #expect(whole == parts)
  }

  // MARK: Whole models

  @Test("the converter's file is a model by itself", arguments: ["base-f16", "base-q8_0"])
  func converted(_ file: String) throws {
    let opened = try registry.get().open(fixtures.appendingPathComponent("gguf/\(file).gguf"))
    #expect(opened.format == "gguf" && opened.dialect.name == "gguf")
    #expect(opened.report.unexpected.isEmpty && opened.report.notes.isEmpty)
    let original = try registry.get().open(fixtures.appendingPathComponent("bert-tiny/base")).checkpoint
    for key in [
      "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size",
      "max_position_embeddings", "type_vocab_size", "hidden_act",
    ] {
      #expect(opened.checkpoint.configuration[key] == original.configuration[key], "\(key)")
    }
    let epsilon = try opened.checkpoint.configuration.number("layer_norm_eps", default: 0)
    #expect(Float(epsilon) == 1e-12)
  }

  @Test(
    "to GGUF and back, weights, configuration and tokenizer are the same",
    arguments: ["base-no-pooler", "cased", "padded-vocab", "sequence-classification", "gelu-tanh"])
  func roundTrip(_ name: String) throws {
    try withTemporaryDirectory { directory in
      let (url, registry) = (directory.appendingPathComponent("model.gguf"), try registry.get())
      let source = fixtures.appendingPathComponent("bert-tiny/\(name)")
      try exportModel(source, to: url, options: OutputOptions(format: "gguf"), registry: registry)
      let (original, read) = (try registry.open(source).checkpoint, try registry.open(url).checkpoint)
      #expect(read.heads.map(\.id) == (name == "sequence-classification" ? [name] : []))
      #expect(read.activeHead?.name == read.heads.first?.id)
      func encoder(_ checkpoint: Checkpoint) -> Weights {
        checkpoint.components.filter { !$0.isHead }.reduce(into: Weights()) { all, component in
          all.tensors.merge(component.weights.tensors) { first, _ in first }
        }
      }
      var (expected, found) = (encoder(original).tensors, encoder(read).tensors)
      if read.activeHead == nil {
        for parameter in original[Component.pooler]?.weights.tensors.keys ?? [] { expected[parameter] = nil }
      }
      for head in read.heads {
        found.merge(head.weights.tensors) { first, _ in first }
        #expect(try read.configuration.labels() == original.configuration.labels())
      }
      for head in original.heads where head.id == name {
        expected.merge(head.weights.tensors) { first, _ in first }
      }
      #expect(Set(found.keys) == Set(expected.keys))
      for (parameter, tensor) in expected {
        #expect(try found[parameter]?.bytes() == tensor.bytes(), "\(parameter)")
      }
      #expect(read.configuration["hidden_act"] == original.configuration["hidden_act"])

      let (theirs, ours) = (try #require(original.tokenizer), try #require(read.tokenizer))
      #expect(ours.specialTokens == theirs.specialTokens)
      for id in 0..<Int32(theirs.vocabularySize) { #expect(ours.token(of: id) == theirs.token(of: id)) }
      for text in ["The Café of 中文, [MASK] unwillingness!", "ÜBER straße", ""] {
        #expect(ours.encode(text).ids == theirs.encode(text).ids)
      }
    }
  }

  @Test("blocks stay blocks unless another type is asked for")
  func blocksAgain() throws {
    try withTemporaryDirectory { directory in
      let (source, registry) = (fixtures.appendingPathComponent("gguf/base-q8_0.gguf"), try registry.get())
      for type in [nil, "float32"] {
        let url = directory.appendingPathComponent("\(type ?? "same").gguf")
        try exportModel(
          source, to: url, options: OutputOptions(format: "gguf", dtype: type), registry: registry)
        let blocks = try GGUFFormat().open(url).weights.tensors.values.count { $0.storedTypeName == "q8_0" }
        #expect(blocks == (type == nil ? 13 : 0))
      }
    }
  }

  @Test("float64, which llama.cpp does not multiply, is written as float32")
  func float64() throws {
    try withTemporaryDirectory { directory in
      let source = fixtures.appendingPathComponent("bert-tiny/base")
      try FileManager.default.copyItem(
        at: source.appendingPathComponent("config.json"), to: directory.appendingPathComponent("config.json"))
      var weights = try registry.get().open(source).stored
      weights.tensors = weights.tensors.mapValues { $0.converted(to: .float64) }
      try SafetensorsFormat().write(weights, to: directory.appendingPathComponent("model.safetensors"))
      let url = directory.appendingPathComponent("model.gguf")
      try exportModel(
        directory.appendingPathComponent("model.safetensors"), to: url,
        options: OutputOptions(format: "gguf"),
        registry: registry.get())
      #expect(try GGUFFormat().open(url).weights.tensors.values.allSatisfy { $0.spec.dtype == .float32 })
    }
  }

  @Test("what has no place is left out, and said")
  func leftOut() throws {
    try withTemporaryDirectory { directory in
      let report = try export("pretraining-f16", to: directory.appendingPathComponent("model.gguf"))
      #expect(
        report.notes == [
          "the head 'masked-lm' is left out: the dialect 'gguf' has no names for it",
          "the head 'next-sentence' is left out: the dialect 'gguf' has no names for it",
          "left out: the pooler",
        ])
    }
  }

  @Test("without a tokenizer the file says so")
  func noTokenizer() throws {
    try withTemporaryDirectory { directory in
      for name in ["config.json", "model.safetensors"] {
        try FileManager.default.copyItem(
          at: fixtures.appendingPathComponent("bert-tiny/base/\(name)"),
          to: directory.appendingPathComponent(name))
      }
      let url = directory.appendingPathComponent("m/model.gguf")
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try exportModel(directory, to: url, options: OutputOptions(format: "gguf"), registry: registry.get())
      #expect(try GGUFFormat().open(url).attributes["tokenizer.ggml.model"] == "no_vocab")
      let opened = try registry.get().open(url)
      #expect(opened.checkpoint.tokenizer == nil)
      #expect(try opened.checkpoint.makeBackbone().vocabularySize == 260)
    }
  }
}
