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
  static let textNames = [
    "text", "sentence", "review", "content", "body", "document", "comment", "message", "tweet", "utterance",
    "question",
    "query", "abstract", "description",
  ]
  private static let titleNames = ["title", "headline", "subject", "summary"]
  private static let pairNames = [
    ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"), ("text1", "text2"),
    ("text_a", "text_b"), ("sentence_a", "sentence_b"), ("question", "sentence"), ("question", "passage"),
    ("query", "passage"), ("query", "document"), ("question", "answer"), ("query", "answer"),
    ("anchor", "positive"), ("query", "positive"), ("question", "positive"), ("question", "document"),
    ("query", "text"), ("question", "text"), ("first", "second"),
  ]
  /// What a text is called that belongs to the first; those that do not are `negative`, `negative_1`, `negatives`.
  fileprivate static let (positiveName, negativeName) = ("positive", "negative")
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
    labels = given.labelColumns
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
        let others = free.filter { !$0.isBesideAnchor }
        texts = Self.prose(others.isEmpty ? free : others)
        free.removeAll { texts.contains($0.column) }
      }
    }
    // Beside it there may be texts that do not belong to the first.
    if pair == nil, texts.count == 1,
      free.contains(where: { $0.name == Self.positiveName && $0.isOfTexts })
    {
      pair = take(Self.positiveName)
    }
    if pair.map({ "\($0)".lowercased() }) == Self.positiveName {
      free.removeAll(where: \.isBesideAnchor)
    }
    if labels.isEmpty { labels = Self.labels(among: free) }
    if pair == nil, given.textColumns.isEmpty { readPairs(sample, among: free) }
  }

  /// From so many rows on whose text has another label elsewhere, of all rows, the text alone does not decide.
  private static let muchContradiction = 0.1

  /// Takes another column of texts as well, where texts have different labels in different rows, and together with that
  /// column one each.
  private mutating func readPairs(_ sample: ColumnSample, among free: [ColumnSummary]) {
    func values(_ column: Column) -> [String?] {
      sample.columns.first { $0.column == column }?.values ?? []
    }
    guard texts.count == 1, labels.count == 1, let label = labels.first else { return }
    let (text, written) = (values(texts[0]), values(label))
    /// The share of rows with something that has different labels.
    func contradiction(_ keys: [[String?]]) -> Double {
      var known: [[String?]: Set<String?>] = [:]
      for (key, label) in zip(keys, written) { known[key, default: []].insert(label) }
      return Double(keys.count { known[$0, default: []].count > 1 }) / Double(max(1, keys.count))
    }
    let alone = contradiction(text.map { [$0] })
    guard alone >= Self.muchContradiction else { return }
    let others = free.filter { !labels.contains($0.column) && $0.isOfTexts && $0.hasSpaces }
    let best = others.map { other in
      (column: other.column, share: contradiction(zip(text, values(other.column)).map { [$0, $1] }))
    }.min { $0.share < $1.share }
    guard let best, best.share * 2 <= alone else { return }
    let columns = sample.columns.map(\.column).filter { $0 == texts[0] || $0 == best.column }
    (texts, pair) = ([columns[0]], columns.last)
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
  /// Whether the values may be texts.
  var isOfTexts: Bool { !isNumeric && !isIndicator }
  /// Whether it has texts that belong to an anchor or do not, and is no anchor.
  var isBesideAnchor: Bool {
    isOfTexts
      && (name == ColumnRoles.positiveName || name?.hasPrefix(ColumnRoles.negativeName) == true)
  }
  let distinct: Int
  let distinctShare: Double
  let meanLength: Double

  init(_ entry: ColumnSample.Entry) {
    column = entry.column
    name = if case .name(let name) = column { name.lowercased() } else { nil }
    let values = entry.values.compactMap { $0 }.filter { !$0.isEmpty }
    let numbers = values.compactMap { Double(decimal: $0) }
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
