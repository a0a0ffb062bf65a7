import Foundation
import GraftTensors
import OrderedCollections

/// A dialect's rows for one model: a backbone with so many layers, and heads. Serves both directions.
public struct NameTable: Sendable {
  /// The owner's name in reports of backbone rows.
  public static let backbone = "backbone"

  private struct Entry {
    let row: Dialect.Row
    /// ``backbone`` or a head's name.
    let owner: String
  }

  let dialect: Dialect
  private let attentionHeads: Int
  private let entries: [Entry]
  /// For each of the dialect's backbone prefixes, every stored name and its entry.
  private let spellings: [NameIndex]

  /// - Parameters:
  ///   - dialect: The naming.
  ///   - backbone: What the rows of layers and attention heads run over; `nil` for heads alone.
  ///   - heads: The heads whose tensors may be met, likeliest first. They have no parts of their own; one
  ///     whose names an earlier one has is left out.
  public init(_ dialect: Dialect, on backbone: (any Backbone)?, heads: [any Head.Type]) {
    var entries: [Entry] = []
    // Rows of one layer stand together, as the frameworks write them.
    let perLayer = dialect.rows.filter(\.isPerLayer)
    let firstPerLayer = dialect.rows.firstIndex(where: \.isPerLayer) ?? dialect.rows.endIndex
    let single = dialect.rows.enumerated().filter { !$0.element.isPerLayer }
    entries += single.filter { $0.offset < firstPerLayer }.map {
      Entry(row: $0.element, owner: Self.backbone)
    }
    for layer in 0..<(backbone?.layerCount ?? 0) {
      entries += perLayer.map { Entry(row: $0.numbered(layer), owner: Self.backbone) }
    }
    entries += single.filter { $0.offset > firstPerLayer }.map {
      Entry(row: $0.element, owner: Self.backbone)
    }
    // Frameworks call the tensors of different heads by one name; the first head that claims it has it.
    var claimed: Set<String> = []
    for head in heads {
      let rows = dialect.rows(of: head)
      guard claimed.isDisjoint(with: rows.map(\.stored)) else { continue }
      claimed.formUnion(rows.map(\.stored))
      entries += rows.map { Entry(row: $0, owner: head.name) }
    }
    self.dialect = dialect
    self.attentionHeads = backbone?.attentionHeadCount ?? 1
    self.entries = entries
    spellings = dialect.backbonePrefixes.map { prefix in
      NameIndex(entries.map { ($0.owner == Self.backbone ? prefix : "") + $0.row.stored })
    }
  }

  /// How many of the stored names this table knows, to tell dialects apart.
  public func matches(_ names: some Sequence<String>) -> Int { spelling(of: names.map(current)).count }

  /// The names under the backbone prefix that most of a file's names fit, and how many do.
  private func spelling(of names: [String]) -> (index: NameIndex, count: Int) {
    let counted = spellings.map { index in (index: index, count: names.count { index[$0] != nil }) }
    return counted.dropFirst().reduce(counted[0]) { $1.count > $0.count ? $1 : $0 }
  }

  /// Why a stored name is dropped, when it is on purpose.
  private func reasonToDrop(_ name: String) -> String? {
    dialect.dropped.first { $0.matches(name) }?.reason
  }

  /// A stored name without wrappers, its ending in today's spelling.
  private func current(_ stored: String) -> String {
    var name = stored[...]
    for wrapper in dialect.wrappers where name.hasPrefix(wrapper) { name = name.dropFirst(wrapper.count) }
    for synonym in dialect.synonyms where name.hasSuffix(synonym.stored) {
      let stem = name.dropLast(synonym.stored.count)
      if stem.isEmpty || stem.hasSuffix(".") || stem.hasSuffix("/") { return stem + synonym.current }
    }
    return String(name)
  }

  // MARK: Decoding

  private typealias Found = (stored: String, tensor: LazyTensor)

  /// Tensors by owner, in canonical names and layout.
  public typealias Decoded = OrderedDictionary<String, Weights>

  /// Sorts a file's tensors into backbone and heads.
  ///
  /// - Parameters:
  ///   - weights: Tensors in stored names.
  ///   - report: Receives what was loaded, renamed, dropped and not recognised.
  /// - Returns: Tensors in canonical names, by ``backbone`` and head name; an owner without any tensor is
  ///   absent. Unrecognised tensors are under the empty name.
  /// - Throws: ``GraftError`` when two stored tensors are the same parameter, or a layout does not fit.
  public func decode(_ weights: Weights, report: inout LoadReport) throws -> Decoded {
    let names = weights.tensors.keys.map(current)
    let spelling = spelling(of: names).index
    var found: [Int: Found] = [:]
    var unknown = Weights()
    for ((stored, tensor), name) in zip(weights.tensors, names) {
      guard let index = spelling[name] else {
        if let reason = reasonToDrop(name) {
          report.dropped.append(.init(name: stored, reason: .declared(reason)))
        } else {
          report.unexpected.append(stored)
          unknown[stored] = tensor
        }
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
      found[index] = (stored, try tensor.fromStored(entries[index].row.layout, stored, attentionHeads))
    }

    try resolveCopies(&found, &report)
    try resolveTies(&found, &report)

    var decoded: Decoded = [:]
    for (index, entry) in entries.enumerated() {
      guard let (stored, tensor) = found[index] else { continue }
      decoded[entry.owner, default: Weights()][entry.row.canonical] = tensor
      report.update(entry.owner) { group in
        // Another prefix or scope is not another name: they vary by the class that wrote the file.
        let name = current(stored)
        if name == stored {
          group.loaded.append(stored)
        } else {
          group.renamed.append(.init(stored: stored, current: name))
        }
      }
    }
    if !unknown.tensors.isEmpty { decoded[""] = unknown }
    return decoded
  }

  /// Drops what is stored a second time, which has to be equal to the first.
  private func resolveCopies(_ found: inout [Int: Found], _ report: inout LoadReport) throws {
    for index in entries.indices where entries[index].row.isCopy {
      guard let copy = found.removeValue(forKey: index) else { continue }
      let parameter = entries[index].row.canonical
      guard let original = self.index(of: parameter).flatMap({ found[$0] }),
        try copy.tensor.isIdentical(to: original.tensor)
      else {
        throw GraftError(
          .malformed, "a parameter is stored twice, with different values",
          subject: "tensor '\(copy.stored)'",
          expected: "the values of '\(storedName(parameter))'")
      }
      report.dropped.append(.init(name: copy.stored, reason: .copy(of: parameter)))
    }
  }

  /// Drops copies that are equal to what they are tied to.
  ///
  /// The ties of one owner hold together or not at all: when one copy differs, every one of them is a
  /// parameter, and one that was not stored starts as its target. Where a model's copy is stored without its
  /// target, as by writers that keep one name of a shared tensor, it is the target.
  private func resolveTies(_ found: inout [Int: Found], _ report: inout LoadReport) throws {
    let tied = entries.indices.filter { entries[$0].row.target != nil }
    let owners = Set(found.keys.map { entries[$0].owner })
    for index in tied {
      guard let target = entries[index].row.target.flatMap(index(of:)), found[target] == nil,
        owners.contains(entries[target].owner)
      else { continue }
      found[target] = found.removeValue(forKey: index)
    }
    for group in Dictionary(grouping: tied, by: { entries[$0].owner }).values {
      let stored = group.filter { found[$0] != nil }
      let targets = Dictionary(
        uniqueKeysWithValues: group.map { ($0, entries[$0].row.target.flatMap(index).flatMap { found[$0] }) })
      let holds = try stored.allSatisfy { index in
        guard let copy = found[index], let target = targets[index] ?? nil else { return false }
        return try copy.tensor.isIdentical(to: target.tensor)
      }
      for index in group.sorted() {
        if holds, let copy = found.removeValue(forKey: index) {
          report.dropped.append(
            .init(name: copy.stored, reason: .tied(to: entries[index].row.target ?? "")))
        } else if !stored.isEmpty, !holds, found[index] == nil {
          found[index] = targets[index] ?? nil
        }
      }
    }
  }

  /// The entry of a parameter.
  private func index(of canonical: String) -> Int? {
    entries.firstIndex { $0.row.canonical == canonical && !$0.row.isCopy }
  }

  /// What a parameter is called in this dialect, for people; its canonical name when it has no row.
  public func storedName(_ canonical: String) -> String {
    guard let entry = index(of: canonical).map({ entries[$0] }) else { return canonical }
    let prefix = entry.owner == Self.backbone ? dialect.backbonePrefixes[0] : ""
    return prefix + NameIndex.unscoped(entry.row.stored)
  }

  // MARK: Encoding

  /// Demands what the dialect's classes cannot do without.
  ///
  /// - Throws: ``GraftError`` naming the first tensor that is missing.
  func checkComplete(_ tensors: Weights) throws {
    guard
      let missing = entries.first(where: {
        $0.row.presence == .required && tensors[$0.row.canonical] == nil
      })
    else { return }
    throw GraftError(
      .unsupported, "the dialect '\(dialect.name)' needs a tensor that the model does not have",
      subject: "tensor '\(missing.row.canonical)'", advice: "Choose another --dialect.")
  }

  /// Names and lays out tensors as the dialect stores them, in the order of its rows.
  ///
  /// - Parameters:
  ///   - tensors: Canonical names of backbone and heads together.
  ///   - architecture: The class that the tensors make, such as `BertForMaskedLM`.
  ///   - withHead: Whether a head is among them, which decides the backbone's prefix.
  ///   - sharing: Whether a tied tensor is given under its second name as well, for a format that stores it once.
  /// - Throws: ``GraftError`` when the dialect has no name for a tensor, or no place for its shape.
  public func encode(
    _ tensors: Weights, architecture: String, withHead: Bool, sharing: Bool = false
  ) throws -> Weights {
    var stored = Weights(metadata: tensors.metadata.merging(dialect.metadata) { _, new in new })
    var left = Set(tensors.tensors.keys)
    var names: [String: String] = [:]
    for entry in entries {
      let name = storedName(of: entry, architecture: architecture, withHead: withHead)
      guard let tensor = tensors[entry.row.canonical] else {
        if sharing, let target = entry.row.target.flatMap({ names[$0] }) { stored[name] = stored[target] }
        continue
      }
      if left.remove(entry.row.canonical) != nil {
        stored[name] = try tensor.toStored(entry.row.layout, entry.row.canonical, attentionHeads)
        names[entry.row.canonical] = name
      } else if entry.row.isCopy {
        stored[name] = try tensor.toStored(entry.row.layout, entry.row.canonical, attentionHeads)
      }
    }
    guard left.isEmpty else {
      throw GraftError(
        .unsupported,
        "the dialect '\(dialect.name)' has no name for \(LoadReport.sample(left.sorted()))",
        advice: "Choose another --dialect, or detach the head."
      )
    }
    return stored
  }

  /// What each parameter is called where ``encode(_:architecture:withHead:)`` leaves its layout as it is.
  ///
  /// - Throws: ``GraftError`` when the dialect has one stored otherwise.
  func storedNames(architecture: String, withHead: Bool) throws -> [String: String] {
    var names: [String: String] = [:]
    for entry in entries where !entry.row.isCopy {
      guard entry.row.layout == .same else {
        throw GraftError(
          .unsupported, "the dialect '\(dialect.name)' lays weights out otherwise than the model reads them",
          subject: "tensor '\(entry.row.stored)'", advice: "Choose another --dialect.")
      }
      names[entry.row.canonical] = storedName(of: entry, architecture: architecture, withHead: withHead)
    }
    return names
  }

  private func storedName(of entry: Entry, architecture: String, withHead: Bool) -> String {
    let prefix = withHead ? dialect.backbonePrefixes.first : dialect.backbonePrefixes.last
    return ((entry.owner == Self.backbone ? prefix : nil) ?? "")
      .appending(entry.row.stored)
      .replacing(NameIndex.scope, with: dialect.scopePrefix + architecture.snakeCased)
  }
}
