import Foundation
import GraftCompute
import GraftCore
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

/// Folders of sentence-transformers: their vectors are those that it makes, and they are written again whole.
@Suite struct SentenceTests {
  static let folders = fixtures.appending(path: "sentences")
  static let texts = [
    "He do it", "do", "", "he do it again and again, and he do it once more until there is no room for it",
    "DO IT",
  ]

  /// Expects the vectors of a golden file.
  private func expect(
    _ output: String, of folder: String, at url: URL? = nil, prompt: String? = nil, width: Int? = nil,
    normalizes: Bool = false
  ) throws {
    let golden = try Registry.builtIn().openWeights(
      Self.folders.appending(path: "\(folder)/golden.safetensors")
    ).weights
    let expected = try #require(golden[output])
    let checkpoint = try Registry.builtIn().open(url ?? Self.folders.appending(path: folder)).checkpoint
    let pipeline = try #require(checkpoint.sentences)
    // Two texts at a time, so that the order of batches counts.
    let vectors = try embed(
      Self.texts.map { TextRow($0) },
      with: InferenceSession(checkpoint.makeModel(), backend: ReferenceBackend(threads: 1)),
      EmbeddingOptions(
        pipeline, prompt: pipeline.prompt(prompt), width: width, normalizes: normalizes, batchSize: 2))
    #expect(vectors.shape == expected.spec.shape)
    let difference = zip(vectors.buffer, try expected.floats()).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference <= 1e-5, "\(output) of \(folder)")
  }

  @Test(
    "every mode of pooling, a dense layer, lengths, prompts that do not count: as sentence-transformers 6")
  func current() throws {
    try expect("plain", of: "current")
    try expect("query", of: "current", prompt: "query")
    try expect("shortened", of: "current", width: 3, normalizes: true)
  }

  @Test("a folder of version 2: the encoder in a folder, flags for modes, lower-casing, a length limit")
  func older() throws {
    try expect("plain", of: "older")
    let pipeline = try #require(
      Registry.builtIn().open(Self.folders.appending(path: "older")).checkpoint.sentences)
    #expect(pipeline.maximumLength == 9 && pipeline.lowercases)
    #expect(pipeline.description == "cls + mean, normalize")
  }

  @Test("an imported folder is whole, and gives the same vectors", arguments: ["current", "older"])
  func roundTrip(_ folder: String) throws {
    try withTemporaryDirectory { directory in
      let (source, output) = (Self.folders.appending(path: folder), directory.appending(path: "out"))
      try importModel(source, to: output, registry: .builtIn())
      try expect("plain", of: folder, at: output)
      let encoder = folder == "older" ? source.appending(path: "0_Transformer") : source
      for (name, from) in [
        ("config_sentence_transformers.json", source), ("sentence_bert_config.json", encoder),
      ] {
        #expect(try json(output.appending(path: name)) == json(from.appending(path: name)), "\(name)")
      }
      for path in try FileManager.default.subpathsOfDirectory(atPath: source.path)
      where path.contains("/") && !path.hasPrefix("0_") {
        let (old, new) = (source.appending(path: path), output.appending(path: path))
        #expect(try Data(contentsOf: old) == Data(contentsOf: new), "\(path)")
      }
      let modules = try #require(json(output.appending(path: "modules.json")).array)
      #expect(modules.first?["path"] == "")
      #expect(try modules.dropFirst() == json(source.appending(path: "modules.json")).array?.dropFirst())
    }
  }

  @Test("a head swap keeps it")
  func headSwap() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      try swapHead(Self.folders.appending(path: "current"), to: "masked-lm", registry: .builtIn())
        .checkpoint.write(to: output, registry: .builtIn())
      try expect("plain", of: "current", at: output)
    }
  }

  @Test("what is not known, or does not fit, is refused by name")
  func refusals() throws {
    let changes: [(file: String, old: String, new: String, message: String)] = [
      ("modules.json", "normalize.Normalize", "models.CNN", "found CNN"),
      ("modules.json", "pooling.Pooling", "normalize.Normalize", "what follows the encoder does not pool"),
      ("modules.json", "transformer.Transformer", "models.BoW", "found BoW"),
      ("modules.json", "2_Dense", "../2_Dense", "leads out of the folder"),
      ("modules.json", "2_Dense", "1_Pooling", "no weights"),
      ("1_Pooling/config.json", "\"max\"", "\"attention\"", "'attention'"),
      ("1_Pooling/config.json", "\"max\",", "", "expected [5, 40]"),
      ("2_Dense/config.json", "Tanh", "Softmax", "Softmax"),
      (
        "2_Dense/config.json", "\"out_features\": 5", "\"out_features\": 6",
        "key 'out_features': a dense layer does not fit its weights; expected 5"
      ),
      ("2_Dense/config.json", "\"in_features\": 48", "\"in_features\": 40", "key 'in_features'"),
      (
        "2_Dense/config.json", "\"module_input_name\": \"sentence", "\"module_input_name\": \"token",
        "token_embedding"
      ),
    ]
    for change in changes {
      try withTemporaryDirectory { directory in
        let folder = directory.appending(path: "folder")
        try FileManager.default.copyItem(at: Self.folders.appending(path: "current"), to: folder)
        let file = folder.appending(path: change.file)
        let text = try String(contentsOf: file, encoding: .utf8)
        try #require(text.contains(change.old))
        try text.replacing(change.old, with: change.new, maxReplacements: 1).write(
          to: file, atomically: true, encoding: .utf8)
        let message = errorMessage { _ = try Registry.builtIn().open(folder) }
        #expect(message?.contains(change.message) == true, "\(change): \(message ?? "no error")")
      }
    }
    // A download that was not finished.
    for name in ["1_Pooling", "2_Dense"] {
      try withTemporaryDirectory { directory in
        let folder = directory.appending(path: "folder")
        try FileManager.default.copyItem(at: Self.folders.appending(path: "current"), to: folder)
        try FileManager.default.removeItem(at: folder.appending(path: "\(name)/config.json"))
        let message = errorMessage { _ = try Registry.builtIn().open(folder) }
        #expect(
          message?.contains("\(name)/config.json: the settings of a module") == true,
          "\(message ?? "no error")")
      }
    }
    let pipeline = try #require(
      Registry.builtIn().open(Self.folders.appending(path: "current")).checkpoint.sentences)
    #expect(errorMessage { _ = try pipeline.prompt("passage") }?.contains("document, query") == true)
  }

  private func json(_ file: URL) throws -> JSON { try JSON(parsing: Array(Data(contentsOf: file))) }
}
