import GraftTensors

/// The tokens by id, and the tables that find them.
struct Vocabulary: Sendable {
  /// All tokens by id: the model's, and those that were only added.
  let tokens: [String]
  /// By id: whether words are split into this token.
  let isOfModel: [Bool]
  /// The model's tokens as words begin with them.
  let initial: PieceTable
  /// The model's tokens that begin with the prefix, without it.
  let continuing: PieceTable
  private let added: PieceTable

  /// A token of the model and its id. Tokens are compared by their bytes, which strings are not.
  typealias Entry = (token: String, id: Int)

  /// - Parameters:
  ///   - entries: The model's tokens; no two are the same.
  ///   - added: Those that were added, whether the model has them or not.
  ///   - prefix: What marks a token that continues a word.
  /// - Throws: ``GraftError`` when the ids are not 0, 1, 2 and so on, each once.
  init(_ entries: [Entry], added: [Entry], prefix: String) throws {
    let initial = PieceTable(entries)
    self.initial = initial
    continuing = PieceTable(
      entries.compactMap { entry in
        guard entry.token.utf8.starts(with: prefix.utf8) else { return nil }
        // A combining mark behind the prefix is one character with its end, but two scalars.
        return (String(Substring(entry.token.utf8.dropFirst(prefix.utf8.count))), entry.id)
      })
    var seen: Set<[UInt8]> = []
    for token in added where !seen.insert(Array(token.token.utf8)).inserted {
      throw GraftError(.malformed, "the added token '\(token.token)' is given twice")
    }
    let extra = added.filter { initial.find($0.token) == nil }
    self.added = PieceTable(extra)
    for token in added {
      guard let id = initial.find(token.token), id != token.id else { continue }
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
  func id(of token: String) -> Int32? { initial.find(token) ?? added.find(token) }
}

extension Vocabulary {
  /// The tokens of a `vocab.txt`: one per line, whose number from 0 is the id.
  ///
  /// - Throws: ``GraftError`` that names the line: text that is not UTF-8, a token given twice, no token at
  ///   all.
  static func lines(of bytes: [UInt8]) throws -> [Entry] {
    var entries: [Entry] = []
    var lineOfToken: [[UInt8]: Int] = [:]
    var bytes = bytes[...]
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }  // a byte order mark
    while !bytes.isEmpty {
      let end = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
      var line = bytes[bytes.startIndex..<end]
      bytes = bytes[end...].dropFirst()
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
      let number = entries.count + 1
      guard let token = String(validating: line, as: UTF8.self) else {
        throw GraftError(.malformed, "not UTF-8 text", subject: "line \(number)")
      }
      if let other = lineOfToken.updateValue(number, forKey: Array(line)) {
        throw GraftError(
          .malformed,
          token.isEmpty ? "a second empty line" : "the token '\(token)' is given twice",
          subject: "line \(number)", found: "the first on line \(other)",
          advice: "Remove one of them; the ids of all later tokens change with it.")
      }
      entries.append((token, entries.count))
    }
    guard !entries.isEmpty else {
      throw GraftError(.malformed, "the vocabulary is empty", expected: "one token per line")
    }
    return entries
  }
}
