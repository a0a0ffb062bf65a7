import Foundation
import GraftPlugins
import Synchronization
import TestSupport
import Testing

@testable import GraftCompute
@testable import GraftCore
@testable import GraftExperiments
@testable import GraftKit
@testable import GraftTensors

/// Checkpoints in every format and dialect: from the canonical form and back to it, bit for bit, which together is the
/// way from each to each.
@Suite("Every way there and back")
struct RoundTripConformance {
  /// A family's dialect in a format, which together are a way to store a checkpoint.
  struct StoredForm: Sendable, CustomTestStringConvertible {
    let format: String
    let family: Family
    let dialect: Dialect

    var options: OutputOptions { OutputOptions(format: format, dialect: dialect.name) }
    var testDescription: String { "\(format), \(family.name)/\(dialect.name)" }

    /// Whether the format takes any names, or these.
    var exists: Bool {
      let own = (try? FamilyFixtures.registry.get().checkpointFormat(format))?.dialect
      return own == nil || own == dialect.name
    }

    /// Whether the dialect has a name for every tensor of a model.
    func holds(_ model: Model) -> Bool {
      guard family.name == model.family.name else { return false }
      let rows = (model.head?.taskNames ?? []).flatMap { dialect.heads[$0] ?? [] }
      return Set(rows.flatMap(\.parameters)).isSuperset(of: (try? model.headParameters().map(\.name)) ?? [""])
    }
  }

  /// A family's encoder with a head, small and with weights of any bits.
  struct Model: Sendable, CustomTestStringConvertible {
    let family: Family
    let head: HeadSet?
    let isTied: Bool

    var testDescription: String { "\(family.name), \(head?.name ?? "no head")\(isTied ? "" : ", untied")" }

    var configuration: Configuration {
      get throws {
        var configuration = try FamilyFixtures(family: family).configuration
        configuration["tie_word_embeddings"] = .bool(isTied)
        configuration["num_hidden_layers"] = configuration["num_hidden_groups"] ?? 1
        configuration["layer_types"] = configuration["layer_types"]?.array.map { .array(Array($0.prefix(1))) }
        configuration["layer_norm_eps"] = .number("1e-12")
        // The GELU that most frameworks have; a gate that is another activation stays what it is.
        if configuration["hidden_act"] != "silu" { configuration["hidden_act"] = "gelu_new" }
        return configuration
      }
    }

    private func heads() throws -> [(task: any Task.Type, parameters: [ParameterSpec])] {
      let configuration = try configuration
      let backbone = try family.makeBackbone(configuration)
      return try (head?.tasks ?? []).map { task in
        (task, try family.makeHead(task.init(configuration), configuration, on: backbone).parameters)
      }
    }

    func headParameters() throws -> [ParameterSpec] { try heads().flatMap(\.parameters) }

    func checkpoint() throws -> Checkpoint {
      var generator = RandomKey(seed: 5).generator
      func weights(_ specs: [ParameterSpec]) -> Weights {
        var weights = Weights()
        for spec in specs {
          let spec = (name: spec.name, tensor: TensorSpec(.float32, spec.shape))
          let words = (0..<spec.tensor.byteCount / 4).map { _ in generator.nextWord() }
          weights[spec.name] = LazyTensor(spec.tensor, bytes: words.withUnsafeBytes(Array.init))
        }
        return weights
      }
      let configuration = try configuration
      let backbone = try family.makeBackbone(configuration)
      var components = [
        Component(.backbone, id: Component.backbone, weights: weights(backbone.parameters))
      ]
      if let pooler = try family.makePooler(configuration, on: backbone) {
        components.append(Component(.pooler, id: Component.pooler, weights: weights(pooler.parameters)))
      }
      components += try heads().map { head in
        Component(
          head: head.task, settings: configuration.settings(of: head.task.settingKeys),
          weights: weights(head.parameters), history: .imported(from: "test"))
      }
      return Checkpoint(
        configuration: configuration, family: family, components: components, activeHead: head)
    }
  }

  static let storedForms = WeightFormatConformance.writable.flatMap { format in
    ((try? FamilyFixtures.registry.get().dialects) ?? []).map {
      StoredForm(format: format, family: $0.family, dialect: $0.dialect)
    }
  }.filter(\.exists)

  /// Every encoder alone and with every head; a decoder of its own where that makes a difference.
  static let models: [Model] = FamilyFixtures.all.flatMap { fixtures in
    ([nil] + ((try? fixtures.heads) ?? [])).flatMap { head in
      let tied = Model(family: fixtures.family, head: head, isTied: true)
      let untied = Model(family: fixtures.family, head: head, isTied: false)
      let isAny = (try? tied.headParameters().count == untied.headParameters().count) ?? true
      return isAny ? [tied] : [tied, untied]
    }
  }

  /// The checkpoints of some models, which are made once.
  private static let checkpoints = Mutex<[String: Checkpoint]>([:])

  private func checkpoint(of model: Model, in form: StoredForm) throws -> Checkpoint {
    let checkpoint = try Self.checkpoints.withLock { known in
      if let checkpoint = known[model.testDescription] { return checkpoint }
      let checkpoint = try model.checkpoint()
      known[model.testDescription] = checkpoint
      return checkpoint
    }
    return try checkpoint.held(by: form.dialect)
  }

  @Test("there are models and ways to store them: without, every test below would pass")
  func notEmpty() throws {
    #expect(!Self.storedForms.isEmpty && !Self.models.isEmpty)
    for form in Self.storedForms {
      #expect(Self.models.contains { form.holds($0) }, "\(form.testDescription)")
    }
  }

  @Test("float32 is the same bit for bit, and a dialect without a name says so", arguments: storedForms)
  func thereAndBack(_ form: StoredForm) throws {
    let registry = try FamilyFixtures.registry.get()
    for model in Self.models where model.family.name == form.family.name {
      let checkpoint = try checkpoint(of: model, in: form)
      try withTemporaryDirectory { directory in
        let source = directory.appending(path: "source")
        guard form.holds(model) else {
          let error = #expect(throws: GraftError.self) {
            try checkpoint.write(to: source, form.options, registry: registry)
          }
          #expect(error?.kind == .unsupported)
          #expect(!FileManager.default.fileExists(atPath: source.path))
          return
        }
        try checkpoint.write(to: source, form.options, registry: registry)
        let opened = try registry.open(source)
        #expect(opened.report.unexpected.isEmpty, "\(model.testDescription)")
        #expect(opened.report.groups.allSatisfy { $0.initialized.isEmpty }, "\(model.testDescription)")
        let (found, expected) = (try opened.checkpoint.allTensors(), try checkpoint.allTensors())
        #expect(Set(found.keys) == Set(expected.keys), "\(model.testDescription)")
        for (name, tensor) in expected {
          #expect(try found[name]?.isIdentical(to: tensor) == true, "\(model.testDescription): \(name)")
        }
        let again = directory.appending(path: "again")
        try exportModel(source, to: again, options: form.options, registry: registry)
        let stored = try registry.open(again).stored
        #expect(stored.tensors.keys == opened.stored.tensors.keys)
        for (name, tensor) in opened.stored.tensors {
          #expect(try stored[name]?.isIdentical(to: tensor) == true, "\(model.testDescription): \(name)")
        }
      }
    }
  }

  @Test("what nothing knows is reported, and carried along when asked for", arguments: storedForms)
  func extras(_ form: StoredForm) throws {
    let registry = try FamilyFixtures.registry.get()
    let model = try #require(Self.models.first { form.holds($0) })
    var checkpoint = try checkpoint(of: model, in: form)
    checkpoint.extra = Weights(["something": LazyTensor([1, 2, 3] as [Float], shape: [3])])
    let file = try registry.checkpointFormat(form.format).type.fileName()
    try withTemporaryDirectory { directory in
      func url(_ name: String) -> URL { directory.appending(path: name) }
      try checkpoint.write(to: url("source"), form.options, registry: registry)
      for (keepExtra, name) in [(false, "without"), (true, "with")] {
        let outputs = [url(name), url("\(name)-\(file)")]
        for output in outputs {
          let report = try exportModel(
            url("source"), to: output, options: form.options, keepExtra: keepExtra, registry: registry)
          #expect(report.unexpected == ["something"])
        }
        let report = try importModel(
          url("source"), to: url("\(name)-import"), options: form.options, keepExtra: keepExtra,
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

  @Test(
    "weights are split as far as the format can, and an error says where it cannot", arguments: storedForms)
  func shards(_ form: StoredForm) throws {
    let registry = try FamilyFixtures.registry.get()
    for model in Self.models where form.holds(model) {
      try checkShards(of: model, in: form, registry)
    }
  }

  private func checkShards(of model: Model, in form: StoredForm, _ registry: Registry) throws {
    var options = form.options
    options.shardLimit = 600
    let checkpoint = try checkpoint(of: model, in: form)
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      do {
        try checkpoint.write(to: output, options, registry: registry)
      } catch let error as GraftError {
        #expect(
          error.problem == "the format '\(form.format)' keeps all tensors in one file"
            && error.expected == "at most 600 bytes")
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
        return
      }
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: output.path).count { $0.contains("-of-") } > 1)
      let tensors = try registry.open(output).checkpoint.allTensors()
      for (name, tensor) in try checkpoint.allTensors() {
        #expect(try tensors[name]?.isIdentical(to: tensor) == true, "\(name)")
      }
    }
  }
}
