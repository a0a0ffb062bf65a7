import Foundation
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

@testable import GGUF

/// What llama.cpp says of NomicBERT alone.
@Suite struct NomicBERTTests {
  @Test("numbers that no such model has are refused")
  func brokenNumbers() throws {
    let cases: [(key: String, value: JSON, subject: String)] = [
      ("rope.freq_base", 0, "rope_theta"), ("attention.head_count", 12, "head_dim"),
      ("context_length", 0, "max_position_embeddings"),
    ]
    for (key, value, subject) in cases {
      try expectError(in: "nomic_bert-base", ["nomic-bert.\(key)": value]) { error in
        #expect(error.subject == "key '\(subject)'", "\(key): \(error)")
      }
    }
  }

  @Test("a NomicBERT has no heads there")
  func headless() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "model.gguf")
      let report = try export("nomic_bert-sequence-classification", to: url)
      #expect(
        report.notes.contains(
          "the head 'sequence-classification' is left out: the dialect 'gguf' has no names for it"))
      let attributes = try GGUFFormat().open(url).attributes
      #expect(attributes["nomic-bert.pooling_type"] == 1)
      #expect(attributes["nomic-bert.classifier.output_labels"] == nil)
    }
  }

  @Test(
    "another activation is refused, whatever the configuration calls it",
    arguments: ["hidden_act", "activation_function"])
  func refused(_ key: String) throws {
    try withTemporaryDirectory { directory in
      let source = directory.appending(path: "source")
      let name = key == "hidden_act" ? "nomic_bert-gelu" : "nomic_bert-remote-code/base"
      try FileManager.default.copyItem(at: checkpointURL(name), to: source)
      let url = source.appending(path: "config.json")
      let text = try String(contentsOf: url, encoding: .utf8)
      try text.replacing("\"swiglu\"", with: "\"geglu\"").write(to: url, atomically: true, encoding: .utf8)
      let error = #expect(throws: GraftError.self) {
        try exportModel(
          source, to: directory.appending(path: "model.gguf"), options: OutputOptions(format: "gguf"),
          registry: registry.get())
      }
      #expect(error?.kind == .unsupported && error?.subject == "key 'hidden_act'")
    }
  }
}
