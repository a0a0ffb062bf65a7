import GraftCompute
import GraftTensors
import OrderedCollections

/// Named things of one kind, in the order they were registered.
public struct Table<Element> {
  /// What is registered, for messages: "task", "weight format".
  public let kind: String
  private var elements: OrderedDictionary<String, Element> = [:]

  init(_ kind: String) { self.kind = kind }

  public var names: [String] { Array(elements.keys) }
  public var values: [Element] { Array(elements.values) }

  /// Adds an element under its name.
  ///
  /// - Throws: `GraftError` when the name is taken.
  public mutating func add(_ element: Element, named name: String) throws {
    try checkVacant(name)
    elements[name] = element
  }

  /// Puts another element under a name.
  mutating func replace(_ element: Element, named name: String) { elements[name] = element }

  /// Demands that a name is not taken.
  ///
  /// - Throws: `GraftError` when it is.
  func checkVacant(_ name: String) throws {
    guard elements[name] == nil else {
      throw GraftError(
        .refused,
        "two plugins register the \(kind) '\(name)'",
        advice: "Remove one of them from the list of plugins."
      )
    }
  }

  /// The element of a name.
  ///
  /// - Parameters:
  ///   - name: The name to look up.
  ///   - others: Names that are known where this is called, and not registered.
  /// - Throws: `GraftError` that lists the known names, and names the nearest.
  public func find(_ name: String, or others: [String] = []) throws -> Element {
    guard let element = elements[name] else {
      let known = others + names
      let nearest = NearestName.find(name, among: known).map { " Did you mean '\($0)'?" } ?? ""
      throw GraftError(
        .unknownName,
        "unknown \(kind) '\(name)'",
        advice: known.isEmpty ? "None is registered." : "Known: \(known.joined(separator: ", ")).\(nearest)"
      )
    }
    return element
  }

  /// The element of a name, if there is one.
  public subscript(name: String) -> Element? { elements[name] }
}

extension Table: Sendable where Element: Sendable {}

/// Everything Graft can work with. A value, built from a list of plugins and passed down: no globals.
public struct Registry: Sendable {
  public private(set) var formats = Table<any WeightFormat.Type>("weight format")
  public private(set) var modelFormats = Table<any ModelFormat.Type>("weight format")
  public private(set) var families = Table<Family>("family")
  public private(set) var tasks = Table<any Task.Type>("task")
  public private(set) var tokenizers = Table<any Tokenizer.Type>("tokenizer")
  public private(set) var tokenizerTrainers = Table<any TokenizerTrainer.Type>("type of tokenizer")
  public private(set) var optimizers = Table<any Optimizer.Type>("optimizer")
  public private(set) var metricsWriters = Table<any MetricsWriter.Type>("metrics writer")
  public private(set) var backends = Table<any ComputeBackend.Type>("compute backend")

  /// A registry of what the plugins register, plus the reference backend.
  ///
  /// - Throws: `GraftError` when two plugins use one name.
  public init(_ plugins: [any Plugin.Type]) throws {
    for plugin in plugins { try plugin.register(in: &self) }
    try add(ReferenceBackend.self)
  }

  public mutating func add(_ format: any WeightFormat.Type) throws {
    try modelFormats.checkVacant(format.name)
    try formats.add(format, named: format.name)
  }
  public mutating func add(_ format: any ModelFormat.Type) throws {
    try formats.checkVacant(format.name)
    try modelFormats.add(format, named: format.name)
  }
  public mutating func add(_ family: Family) throws { try families.add(family, named: family.name) }
  /// Gives a registered family a head for another task. Any plugin may do that.
  ///
  /// - Parameters:
  ///   - head: The head.
  ///   - family: The family's name.
  ///   - rows: What frameworks call the head's parameters, by the name of the dialect.
  /// - Throws: `GraftError` when there is no such family or dialect, or the family has such a head.
  public mutating func add(_ head: FamilyHead, to family: String, rows: [String: [Dialect.Row]]) throws {
    var changed = try families.find(family)
    try changed.add(head, rows: rows)
    families.replace(changed, named: family)
  }
  public mutating func add(_ task: any Task.Type) throws { try tasks.add(task, named: task.name) }
  public mutating func add(_ tokenizer: any Tokenizer.Type) throws {
    try tokenizers.add(tokenizer, named: tokenizer.name)
  }
  public mutating func add(_ trainer: any TokenizerTrainer.Type) throws {
    try tokenizerTrainers.add(trainer, named: trainer.name)
  }
  public mutating func add(_ optimizer: any Optimizer.Type) throws {
    try optimizers.add(optimizer, named: optimizer.name)
  }
  public mutating func add(_ writer: any MetricsWriter.Type) throws {
    try metricsWriters.add(writer, named: writer.name)
  }
  public mutating func add(_ backend: any ComputeBackend.Type) throws {
    try backends.add(backend, named: backend.name)
  }
}

extension Registry {
  /// The heads that a family has and whose tasks are registered: single ones in the family's order, then
  /// combinations.
  public func heads(of family: Family) -> [HeadSet] {
    let single = family.heads.compactMap { head -> HeadSet? in
      tasks[head.task].map { task in
        HeadSet(name: task.name, classSuffix: head.classSuffix ?? task.classSuffix, tasks: [task])
      }
    }
    let combined = family.combinations.compactMap { combination -> HeadSet? in
      let tasks = combination.tasks.compactMap { name in single.first { $0.name == name }?.tasks[0] }
      guard tasks.count == combination.tasks.count else { return nil }
      return HeadSet(name: combination.name, classSuffix: combination.classSuffix, tasks: tasks)
    }
    return single + combined
  }

  /// The heads of a name.
  ///
  /// - Throws: `GraftError` that lists those that the family has; it says so when the name is a task's of other
  ///   families.
  public func heads(_ name: String, of family: Family) throws -> HeadSet {
    let known = heads(of: family)
    if let found = known.first(where: { $0.name == name }) { return found }
    let list = known.isEmpty ? "none" : known.map(\.name).sorted().joined(separator: ", ")
    if tasks[name] != nil {
      throw GraftError(
        .unsupported, "the family '\(family.name)' has no head for '\(name)'", advice: "It has: \(list).")
    }
    let nearest = NearestName.find(name, among: known.map(\.name)).map { " Did you mean '\($0)'?" } ?? ""
    throw GraftError(.unknownName, "unknown head '\(name)'", advice: "Known: \(list).\(nearest)")
  }

  /// The names of all heads that a family has, each once.
  public var headNames: [String] {
    var names: OrderedSet<String> = []
    for family in families.values { names.formUnion(heads(of: family).map(\.name)) }
    return Array(names)
  }

  /// A family's dialect.
  ///
  /// - Parameters:
  ///   - name: The dialect's name; `nil` is the one of the weight format, or else the family's first.
  ///   - family: The family.
  ///   - format: The weight format that is written, if any.
  /// - Throws: `GraftError` that lists the known ones, or says that the format has another.
  public func dialect(_ name: String? = nil, of family: Family, in format: String? = nil) throws -> Dialect {
    var known = Table<Dialect>("dialect")
    for dialect in family.dialects { try known.add(dialect, named: dialect.name) }
    if let format, let own = try checkpointFormat(format).dialect {
      guard name == nil || name == own else {
        throw GraftError(
          .unsupported, "the format '\(format)' has names of its own", expected: "the dialect '\(own)'",
          found: name.map { "'\($0)'" }, advice: "Leave out \(option: "dialect").")
      }
      guard let dialect = known[own] else { throw notOfFamily(own, family, "the format '\(format)'") }
      return dialect
    }
    let usual = try format.flatMap { try checkpointFormat($0).type.usualDialect }.flatMap { known[$0]?.name }
    guard let name = name ?? usual ?? known.names.first else {
      throw GraftError(.unknownName, "the family '\(family.name)' has no dialect")
    }
    if known[name] == nil, dialects.contains(where: { $0.dialect.name == name }) {
      throw notOfFamily(name, family, "the dialect '\(name)'")
    }
    return try known.find(name)
  }

  /// A dialect that other families have.
  private func notOfFamily(_ dialect: String, _ family: Family, _ subject: String) -> GraftError {
    let others = dialects.filter { $0.dialect.name == dialect }.map(\.family.name)
    return GraftError(
      .unsupported, "\(subject) does not know the family '\(family.name)'",
      expected: others.isEmpty ? nil : "one of \(others.joined(separator: ", "))", found: "'\(family.name)'",
      advice: "Dialects of '\(family.name)': \(family.dialects.map(\.name).joined(separator: ", ")).")
  }

  /// The dialects of all families, each once.
  public var dialects: [(family: Family, dialect: Dialect)] {
    families.values.flatMap { family in family.dialects.map { (family, $0) } }
  }
}

/// A module that adds to a registry: usually one short file.
///
///     public enum MaskedLMPlugin: Plugin {
///       public static func register(in registry: inout Registry) throws {
///         try registry.add(MaskedLM.self)
///       }
///     }
public protocol Plugin: SendableMetatype {
  /// Environment variables that a library of the plugin's should find when it is loaded; none unless the plugin says
  /// so.
  ///
  /// A plugin must not change the environment of the program that it is part of: other threads may be reading it. A
  /// program does so when it starts, before it has threads, and keeps what its user has set.
  static var environment: [String: String] { get }

  /// Adds what the module brings.
  ///
  /// - Throws: `GraftError` when a name is taken.
  static func register(in registry: inout Registry) throws
}

extension Plugin {
  public static var environment: [String: String] { [:] }
}
