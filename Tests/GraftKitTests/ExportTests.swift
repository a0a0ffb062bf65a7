import Foundation
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

@Suite struct ExportTests {
  @Test("a model that needs shards is not written to one file, nor beside it")
  func shardsNeedADirectory() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "model.safetensors")
      let (source, registry) = (Support.fixture("base"), try Support.registry())
      let error = try #require(throws: GraftError.self) {
        try exportModel(source, to: output, options: OutputOptions(shardLimit: 50_000), registry: registry)
      }
      #expect(error.kind == .refused)
      #expect(error.file == output.path)
      #expect(error.advice?.description.contains("max-shard-size") == true)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)

      // The same limit for a directory, and no limit for the file.
      let shards = directory.appending(path: "shards")
      try exportModel(source, to: shards, options: OutputOptions(shardLimit: 50_000), registry: registry)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: shards.path).count { $0.contains("-of-") } > 1)
      try exportModel(source, to: output, options: OutputOptions(), registry: registry)
      let (whole, index) = (try registry.openWeights(output), try registry.open(shards))
      #expect(Set(whole.weights.tensors.keys) == Set(index.stored.tensors.keys))
    }
  }

  @Test("a PyTorch file has a tied decoder's name as well, without a second copy", arguments: [nil, 30_000])
  func tiedNames(_ limit: Int?) throws {
    let (source, registry) = (Support.fixture("pretraining"), try Support.registry())
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      try exportModel(
        source, to: output, options: OutputOptions(format: "pytorch", shardLimit: limit), registry: registry)
      let opened = try registry.open(output)
      let ties = ["cls.predictions.decoder.weight", "cls.predictions.decoder.bias"]
      #expect(opened.report.dropped.map(\.name) == ties && opened.report.dropped.allSatisfy(\.isTied))
      #expect(try compare(source, output, registry: registry).isEmpty)
      let files = try FileManager.default.contentsOfDirectory(atPath: output.path)
      let size = try files.filter { $0.hasSuffix(".bin") }.reduce(0) {
        try $0 + RandomAccessFile(output.appending(path: $1)).size
      }
      let stored = try registry.open(source).stored.byteCount
      #expect(size > stored && size < stored + 20_000 * files.count { $0.hasSuffix(".bin") })

      // A format in which a tensor has one name leaves the others out.
      let plain = directory.appending(path: "plain")
      try exportModel(output, to: plain, options: OutputOptions(format: "npz"), registry: registry)
      #expect(try registry.open(plain).report.dropped.isEmpty)
    }
  }

  @Test("what an output does not hold is in the report")
  func leftOut() throws {
    let registry = try Support.registry()
    try withTemporaryDirectory { directory in
      let both = directory.appending(path: "both")
      try swapHead(Support.fixture("pretraining"), to: "sequence-classification", registry: registry)
        .checkpoint.write(to: both, registry: registry)
      let preset = directory.appending(path: "preset")
      let hub = OutputOptions(format: "hdf5", dialect: "keras-hub")
      let report = try exportModel(both, to: preset, options: hub, registry: registry)
      #expect(
        report.notes.contains(
          "the head 'next-sentence' is left out: the dialect 'keras-hub' has no names for it"))
      #expect(
        try registry.open(preset).checkpoint.heads.map(\.id) == ["sequence-classification", "masked-lm"])

      let file = directory.appending(path: "model.npz")
      let single = try exportModel(both, to: file, options: OutputOptions(format: "npz"), registry: registry)
      #expect(
        single.notes == [
          "one file holds weights alone; name a directory to have config.json and the tokenizer too",
          "left out: the head 'masked-lm', the head 'next-sentence'",
        ])

      let named = try exportModel(
        Support.fixture("sequence-classification"), to: directory.appending(path: "labels"), options: hub,
        registry: registry)
      #expect(
        named.notes.last
          == "labels and problem type are left out: config.json of 'keras-hub' has no place for them")
    }
  }

  @Test("how vectors are made has no place in one file; GGUF files are of the mean")
  func sentencesInOneFile() throws {
    var checkpoint = try Support.registry().open(Support.fixture("base")).checkpoint
    let gguf = try #require(checkpoint.family.dialects.first { $0.name == "gguf" })
    let usual = try #require(checkpoint.family.dialects.first)
    for (mode, dialect, isSaid) in [
      (SentencePooling.Mode.mean, usual, true), (.cls, usual, true), (.mean, gguf, false), (.cls, gguf, true),
    ] {
      checkpoint.sentences = SentencePipeline(pooling: mode)
      let note = "what makes a vector of the hidden states (\(mode.rawValue))"
      #expect(
        try checkpoint.leftOut(ofOneFileIn: dialect).contains(note) == isSaid, "\(mode) \(dialect.name)")
    }
    checkpoint.sentences = nil
    #expect(try checkpoint.leftOut(ofOneFileIn: usual).isEmpty)
  }

  @Test("an extension belongs to its format")
  func extensions() throws {
    let registry = try Support.registry()
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "one.safetensors")
      let error = try #require(throws: GraftError.self) {
        try exportModel(
          Support.fixture("base"), to: output, options: OutputOptions(format: "pytorch"), registry: registry)
      }
      #expect(
        error.description
          == "\(output.path): the extension '.safetensors' is that of the format 'safetensors'; "
          + "expected .bin, .pt, .pth, or the name of a directory. Set 'format' to safetensors, or choose another name."
      )
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
    }
  }

  /// TensorFlow stops at the bytes that Keras 3 reads as bfloat16.
  @Test("bfloat16 is written for Keras 3, and refused for Keras 2")
  func bfloat16InHDF5() throws {
    let registry = try Support.registry()
    try withTemporaryDirectory { directory in
      for dialect in ["keras-hub", "transformers-tf", "transformers-tf-layers", "keras-nlp"] {
        let output = directory.appending(path: dialect)
        let options = OutputOptions(format: "hdf5", dialect: dialect, dtype: "bfloat16")
        let message = errorMessage {
          try exportModel(Support.fixture("base"), to: output, options: options, registry: registry)
        }
        let isRefused = message?.contains("Keras 2 cannot load bfloat16. Convert it to float32") == true
        #expect(isRefused == (dialect != "keras-hub"), "\(dialect): \(message ?? "")")
        #expect(FileManager.default.fileExists(atPath: output.path) == !isRefused)
      }
    }
  }

  @Test(
    "values that are not finite are kept and reported, or refused",
    arguments: ["safetensors", "pytorch", "npz", "hdf5", "tensorflow"])
  func nonFinite(_ format: String) throws {
    let registry = try Support.registry()
    try withTemporaryDirectory { directory in
      var checkpoint = try registry.open(Support.fixture("base")).checkpoint
      var values = try #require(checkpoint[Component.pooler]?.weights["pooler.weight"]).floats()
      values.replaceSubrange(0..<4, with: [.nan, .infinity, .nan, -.infinity])
      checkpoint[Component.pooler]?.weights["pooler.weight"] = LazyTensor(values, shape: [32, 32])
      let source = directory.appending(path: "source")
      try checkpoint.write(to: source, registry: registry)

      let options = OutputOptions(format: format)
      let output = directory.appending(path: "out")
      let report = try exportModel(source, to: output, options: options, registry: registry)
      let (name, count) = try #require(report.nonFinite.elements.first)
      #expect(report.nonFinite.count == 1 && count.nan == 2 && count.infinite == 2)
      #expect(
        report.description.contains("1 tensor has values that are not finite: '\(name)' (2 NaN, 2 infinite)"))
      let read = try #require(
        try registry.open(output).checkpoint[Component.pooler]?.weights["pooler.weight"]
      ).floats()
      #expect(read.map(\.bitPattern) == values.map(\.bitPattern))
      #expect(try inspect(output, check: true, registry: registry).report.nonFinite[name] == count)
      #expect(try inspect(output, registry: registry).report.nonFinite.isEmpty)

      let strict = directory.appending(path: "strict")
      for isImport in [true, false] {
        let error = #expect(throws: GraftError.self) {
          if isImport {
            try importModel(source, to: strict, options: options, strict: true, registry: registry)
          } else {
            try exportModel(source, to: strict, options: options, strict: true, registry: registry)
          }
        }
        #expect(error?.subject == "tensor '\(name)'" && error?.found == "2 NaN, 2 infinite")
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).count == 2)
      }
    }
  }
}
