import GraftCore
import GraftTensors
import OrderedCollections

/// Queries, the texts that are searched, and which of these are relevant: the files of BEIR, Thakur et al.,
/// arXiv:2104.08663.
///
/// Queries and texts have an id (`_id` or `id`) and a text, texts perhaps a `title`, which stands before it. What is
/// relevant is a table of `query-id`, `corpus-id` and `score`, of which those above 0 count, or a list of ids in the column
/// `relevant` of each query.
public struct RetrievalData: Sendable {
  /// A query with what is relevant for it.
  public struct Query: Sendable {
    public let id: String
    public let text: String
    /// Places in ``RetrievalData/texts``.
    public let relevant: Set<Int>
  }

  /// The queries for which something is relevant.
  public let queries: [Query]
  /// The texts that are searched, by their ids.
  public let texts: OrderedDictionary<String, String>
  /// How many queries are left out, because nothing is relevant for them.
  public let queriesWithoutRelevance: Int
  /// How many texts have nothing to read.
  public let emptyTexts: Int

  /// The columns of queries and texts.
  public static let columns = [
    TaskColumn("_id"), TaskColumn("id"), TaskColumn("title"), TaskColumn("relevant", hasLists: true),
  ]
  /// The columns of a table that says what is relevant.
  public static let judgementColumns = [
    TaskColumn("query-id", replacesText: true), TaskColumn("corpus-id"), TaskColumn("score"),
  ]

  /// - Parameters:
  ///   - queries: Rows with ``columns``.
  ///   - texts: Rows with ``columns``.
  ///   - judgements: Rows with ``judgementColumns``; `nil` where queries have the column `relevant`.
  /// - Throws: `GraftError` naming the row: a missing id, an id that is used twice, one that nothing has, a score that is
  ///   no number; or that nothing is relevant.
  public init(queries: [TextRow], texts: [TextRow], judgements: [TextRow]? = nil) throws {
    var all: OrderedDictionary<String, String> = [:]
    var emptyTexts = 0
    for row in texts {
      let title = row.fields["title"]?.string ?? ""
      let text = title.isEmpty ? row.text : row.text.isEmpty ? title : "\(title) \(row.text)"
      if text.isBlank { emptyTexts += 1 }
      try Self.add(text, of: row, to: &all)
    }
    var asked: OrderedDictionary<String, String> = [:]
    for row in queries { try Self.add(row.text, of: row, to: &asked) }
    var relevant: [String: Set<Int>] = [:]
    if let judgements {
      for row in judgements {
        guard try Self.isRelevant(row) else { continue }
        let query = try Self.id(row, "query-id")
        guard asked[query] != nil else { throw Self.unknown(query, "query", row) }
        relevant[query, default: []].insert(try Self.place(Self.id(row, "corpus-id"), in: all, row))
      }
    } else {
      for row in queries {
        guard let value = row.fields["relevant"], value != .null, value != .string("") else { continue }
        guard let ids = value.array else {
          throw GraftError(
            .malformed, "wrong relevant", expected: "a list of ids", found: String(value.text().prefix(60))
          ).inRow(row)
        }
        relevant[try Self.id(row)] = Set(
          try ids.map { try Self.place($0.string ?? $0.text(), in: all, row) })
      }
    }
    self.queries = asked.compactMap { id, text in
      relevant[id].flatMap { $0.isEmpty ? nil : Query(id: id, text: text, relevant: $0) }
    }
    (self.texts, self.emptyTexts) = (all, emptyTexts)
    queriesWithoutRelevance = asked.count - self.queries.count
    guard !self.queries.isEmpty else {
      throw GraftError(
        .missing, "nothing is relevant for any query", file: queries.first?.place.file,
        expected: "the column 'relevant', or a table of query-id, corpus-id and score",
        advice: "Name the table: \(option: "qrels").")
    }
  }

  private static func add(
    _ text: String, of row: TextRow, to all: inout OrderedDictionary<String, String>
  ) throws {
    let id = try id(row)
    guard all.updateValue(text, forKey: id) == nil else {
      throw GraftError(
        .mismatch, "an id is used twice", expected: "ids that are different", found: "'\(id.prefix(60))'"
      )
      .inRow(row)
    }
  }

  private static func id(_ row: TextRow, _ names: String...) throws -> String {
    for name in names.isEmpty ? ["_id", "id"] : names {
      guard let value = row.fields[name], value != .null else { continue }
      return value.string ?? value.text()
    }
    throw GraftError(
      .missing, "there is no id", expected: "'\(names.first ?? "_id")'\(names.isEmpty ? " or 'id'" : "")"
    ).inRow(row)
  }

  private static func place(
    _ id: String, in texts: OrderedDictionary<String, String>, _ row: TextRow
  ) throws -> Int {
    guard let place = texts.index(forKey: id) else { throw unknown(id, "text", row) }
    return place
  }

  private static func unknown(_ id: String, _ kind: String, _ row: TextRow) -> GraftError {
    GraftError(.missing, "no \(kind) has this id", found: "'\(id.prefix(60))'").inRow(row)
  }

  private static func isRelevant(_ row: TextRow) throws -> Bool {
    guard let value = row.fields["score"], value != .null else { return true }
    guard let score = value.double ?? value.string.flatMap({ Double(decimal: $0) }), score.isFinite else {
      throw GraftError(
        .malformed, "wrong score", expected: "a number", found: String(value.text().prefix(60))
      )
      .inRow(row)
    }
    return score > 0
  }
}
