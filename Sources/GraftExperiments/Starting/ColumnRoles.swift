import GraftCore
import GraftData

/// Which columns of a file are texts and labels, by their names and by what stands in them.
struct ColumnRoles: Equatable {
  var texts: [Column] = []
  var pair: Column?
  var labels: [Column] = []
}

extension ColumnRoles {
  /// The names that texts and labels usually have, the most usual first.
  private static let textNames = [
    "text", "sentence", "review", "content", "body", "document", "comment", "message", "tweet", "utterance",
    "question",
    "query", "abstract", "description",
  ]
  private static let titleNames = ["title", "headline", "subject", "summary"]
  private static let pairNames = [
    ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"), ("text1", "text2"),
    ("text_a", "text_b"), ("sentence_a", "sentence_b"), ("question", "sentence"), ("question", "passage"),
    ("query", "passage"), ("query", "document"), ("question", "answer"), ("anchor", "positive"),
  ]
  static let labelNames = [
    "label", "labels", "class", "category", "target", "gold_label", "sentiment", "intent", "topic", "emotion",
    "tags",
    "is_duplicate", "similarity", "similarity_score", "score", "stars", "rating", "y",
  ]

  /// - Parameters:
  ///   - sample: What stands in the columns.
  ///   - given: What is known already, which holds.
  init(_ sample: ColumnSample, given: DataOptions = DataOptions()) {
    texts = given.textColumns
    pair = given.pairColumn
    labels = given.labelColumn.map { [$0] } ?? given.labelColumns
    let summaries = sample.columns.map(ColumnSummary.init)
    var free = summaries.filter {
      !texts.contains($0.column) && $0.column != pair && !labels.contains($0.column)
    }
    func take(_ name: String) -> Column? {
      guard let index = free.firstIndex(where: { $0.name == name }) else { return nil }
      return free.remove(at: index).column
    }
    if texts.isEmpty, pair == nil,
      let names = Self.pairNames.first(where: { first, second in
        free.contains { $0.name == first } && free.contains { $0.name == second }
      })
    {
      texts = [take(names.0), take(names.1)].compactMap { $0 }
      pair = texts.popLast()
    }
    if labels.isEmpty, let name = Self.labelNames.first(where: { name in free.contains { $0.name == name } })
    {
      labels = [take(name)].compactMap { $0 }
    }
    if texts.isEmpty {
      if let name = Self.textNames.first(where: { name in free.contains { $0.name == name && !$0.isNumeric } }
      ) {
        texts = [take(name)].compactMap { $0 }
        if let title = Self.titleNames.first(where: { name in free.contains { $0.name == name } }) {
          texts.insert(contentsOf: [take(title)].compactMap { $0 }, at: 0)
        }
      } else {
        texts = Self.prose(free)
        free.removeAll { texts.contains($0.column) }
      }
    }
    if labels.isEmpty { labels = Self.labels(among: free) }
  }

  /// The columns of running text: all of them where they have no names, else the longest.
  private static func prose(_ columns: [ColumnSummary]) -> [Column] {
    let prose = columns.filter { !$0.isNumeric && $0.hasSpaces && $0.distinctShare > 0.5 }
    let unnamed = prose.filter { $0.name == nil }
    if !unnamed.isEmpty { return unnamed.map(\.column) }
    let longest = (prose.isEmpty ? columns.filter { !$0.isNumeric } : prose).max {
      $0.meanLength < $1.meanLength
    }
    return [longest?.column].compactMap { $0 }
  }

  /// Several columns of 0 and 1, or the one that has few values, or else numbers.
  private static func labels(among columns: [ColumnSummary]) -> [Column] {
    let indicators = columns.filter(\.isIndicator)
    if indicators.count > 1 { return indicators.map(\.column) }
    let few = columns.filter { $0.distinct > 1 && $0.distinct <= 100 && $0.distinctShare <= 0.5 }
    if let classes = few.min(by: { $0.distinct < $1.distinct }) { return [classes.column] }
    return columns.first { $0.isNumeric && !$0.isCounter }.map { [$0.column] } ?? []
  }
}

/// What a column's values have in common.
private struct ColumnSummary {
  let column: Column
  /// In small letters; `nil` for one without a name.
  let name: String?
  let isNumeric: Bool
  /// Whether all values are 0 or 1, or truth values.
  let isIndicator: Bool
  /// Whether the values go up one by one, as numbers of rows do.
  let isCounter: Bool
  let hasSpaces: Bool
  let distinct: Int
  let distinctShare: Double
  let meanLength: Double

  init(_ entry: ColumnSample.Entry) {
    column = entry.column
    name = if case .name(let name) = column { name.lowercased() } else { nil }
    let values = entry.values.compactMap { $0 }.filter { !$0.isEmpty }
    let numbers = values.compactMap { Double($0) }
    isNumeric = !values.isEmpty && numbers.count == values.count
    isIndicator =
      values.count > 1
      && values.allSatisfy { ["0", "1", "0.0", "1.0", "true", "false"].contains($0.lowercased()) }
    isCounter =
      isNumeric && numbers.count > 1 && zip(numbers, numbers.dropFirst()).allSatisfy { $1 - $0 == 1 }
    hasSpaces = values.count { $0.contains(" ") } * 2 > values.count
    distinct = Set(values).count
    distinctShare = Double(distinct) / Double(max(1, values.count))
    meanLength = Double(values.reduce(0) { $0 + $1.count }) / Double(max(1, values.count))
  }
}
