import Foundation
import TestSupport
import Testing

@testable import GraftCompute
@testable import GraftCore
@testable import GraftTensors
import GraftPlugins

/// Every dialect in the registry with every head that has rows in it.
@Suite("Every dialect")
struct DialectConformance {
  static let registry = Result { try Registry(builtInPlugins) }
  static let names = (try? registry.get().dialects.names) ?? []

  @Test("there are some: an empty list would pass every test below")
  func notEmpty() throws {
    _ = try Self.registry.get()
    #expect(!Self.names.isEmpty)
  }

  /// A small model's tensors with values that tell a transposition.
  private static func weights(_ specs: [ParameterSpec]) -> Weights {
    var weights = Weights()
    for (index, spec) in specs.enumerated() {
      let count = spec.shape.reduce(1, *)
      weights[spec.name] = LazyTensor((0..<count).map { Float(index * 1000 + $0) }, shape: spec.shape)
    }
    return weights
  }

  /// A small model's.
  static func configuration(isTied: Bool, layers: Int) -> Configuration {
    Configuration([
      "vocab_size": 11, "hidden_size": 4, "num_hidden_layers": JSON(layers), "num_attention_heads": 2,
      "intermediate_size": 6, "max_position_embeddings": 8, "tie_word_embeddings": .bool(isTied),
    ])
  }

  private func setUp(_ name: String) throws -> (Dialect, any Backbone, [any Head.Type], Configuration) {
    let registry = try Self.registry.get()
    let dialect = try registry.dialects.find(name)
    let heads = registry.heads.values.filter { $0.rows[name] != nil }
    // A decoder of its own is tested where the dialect has a name for it.
    let isTied = !heads.flatMap { dialect.rows(of: $0) }.contains { $0.target != nil }
    let configuration = Self.configuration(isTied: isTied, layers: 12)
    let backbone = try registry.backbones.find(dialect.backbone).init(configuration)
    return (dialect, backbone, heads, configuration)
  }

  @Test("decode(encode(x)) is x, for backbone and all heads", arguments: names)
  func roundTrip(_ name: String) throws {
    let (dialect, backbone, heads, configuration) = try setUp(name)
    let table = NameTable(dialect, on: backbone, heads: heads)
    let parameters =
      try backbone.parameters + heads.flatMap { try $0.init(configuration, on: backbone).parameters }
    let original = Self.weights(parameters)
    let stored = try table.encode(original, architecture: "Any", withHead: true)
    let copies = heads.flatMap { dialect.rows(of: $0) }.filter(\.isCopy)
    #expect(stored.tensors.count == original.tensors.count + copies.count)

    var report = LoadReport()
    let decoded = try table.decode(stored, report: &report)
    #expect(report.unexpected.isEmpty)
    #expect(report.dropped.map(\.reason) == copies.map { .copy(of: $0.canonical) })
    #expect(report.groups.allSatisfy { $0.renamed.isEmpty })
    let joined = decoded.values.reduce(into: [String: LazyTensor]()) { joined, weights in
      for (name, tensor) in weights.tensors { joined[name] = tensor }
    }
    #expect(Set(joined.keys) == Set(original.tensors.keys))
    for (name, tensor) in original.tensors {
      #expect(try joined[name]?.floats() == tensor.floats(), "\(name)")
      #expect(joined[name]?.spec == tensor.spec)
    }
  }

  @Test("encode(decode(y)) is y, name for name", arguments: names)
  func inverse(_ name: String) throws {
    let (dialect, backbone, _, _) = try setUp(name)
    let table = NameTable(dialect, on: backbone, heads: [])
    let stored = try table.encode(Self.weights(backbone.parameters), architecture: "Any", withHead: true)
    var report = LoadReport()
    let decoded = try table.decode(stored, report: &report)
    let again = try table.encode(
      try #require(decoded[NameTable.backbone]), architecture: "Any", withHead: true)
    #expect(Array(again.tensors.keys) == Array(stored.tensors.keys))
    for (name, tensor) in stored.tensors { #expect(try again[name]?.bytes() == tensor.bytes()) }
  }

  @Test("every wrapper, prefix and synonym is read; all are reported", arguments: names)
  func spellings(_ name: String) throws {
    let (dialect, backbone, _, _) = try setUp(name)
    let table = NameTable(dialect, on: backbone, heads: [])
    for withHead in [true, false] {
      let stored = try table.encode(
        Self.weights(backbone.parameters), architecture: "AnyForThing", withHead: withHead)
      for wrapper in [""] + dialect.wrappers {
        for synonym in dialect.synonyms + [Dialect.Synonym("", "")] {
          var spelled = Weights()
          for (name, tensor) in stored.tensors {
            let stem = name.hasSuffix(synonym.current) ? name.dropLast(synonym.current.count) : nil
            spelled[wrapper + (stem.map { $0 + synonym.stored } ?? name)] = tensor
          }
          var report = LoadReport()
          let decoded = try table.decode(spelled, report: &report)
          #expect(decoded[NameTable.backbone]?.tensors.count == stored.tensors.count)
          let renamed = report.groups.flatMap(\.renamed).count
          let expected = zip(spelled.tensors.keys, stored.tensors.keys).count { $0 != $1 }
          #expect(renamed == expected)
        }
      }
    }
  }

  @Test("a scope may be any, or none", arguments: names.filter { $0 == "bert/transformers-tf" })
  func scopes(_ name: String) throws {
    let (dialect, backbone, heads, configuration) = try setUp(name)
    let table = NameTable(dialect, on: backbone, heads: heads)
    let parameters =
      try backbone.parameters + heads.flatMap { try $0.init(configuration, on: backbone).parameters }
    let stored = try table.encode(Self.weights(parameters), architecture: "BertForMaskedLM", withHead: true)
    #expect(stored.tensors.keys.allSatisfy { $0.split(separator: "/")[1] == "tf_bert_for_masked_lm" })
    for scope in ["tf_bert_for_pre_training_3/", "bert/", ""] {
      var spelled = Weights()
      for (name, tensor) in stored.tensors {
        spelled[name.replacing("tf_bert_for_masked_lm/", with: scope)] = tensor
      }
      var report = LoadReport()
      _ = try table.decode(spelled, report: &report)
      #expect(report.unexpected.isEmpty && report.groups.allSatisfy { $0.renamed.isEmpty }, "\(scope)")
      #expect(
        report.groups.reduce(report.dropped.count) { $0 + $1.loaded.count } == stored.tensors.count,
        "\(scope)")
    }
  }

  @Test("what is stored twice is read once, and has to be equal", arguments: names)
  func copies(_ name: String) throws {
    let (dialect, backbone, heads, configuration) = try setUp(name)
    let table = NameTable(dialect, on: backbone, heads: heads)
    let parameters =
      try backbone.parameters + heads.flatMap { try $0.init(configuration, on: backbone).parameters }
    let stored = try table.encode(Self.weights(parameters), architecture: "Any", withHead: true)
    for row in heads.flatMap({ dialect.rows(of: $0) }) where row.isCopy {
      let copy = row.stored.replacing("{scope}", with: "\(dialect.scopePrefix)any")
      var changed = stored
      let tensor = try #require(stored[copy])
      changed[copy] = LazyTensor(try tensor.floats().map { $0 + 1 }, shape: tensor.spec.shape)
      var report = LoadReport()
      let error = #expect(throws: GraftError.self) { try table.decode(changed, report: &report) }
      #expect(error?.subject == "tensor '\(copy)'")

      changed[copy] = nil
      report = LoadReport()
      #expect(try table.decode(changed, report: &report).values.contains { $0[row.canonical] != nil })
    }
  }

  @Test("what is unknown is reported and kept; what is declared is dropped with its reason", arguments: names)
  func unknownAndDropped(_ name: String) throws {
    let (dialect, backbone, _, _) = try setUp(name)
    let table = NameTable(dialect, on: backbone, heads: [])
    var stored = try table.encode(Self.weights(backbone.parameters), architecture: "Any", withHead: true)
    stored["something.else"] = LazyTensor([Float(1)], shape: [1])
    for dropped in dialect.dropped {
      let name =
        switch dropped.pattern {
        case .ending(let ending): "x." + ending
        case .beginning(let beginning): beginning + "x"
        }
      stored[name] = LazyTensor([Float(1)], shape: [1])
    }
    var report = LoadReport()
    let decoded = try table.decode(stored, report: &report)
    #expect(report.unexpected == ["something.else"])
    #expect(decoded[""]?.tensors.count == 1)
    #expect(report.dropped.map(\.reason) == dialect.dropped.map { .declared($0.reason) })
  }

  @Test("one parameter under two names is an error", arguments: names)
  func duplicates(_ name: String) throws {
    let (dialect, backbone, _, _) = try setUp(name)
    guard let synonym = dialect.synonyms.first else { return }
    let table = NameTable(dialect, on: backbone, heads: [])
    var stored = try table.encode(Self.weights(backbone.parameters), architecture: "Any", withHead: true)
    let twin = try #require(stored.tensors.keys.first { $0.hasSuffix(synonym.current) })
    stored[twin.dropLast(synonym.current.count) + synonym.stored] = stored[twin]
    var report = LoadReport()
    #expect(throws: GraftError.self) { try table.decode(stored, report: &report) }
  }

  @Test("a synonym is a whole component of a name, not any ending", arguments: names)
  func wholeSynonyms(_ name: String) throws {
    let (dialect, backbone, _, _) = try setUp(name)
    let table = NameTable(dialect, on: backbone, heads: [])
    for synonym in dialect.synonyms {
      let odd = "embeddings.my" + synonym.stored
      var report = LoadReport()
      _ = try table.decode(Weights([odd: LazyTensor([Float(1)], shape: [1])]), report: &report)
      #expect(report.unexpected == [odd])
    }
  }
}

/// Two heads whose tensors a framework calls by the same names, as transformers' classifiers are.
@Suite("Heads of one spelling")
struct TwinHeadTests {
  /// Labels tokens instead of texts; its tensors are `classifier.*` as well.
  struct Twin: Head {
    static let name = "twin"
    static let architecture = "ForTwin"
    static let rows = ["bert/transformers": Dialect.Row.linear("twin", "classifier")]
    let parameters: [ParameterSpec]
    let outputCount = 4

    init(_ configuration: Configuration, on backbone: any Backbone) throws {
      parameters = ParameterSpec.linear("twin", in: backbone.hiddenSize, out: 4, deviation: 0.02)
    }

    func prepare(_ batch: inout Batch, examples: [Example], sampler: Sampler) throws {}
    func forward(_ output: BackboneOutput, _ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Logits {
      [:]
    }
    func loss(_ logits: Logits, _ batch: Batch, _ tape: Tape) throws -> Variable {
      Variable(Tensor([0], shape: []))
    }
  }

  enum TwinPlugin: Plugin {
    static func register(in registry: inout Registry) throws { try registry.add(Twin.self) }
  }

  @Test("the architecture decides whose they are, whatever the order of plugins", arguments: [true, false])
  func architectureDecides(_ twinFirst: Bool) throws {
    let registry = try Registry(
      twinFirst ? [TwinPlugin.self] + builtInPlugins : builtInPlugins + [TwinPlugin.self])
    let opened = try registry.open(fixtures.appending(path: "bert-tiny/sequence-classification"))
    #expect(opened.checkpoint.heads.map(\.id) == ["sequence-classification"])
    #expect(opened.report.groups.allSatisfy { $0.initialized.isEmpty })
  }
}
