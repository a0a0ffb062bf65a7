import Foundation
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

@testable import GGUF

/// What llama.cpp says of ModernBERT alone.
@Suite struct ModernBERTTests {
  @Test("numbers that no such model has are refused")
  func brokenNumbers() throws {
    let cases: [(key: String, value: JSON, subject: String)] = [
      ("attention.sliding_window", 0, "local_attention"),
      ("attention.sliding_window", -6, "local_attention"),
      ("attention.sliding_window_pattern", -1, "layer_types"),
      ("attention.sliding_window_pattern", [true, false], "layer_types"),
      ("attention.sliding_window_pattern", "all", "layer_types"),
      ("rope.freq_base", 0, "rope_theta"), ("rope.freq_base_swa", -5.5, "rope_theta"),
      ("hidden_activation", "snake", "hidden_activation"),
      ("classifier.pooling_type", 3, "classifier_pooling"),
      ("attention.head_count", 0, "num_attention_heads"), ("block_count", -3, "num_hidden_layers"),
    ]
    for (key, value, subject) in cases {
      try expectError(in: "modernbert-sequence-classification", ["modern-bert.\(key)": value]) { error in
        #expect(error.subject == "key '\(subject)'", "\(key): \(error)")
      }
    }
  }

  @Test("layers in no pattern are listed one by one")
  func otherLayers() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "model.gguf")
      try export("modernbert-other-layers", to: url)
      let attributes = try GGUFFormat().open(url).attributes
      #expect(
        attributes["modern-bert.attention.sliding_window_pattern"] == [true, false, false, true, true])
      let (found, original) = (
        try registry.get().open(url).checkpoint.configuration,
        try registry.get().open(checkpointURL("modernbert-other-layers")).checkpoint.configuration
      )
      #expect(found["layer_types"] == original["layer_types"])
    }
  }

  @Test("without a window all layers see everything, and without a pattern every third does")
  func windows() throws {
    let theirs = try GGUFFormat().open(
      fixtures.appending(path: "gguf/modernbert-sequence-classification-f16.gguf"))
    func types(without key: String) throws -> [String]? {
      try withTemporaryDirectory { directory in
        let url = directory.appending(path: "model.gguf")
        var file = theirs
        file.attributes["modern-bert.\(key)"] = nil
        try GGUFFormat().write(file, to: url, limit: nil)
        return try registry.get().open(url).checkpoint.configuration["layer_types"]?.array?.compactMap(
          \.string)
      }
    }
    let (full, sliding) = ("full_attention", "sliding_attention")
    #expect(try types(without: "attention.sliding_window") == Array(repeating: full, count: 5))
    #expect(
      try types(without: "attention.sliding_window_pattern") == [full, sliding, sliding, full, sliding])
  }

  @Test("an activation of gated layers has llama.cpp's name")
  func activation() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "model.gguf")
      try export("modernbert-relu", to: url)
      #expect(try GGUFFormat().open(url).attributes["modern-bert.hidden_activation"] == "reglu")
      #expect(try registry.get().open(url).checkpoint.configuration["hidden_act"] == "relu")
    }
  }

  @Test("what llama.cpp has no place for is refused")
  func refused() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "model.gguf")
      let error = #expect(throws: GraftError.self) { try export("modernbert-biases", to: url) }
      #expect(error?.kind == .unsupported && error?.subject == "key 'norm_bias'")
    }
  }

  @Test("text that is split in another way is refused")
  func otherSplitting() throws {
    try expectError(in: "modernbert-sequence-classification", ["tokenizer.ggml.pre": "llama-bpe"]) { error in
      #expect(error.kind == .unsupported && error.subject == "key 'tokenizer.ggml.pre'")
    }
  }
}
