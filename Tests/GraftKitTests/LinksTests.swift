import Foundation
import GraftCore
import GraftKit
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

/// What a link leads to goes along with a checkpoint where it is part of it, and nowhere else.
@Suite struct LinksTests {
  private let registry: Registry

  init() throws { registry = try Support.registry() }

  /// A classifier with a parked masked-lm head, and a folder outside of it.
  private func withClassifier(_ body: (_ model: URL, _ head: URL, _ directory: URL) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let model = directory.appending(path: "models--a--b/snapshots/1/")
      let change = try swapHead(
        Support.fixture("masked-lm"), to: "sequence-classification", labels: ["yes", "no"], registry: registry
      )
      try DirectoryWriter.makeDirectory(model.deletingLastPathComponent())
      try change.checkpoint.write(to: model, registry: registry)
      for folder in ["outside/sub", "models--a--b/blobs"] {
        try DirectoryWriter.makeDirectory(directory.appending(path: folder))
      }
      for name in ["outside/secret.txt", "outside/sub/secret.txt", "models--a--b/blobs/f00"] {
        try FileWriter.write(directory.appending(path: name), text: name)
      }
      try body(model, model.appending(path: "heads/masked-lm"), directory)
    }
  }

  private func link(_ url: URL, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: url.path, withDestinationPath: target)
  }

  @Test("a linked folder that a list of modules names, where the list cannot be used")
  func unreadModules() throws {
    try withClassifier { model, head, directory in
      let list = #"[{"type": "s.Transformer", "path": ""}, {"type": "x.Unknown", "path": "1_Pooling"}]"#
      try FileWriter.write(head.appending(path: "modules.json"), text: list)
      let modules = head.appending(path: "1_Pooling")
      for (name, target, expected) in [
        ("folder", directory.appending(path: "outside").path, [String]()),
        ("relative", "../../../../../outside", []),
        ("inside", "own", ["heads/masked-lm/1_Pooling/config.json"]),
      ] {
        try DirectoryWriter.makeDirectory(head.appending(path: "own"))
        try FileWriter.write(head.appending(path: "own/config.json"), text: "{}")
        try link(modules, to: target)
        let output = directory.appending(path: "output-\(name)")
        try swapHead(model, to: "token-classification", labels: ["a", "b"], registry: registry)
          .checkpoint.write(to: output, registry: registry)
        let paths = try filePaths(below: output)
        #expect(paths.contains("heads/masked-lm/modules.json"))
        #expect(paths.filter { $0.contains("1_Pooling") || $0.contains("secret") } == expected, "\(name)")
        try FileManager.default.removeItem(at: modules)
      }
    }
  }

  /// Without the plugin of the parked head.
  private func poorRegistry() throws -> Registry {
    try Registry(builtInPlugins.filter { try Registry([$0]).tasks["masked-lm"] == nil })
  }

  @Test("a link instead of the folder of a head that no plugin knows")
  func opaqueFolder() throws {
    let poor = try poorRegistry()
    try withClassifier { model, head, directory in
      try FileManager.default.moveItem(at: head, to: directory.appending(path: "outside/head"))
      try link(head, to: "../../../../outside/head")
      let output = directory.appending(path: "output")
      let opened = try poor.open(model).checkpoint
      let message = errorMessage(in: directory) { try opened.write(to: output, registry: poor) } ?? ""
      #expect(
        message.hasPrefix("models--a--b/snapshots/1/heads/masked-lm: a link that leads out"), "\(message)")
    }
  }

  @Test("links in the folder of a head that no plugin knows")
  func opaqueHead() throws {
    let poor = try poorRegistry()
    try withClassifier { model, head, directory in
      let (extra, output) = (head.appending(path: "extra"), directory.appending(path: "output"))
      for target in [
        "../../../../../outside", "../../../../../outside/secret.txt", "/etc/hostname", "nothing",
      ] {
        try link(extra, to: target)
        // It is read all the same.
        let opened = try poor.open(model).checkpoint
        #expect(
          errorMessage(in: directory) { try opened.write(to: output, registry: poor) }
            == "models--a--b/snapshots/1/heads/masked-lm/extra: a link that leads out of the checkpoint does not go "
            + "along. Replace it by a copy of what it leads to, or remove it.", "\(target)")
        #expect(!FileManager.default.fileExists(atPath: output.path))
        try FileManager.default.removeItem(at: extra)
      }
      // Files of a Hub's cache are links to its blobs.
      try link(extra, to: "../../../../blobs/f00")
      try link(head.appending(path: "inside"), to: "config.json")
      try poor.open(model).checkpoint.write(to: output, registry: poor)
      let written = output.appending(path: "heads/masked-lm")
      #expect(
        try String(contentsOf: written.appending(path: "extra"), encoding: .utf8) == "models--a--b/blobs/f00")
      #expect(
        try Data(contentsOf: written.appending(path: "inside"))
          == Data(contentsOf: head.appending(path: "config.json")))
    }
  }

  @Test("a link to a folder outside that is no head, beside the folders of heads") func linkedFolder() throws
  {
    try withClassifier { model, _, directory in
      try link(model.appending(path: "heads/other"), to: "../../../../outside")
      #expect(
        errorMessage(in: directory) { _ = try registry.open(model) }?.hasPrefix(
          "models--a--b/snapshots/1/heads/other: no weights in this directory") == true)
    }
  }

  /// Puts a link in the place of a file, which moves to where it leads.
  private func replace(_ file: URL, by target: String) throws {
    let place = file.deletingLastPathComponent().appending(path: target)
    if FileManager.default.fileExists(atPath: place.path) { try FileManager.default.removeItem(at: place) }
    try FileManager.default.moveItem(at: file, to: place)
    try link(file, to: target)
  }

  @Test("files of a tokenizer that cannot be read") func unreadTokenizer() throws {
    try withClassifier { model, _, directory in
      let vocabulary = model.appending(path: "vocab.txt")
      let bytes = try Data(contentsOf: vocabulary)
      try FileManager.default.removeItem(at: model.appending(path: "tokenizer.json"))
      try FileWriter.write(
        model.appending(path: "tokenizer_config.json"), text: #"{"tokenizer_class": "BertJapaneseTokenizer"}"#
      )
      try replace(vocabulary, by: "../../blobs/f00")
      let output = directory.appending(path: "output")
      try registry.open(model).checkpoint.write(to: output, registry: registry)
      #expect(try Data(contentsOf: output.appending(path: "vocab.txt")) == bytes)

      try FileManager.default.removeItem(at: vocabulary)
      try link(vocabulary, to: "../../../outside/secret.txt")
      let refused = directory.appending(path: "refused")
      #expect(
        errorMessage(in: directory) {
          try registry.open(model).checkpoint.write(to: refused, registry: registry)
        }?.hasPrefix("models--a--b/snapshots/1/vocab.txt: a link that leads out of the checkpoint") == true)
    }
  }

  @Test("a card that is a link goes along where it leads to the checkpoint's own files") func card() throws {
    try withClassifier { model, _, directory in
      let card = model.appending(path: "README.md")
      for (target, isOwn) in [("../../../outside/secret.txt", false), ("../../blobs/f00", true)] {
        if FileManager.default.fileExists(atPath: card.path) { try FileManager.default.removeItem(at: card) }
        try link(card, to: target)
        let output = directory.appending(path: "output-\(isOwn)")
        let report = try exportModel(model, to: output, options: OutputOptions(), registry: registry)
        let text = try String(contentsOf: output.appending(path: "README.md"), encoding: .utf8)
        #expect(!text.contains("outside/secret"))
        #expect(text.contains("models--a--b/blobs/f00") == isOwn)
        #expect(
          report.notes.contains("README.md is left out: a link that leads out of the checkpoint") == !isOwn)
      }
    }
  }

  @Test("what is read through links out of the checkpoint is said") func readLinks() throws {
    try withClassifier { model, _, directory in
      try replace(model.appending(path: "config.json"), by: "../../blobs/config")
      #expect(try !registry.open(model).report.notes.contains { $0.contains("link") })
      try replace(model.appending(path: "vocab.txt"), by: "../../../outside/vocab.txt")
      #expect(
        try registry.open(model).report.notes.contains(
          "'vocab.txt': a link that leads out of the checkpoint; what is written has what it leads to"))
    }
  }

  @Test("a folder of sentence-transformers whose pooling is a link")
  func pipeline() throws {
    try withTemporaryDirectory { directory in
      let (model, output) = (directory.appending(path: "model"), directory.appending(path: "output"))
      try FileManager.default.copyItem(
        at: fixtures.appending(path: "sentences/current"), to: model)
      let pooling = model.appending(path: "1_Pooling")
      try FileManager.default.moveItem(at: pooling, to: directory.appending(path: "outside"))
      try link(pooling, to: "../outside")
      let opened = try registry.open(model).checkpoint
      #expect(
        errorMessage(in: directory) { try opened.write(to: output, registry: registry) }
          == "model/1_Pooling: a link that leads out of the checkpoint does not go along. Replace it by "
          + "a copy of what it leads to, or remove it.")
    }
  }
}
