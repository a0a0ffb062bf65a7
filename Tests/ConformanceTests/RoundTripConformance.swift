import Foundation
import TestSupport
import Testing

@testable import GraftCompute
@testable import GraftCore
@testable import GraftExperiments
@testable import GraftKit
@testable import GraftTensors
import GraftPlugins

/// Checkpoints that go from every format and dialect to every other, and back.
@Suite("Every way there and back")
struct RoundTripConformance {
  /// A format and a dialect, which together are a way to store a checkpoint.
  struct Spelling: Sendable, CustomTestStringConvertible {
    let format: String
    let dialect: Dialect

    var options: OutputOptions { OutputOptions(format: format, dialect: dialect.name) }
    var testDescription: String { "\(format), \(dialect.id)" }

    /// Whether the format takes any names, or these.
    var exists: Bool {
      let own = (try? RoundTripConformance.registry.get().checkpointFormat(format))?.dialect
      return own == nil || own == dialect.name
    }

    /// Whether the dialect has a name for every tensor of a model.
    func holds(_ model: Model) -> Bool {
      guard dialect.backbone == model.backbone.name else { return false }
      let names = Set((model.head?.parts ?? []).flatMap { dialect.rows(of: $0) }.map(\.canonical))
      return names.isSuperset(of: (try? model.headParameters().map(\.name)) ?? [""])
    }
  }

  /// A backbone with a head, small and with weights of any bits.
  struct Model: Sendable, CustomTestStringConvertible {
    let backbone: any Backbone.Type
    let head: (any Head.Type)?
    let isTied: Bool

    var testDescription: String { "\(head?.name ?? backbone.name)\(isTied ? "" : ", untied")" }

    var configuration: Configuration {
      var configuration = DialectConformance.configuration(isTied: isTied, layers: 1)
      configuration["model_type"] = .string(backbone.name)
      configuration["hidden_act"] = "gelu_new"
      return configuration
    }

    func headParameters() throws -> [ParameterSpec] {
      let backbone = try backbone.init(configuration)
      return try head?.init(configuration, on: backbone).parameters ?? []
    }

    func checkpoint() throws -> Checkpoint {
      var generator = RandomKey(seed: 5).generator
      func weights(_ specs: [ParameterSpec]) -> Weights {
        var weights = Weights()
        for spec in specs {
          let spec = (name: spec.name, tensor: TensorSpec(.float32, spec.shape))
          let bytes = (0..<spec.tensor.byteCount).map { _ in UInt8(truncatingIfNeeded: generator.nextWord()) }
          weights[spec.name] = LazyTensor(spec.tensor, bytes: bytes)
        }
        return weights
      }
      let backbone = try backbone.init(configuration)
      let heads = try (head?.parts ?? []).map { part in
        HeadRecord(
          part, settings: configuration.settings(of: part),
          weights: weights(try part.init(configuration, on: backbone).parameters),
          history: .imported(from: "test"))
      }
      return Checkpoint(
        configuration: configuration, backboneType: self.backbone, backbone: weights(backbone.parameters),
        heads: heads, activeHead: head)
    }
  }

  static let registry = Result { try Registry(builtInPlugins) }

  static let spellings = WeightFormatConformance.writable.flatMap { format in
    ((try? registry.get().dialects.values) ?? []).map { Spelling(format: format, dialect: $0) }
  }.filter(\.exists)

  /// Every backbone alone and with every head; a decoder of its own where that makes a difference.
  static let models: [Model] = {
    guard let registry = try? registry.get() else { return [] }
    return registry.backbones.values.flatMap { backbone in
      ([nil] + registry.heads.values).flatMap { head in
        let tied = Model(backbone: backbone, head: head, isTied: true)
        let untied = Model(backbone: backbone, head: head, isTied: false)
        let isAny = (try? tied.headParameters().count == untied.headParameters().count) ?? true
        return isAny ? [tied] : [tied, untied]
      }
    }
  }()

  @Test("there are models and ways to store them: without, every test below would pass")
  func notEmpty() throws {
    let registry = try Self.registry.get()
    let containers = try WeightFormatConformance.writable.count {
      try registry.checkpointFormat($0).dialect == nil
    }
    let others = WeightFormatConformance.writable.count - containers
    #expect(Self.spellings.count == containers * registry.dialects.values.count + others)
    #expect(Self.spellings.count >= 20 && Self.models.count >= 7)
    for dialect in registry.dialects.values {
      let held = Self.models.filter { Spelling(format: "", dialect: dialect).holds($0) }
      #expect(held.count >= 2, "\(dialect.id)")
    }
  }

  @Test("float32 ends bit for bit the same, by way of any other", arguments: models, spellings)
  func thereAndBack(_ model: Model, _ first: Spelling) throws {
    let registry = try Self.registry.get()
    let checkpoint = try model.checkpoint()
    try withTemporaryDirectory { directory in
      let source = directory.appending(path: "source")
      guard first.holds(model) else {
        let error = #expect(throws: GraftError.self) {
          try checkpoint.write(to: source, first.options, registry: registry)
        }
        #expect(error?.kind == .unsupported)
        #expect(!FileManager.default.fileExists(atPath: source.path))
        return
      }
      try checkpoint.write(to: source, first.options, registry: registry)
      let stored = try registry.open(source).stored
      let expected = try model.checkpoint().allTensors
      #expect(
        expected.count
          == (try model.backbone.init(model.configuration).parameters + model.headParameters()).count)

      var trips = 0
      for second in Self.spellings where second.holds(model) {
        let (there, back) = (directory.appending(path: "there"), directory.appending(path: "back"))
        try exportModel(source, to: there, options: second.options, registry: registry)
        try exportModel(there, to: back, options: first.options, registry: registry)
        let opened = try registry.open(back)
        #expect(
          opened.report.unexpected.isEmpty && opened.report.groups.allSatisfy { $0.initialized.isEmpty })
        #expect(opened.stored.tensors.keys == stored.tensors.keys, "\(second.testDescription)")
        let tensors = opened.checkpoint.allTensors
        #expect(tensors.count == expected.count)
        for (name, tensor) in expected {
          #expect(try tensors[name]?.isIdentical(to: tensor) == true, "\(second.testDescription): \(name)")
        }
        try FileManager.default.removeItem(at: there)
        try FileManager.default.removeItem(at: back)
        trips += 1
      }
      #expect(trips == Self.spellings.count { $0.holds(model) } && trips >= 5)
    }
  }

  @Test("what nothing knows is reported, and carried along when asked for", arguments: spellings)
  func extras(_ spelling: Spelling) throws {
    let registry = try Self.registry.get()
    let model = try #require(Self.models.first { spelling.holds($0) })
    var checkpoint = try model.checkpoint()
    checkpoint.extra = Weights(["something": LazyTensor([1, 2, 3] as [Float], shape: [3])])
    let file = try registry.checkpointFormat(spelling.format).type.fileName()
    try withTemporaryDirectory { directory in
      func url(_ name: String) -> URL { directory.appending(path: name) }
      try checkpoint.write(to: url("source"), spelling.options, registry: registry)
      for (keepExtra, name) in [(false, "without"), (true, "with")] {
        let outputs = [url(name), url("\(name)-\(file)")]
        for output in outputs {
          let report = try exportModel(
            url("source"), to: output, options: spelling.options, keepExtra: keepExtra, registry: registry)
          #expect(report.unexpected == ["something"])
        }
        let report = try importModel(
          url("source"), to: url("\(name)-import"), options: spelling.options, keepExtra: keepExtra,
          registry: registry)
        #expect(report.unexpected == ["something"])
        #expect(report.notes.contains("what is unexpected is carried along") == keepExtra)
        for directory in [outputs[0], url("\(name)-import")] {
          let extra = try registry.open(directory).checkpoint.extra
          #expect(try extra["something"]?.floats() == (keepExtra ? [1, 2, 3] : nil))
        }
        let weights = try registry.openWeights(outputs[1]).weights
        #expect(try weights["something"]?.floats() == (keepExtra ? [1, 2, 3] : nil))
      }
    }
  }

  @Test("weights are split as far as the format can, and an error says where it cannot", arguments: spellings)
  func shards(_ spelling: Spelling) throws {
    let registry = try Self.registry.get()
    for model in Self.models where spelling.holds(model) {
      try checkShards(of: model, in: spelling, registry)
    }
  }

  private func checkShards(of model: Model, in spelling: Spelling, _ registry: Registry) throws {
    var options = spelling.options
    options.shardLimit = 600
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      do {
        try model.checkpoint().write(to: output, options, registry: registry)
      } catch let error as GraftError {
        #expect(
          error.problem == "the format '\(spelling.format)' keeps all tensors in one file"
            && error.expected == "at most 600 bytes")
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
        return
      }
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: output.path).count { $0.contains("-of-") } > 1)
      let tensors = try registry.open(output).checkpoint.allTensors
      for (name, tensor) in try model.checkpoint().allTensors {
        #expect(try tensors[name]?.isIdentical(to: tensor) == true, "\(name)")
      }
    }
  }
}
