import Foundation
import GraftTensors
import OrderedCollections

/// A dialect's rows for one model: an encoder of so many layers, a pooler, and heads. Serves both directions.
public struct NameTable: Sendable {
  private struct Entry {
    let row: Dialect.Row
    /// The component's id.
    let owner: String
    /// The place of the row's parameters is in the name's prefix.
    let isPrefixed: Bool
  }

  let dialect: Dialect
  private let extents: LayoutExtents
  private let entries: [Entry]
  /// For each of the dialect's backbone prefixes, every stored name and its entry.
  private let spellings: [NameIndex]

  /// - Parameters:
  ///   - dialect: The naming.
  ///   - backbone: What the rows of layers and attention heads run over; `nil` for heads alone.
  ///   - heads: The tasks whose heads' tensors may be met, likeliest first. Of two that store a tensor under one
  ///     name, the first has it, and the other is left out.
  public init(_ dialect: Dialect, on backbone: (any Backbone)?, heads: [String]) {
    func hasParameter(_ name: String) -> Bool { backbone?.parameters.contains { $0.name == name } == true }
    let layers = backbone?.storedLayers ?? []
    var entries = Self.ordered(dialect.backbone, layers: layers, hasParameter: hasParameter).map {
      Entry(row: $0, owner: Component.backbone, isPrefixed: !$0.isAtRoot)
    }
    entries += dialect.pooler.map {
      let row = $0.numbered([], place: 0, hasParameter: hasParameter)
      return Entry(row: row, owner: Component.pooler, isPrefixed: !row.isAtRoot)
    }
    // A layer that the encoder does not have leaves its name to the next of its class.
    let shared = Dictionary(grouping: entries, by: \.row.stored).filter { $0.value.count > 1 }
    entries.removeAll { entry in
      entry.row.presence == .optional && shared[entry.row.stored] != nil
        && !entry.row.parameters.contains(where: hasParameter)
    }
    // Frameworks give tensors of different heads one name; the first head that claims it gets it.
    var claimed: Set<String> = []
    for head in heads {
      let rows = dialect.heads[head] ?? []
      guard claimed.isDisjoint(with: rows.map(\.stored)) else { continue }
      claimed.formUnion(rows.map(\.stored))
      entries += rows.map { Entry(row: $0, owner: head, isPrefixed: false) }
    }
    self.dialect = dialect
    extents = LayoutExtents(backbone, for: dialect.backbone)
    self.entries = entries
    spellings = dialect.backbonePrefixes.map { prefix in
      NameIndex(entries.map { ($0.isPrefixed ? prefix : "") + $0.row.stored })
    }
  }

  /// The rows in the order of a file: those of one layer stand together, as the frameworks write them.
  private static func ordered(
    _ rows: [Dialect.Row], layers: [Int], hasParameter: (String) -> Bool
  ) -> [Dialect.Row] {
    var ordered: [Dialect.Row] = []
    var rest = rows[...]
    while let first = rest.first {
      let depth = first.depth
      let group = rest.prefix { $0.depth == depth }
      rest = rest.dropFirst(group.count)
      // Heads alone are named without an encoder.
      guard layers.count >= depth else { continue }
      for (place, numbers) in Self.numbers(layers.prefix(depth)).enumerated() {
        ordered += group.map { $0.numbered(numbers, place: place, hasParameter: hasParameter) }
      }
    }
    return ordered
  }

  /// Every combination of numbers below some counts, the last running fastest.
  private static func numbers(_ counts: ArraySlice<Int>) -> [[Int]] {
    counts.reduce([[]]) { combinations, count in
      combinations.flatMap { numbers in (0..<count).map { numbers + [$0] } }
    }
  }

  /// How many of the stored names this table knows, to tell dialects apart.
  public func matches(_ names: some Sequence<String>) -> Int { spelling(of: names.map(current)).count }

  /// The names under the backbone prefix that most of a file's names fit, and how many do.
  private func spelling(of names: [String]) -> (index: NameIndex, count: Int) {
    let counted = spellings.map { index in (index: index, count: names.count { index[$0] != nil }) }
    return counted.dropFirst().reduce(counted[0]) { $1.count > $0.count ? $1 : $0 }
  }

  /// The stored names of each head that a file holds whole, by task: those of its required rows.
  static func completeHeads(_ dialect: Dialect, in names: some Sequence<String>) -> [String: Set<String>] {
    let names = names.map(NameTable(dialect, on: nil, heads: []).current)
    return dialect.heads.compactMapValues { rows in
      let index = NameIndex(rows.map(\.stored))
      let found = Set(names.compactMap { index[$0] })
      let required = rows.indices.filter { rows[$0].presence == .required }
      guard !required.isEmpty, found.isSuperset(of: required) else { return nil }
      return Set(required.map { rows[$0].stored })
    }
  }

  /// Whether a file has every tensor of the pooler.
  func holdsPooler(in names: some Sequence<String>) -> Bool {
    let pooler = Set(entries.indices.filter { entries[$0].owner == Component.pooler })
    let names = names.map(current)
    return !pooler.isEmpty
      && spellings.contains { index in pooler.isSubset(of: names.compactMap { index[$0] }) }
  }

  /// Why a stored name is dropped, when it is on purpose.
  ///
  /// - Parameter isParameter: Whether a name is that of a parameter which has the tensor's shape.
  private func reasonToDrop(_ name: String, isParameter: (String) -> Bool) -> String? {
    dialect.dropped.first { $0.matches(name, isParameter: isParameter) }?.reason
  }

  /// A stored name without wrappers, its ending in today's spelling.
  private func current(_ stored: String) -> String {
    var name = stored[...]
    for wrapper in dialect.wrappers where name.hasPrefix(wrapper) { name = name.dropFirst(wrapper.count) }
    // An ending is one of whole parts of the name.
    func stem(before ending: String) -> Substring? {
      guard name.hasSuffix(ending) else { return nil }
      let stem = name.dropLast(ending.count)
      return stem.isEmpty || stem.hasSuffix(".") || stem.hasSuffix("/") ? stem : nil
    }
    for synonym in dialect.synonyms {
      if let start = stem(before: synonym.stored), stem(before: synonym.current) == nil {
        return start + synonym.current
      }
    }
    return String(name)
  }

  // MARK: Decoding

  private typealias Found = (stored: String, tensor: LazyTensor)

  /// What a file's tensors are.
  public struct Decoded {
    /// Tensors by component, in canonical names and layout; a component without any tensor is absent.
    public var components: OrderedDictionary<String, Weights> = [:]
    /// Copies that were not compared, by the component that they belong to.
    public var copies: [String: UnconfirmedCopies] = [:]
    /// Tensors that nothing recognises, by what the file calls them.
    public var unknown = Weights()
  }

  /// Sorts a file's tensors into components. Reads none of them.
  ///
  /// - Parameters:
  ///   - weights: Tensors in stored names.
  ///   - others: Tensors that are no part of the model, whatever they are called.
  ///   - isTied: Whether the configuration leaves ties as they are usual; otherwise what is stored is a parameter.
  ///   - report: Receives what was loaded, renamed, dropped and not recognised.
  ///   - fileName: What the file calls a tensor, where a wrapper's part of the name was taken off.
  /// - Throws: `GraftError` when two stored tensors are the same parameter, or a layout does not fit.
  public func decode(
    _ weights: Weights, besides others: Weights = Weights(), isTied: Bool = true, report: inout LoadReport,
    fileName: (String) -> String = { $0 }
  ) throws -> Decoded {
    let names = weights.tensors.keys.map(current)
    let spelling = spelling(of: names).index
    let shapes = Dictionary(zip(names, weights.tensors.values.map(\.spec.shape))) { first, _ in first }
    var decoded = Decoded()
    var found: [Int: Found] = [:]
    func setAside(_ fileName: String, _ name: String, _ tensor: LazyTensor) {
      let reason = reasonToDrop(name) { spelling[$0] != nil && shapes[$0] == tensor.spec.shape }
      if let reason {
        report.dropped.append(.init(name: fileName, reason: .declared(reason)))
      } else {
        report.unexpected.append(fileName)
        decoded.unknown[fileName] = tensor
      }
    }
    for (name, tensor) in others.tensors { setAside(name, current(name), tensor) }
    for ((stored, tensor), name) in zip(weights.tensors, names) {
      guard let index = spelling[name] else {
        if !weights.assumed.contains(stored) { setAside(fileName(stored), name, tensor) }
        continue
      }
      if let other = found[index] {
        throw GraftError(
          .malformed,
          "two tensors are the same parameter",
          subject: "tensor '\(stored)'",
          found: "also '\(other.stored)'"
        )
      }
      found[index] = (stored, try tensor.fromStored(entries[index].row.layout, stored, extents))
    }

    try setCopiesAside(&found, &decoded.copies, &report)
    setTiesAside(&found, isTied, &decoded.copies, &report)

    for (index, entry) in entries.enumerated() {
      guard let (stored, tensor) = found[index] else { continue }
      let parts =
        entry.row.isSum ? try tensor.asSum(stored) : try tensor.split(entry.row.parameters.count, stored)
      for (parameter, part) in zip(entry.row.parameters, parts) {
        decoded.components[entry.owner, default: Weights()][parameter] = part
      }
      if weights.assumed.contains(stored) {
        decoded.components[entry.owner]?.assumed.formUnion(entry.row.parameters)
        continue
      }
      // The pooler is reported with the encoder that it belongs to.
      report.update(entry.owner == Component.pooler ? Component.backbone : entry.owner) { group in
        // Another prefix or scope is not another name: they vary by the class that wrote the file.
        let name = current(stored)
        if name == stored {
          group.loaded.append(stored)
        } else {
          group.renamed.append(.init(stored: stored, current: name))
        }
      }
    }
    for owner in Array(decoded.copies.keys) {
      decoded.copies[owner]?.belong(to: decoded.components[owner] ?? Weights())
    }
    return decoded
  }

  /// Drops what is stored a second time, which has to be equal to the first. A copy whose original is not stored is it.
  private func setCopiesAside(
    _ found: inout [Int: Found], _ copies: inout [String: UnconfirmedCopies], _ report: inout LoadReport
  ) throws {
    for index in entries.indices where entries[index].row.isCopy {
      guard let copy = found.removeValue(forKey: index) else { continue }
      let parameter = entries[index].row.canonical
      let place = self.index(of: parameter)
      if let place, found[place] == nil {
        found[place] = copy
        continue
      }
      let original = place.flatMap { found[$0]?.tensor }
      let duplicate = UnconfirmedCopies.Duplicate(
        stored: copy.stored, tensor: copy.tensor, originalName: storedName(parameter), original: original)
      guard let original, original.spec == copy.tensor.spec else { throw duplicate.isAnother }
      if !copy.tensor.hasSameOrigin(as: original) {
        copies[entries[index].owner, default: .init()].duplicates.append(duplicate)
      }
      report.dropped.append(.init(name: copy.stored, reason: .copy(of: parameter)))
    }
  }

  /// Drops copies of what they are tied to, as far as that can be told without reading them.
  ///
  /// The ties of one component hold together or not at all: when one copy differs, every one of them is a
  /// parameter, and one that was not stored starts as its target. Where a model's copy is stored without its
  /// target, as by writers that keep one name of a shared tensor, it is the target.
  private func setTiesAside(
    _ found: inout [Int: Found], _ isTied: Bool, _ copies: inout [String: UnconfirmedCopies],
    _ report: inout LoadReport
  ) {
    let tied = entries.indices.filter { entries[$0].row.target != nil }
    let owners = Set(found.keys.map { entries[$0].owner })
    for index in tied {
      guard let target = entries[index].row.target.flatMap(index(of:)), found[target] == nil,
        owners.contains(entries[target].owner)
      else { continue }
      found[target] = found.removeValue(forKey: index)
    }
    for (owner, group) in Dictionary(grouping: tied, by: { entries[$0].owner }) {
      guard group.contains(where: { found[$0] != nil }) else {
        if !isTied, owners.contains(owner), let row = group.min().map({ entries[$0].row }) {
          report.notes.append(
            "tie_word_embeddings is false, and there is no '\(storedName(row.canonical))': "
              + "'\(storedName(row.target ?? ""))' is used in its place")
        }
        continue
      }
      var ties = UnconfirmedCopies.Ties()
      var mayHold = isTied
      for index in group.sorted() {
        let target = entries[index].row.target ?? ""
        let original = self.index(of: target).flatMap { found[$0] }
        let copy = found[index]
        ties.rows.append(
          .init(
            parameter: entries[index].row.canonical, target: target, stored: copy?.stored,
            tensor: copy?.tensor, original: original?.tensor))
        if let copy {
          mayHold = mayHold && original?.tensor.spec == copy.tensor.spec
          ties.isConfirmed =
            ties.isConfirmed && original.map { copy.tensor.hasSameOrigin(as: $0.tensor) } == true
        }
      }
      for index in group.sorted() {
        if mayHold, let copy = found.removeValue(forKey: index) {
          report.dropped.append(.init(name: copy.stored, reason: .tied(to: entries[index].row.target ?? "")))
        } else if !mayHold, found[index] == nil {
          found[index] = entries[index].row.target.flatMap(self.index).flatMap { found[$0] }
        }
      }
      if mayHold, !ties.isConfirmed { copies[owner, default: .init()].ties = ties }
    }
  }

  /// The entry of a parameter.
  private func index(of canonical: String) -> Int? {
    entries.firstIndex { $0.row.parameters.contains(canonical) && !$0.row.isCopy }
  }

  /// What a parameter is called in this dialect, for people; its canonical name when it has no row.
  public func storedName(_ canonical: String) -> String {
    guard let entry = index(of: canonical).map({ entries[$0] }) else { return canonical }
    return (entry.isPrefixed ? dialect.backbonePrefixes[0] : "") + NameIndex.unscoped(entry.row.stored)
  }

  // MARK: Encoding

  /// Demands what the dialect's classes cannot do without.
  ///
  /// - Throws: `GraftError` naming the first tensor that is missing.
  func checkComplete(_ tensors: Weights) throws {
    for entry in entries where entry.row.presence == .required {
      guard let missing = entry.row.parameters.first(where: { tensors[$0] == nil }) else { continue }
      throw GraftError(
        .unsupported, "the dialect '\(dialect.name)' needs a tensor that the model does not have",
        subject: "tensor '\(missing)'", advice: "Choose another dialect.")
    }
  }

  /// Names and lays out tensors as the dialect stores them, in the order of its rows.
  ///
  /// - Parameters:
  ///   - tensors: Canonical names of all components together.
  ///   - architecture: The class that the tensors make, such as `BertForMaskedLM`.
  ///   - withHead: Whether a head is among them, which decides the backbone's prefix.
  ///   - sharing: Whether a tied tensor is given under its second name as well, for a format that stores it once.
  /// - Throws: `GraftError` when the dialect has no name for a tensor, or no place for its shape.
  public func encode(
    _ tensors: Weights, architecture: String, withHead: Bool, sharing: Bool = false
  ) throws -> Weights {
    var stored = Weights(metadata: tensors.metadata.merging(dialect.metadata) { _, new in new })
    var left = Set(tensors.tensors.keys)
    var names: [String: String] = [:]
    for entry in entries {
      let name = storedName(of: entry, architecture: architecture, withHead: withHead)
      let parts = entry.row.parameters.compactMap { tensors[$0] }
      guard parts.count == entry.row.parameters.count else {
        if sharing, let target = entry.row.target.flatMap({ names[$0] }) { stored[name] = stored[target] }
        continue
      }
      let isNew = !left.isDisjoint(with: entry.row.parameters)
      guard isNew || entry.row.isCopy else { continue }
      let tensor =
        entry.row.isSum
        ? try LazyTensor(parts[0], addingRow: parts[1], name)
        : parts.count == 1 ? parts[0] : try LazyTensor(stacking: parts, name)
      stored[name] = try tensor.toStored(entry.row.layout, entry.row.canonical, extents)
      if isNew {
        left.subtract(entry.row.parameters)
        names[entry.row.canonical] = name
      }
    }
    guard left.isEmpty else {
      throw GraftError(
        .unsupported,
        "the dialect '\(dialect.name)' has no name for \(LoadReport.sample(left.sorted()))",
        advice: "Choose another dialect, or detach the head."
      )
    }
    return stored
  }

  /// What the tensor of each parameter is called.
  func storedNames(architecture: String, withHead: Bool) -> [String: String] {
    var names: [String: String] = [:]
    for entry in entries where !entry.row.isCopy {
      for parameter in entry.row.parameters {
        names[parameter] = storedName(of: entry, architecture: architecture, withHead: withHead)
      }
    }
    return names
  }

  /// Where a parameter is stored as the model reads it.
  struct StoredPlace {
    /// The stored tensor's name.
    let name: String
    /// Which of the parameters it is whose rows the tensor stacks, and how many there are.
    let part: Int
    let count: Int
  }

  /// Where each parameter is stored, in a dialect that leaves layouts as they are.
  ///
  /// - Throws: `GraftError` when the dialect has one stored otherwise.
  func storedPlaces(architecture: String, withHead: Bool) throws -> [String: StoredPlace] {
    var places: [String: StoredPlace] = [:]
    for entry in entries where !entry.row.isCopy {
      guard entry.row.layout == .same, !entry.row.isSum else {
        throw GraftError(
          .unsupported, "the dialect '\(dialect.name)' lays weights out otherwise than the model reads them",
          subject: "tensor '\(entry.row.stored)'", advice: "Choose another dialect.")
      }
      let name = storedName(of: entry, architecture: architecture, withHead: withHead)
      for (part, parameter) in entry.row.parameters.enumerated() {
        places[parameter] = StoredPlace(name: name, part: part, count: entry.row.parameters.count)
      }
    }
    return places
  }

  private func storedName(of entry: Entry, architecture: String, withHead: Bool) -> String {
    let prefix = withHead ? dialect.backbonePrefixes.first : dialect.backbonePrefixes.last
    return ((entry.isPrefixed ? prefix : nil) ?? "")
      .appending(entry.row.stored)
      .replacing(NameIndex.scope, with: (dialect.scopePrefix + architecture).snakeCased)
  }
}

extension LazyTensor {
  /// Some tensors of equal size from one that stacks their rows.
  ///
  /// - Throws: `GraftError` when its rows do not divide.
  fileprivate func split(_ count: Int, _ name: String) throws -> [LazyTensor] {
    guard count > 1 else { return [self] }
    guard let rows = spec.shape.first, rows.isMultiple(of: count) else {
      throw GraftError(
        .mismatch, "wrong shape", subject: "tensor '\(name)'",
        expected: "\(count) times as many rows as each part",
        found: "\(spec)")
    }
    return (0..<count).map { self.rows($0 * (rows / count)..<($0 + 1) * (rows / count)) }
  }

  /// A stored sum of a table and a row: the table, and a row of zeros.
  ///
  /// - Throws: `GraftError` when it is no table.
  fileprivate func asSum(_ name: String) throws -> [LazyTensor] {
    guard spec.shape.count == 2 else {
      throw GraftError(
        .mismatch, "wrong shape", subject: "tensor '\(name)'", expected: "two extents", found: "\(spec)")
    }
    return [self, LazyTensor(zeros: TensorSpec(spec.dtype, [1, spec.shape[1]]))]
  }
}
