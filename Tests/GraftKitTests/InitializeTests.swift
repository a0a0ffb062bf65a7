import Foundation
import GraftKit
import GraftTensors
import TestSupport
import Testing

@Suite struct InitializeTests {
  @Test(
    "sizes that no machine has are an error, not an attempt",
    arguments: [(2_000_000_000, 2_000_000_000), (2_000_000_000, 1 << 20), (1 << 20, 1 << 21)])
  func beyondMemory(_ vocabulary: Int, _ hidden: Int) throws {
    try withTemporaryDirectory { directory in
      let configuration: JSON = [
        "model_type": "bert", "vocab_size": JSON(vocabulary), "hidden_size": JSON(hidden),
        "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8,
        "max_position_embeddings": 8,
      ]
      try FileWriter.write(directory.appending(path: "config.json"), text: configuration.text(.sorted))
      for head in [nil, "masked-lm"] {
        let error = #expect(throws: GraftError.self) {
          try initializeModel(from: directory, head: head, registry: try Support.registry())
        }
        #expect(error?.kind == .refused)
        #expect(error?.subject == "tensor 'embeddings.word.weight'")
        #expect(error?.advice == "Check the sizes in config.json.")
      }
    }
  }
}
