import GraftTensors

/// The tokens by id, and the tables that find them.
public struct Vocabulary: Sendable {
  /// All tokens by id: the model's, and those that were only added.
  public let tokens: [String]
  /// By id: whether the model has this token; the others were only added.
  public let isOfModel: [Bool]
  /// The model's tokens.
  public let model: PieceTable
  private let added: PieceTable

  /// A token of the model and its id. Tokens are compared by their bytes, which strings are not.
  public typealias Entry = (token: String, id: Int)

  /// - Parameters:
  ///   - entries: The model's tokens; no two are the same.
  ///   - added: Those that were added, whether the model has them or not.
  /// - Throws: `GraftError` when the ids are not 0, 1, 2 and so on, each once.
  public init(_ entries: [Entry], added: [Entry]) throws {
    let model = PieceTable(entries)
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
    let count = entries.count + extra.count
    var tokens = [String?](repeating: nil, count: count)
    var isOfModel = [Bool](repeating: true, count: count)
    for (index, entry) in (entries + extra).enumerated() {
      guard tokens.indices.contains(entry.id) else {
        throw GraftError(
          .malformed, "token ids are not contiguous", subject: "token '\(entry.token)'",
          expected: "ids from 0 to \(count - 1) for \(count) tokens", found: "\(entry.id)")
      }
      if let other = tokens[entry.id] {
        throw GraftError(
          .malformed, "the tokens '\(other)' and '\(entry.token)' have the same id \(entry.id)")
      }
      tokens[entry.id] = entry.token
      isOfModel[entry.id] = index < entries.count
    }
    self.tokens = tokens.compactMap { $0 }
    self.isOfModel = isOfModel
  }

  /// The id of a token spelled exactly: scalar for scalar, unlike comparison of strings.
  public func id(of token: String) -> Int32? { model.find(token) ?? added.find(token) }

  /// The model's tokens with their ids, in the order of these, as a JSON object.
  public var json: JSON {
    .members(tokens.indices.filter { isOfModel[$0] }.map { JSON.Member(tokens[$0], JSON($0)) })
  }
}
