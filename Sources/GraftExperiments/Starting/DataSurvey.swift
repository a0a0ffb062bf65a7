import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors

/// What there is to know of somebody's data before an experiment with them is written down.
struct DataSurvey {
  let rows: Int
  let kind: Kind
  let hasPairs: Bool
  let lengths: Lengths
  /// Whether the task reads rows that are too long in windows.
  var readsWindows = false
  /// Labels that rows to evaluate on have and no row to train on.
  var untrained: [String] = []
  /// The score of a task that has labels of another kind.
  var score = "loss"
  /// Reads the labels of other rows as those of these.
  private let readLabels: ([TextRow], LabelReading) throws -> Void

  /// What the labels are.
  enum Kind: Equatable {
    /// One for each text, with the number of its rows.
    case classes([String], counts: [Int])
    /// Any number for each text, with the number of rows that have each.
    case several([String], counts: [Int])
    /// Values, with the least and the greatest, and what they lie around where that is far from 1.
    case values([String], range: ClosedRange<Double>, scale: ValueScale?)
    /// There are none.
    case texts
    /// What the head of another task learns, with its labels, if it has any.
    case ofTask(head: String, labels: [String])

    /// The names of the labels, or of the values.
    var labels: [String] {
      switch self {
      case .classes(let names, _), .several(let names, _), .values(let names, _, _), .ofTask(_, let names):
        names
      case .texts: []
      }
    }

    /// What there is to say of them.
    var remarks: [String] {
      switch self {
      case .classes(let names, let counts), .several(let names, let counts):
        InferredLabels.remarks(on: names, counts: counts)
      case .ofTask(_, let names): InferredLabels.remarks(on: names, counts: nil)
      case .values, .texts: []
      }
    }
  }

  /// How many tokens rows have: the longest sequence that the model reads of each.
  struct Lengths: Equatable {
    let median: Int
    /// 99 of 100 texts have no more.
    let most: Int
    let longest: Int
    /// Whether a tokenizer counted them, and not their words were.
    let areTokens: Bool
  }

  /// - Parameters:
  ///   - rows: All rows of the training data.
  ///   - others: Rows to evaluate on.
  ///   - reading: How labels that are numbers are counted.
  ///   - tokenizer: Counts tokens; `nil` guesses them from words.
  ///   - head: The task that is asked for the labels.
  /// - Throws: `GraftError` when the labels are neither classes nor values.
  init(
    _ rows: [TextRow], evaluating others: [TextRow], _ reading: LabelReading, tokenizer: (any Tokenizer)?,
    head: any GraftCore.Task.Type
  ) throws {
    self.rows = rows.count
    hasPairs = rows.contains { $0.pair != nil }
    lengths = try Lengths(rows, tokenizer) { [$0] }
    let inferred =
      try rows.contains { $0.label != nil } ? Self.inferredLabels(of: rows, evaluating: others, head) : nil
    kind = try inferred.map { try Self.kind(of: rows, $0, reading, head) } ?? .texts
    readLabels = { _ = try inferred?.labels(of: $0, for: head, $1) }
  }

  /// Rows of a task of their own.
  ///
  /// - Parameter others: Rows to evaluate on.
  /// - Throws: `GraftError` naming the row that the task cannot learn from.
  init(
    _ rows: [TextRow], evaluating others: [TextRow], of own: TaskRows, _ reading: LabelReading,
    tokenizer: (any Tokenizer)?
  ) throws {
    self.rows = rows.count
    hasPairs = false
    let (task, names, untrained) = try own.task(for: rows, evaluating: others)
    lengths = try Lengths(rows, tokenizer, sequences: task.sequences)
    self.untrained = untrained
    readLabels = { _ = try task.labels(of: $0, $1) }
    try readLabels(rows, reading)
    kind = .ofTask(head: own.name, labels: names)
    readsWindows = type(of: task).splitsRows
    score = task.scoreNames(topRanks: [])?.contains("f1") == false ? "accuracy" : "f1"
  }

  /// Makes sure that rows to evaluate on have labels that these rows have too.
  ///
  /// - Parameters:
  ///   - reading: How their labels are counted where they are numbers.
  ///   - advice: What to do about one that has not.
  /// - Throws: `GraftError` naming the first row that has not.
  func checkLabels(of others: [TextRow], _ reading: LabelReading, advice: Advice) throws {
    do {
      try readLabels(others, reading)
    } catch var error as GraftError {
      // What refuses an option says what to do itself.
      if error.option == nil { error.advice = advice }
      throw error
    }
  }

  private static func kind(
    of rows: [TextRow], _ inferred: InferredLabels, _ reading: LabelReading,
    _ head: any GraftCore.Task.Type
  ) throws -> Kind {
    let labels = try inferred.labels(of: rows, for: head, reading)
    if inferred.problemType == .regression {
      let values = labels.compactMap { ($0 as? ValuesLabel)?.values }.joined()
      // As they are written, and not what single precision makes of them.
      let range = [values.min() ?? 0, values.max() ?? 0].map { Double("\($0)") ?? Double($0) }
      return .values(
        inferred.labels, range: range[0]...range[1], scale: ValueScale(labels, names: inferred.labels))
    }
    let counts = inferred.counts(of: labels)
    return inferred.problemType == .multiLabel
      ? .several(inferred.labels, counts: counts) : .classes(inferred.labels, counts: counts)
  }

  /// Whole numbers of very many values are values, and not classes. Lists have one label for each text where those to
  /// evaluate on have no more either.
  private static func inferredLabels(
    of rows: [TextRow], evaluating others: [TextRow], _ head: any GraftCore.Task.Type
  ) throws -> InferredLabels {
    do {
      let inferred = try head.inferredLabels(of: rows, nil)
      guard inferred.areSingle, try !head.inferredLabels(of: rows + others, nil).areSingle else {
        return inferred
      }
      return try head.inferredLabels(of: rows, .multiLabel)
    } catch let error as GraftError where error.kind == .mismatch && rows.allSatisfy(\.hasNumber) {
      return try head.inferredLabels(of: rows, .regression)
    }
  }
}

extension TextRow {
  /// Whether the label is one number.
  fileprivate var hasNumber: Bool {
    guard case .text(let text)? = label else { return false }
    return Double(decimal: LabelColumn.trimmed(text)) != nil
  }
}

extension DataSurvey.Lengths {
  /// Longer data are looked at here and there.
  private static let sampled = 2000
  /// What English words have in tokens, on average.
  private static let tokensOfWord = 1.35

  /// - Parameter sequences: What is read of a row.
  init(
    _ rows: [TextRow], _ tokenizer: (any Tokenizer)?, sequences: (TextRow) throws -> [TextRow]
  ) throws {
    func length(_ text: TextRow) -> Int {
      if let tokenizer {
        return tokenizer.encode(text.text, pair: text.pair, maximumLength: nil, addSpecialTokens: true).ids
          .count
      }
      let words = (text.text + " " + (text.pair ?? "")).split(whereSeparator: \.isWhitespace).count
      return Int((Double(words) * Self.tokensOfWord).rounded(.up)) + (text.pair == nil ? 2 : 3)
    }
    let step = max(1, rows.count / Self.sampled)
    let lengths = try stride(from: 0, to: rows.count, by: step).map {
      try sequences(rows[$0]).map(length).max() ?? 0
    }.sorted()
    median = lengths.isEmpty ? 0 : lengths[lengths.count / 2]
    most = lengths.isEmpty ? 0 : lengths[min(lengths.count - 1, lengths.count * 99 / 100)]
    longest = lengths.last ?? 0
    areTokens = tokenizer != nil
  }
}
