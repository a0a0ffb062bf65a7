import Foundation
import GraftPlugins
import TestSupport
import Testing

@testable import GraftCompute
@testable import GraftCore
@testable import GraftTensors

/// Every dialect of every family, with every head that has rows in it.
@Suite("Every dialect")
struct DialectConformance {
  struct Case: Sendable, CustomTestStringConvertible {
    let family: Family
    let dialect: Dialect

    var testDescription: String { "\(family.name)/\(dialect.name)" }
  }

  static let cases = ((try? FamilyFixtures.registry.get().dialects) ?? []).map {
    Case(family: $0.family, dialect: $0.dialect)
  }

  @Test("there are some: an empty list would pass every test below")
  func notEmpty() throws {
    #expect(!Self.cases.isEmpty)
    // A dialect is addressed by its family and its name.
    #expect(Set(Self.cases.map(\.testDescription)).count == Self.cases.count)
  }

  /// A small model's tensors with values that tell a transposition, as far as a dialect holds them.
  private static func weights(_ specs: [ParameterSpec], _ named: Named) throws -> Weights {
    var weights = Weights()
    for (index, spec) in specs.enumerated() {
      let count = spec.shape.reduce(1, *)
      weights[spec.name] = LazyTensor((0..<count).map { Float(index * 1000 + $0) }, shape: spec.shape)
    }
    return try weights.held(by: named.dialect, on: named.backbone)
  }

  /// What a dialect names: the encoder, the pooler, and the heads whose stored names are no other head's.
  private struct Named {
    let dialect: Dialect
    let backbone: any Backbone
    let encoder: [ParameterSpec]
    let heads: [String]
    let parameters: [ParameterSpec]

    init(_ named: Case) throws {
      let (family, dialect) = (named.family, named.dialect)
      self.dialect = dialect
      let registry = try FamilyFixtures.registry.get()
      // A decoder of its own is tested where the dialect has a name for it.
      let isTied = !dialect.heads.values.joined().contains { $0.target != nil }
      var configuration = try FamilyFixtures(family: family).configuration
      configuration["tie_word_embeddings"] = .bool(isTied)
      let backbone = try family.makeBackbone(configuration)
      let pooler = try family.makePooler(configuration, on: backbone)?.parameters ?? []
      encoder = backbone.parameters + (dialect.pooler.isEmpty ? [] : pooler)
      var claimed: Set<String> = []
      heads = family.heads.map(\.task).filter { task in
        let names = Set(dialect.heads[task]?.map(\.stored) ?? [])
        defer { claimed.formUnion(names) }
        return !names.isEmpty && claimed.isDisjoint(with: names)
      }
      parameters =
        try encoder
        + heads.flatMap { name in
          let task = try registry.tasks.find(name).init(configuration)
          return try family.makeHead(task, configuration, on: backbone).parameters
        }
      self.backbone = backbone
    }

    var table: NameTable { NameTable(dialect, on: backbone, heads: heads) }
    var encoderTable: NameTable { NameTable(dialect, on: backbone, heads: []) }
    /// How many elements of the encoder the dialect does not hold; see ``Weights/held(by:on:)``.
    var unheld: Int {
      dialect.backbone.reduce(0) { count, row in
        let shapes = row.parameters.map { name in encoder.first { $0.name == name }?.shape ?? [] }
        let rows =
          row.layout == .reachablePositions
          ? LayoutExtents(backbone, for: [row]).unreachablePositions : 0
        return count + rows * (shapes[0].last ?? 0) + (row.isSum ? shapes[1].reduce(1, *) : 0)
      }
    }
    /// What is stored twice, of what the model has.
    var copies: [Dialect.Row] {
      heads.flatMap { dialect.heads[$0] ?? [] }.filter { row in
        row.isCopy && parameters.contains { $0.name == row.canonical }
      }
    }
  }

  @Test("decode(encode(x)) is x, for backbone and all heads", arguments: cases)
  func roundTrip(_ named: Case) throws {
    let named = try Named(named)
    let (table, parameters) = (named.table, named.parameters)
    let original = try Self.weights(parameters, named)
    let stored = try table.encode(original, architecture: "Any", withHead: true)
    let copies = named.copies
    // Tensors may be stored as one, so that it is their elements which are counted.
    let copied = try copies.reduce(0) { $0 + (try #require(original[$1.canonical]).spec.elementCount) }
    #expect(elementCount(stored) == elementCount(original) + copied - named.unheld)

    var report = LoadReport()
    let decoded = try table.decode(stored, report: &report)
    #expect(report.unexpected.isEmpty)
    #expect(report.dropped.filter { !$0.isTied }.map(\.reason) == copies.map { .copy(of: $0.canonical) })
    #expect(report.groups.allSatisfy { $0.renamed.isEmpty })
    let joined = try confirm(decoded, named.backbone).reduce(into: [String: LazyTensor]()) {
      joined, component in
      for (name, tensor) in component.weights.tensors { joined[name] = tensor }
    }
    #expect(Set(joined.keys) == Set(original.tensors.keys))
    for (name, tensor) in original.tensors {
      #expect(try joined[name]?.floats() == tensor.floats(), "\(name)")
      #expect(joined[name]?.spec == tensor.spec)
    }
  }

  @Test("encode(decode(y)) is y, name for name", arguments: cases)
  func inverse(_ named: Case) throws {
    let named = try Named(named)
    let table = named.encoderTable
    let stored = try table.encode(try Self.weights(named.encoder, named), architecture: "Any", withHead: true)
    var report = LoadReport()
    let decoded = try table.decode(stored, report: &report)
    let again = try table.encode(
      encoder(decoded), architecture: "Any", withHead: true)
    #expect(Array(again.tensors.keys) == Array(stored.tensors.keys))
    for (name, tensor) in stored.tensors { #expect(try again[name]?.bytes() == tensor.bytes()) }
  }

  @Test("every wrapper, prefix and synonym is read; all are reported", arguments: cases)
  func spellings(_ named: Case) throws {
    let named = try Named(named)
    let (dialect, table) = (named.dialect, named.encoderTable)
    for withHead in [true, false] {
      let stored = try table.encode(
        try Self.weights(named.encoder, named), architecture: "AnyForThing", withHead: withHead)
      for wrapper in [""] + dialect.wrappers {
        for synonym in dialect.synonyms + [Dialect.Synonym("", "")] {
          var spelled = Weights()
          for (name, tensor) in stored.tensors {
            let stem = name.hasSuffix(synonym.current) ? name.dropLast(synonym.current.count) : nil
            spelled[wrapper + (stem.map { $0 + synonym.stored } ?? name)] = tensor
          }
          var report = LoadReport()
          let decoded = try table.decode(spelled, report: &report)
          #expect(elementCount(encoder(decoded)) == elementCount(stored) + named.unheld)
          let renamed = report.groups.flatMap(\.renamed).count
          let expected = zip(spelled.tensors.keys, stored.tensors.keys).count { $0 != $1 }
          #expect(renamed == expected)
        }
      }
    }
  }

  @Test("a scope may be any, or none", arguments: cases.filter { $0.dialect.name == "transformers-tf" })
  func scopes(_ named: Case) throws {
    let named = try Named(named)
    let (table, parameters) = (named.table, named.parameters)
    let stored = try table.encode(
      try Self.weights(parameters, named), architecture: "BertForMaskedLM", withHead: true)
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

  private func elementCount(_ weights: Weights) -> Int {
    weights.tensors.values.reduce(0) { $0 + $1.spec.elementCount }
  }

  private func encoder(_ decoded: NameTable.Decoded) -> Weights {
    var weights = Weights()
    for id in [Component.backbone, Component.pooler] {
      weights.tensors.merge(decoded.components[id]?.tensors ?? [:]) { first, _ in first }
    }
    return weights
  }

  /// The components of a file, after what was taken for copies was compared.
  @discardableResult
  private func confirm(_ decoded: NameTable.Decoded, _ backbone: any Backbone) throws -> [Component] {
    let family = try FamilyFixtures.registry.get().families.values[0]
    let components = decoded.components.map { id, weights in
      var component = Component(.backbone, id: id, weights: weights)
      component.copies = decoded.copies[id]
      return component
    }
    var checkpoint = Checkpoint(configuration: Configuration(), family: family, components: components)
    try checkpoint.confirmCopies()
    return checkpoint.components
  }

  @Test("what is stored twice is read once, and has to be equal", arguments: cases)
  func copies(_ named: Case) throws {
    let named = try Named(named)
    let (table, parameters) = (named.table, named.parameters)
    let stored = try table.encode(try Self.weights(parameters, named), architecture: "Any", withHead: true)
    for row in named.copies {
      let copy = row.stored.replacing("{scope}", with: (named.dialect.scopePrefix + "Any").snakeCased)
      var changed = stored
      let tensor = try #require(stored[copy])
      changed[copy] = LazyTensor(try tensor.floats().map { $0 + 1 }, shape: tensor.spec.shape)
      var report = LoadReport()
      // Decoding reads nothing, so that the difference shows when somebody wants to know.
      let decoded = try table.decode(changed, report: &report)
      let error = #expect(throws: GraftError.self) { try confirm(decoded, named.backbone) }
      #expect(error?.subject == "tensor '\(copy)'")
      report = LoadReport()
      try confirm(try table.decode(stored, report: &report), named.backbone)

      changed[copy] = nil
      report = LoadReport()
      #expect(
        try table.decode(changed, report: &report).components.values.contains { $0[row.canonical] != nil })
    }
  }

  @Test("what is unknown is reported and kept; what is declared is dropped with its reason", arguments: cases)
  func unknownAndDropped(_ named: Case) throws {
    let named = try Named(named)
    let (dialect, table) = (named.dialect, named.encoderTable)
    var stored = try table.encode(try Self.weights(named.encoder, named), architecture: "Any", withHead: true)
    var unknown = ["something.else"]
    stored[unknown[0]] = LazyTensor([Float(1)], shape: [1])
    for dropped in dialect.dropped {
      switch dropped.pattern {
      case .ending(let ending): stored["x." + ending] = LazyTensor([Float(1)], shape: [1])
      case .beginning(let beginning): stored[beginning + "x"] = LazyTensor([Float(1)], shape: [1])
      case .below:
        let (parameter, tensor) = try #require(stored.tensors.elements.first)
        stored[parameter + "/Slot_1"] = tensor
        // No optimizer's, whose slots have the parameter's shape.
        unknown.append(parameter + "/lora_a")
        stored[parameter + "/lora_a"] = LazyTensor([Float(1)], shape: [1, 1, 1])
      }
    }
    var report = LoadReport()
    let decoded = try table.decode(stored, report: &report)
    #expect(report.unexpected == unknown)
    #expect(decoded.unknown.tensors.count == unknown.count)
    #expect(report.dropped.map(\.reason) == dialect.dropped.map { .declared($0.reason) })
  }

  @Test("one parameter under two names is an error", arguments: cases)
  func duplicates(_ named: Case) throws {
    let named = try Named(named)
    let (dialect, table) = (named.dialect, named.encoderTable)
    guard let synonym = dialect.synonyms.first else { return }
    var stored = try table.encode(try Self.weights(named.encoder, named), architecture: "Any", withHead: true)
    let twin = try #require(stored.tensors.keys.first { $0.hasSuffix(synonym.current) })
    stored[twin.dropLast(synonym.current.count) + synonym.stored] = stored[twin]
    var report = LoadReport()
    #expect(throws: GraftError.self) { try table.decode(stored, report: &report) }
  }

  @Test("a synonym is a whole component of a name, not any ending", arguments: cases)
  func wholeSynonyms(_ named: Case) throws {
    let named = try Named(named)
    let (dialect, table) = (named.dialect, named.encoderTable)
    for synonym in dialect.synonyms {
      let odd = "embeddings.my" + synonym.stored
      var report = LoadReport()
      _ = try table.decode(Weights([odd: LazyTensor([Float(1)], shape: [1])]), report: &report)
      #expect(report.unexpected == [odd])
    }
  }
}
