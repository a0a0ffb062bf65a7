import Foundation
import GraftCompute
import GraftCore
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

/// Folders of sentence-transformers' SparseEncoder: their vectors are those that it makes, and they are written again whole.
@Suite("Sparse vectors") struct SparseTests {
  private static let folders = fixtures.appending(path: "sparse")
  private static let texts = [
    "Oil prices rise", "the game", "",
    "he said it again and again, and the team plays it once more until there is no room for it",
  ]

  private func vectors(
    _ checkpoint: Checkpoint, prompt: String? = nil, keeping count: Int? = nil
  ) throws -> [SparseVector] {
    let pipeline = try #require(checkpoint.sentences)
    // Two texts at a time, so that the order of batches counts.
    return try embedSparse(
      Self.texts.map { TextRow($0) },
      with: InferenceSession(checkpoint.makeModel(), backend: ReferenceBackend(threads: 1)),
      EmbeddingOptions(pipeline, prompt: pipeline.prompt(prompt), batchSize: 2), keeping: count)
  }

  /// Expects the vectors of a golden file.
  private func expect(_ output: String, of folder: String, at url: URL? = nil, prompt: String? = nil) throws {
    let source = Self.folders.appending(path: folder)
    let golden = try #require(
      Registry.builtIn().openWeights(source.appending(path: "golden.safetensors")).weights[output])
    let expected = try golden.floats()
    let width = golden.spec.shape[1]
    let found = try vectors(Registry.builtIn().open(url ?? source).checkpoint, prompt: prompt)
    #expect(found.count == golden.spec.shape[0])
    for (row, vector) in found.enumerated() {
      var dense = [Float](repeating: 0, count: width)
      for entry in vector.entries { dense[Int(entry.id)] = entry.weight }
      let own = expected[row * width..<(row + 1) * width]
      let scale = own.max() ?? 0
      #expect(
        zip(dense, own).allSatisfy { abs($0 - $1) <= 1e-5 * scale }, "\(output) of \(folder), text \(row)")
      // What rounding leaves of a score of 0 may be on either side of it.
      #expect(vector.entries.count { $0.weight > 1e-5 } == own.count { $0 > 1e-5 })
    }
  }

  @Test("as sentence-transformers 6: the maximum over tokens, prompts")
  func current() throws {
    try expect("plain", of: "current")
    try expect("query", of: "current", prompt: "query")
  }

  @Test("a folder of version 5: the sum, two logarithms, a length limit")
  func older() throws {
    try expect("plain", of: "older")
    let pipeline = try #require(
      Registry.builtIn().open(Self.folders.appending(path: "older")).checkpoint.sentences)
    #expect(pipeline.maximumLength == 12 && pipeline.splade == SpladePooling(.sum, .log1pRelu))
    #expect(pipeline.description == "SPLADE sum, log1p_relu")
  }

  @Test("the largest weights are those that sentence-transformers decodes", arguments: ["current", "older"])
  func decoded(_ folder: String) throws {
    let source = Self.folders.appending(path: folder)
    let golden = try JSON(parsing: Array(Data(contentsOf: source.appending(path: "decoded.json"))))
    let checkpoint = try Registry.builtIn().open(source).checkpoint
    let found = try vectors(checkpoint, keeping: 5).map {
      $0.entries.map { checkpoint.tokenizer?.token(of: $0.id) }
    }
    #expect(found == golden.array?.map { $0.array?.map { $0.array?[0].string } ?? [] })
  }

  @Test("an imported folder is whole, and gives the same vectors", arguments: ["current", "older"])
  func roundTrip(_ folder: String) throws {
    try withTemporaryDirectory { directory in
      let (source, output) = (Self.folders.appending(path: folder), directory.appending(path: "out"))
      try importModel(source, to: output, registry: .builtIn())
      try expect("plain", of: folder, at: output)
      for name in [
        "modules.json", "config_sentence_transformers.json", "sentence_bert_config.json",
        "1_SpladePooling/config.json",
      ] {
        func json(_ directory: URL) throws -> JSON {
          try JSON(parsing: Array(Data(contentsOf: directory.appending(path: name))))
        }
        #expect(try json(output) == json(source), "\(name)")
      }
    }
  }

  @Test(
    "with another head it is another kind of model, and with its own a SparseEncoder of the same vectors again"
  )
  func swapped() throws {
    try withTemporaryDirectory { directory in
      let registry = try Registry.builtIn()
      let (other, back) = (directory.appending(path: "other"), directory.appending(path: "back"))
      try swapHead(
        Self.folders.appending(path: "current"), to: "sequence-classification", labels: ["a", "b"],
        registry: registry
      ).checkpoint.write(to: other, registry: registry)
      #expect(!FileManager.default.fileExists(atPath: other.appending(path: "modules.json").path))
      try swapHead(other, to: "masked-lm", registry: registry).checkpoint.write(to: back, registry: registry)
      #expect(try registry.open(back).checkpoint.activeHead?.name == "masked-lm")
      try expect("plain", of: "current", at: back)
      // The head alone takes its module along as well, and a parked one has it when it is selected.
      let (head, attached) = (directory.appending(path: "head"), directory.appending(path: "attached"))
      try detachHead(back, registry: registry).write(to: head, registry: registry)
      try attachHead(other, head: head, registry: registry).checkpoint.write(to: attached, registry: registry)
      try expect("plain", of: "current", at: attached)
      #expect(try registry.open(other).checkpoint.selecting(head: "masked-lm").sentences?.splade != nil)
    }
  }

  @Test(
    "what is not known is refused by name",
    arguments: [
      (
        "1_SpladePooling/config.json", #"{"pooling_strategy": "mean"}"#,
        "key 'pooling_strategy': not supported; expected one of max, sum"
      ),
      ("1_SpladePooling/config.json", #"{"activation_function": "elu"}"#, "expected one of relu, log1p_relu"),
      (
        "modules.json",
        #"[{"path": "", "type": "a.Transformer"}, {"path": "1_SpladePooling", "type": "a.SparseAutoEncoder"}]"#,
        "a module that is not known"
      ),
      (
        "modules.json",
        #"[{"path": "", "type": "a.Transformer"}, {"path": "1_SpladePooling", "type": "a.SpladePooling"}, {"path": "2", "type": "a.Normalize"}]"#,
        "a module behind a sparse vector"
      ),
      ("modules.json", #"[{"path": "", "type": "a.Router"}]"#, "the first module is no encoder"),
    ])
  func refused(_ file: String, _ text: String, _ expected: String) throws {
    try withTemporaryDirectory { directory in
      let copy = directory.appending(path: "copy")
      try FileManager.default.copyItem(at: Self.folders.appending(path: "current"), to: copy)
      try FileWriter.write(copy.appending(path: file), text: text)
      do {
        _ = try Registry.builtIn().open(copy)
        Issue.record("nothing was refused")
      } catch let error as GraftError {
        #expect(error.description.contains(expected), "\(error)")
      }
    }
  }

  @Test("dense vectors are not made of a sparse encoder, and it does not learn them")
  func dense() throws {
    var checkpoint = try Registry.builtIn().open(Self.folders.appending(path: "current")).checkpoint
    let pipeline = try #require(checkpoint.sentences)
    #expect(throws: GraftError.self) {
      try embed(
        [TextRow("a")], with: InferenceSession(checkpoint.makeModel(), backend: ReferenceBackend(threads: 1)),
        EmbeddingOptions(pipeline))
    }
    #expect(throws: GraftError.self) {
      try checkpoint.selectTask("sentence-embedding", registry: .builtIn())
    }
  }

  @Test("searching is the dot product with every vector")
  func search() throws {
    let found = try vectors(Registry.builtIn().open(Self.folders.appending(path: "current")).checkpoint)
    let index = SparseIndex(found)
    for query in found {
      func product(_ vector: SparseVector) -> Float {
        query.entries.reduce(0) { sum, entry in
          sum + entry.weight * (vector.entries.first { $0.id == entry.id }?.weight ?? 0)
        }
      }
      let expected = found.indices.sorted { product(found[$0]) > product(found[$1]) }.prefix(3)
      let hits = index.nearest(query, count: 3)
      #expect(hits.map(\.index) == Array(expected))
      #expect(hits.allSatisfy { abs($0.similarity / product(found[$0.index]) - 1) < 1e-5 })
    }
    #expect(index.nearest(SparseVector([] as [SparseVector.Entry]), count: 3).isEmpty)
  }
}
