import OrderedCollections

/// The scores of SQuAD's evaluation scripts, as shares from 0 to 1.
///
/// Rajpurkar et al., arXiv:1606.05250 and arXiv:1806.03822; the scripts are those of
/// https://rajpurkar.github.io/SQuAD-explorer.
enum AnswerScores {
  /// A sum, and what its mean is over.
  typealias Sum = (total: Double, weight: Double)

  // MARK: One answer

  /// A text without letter case, ASCII punctuation, articles and further white space.
  static func normalized(_ text: String) -> String { words(of: text).joined(separator: " ") }

  private static func words(of text: String) -> [String] {
    let bare = text.lowercased().unicodeScalars.filter { !isPunctuation($0) }
    // An article is a whole word between what are no letters and digits; it leaves a space.
    var (result, word) = (String.UnicodeScalarView(), String.UnicodeScalarView())
    func endWord() {
      if ["a", "an", "the"].contains(String(word)) { result.append(" ") } else { result += word }
      word = .init()
    }
    for scalar in bare {
      if isWord(scalar) {
        word.append(scalar)
      } else {
        endWord()
        result.append(scalar)
      }
    }
    endWord()
    return String(result).unicodeScalars.split(whereSeparator: isSpace).map { String($0) }
  }

  private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    guard scalar.isASCII, scalar.value > 0x20, scalar.value < 0x7F else { return false }
    return !isWord(scalar) || scalar == "_"
  }

  /// Whether a scalar is of a word for Python's regular expressions.
  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: scalar.properties.numericType != nil || scalar == "_"
    }
  }

  /// Whether Python splits there.
  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
  }

  static func isExact(_ given: String, _ right: String) -> Bool { normalized(given) == normalized(right) }

  /// The harmonic mean of precision and recall over words.
  ///
  /// - Parameter ifEmpty: What holds where one of the two has no words, as a function of whether neither has.
  static func f1(_ given: String, _ right: String, ifEmpty: (Bool) -> Double) -> Double {
    let (given, right) = (words(of: given), words(of: right))
    if given.isEmpty || right.isEmpty { return ifEmpty(given.isEmpty && right.isEmpty) }
    var counts = Dictionary(given.map { ($0, 1) }, uniquingKeysWith: +)
    var common = 0
    for word in right {
      guard let count = counts[word], count > 0 else { continue }
      counts[word] = count - 1
      common += 1
    }
    guard common > 0 else { return 0 }
    let (precision, recall) = (Double(common) / Double(given.count), Double(common) / Double(right.count))
    return 2 * precision * recall / (precision + recall)
  }

  // MARK: All answers

  /// Where every question has an answer.
  static func version1(_ given: [String], _ right: [[String]]) -> OrderedDictionary<String, Sum> {
    let pairs = Array(zip(given, right))
    let exact = pairs.count { given, right in right.contains { isExact(given, $0) } }
    let f1 = pairs.reduce(0.0) { sum, pair in
      sum + (pair.1.map { Self.f1(pair.0, $0) { _ in 0 } }.max() ?? 0)
    }
    let count = Double(pairs.count)
    return ["exact_match": (Double(exact), count), "f1": (f1, count)]
  }

  /// Where some questions have none.
  ///
  /// - Parameters:
  ///   - given: The best part of each context, and how much likelier no answer is.
  ///   - right: All right answers; none for a question without one.
  ///   - threshold: Beyond it no answer is what was given.
  static func version2(
    _ given: [(text: String, nullDifference: Double)], _ right: [[String]], threshold: Double
  ) -> OrderedDictionary<String, Sum> {
    let rows = zip(given, right).map { given, right in
      // Answers of articles and punctuation alone are none.
      let some = right.filter { !normalized($0).isEmpty }
      let best = some.isEmpty ? [""] : some
      return Row(
        hasAnswer: !right.isEmpty, isEmpty: given.text.isEmpty, nullDifference: given.nullDifference,
        exact: best.contains { isExact(given.text, $0) } ? 1 : 0,
        f1: best.map { f1(given.text, $0) { $0 ? 1 : 0 } }.max() ?? 0)
    }
    var scores: OrderedDictionary<String, Sum> = [:]
    for (prefix, rows) in [
      ("", rows), ("HasAns_", rows.filter(\.hasAnswer)), ("NoAns_", rows.filter { !$0.hasAnswer }),
    ] where !rows.isEmpty {
      let count = Double(rows.count)
      scores["\(prefix)exact"] = (rows.reduce(0) { $0 + $1.score(\.exact, threshold) }, count)
      scores["\(prefix)f1"] = (rows.reduce(0) { $0 + $1.score(\.f1, threshold) }, count)
    }
    for (name, score) in [("exact", \Row.exact), ("f1", \Row.f1)] {
      let best = bestThreshold(rows, score)
      scores["best_\(name)"] = (best.score, Double(rows.count))
      scores["best_\(name)_thresh"] = (best.threshold, 1)
    }
    return scores
  }

  private struct Row {
    let hasAnswer: Bool
    /// Whether an empty text was given.
    let isEmpty: Bool
    let nullDifference: Double
    let exact: Double
    let f1: Double

    func score(_ path: KeyPath<Row, Double>, _ threshold: Double) -> Double {
      nullDifference > threshold ? (hasAnswer ? 0 : 1) : self[keyPath: path]
    }
  }

  /// The threshold with the highest sum of scores: from saying no answer always, answers are let in one after another.
  private static func bestThreshold(
    _ rows: [Row], _ score: KeyPath<Row, Double>
  ) -> (score: Double, threshold: Double) {
    var current = Double(rows.count { !$0.hasAnswer })
    var best = (score: current, threshold: 0.0)
    let order = rows.enumerated().sorted {
      ($0.element.nullDifference, $0.offset) < ($1.element.nullDifference, $1.offset)
    }
    for (_, row) in order {
      current += row.hasAnswer ? row[keyPath: score] : row.isEmpty ? 0 : -1
      if current > best.score { best = (current, row.nullDifference) }
    }
    return best
  }
}
