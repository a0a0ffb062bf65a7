import GraftTensors

/// The tokens by id, and the tables that find them.
public struct Vocabulary: Sendable {
  /// All tokens by id: the model's, and those that were only added; empty where an id has none.
  public let tokens: [String]
  /// By id: whether the model has this token; the others were only added, or are ``holes``.
  public let isOfModel: [Bool]
  /// The ids without a token, below the largest.
  public let holes: Set<Int>
  /// The model's tokens.
  public let model: PieceTable
  private let added: PieceTable

  /// A token of the model and its id. Tokens are compared by their bytes, which strings are not.
  public typealias Entry = (token: String, id: Int)

  /// - Parameters:
  ///   - entries: The model's tokens; no two are the same.
  ///   - added: Those that were added, whether the model has them or not.
  /// - Parameter table: That of the entries, where it was made before.
  /// - Throws: `GraftError` when two tokens have the same id, an added token has another id than in the model, or there
  ///   are far more ids than tokens.
  public init(_ entries: [Entry], added: [Entry], table: PieceTable? = nil) throws {
    let model = table ?? PieceTable(entries)
    self.model = model
    var seen: Set<[UInt8]> = []
    for token in added where !seen.insert(Array(token.token.utf8)).inserted {
      throw GraftError(.malformed, "the added token '\(token.token)' is given twice")
    }
    let extra = added.filter { model.find($0.token) == nil }
    self.added = PieceTable(extra)
    for token in added {
      guard let id = model.find(token.token), id != token.id else { continue }
      throw GraftError(
        .malformed, "an added token has another id than in the vocabulary", subject: "token '\(token.token)'",
        expected: "\(id)", found: "\(token.id)")
    }
    let all = entries + extra
    let most = Self.mostIDs(for: all.count)
    for entry in all where !(0..<most).contains(entry.id) {
      throw GraftError(
        .malformed, "an id far beyond the number of tokens", subject: "token '\(entry.token)'",
        expected: "ids below \(most) for \(all.count) tokens", found: "\(entry.id)")
    }
    let count = all.reduce(0) { max($0, $1.id + 1) }
    var tokens = [String?](repeating: nil, count: count)
    var isOfModel = [Bool](repeating: false, count: count)
    for (index, entry) in all.enumerated() {
      if let other = tokens[entry.id] {
        throw GraftError(
          .malformed, "the tokens '\(other)' and '\(entry.token)' have the same id \(entry.id)")
      }
      tokens[entry.id] = entry.token
      isOfModel[entry.id] = index < entries.count
    }
    holes = Set(tokens.indices.filter { tokens[$0] == nil })
    self.tokens = tokens.map { $0 ?? "" }
    self.isOfModel = isOfModel
  }

  /// The ids that so many tokens may be spread over, so that a small file cannot ask for a large table.
  static func mostIDs(for count: Int) -> Int { 4 * count + 65536 }

  /// The id of a token spelled exactly: scalar for scalar, unlike comparison of strings.
  public func id(of token: String) -> Int32? { model.find(token) ?? added.find(token) }

  /// The model's tokens with their ids, in the order of these, as a JSON object.
  public var json: JSON {
    .members(tokens.indices.filter { isOfModel[$0] }.map { JSON.Member(tokens[$0], JSON($0)) })
  }
}
