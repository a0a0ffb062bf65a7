import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

/// Parked heads are part of a checkpoint: what cannot be read is an error, for the next write would leave it out, and
/// what no plugin knows is carried along.
@Suite struct ParkedHeadsTests {
  private let registry: Registry

  init() throws { registry = try Support.registry() }

  /// Writes a classifier with a parked masked-lm head.
  private func writeClassifier(to model: URL) throws {
    let change = try swapHead(
      Support.fixture("masked-lm"), to: "sequence-classification", labels: ["yes", "no"], registry: registry)
    #expect(change.parked == ["masked-lm"])
    try change.checkpoint.write(to: model, registry: registry)
  }

  /// A head that stands beside another of its task keeps what is known of it.
  @Test func whatIsKnownOfASecondHeadStays() throws {
    try withTemporaryDirectory { directory in
      func change(_ model: URL, to head: String, labels: [String]?, _ name: String) throws -> URL {
        let output = directory.appending(path: name)
        try swapHead(model, to: head, labels: labels, registry: registry).checkpoint.write(
          to: output, registry: registry)
        return output
      }
      let trained = Component.Training(data: ["a.csv"], examples: 7, steps: 3)
      for history in [Component.History.untrained, .trained(on: trained)] {
        var first = try swapHead(
          Support.fixture("masked-lm"), to: "sequence-classification", labels: ["yes", "no"],
          registry: registry
        ).checkpoint
        let index = try #require(first.components.firstIndex { $0.id == "sequence-classification" })
        first.components[index].history = history
        let name = "\(history.isTrained)"
        let source = directory.appending(path: "source-\(name)")
        try first.write(to: source, registry: registry)
        let second = try change(
          source, to: "sequence-classification", labels: ["a", "b", "c"], "second-\(name)")
        let id = "sequence-classification.2"
        #expect(try registry.open(second).checkpoint[id]?.history == history)
        let back = try change(second, to: id, labels: nil, "back-\(name)")
        #expect(try registry.open(back).checkpoint.activeHeads.map(\.history) == [history])
        // As earlier versions wrote it.
        let file = second.appending(path: "heads/\(id)/graft.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        try text.replacing("\"sequence-classification\": {", with: "\"\(id)\": {")
          .write(to: file, atomically: true, encoding: .utf8)
        #expect(try String(contentsOf: file, encoding: .utf8).contains("\"\(id)\": {"))
        #expect(try registry.open(second).checkpoint[id]?.history == history)
        #expect(try detachHead(back, registry: registry).components.map(\.history) == [history])
      }
    }
  }

  @Test func aFileInThePlaceOfTheDirectoryIsAnError() throws {
    try withTemporaryDirectory { directory in
      let model = directory.appending(path: "model")
      try writeClassifier(to: model)
      try FileManager.default.removeItem(at: model.appending(path: "heads"))
      try Data("not heads".utf8).write(to: model.appending(path: "heads"))
      let message = errorMessage(in: directory) { _ = try registry.open(model) }
      #expect(
        message
          == "model/heads: a file stands where a directory is expected. Name another one."
      )
    }
  }

  @Test(.disabled(if: geteuid() == 0, "the superuser may read every directory"))
  func aDirectoryThatMayNotBeReadIsAnError() throws {
    try withTemporaryDirectory { directory in
      let model = directory.appending(path: "model")
      try writeClassifier(to: model)
      let heads = model.appending(path: "heads")
      let files = FileManager.default
      try files.setAttributes([.posixPermissions: 0], ofItemAtPath: heads.path)
      defer { try? files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: heads.path) }
      let message = errorMessage(in: directory) { _ = try registry.open(model) }
      #expect(message?.hasPrefix("model/heads: ") == true, "\(message ?? "opened")")
    }
  }

  @Test func aRecordThatIsBrokenIsAnError() throws {
    try withTemporaryDirectory { directory in
      let model = directory.appending(path: "model")
      try writeClassifier(to: model)
      try FileWriter.write(model.appending(path: "heads/masked-lm/graft.json"), text: "{")
      let message = errorMessage(in: directory) { _ = try registry.open(model) }
      #expect(message?.hasPrefix("model/heads/masked-lm/graft.json: ") == true, "\(message ?? "opened")")
    }
  }

  // MARK: A head that no plugin knows

  /// The built-in plugins without that of a task.
  private func registry(without task: String) throws -> Registry {
    let others = try builtInPlugins.filter { try Registry([$0]).tasks[task] == nil }
    #expect(others.count == builtInPlugins.count - 1)
    return try Registry(others)
  }

  /// The bytes of a parked head's files by their paths.
  private func files(_ model: URL) throws -> [String: Data] {
    let head = model.appending(path: "heads/masked-lm")
    return try filePaths(below: head).reduce(into: [:]) {
      $0[$1] = try Data(contentsOf: head.appending(path: $1))
    }
  }

  private func rows() -> TrainingData {
    let rows = (0..<4).map { TextRow("a text", label: .text($0 % 2 == 0 ? "yes" : "no")) }
    return TrainingData(rows, named: ["rows.csv"])
  }

  @Test func aHeadWithoutItsPluginSurvivesEveryUse() throws {
    let poor = try registry(without: "masked-lm")
    try withTemporaryDirectory { directory in
      func place(_ name: String) -> URL { directory.appending(path: name) }
      try writeClassifier(to: place("model"))
      let head = place("model/heads/masked-lm")
      try FileManager.default.createDirectory(
        at: head.appending(path: "vocabulary"), withIntermediateDirectories: false)
      try FileWriter.write(head.appending(path: "vocabulary/words.txt"), text: "a\nb\n")
      try FileWriter.write(head.appending(path: ".version"), text: "2\n")
      let original = try files(place("model"))
      #expect(
        original.keys.sorted() == [
          ".version", "config.json", "graft.json", "model.safetensors", "vocabulary/words.txt",
        ])

      let opened = try poor.open(place("model")).checkpoint
      #expect(opened.heads.map(\.id) == ["sequence-classification", "masked-lm"])
      guard case .opaque = opened.heads[1].kind else {
        Issue.record("the head is known")
        return
      }
      _ = try inspect(place("model"), check: true, registry: poor)

      try importModel(place("model"), to: place("imported"), registry: poor)
      #expect(try files(place("imported")) == original)
      try exportModel(
        place("imported"), to: place("exported"), options: OutputOptions(format: "pytorch"), registry: poor)
      #expect(try files(place("exported")) == original)
      var options = TrainingOptions()
      (options.maxSteps, options.batchSize, options.reportTo) = (1, 2, [])
      _ = try train(
        opened, on: rows(), options: options, output: place("trained"),
        backend: poor.makeBackend("reference", threads: 1), registry: poor)
      #expect(try files(place("trained")) == original)
      #expect(try files(place("trained/checkpoint-1")) == original)

      // Whoever has the plugin finds the head as it was.
      for name in ["imported", "exported"] {
        let back = try swapHead(place(name), to: "masked-lm", registry: registry)
        #expect(back.restored == ["masked-lm"])
        try back.checkpoint.write(to: place("\(name)-back"), registry: registry)
        let difference = try compare(Support.fixture("masked-lm"), place("\(name)-back"), registry: registry)
        #expect(difference.changed.isEmpty && difference.onlyInFirst.isEmpty)
      }
    }
  }

  @Test func aHeadWithoutItsPluginIsNeitherUsedNorDetached() throws {
    let poor = try registry(without: "masked-lm")
    try withTemporaryDirectory { directory in
      let model = directory.appending(path: "model")
      try writeClassifier(to: model)
      #expect(
        errorMessage { _ = try swapHead(model, to: "masked-lm", registry: poor) }?
          .hasPrefix("unknown head 'masked-lm'. Known: ") == true)
      #expect(
        errorMessage { _ = try detachHead(model, id: "masked-lm", registry: poor) }
          == "no plugin knows the head 'masked-lm'.")
    }
  }

  // MARK: Version 0.1

  /// `Fixtures/checkpoint-0.1/make.sh`: the pretrained model, after a swap to masked-lm.
  private let swapped = fixtures.appending(path: "checkpoint-0.1/swapped")

  @Test func aCheckpointOfVersion0_1OpensSwapsBackAndDetaches() throws {
    try withTemporaryDirectory { directory in
      let opened = try registry.open(swapped).checkpoint
      #expect(opened.activeHead?.name == "masked-lm")
      #expect(opened.heads.map(\.id) == ["masked-lm", "next-sentence"])
      #expect(opened[Component.pooler]?.weights.tensors.count == 2)
      #expect(opened.heads.allSatisfy { $0.history == .imported(from: "pretraining/model.safetensors") })

      let original = Support.fixture("pretraining")
      for head in ["pretraining", "next-sentence"] {
        let back = try swapHead(swapped, to: head, registry: registry)
        #expect(back.restored == ["next-sentence"])
        let output = directory.appending(path: head)
        try back.checkpoint.write(to: output, registry: registry)
        let difference = try compare(original, output, registry: registry)
        #expect(difference.changed.isEmpty && difference.onlyInFirst.isEmpty)
      }

      let head = directory.appending(path: "head")
      try detachHead(swapped, id: "next-sentence", registry: registry).write(to: head, registry: registry)
      let (detached, expected) = (
        try registry.openHead(head).components[0].weights,
        try detachHead(original, id: "next-sentence", registry: registry).components[0].weights
      )
      #expect(Array(detached.tensors.keys) == Array(expected.tensors.keys))
      for (name, tensor) in expected.tensors {
        #expect(try detached[name]?.floats() == tensor.floats(), "\(name)")
      }
      // A head that 0.1 parked is what it detached.
      let parked = try registry.openHead(swapped.appending(path: "heads/next-sentence"))
      #expect(parked.components[0].history == .imported(from: "pretraining/model.safetensors"))
    }
  }
}
