import Foundation
import GraftCore
import OrderedCollections

/// What has to be known of a data set before anything is computed. Its rows are not kept.
public struct DataFacts: Sendable {
  public let name: String
  public let files: [URL]
  /// SHA-256 of the texts and labels of all rows, in their order.
  public let sha256: String
  /// How many rows there are, after `take`.
  public let rows: Int
  /// How long all texts are together, in UTF-8 bytes.
  let bytes: Int
  /// A row for each label that occurs, without its text: the first that has it.
  private let examples: [TextRow]
  private let labelBase: Int?

  init(_ name: String, _ set: Experiment.DataSet) throws {
    let data = try set.read()
    let rows = data.rows
    files = try set.files()
    guard !rows.isEmpty else {
      throw GraftError(.missing, "there are no rows", file: files.first?.path)
    }
    var hash = ContentHash()
    var bytes = 0
    struct Kind: Hashable {
      let label: WrittenLabel?
      let isPair: Bool
    }
    var examples: OrderedDictionary<Kind, TextRow> = [:]
    for row in rows {
      hash.add(row.text)
      hash.add(row.pair)
      hash.add(row.label)
      bytes += row.text.utf8.count + (row.pair?.utf8.count ?? 0)
      let kind = Kind(label: row.label, isPair: row.pair != nil)
      if examples[kind] == nil {
        examples[kind] = TextRow("", pair: row.pair.map { _ in "" }, label: row.label, place: row.place)
      }
    }
    (self.name, self.rows, self.bytes) = (name, rows.count, bytes)
    (self.examples, labelBase) = (Array(examples.values), data.labelBase)
    sha256 = hash.text
  }

  /// The labels as they are written, at most a hundred.
  public var labels: [String] {
    let written = examples.compactMap { row -> String? in
      switch row.label {
      case .text(let text): text
      case .list(let items): items.joined(separator: "|")
      case nil: nil
      }
    }
    return Array(Set(written).sorted().prefix(100))
  }

  /// Makes sure that a head can learn from every row.
  ///
  /// - Returns: The classes that occur, when each text is of one.
  /// - Throws: `GraftError` naming file and row.
  func check(for checkpoint: Checkpoint) throws -> Set<Int32> {
    let labels = try Dataset.labels(
      of: examples, head: checkpoint.makeHead(), configuration: checkpoint.configuration, base: labelBase)
    return Set(
      labels.compactMap { label in
        if case .index(let index)? = label { index } else { nil }
      })
  }
}
