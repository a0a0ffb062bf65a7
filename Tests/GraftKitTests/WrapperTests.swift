import Foundation
import GraftCore
import GraftPlugins
import GraftTensors
import Safetensors
import TestSupport
import Testing

@testable import GraftKit

/// What wrappers put before every name: `torch.compile`, Lightning, a class around the model.
@Suite struct WrapperTests {
  static let models = [
    "bert-tiny/sequence-classification", "bert-tiny/base", "bert-tiny/pretraining",
    "modernbert-tiny/masked-lm",
    "albert-tiny/groups", "distilbert-tiny/sequence-classification",
  ]

  @Test("is taken off, and the report says so", arguments: models)
  func isTakenOff(_ name: String) throws {
    let model = fixtures.appending(path: name)
    for prefix in ["_orig_mod.", "model.0.auto_model.", "net.", "module._orig_mod.", "_orig_mod.module."] {
      try withTemporaryDirectory { directory in
        let report = try wrapped(model, prefix, in: directory)
        let own = prefix.replacing("module.", with: "")
        #expect(
          report.notes.contains { $0.contains(own) && $0.contains("taken off") }, "\(prefix): \(report)")
        #expect(report.unexpected.isEmpty)
        let difference = try compare(directory, model, registry: .builtIn())
        #expect(difference.isEmpty && difference.converted.isEmpty, "\(prefix): \(difference)")
      }
    }
  }

  /// As FSDP, activation checkpointing and `torch.compile` call the layers that they wrap: around the model, and around
  /// each layer.
  @Test(
    "inside the names is taken off",
    arguments: ["_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_orig_mod"])
  func inside(_ part: String) throws {
    for name in Self.models {
      let model = fixtures.appending(path: name)
      for outer in ["", part + ".", "module."] {
        try withTemporaryDirectory { directory in
          let report = try wrapped(model, outer, in: directory) { name in
            name.replacing(/(layers?|albert_layers)\.(\d+)\./) { "\($0.0)\(part)." }
          }
          #expect(report.notes.contains("'\(part).' in the names is a wrapper's, and is taken off"))
          #expect(report.unexpected.isEmpty, "\(report)")
          let difference = try compare(directory, model, registry: .builtIn())
          #expect(difference.isEmpty && difference.converted.isEmpty, "\(name): \(difference)")
        }
      }
    }
  }

  @Test("is not seen in the names of a family's own classes")
  func ownNames() throws {
    for name in Self.models {
      let report = try Registry.builtIn().open(fixtures.appending(path: name)).report
      #expect(!report.notes.contains { $0.contains("taken off") }, "\(name)")
    }
  }

  /// RoBERTa's names are BERT's behind another prefix, and its positions are counted otherwise.
  @Test(
    "is not another family's prefix",
    arguments: ["roberta-tiny/masked-lm", "electra-tiny/sequence-classification"])
  func otherFamilies(_ name: String) throws {
    try withTemporaryDirectory { directory in
      let folder = directory.appending(path: "folder")
      try FileManager.default.copyItem(at: fixtures.appending(path: name), to: folder)
      let file = folder.appending(path: "config.json")
      var members = try #require(JSON(parsing: Data(contentsOf: file)).object)
      let family = members["model_type"]?.string ?? ""
      members["model_type"] = "bert"
      try Data(JSON.object(members).text().utf8).write(to: file)
      let message = errorMessage { _ = try Registry.builtIn().open(folder) }
      #expect(
        message?.contains("key 'model_type' of config.json: its tensors are those of another family") == true)
      #expect(
        message?.contains(", for names that begin with '\(family).', found 'bert'") == true,
        "\(message ?? "")")
    }
  }

  @Test("may stand before the encoder's names alone")
  func encoderAlone() throws {
    try withTemporaryDirectory { directory in
      let model = fixtures.appending(path: "bert-tiny/sequence-classification")
      let report = try wrapped(model, "", in: directory) { ($0.hasPrefix("bert.") ? "encoder." : "") + $0 }
      #expect(report.unexpected.isEmpty && report.notes.contains { $0.contains("'encoder.'") })
      #expect(try compare(directory, model, registry: .builtIn()).isEmpty)
    }
  }

  @Test("two names that become one are an error")
  func clash() throws {
    try withTemporaryDirectory { directory in
      let model = fixtures.appending(path: "bert-tiny/sequence-classification")
      let message = errorMessage {
        _ = try wrapped(model, "net.", in: directory, keeping: "net.classifier.bias")
      }
      #expect(message?.contains("two tensors are the same parameter") == true, "\(message ?? "no error")")
    }
    try withTemporaryDirectory { directory in
      let model = fixtures.appending(path: "bert-tiny/sequence-classification")
      let message = errorMessage {
        _ = try wrapped(model, "_orig_mod.", in: directory, keeping: "_orig_mod.classifier.bias")
      }
      #expect(
        message?.hasSuffix(
          "tensor 'classifier.bias': two tensors are the same parameter; found also '_orig_mod.classifier.bias'."
        )
          == true, "\(message ?? "no error")")
    }
  }

  /// Opens a copy of a model whose names have a prefix, and are changed otherwise.
  private func wrapped(
    _ model: URL, _ prefix: String, in directory: URL, keeping kept: String? = nil,
    _ rename: (String) -> String = { $0 }
  ) throws -> LoadReport {
    let stored = try SafetensorsFormat().open(model.appending(path: "model.safetensors"))
    var weights = Weights(metadata: stored.metadata)
    for (name, tensor) in stored.tensors { weights[prefix + rename(name)] = tensor }
    if let kept { weights[kept.replacing(prefix, with: "")] = weights[kept] }
    try SafetensorsFormat().write(weights, to: directory.appending(path: "model.safetensors"))
    try FileManager.default.copyItem(
      at: model.appending(path: "config.json"), to: directory.appending(path: "config.json"))
    return try Registry.builtIn().open(directory).report
  }
}
