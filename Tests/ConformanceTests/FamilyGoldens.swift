import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

/// Every checkpoint that transformers wrote for a family, against what transformers computed with it.
@Suite("Every family against transformers")
struct FamilyGoldens {
  private let registry: Registry

  init() throws { registry = try FamilyFixtures.registry.get() }

  @Test("outputs agree within 1e-5 of their scale", arguments: FamilyFixtures.goldens)
  func outputs(_ golden: FamilyFixtures.Golden) throws {
    let result = try verify(
      golden.checkpoint, golden: golden.file, backend: ReferenceBackend(threads: 1), registry: registry)
    for output in result.outputs { #expect(output.maximum <= 1e-5 * output.scale, "\(output)") }
    // Nothing is left out but the outputs of heads that no plugin has a task for.
    let opened = try registry.open(golden.checkpoint)
    #expect(result.notComputed.isEmpty == opened.report.unexpected.isEmpty, "\(result.notComputed)")
    #expect(opened.report.groups.allSatisfy { $0.initialized.isEmpty })
  }

  @Test(
    "the class is the one that transformers wrote, and is written again", arguments: FamilyFixtures.goldens)
  func architecture(_ golden: FamilyFixtures.Golden) throws {
    let opened = try registry.open(golden.checkpoint)
    let file = golden.checkpoint.appending(path: "config.json")
    let configuration = try Configuration(parsing: Array(Data(contentsOf: file)))
    guard let written = configuration["architectures"]?.array?.first?.string, opened.report.unexpected.isEmpty
    else { return }
    #expect(opened.checkpoint.architecture == opened.checkpoint.family.classAliases[written] ?? written)
  }

  @Test("keys of the configuration keep their spelling and their values", arguments: FamilyFixtures.goldens)
  func configuration(_ golden: FamilyFixtures.Golden) throws {
    let checkpoint = try registry.open(golden.checkpoint).checkpoint
    let file = golden.checkpoint.appending(path: "config.json")
    let written = try Configuration(parsing: Array(Data(contentsOf: file)))
    for (key, value) in written.values where checkpoint.family.settledConfiguration[key] == nil {
      #expect(checkpoint.configuration.values[key] == value, "\(key)")
    }
  }

  /// Whether a checkpoint is in transformers' own format and names, all of which Graft knows.
  private func isPlain(_ opened: OpenedCheckpoint) -> Bool {
    opened.format == "safetensors" && opened.dialect.name == "transformers" && opened.report.dropped.isEmpty
      && opened.report.groups.allSatisfy { $0.renamed.isEmpty } && opened.report.unexpected.isEmpty
  }

  /// Those that ``architecture(_:)`` and ``export(_:)`` leave out are few.
  @Test("most checkpoints of every family are compared", arguments: FamilyFixtures.all)
  func compared(_ fixtures: FamilyFixtures) throws {
    let checkpoints = Set(fixtures.goldens.map(\.checkpoint))
    let opened = try checkpoints.map { try registry.open($0) }
    let plain = opened.count { isPlain($0) }
    let named = opened.count {
      $0.report.unexpected.isEmpty && $0.checkpoint.configuration["architectures"] != nil
    }
    #expect(plain >= 5 && plain * 2 > opened.count, "\(plain) of \(opened.count)")
    #expect(named >= 5 && named * 2 > opened.count, "\(named) of \(opened.count)")
  }

  /// What is written again in transformers' own names is what transformers wrote, bit for bit.
  @Test("export is bit-identical", arguments: FamilyFixtures.goldens)
  func export(_ golden: FamilyFixtures.Golden) throws {
    let opened = try registry.open(golden.checkpoint)
    guard isPlain(opened) else { return }
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      try exportModel(golden.checkpoint, to: output, options: OutputOptions(), registry: registry)
      let written = try registry.openWeights(output.appending(path: "model.safetensors")).weights
      // transformers reads names with the prefix and without; older code may have another.
      func plain(_ name: String) -> String {
        let prefix = opened.dialect.backbonePrefixes.first { !$0.isEmpty && name.hasPrefix($0) }
        return String(name.dropFirst(prefix?.count ?? 0))
      }
      #expect(Set(written.tensors.keys.map(plain)) == Set(opened.stored.tensors.keys.map(plain)))
      for (name, tensor) in opened.stored.tensors {
        let other = written.tensors.first { plain($0.key) == plain(name) }?.value
        #expect(try other?.isIdentical(to: tensor) == true, "\(name)")
      }
    }
  }

  @Test("another checkpoint's golden fails", arguments: FamilyFixtures.all)
  func mismatch(_ fixtures: FamilyFixtures) throws {
    let golden = fixtures.directory.appending(path: "base/golden.safetensors")
    try withTemporaryDirectory { directory in
      // One layer's query and key, the other way round.
      let opened = try registry.open(fixtures.directory.appending(path: "base"))
      var checkpoint = opened.checkpoint
      let weights = try #require(checkpoint[Component.backbone]?.weights)
      let query = try #require(weights.tensors.keys.first { $0.hasSuffix(".attention.query.weight") })
      let key = query.replacing("query", with: "key")
      checkpoint[Component.backbone]?.weights[query] = weights[key]
      checkpoint[Component.backbone]?.weights[key] = weights[query]
      let swapped = directory.appending(path: "swapped")
      try checkpoint.write(to: swapped, registry: registry)
      let result = try verify(
        swapped, golden: golden, tolerance: 1e-4, backend: ReferenceBackend(threads: 1), registry: registry)
      #expect(!result.passes)
    }
  }
}

@Suite("Heads without a class name")
struct UnnamedHeads {
  @Test("tensors are taken for a head only when they are that head's", arguments: FamilyFixtures.goldens)
  func architectures(_ golden: FamilyFixtures.Golden) throws {
    let registry = try FamilyFixtures.registry.get()
    let original = try registry.open(golden.checkpoint)
    try withTemporaryDirectory { directory in
      let copy = directory.appending(path: "copy")
      try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
      for name in try FileManager.default.contentsOfDirectory(atPath: golden.checkpoint.path) {
        let target = golden.checkpoint.appending(path: name).resolvingSymlinksInPath()
        try FileManager.default.copyItem(at: target, to: copy.appending(path: name))
      }
      let file = copy.appending(path: "config.json")
      var configuration = try Configuration(parsing: Array(Data(contentsOf: file)))
      guard configuration["model_type"] != nil else { return }
      configuration.values["architectures"] = nil
      try FileWriter.write(file, text: configuration.text)
      let opened = try registry.open(copy)
      // Nothing is guessed where two heads have the same names, as BERT's two classifiers may have.
      if opened.checkpoint.activeHead == nil, isAmbiguous(original) {
        #expect(!opened.report.unexpected.isEmpty)
        return
      }
      #expect(opened.checkpoint.activeHead?.name == original.checkpoint.activeHead?.name)
      #expect(opened.report.unexpected == original.report.unexpected)
    }
  }

  @Test("one output is a classifier's where the configuration has one label")
  func oneLabel() throws {
    try withTemporaryDirectory { directory in
      let copy = directory.appending(path: "copy")
      try FileManager.default.copyItem(at: fixtures.appending(path: "bert-tiny/regression"), to: copy)
      let file = copy.appending(path: "config.json")
      var configuration = try Configuration(parsing: Array(Data(contentsOf: file)))
      configuration.values["architectures"] = nil
      try FileWriter.write(file, text: configuration.text)
      let opened = try FamilyFixtures.registry.get().open(copy)
      #expect(opened.checkpoint.activeHead?.name == "sequence-classification")
    }
  }

  /// Whether another head of the family is stored under the same names as the active one.
  private func isAmbiguous(_ opened: OpenedCheckpoint) -> Bool {
    guard let active = opened.checkpoint.activeHead, active.isSingle else { return false }
    func names(_ task: String) -> Set<String> { Set(opened.dialect.heads[task]?.map(\.stored) ?? []) }
    return opened.dialect.heads.keys.contains { $0 != active.name && names($0) == names(active.name) }
  }
}
