import Foundation
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

  private let dialect: Dialect
  private let entries: [Entry]
  /// Every spelling of a stored name, prefixes included, and its entry.
  private let entryOfName: [String: Int]

  /// - Parameters:
  ///   - dialect: The naming.
  ///   - layers: How many layers `{}` runs over.
  ///   - heads: The heads whose tensors may be met, likeliest first. They have no parts of their own; one
  ///     whose names an earlier one has is left out.
  public init(_ dialect: Dialect, layers: Int, heads: [any Head.Type]) {
    var entries: [Entry] = []
    // Rows of one layer stand together, as the frameworks write them.
    let perLayer = dialect.rows.filter(\.isPerLayer)
    let firstPerLayer = dialect.rows.firstIndex(where: \.isPerLayer) ?? dialect.rows.endIndex
    let single = dialect.rows.enumerated().filter { !$0.element.isPerLayer }
    entries += single.filter { $0.offset < firstPerLayer }.map {
      Entry(row: $0.element, owner: Self.backbone)
    }
    for layer in 0..<layers {
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
    var entryOfName: [String: Int] = [:]
    for (index, entry) in entries.enumerated() {
      let prefixes = entry.owner == Self.backbone ? dialect.backbonePrefixes : [""]
      for prefix in prefixes { entryOfName[prefix + entry.row.stored] = index }
    }
    self.dialect = dialect
    self.entries = entries
    self.entryOfName = entryOfName
  }

  /// How many of the stored names this table knows, to tell dialects apart.
  public func matches(_ names: some Sequence<String>) -> Int {
    names.count { entryOfName[current($0)] != nil }
  }

  /// Why a stored name is dropped, when it is on purpose.
  private func reasonToDrop(_ name: String) -> String? {
    dialect.dropped.first { name.hasSuffix($0.ending) }?.reason
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
    var found: [Int: Found] = [:]
    var unknown = Weights()
    for (stored, tensor) in weights.tensors {
      let name = current(stored)
      guard let index = entryOfName[name] else {
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
      found[index] = (stored, try arrange(tensor, entries[index].row.layout, stored))
    }

    try resolveTies(&found, &report)

    var decoded: Decoded = [:]
    for (index, entry) in entries.enumerated() {
      guard let (stored, tensor) = found[index] else { continue }
      decoded[entry.owner, default: Weights()][entry.row.canonical] = tensor
      report.update(entry.owner) { group in
        // Another prefix is not another name: `bert.` is there or not by the class that wrote the file.
        let spellings = entry.owner == Self.backbone ? dialect.backbonePrefixes : [""]
        if spellings.contains(where: { $0 + entry.row.stored == stored }) {
          group.loaded.append(stored)
        } else {
          group.renamed.append(.init(stored: stored, current: current(stored)))
        }
      }
    }
    if !unknown.tensors.isEmpty { decoded[""] = unknown }
    return decoded
  }

  /// Drops copies that are equal to what they are tied to.
  ///
  /// The ties of one owner hold together or not at all: when one copy differs, every one of them is a
  /// parameter, and one that was not stored starts as its target.
  private func resolveTies(_ found: inout [Int: Found], _ report: inout LoadReport) throws {
    let tied = entries.indices.filter { entries[$0].row.target != nil }
    for group in Dictionary(grouping: tied, by: { entries[$0].owner }).values {
      let stored = group.filter { found[$0] != nil }
      let targets = Dictionary(
        uniqueKeysWithValues: group.map { ($0, target(of: entries[$0].row, in: found)) })
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

  private func target(of row: Dialect.Row, in found: [Int: Found]) -> Found? {
    entries.firstIndex { $0.row.canonical == row.target }.flatMap { found[$0] }
  }

  /// What a parameter is called in this dialect, for people; its canonical name when it has no row.
  public func storedName(_ canonical: String) -> String {
    guard let entry = entries.first(where: { $0.row.canonical == canonical }) else { return canonical }
    return (entry.owner == Self.backbone ? dialect.backbonePrefixes.first ?? "" : "") + entry.row.stored
  }

  // MARK: Encoding

  /// Names and lays out tensors as the dialect stores them, in the order of its rows.
  ///
  /// - Parameters:
  ///   - tensors: Canonical names of backbone and heads together.
  ///   - withHead: Whether a head is among them, which decides the backbone's prefix.
  /// - Throws: ``GraftError`` when the dialect has no name for a tensor.
  public func encode(_ tensors: Weights, withHead: Bool) throws -> Weights {
    let prefix = (withHead ? dialect.backbonePrefixes.first : dialect.backbonePrefixes.last) ?? ""
    var stored = Weights(metadata: tensors.metadata)
    var left = Set(tensors.tensors.keys)
    for entry in entries {
      guard let tensor = tensors[entry.row.canonical], left.remove(entry.row.canonical) != nil else {
        continue
      }
      let name = (entry.owner == Self.backbone ? prefix : "") + entry.row.stored
      stored[name] = try arrange(tensor, entry.row.layout, entry.row.canonical)
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

  /// The one transposition serves both directions, being its own inverse.
  private func arrange(_ tensor: LazyTensor, _ layout: Dialect.Layout, _ name: String) throws -> LazyTensor {
    switch layout {
    case .same: return tensor
    case .transposed:
      guard tensor.spec.shape.count == 2 else {
        throw GraftError(
          .mismatch,
          "not a matrix",
          subject: "tensor '\(name)'",
          expected: "two extents",
          found: "\(tensor.spec)"
        )
      }
      return tensor.transposed()
    }
  }
}
