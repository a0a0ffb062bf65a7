import GraftCompute
import GraftCore
import GraftTensors

/// Labels the words of a text, as named-entity recognition does. A word's label is learnt, and read, at its first token.
///
/// A text that is longer than the model takes becomes several windows. Where they overlap, a word belongs to the
/// window in which it is farther from the edge, so that it counts once.
public struct TokenClassification: Task {
  public static let name = "token-classification"
  public static let classSuffix = "ForTokenClassification"
  public static let pipelineTag: String? = "token-classification"
  public static let hasLabels = true
  public static let labelsTokens = true
  public static let splitsRows = true
  public static let scoresRows = true
  public static let settingKeys = [
    "id2label", "label2id", "num_labels", "classifier_dropout", allTokensKey, HeadTags.schemeKey,
  ]
  public static let columns = [
    TaskColumn("tokens", replacesText: true, hasLists: true),
    TaskColumn("tags", hasLists: true, isLabel: true),
    TaskColumn("entities", hasLists: true, isLabel: true, hasPlaces: true),
    TaskColumn("spans", hasLists: true, isLabel: true, hasPlaces: true),
  ]
  public static let outputs = [TaskOutput("logits", rows: .tokens)]

  /// The configuration's key for learning from all tokens of a word.
  static let allTokensKey = "label_all_tokens"

  /// Names of the outputs, in their order.
  public var labels: [String] { head.labels }
  let head: HeadTags
  /// Whether the further tokens of a word are learnt from as well.
  let labelsAllTokens: Bool

  public init(_ configuration: Configuration) throws {
    head = try HeadTags(configuration)
    labelsAllTokens = configuration[Self.allTokensKey]?.bool ?? false
  }

  /// Schemes have one name in configurations, which earlier versions know too.
  public static func written(_ value: JSON, as key: String) -> JSON {
    guard key == HeadTags.schemeKey, let name = value.string, let scheme = TagScheme(named: name) else {
      return value
    }
    return .string(scheme.rawValue)
  }

  public var classNames: [String]? { labels }

  public func scoreNames(topRanks: [Int]) -> Set<String>? {
    head.tags == nil || head.scheme == nil
      ? Metrics.namesOfClasses
      : Metrics.namesOfKinds.union(["accuracy", "broken_tags", "broken_tags_in_data"])
  }

  public func outputCount(on backbone: any Backbone) -> Int { labels.count }

  public func labels(of rows: [TextRow], _ reading: LabelReading) throws -> [(any ExampleLabel)?] {
    let reader = TagReader(head: head, base: reading.base, rows: rows)
    try reader.checkBase(reading)
    guard reading.isRequired else { return try rows.map(reader.labels) }
    return try rows.requiring(
      "labels for their words",
      orThrow: GraftError(
        .missing, "there are no labels for the words",
        expected: "'tags' with a label for each token, or 'entities' with their places",
        advice: Self.adviceOnLabels(of: rows)), reader.labels)
  }

  public func note(on rows: [TextRow], _ reading: LabelReading) -> Advice? {
    TagReader(head: head, base: reading.base, rows: rows).note
  }

  public func remarks(on labels: [(any ExampleLabel)?], of rows: [TextRow]) -> [String] {
    TagReader.remarks(on: labels, of: rows) + [head.remark(on: labels, of: rows)].compactMap(\.self)
  }

  public static func hasLabel(_ row: TextRow, _ problemType: ProblemType?) -> Bool {
    TagReader.hasLabels(row)
  }

  public static func recognizes(_ row: TextRow) -> Bool { TagReader.recognizes(row) }

  /// What to do about data without labels for words.
  private static func adviceOnLabels(of rows: [TextRow]) -> Advice {
    rows.contains { $0.fields["tokens"]?.array != nil }
      ? "Say which column has them: \(option: "label-column"). The columns of CoNLL's files stand between tabs or spaces."
      : "Say which column has them: \(option: "label-column"); or, where each line is a word with its labels, that the file is CoNLL's: \(option: "data-format") conll."
  }

  /// The tags of data, sorted, or those that entities need: `O`, and a beginning and an inside of each type.
  public static func inferredLabels(of rows: [TextRow], _ given: ProblemType?) throws -> InferredLabels {
    let tags = Set(rows.flatMap(TagReader.writtenTags))
    let types = Set(rows.flatMap(TagReader.writtenTypes)).sorted()
    guard !tags.isEmpty || !types.isEmpty else {
      for row in rows { try TagReader.check(row) }
      throw GraftError(
        .missing, "the data have no labels for words", advice: adviceOnLabels(of: rows))
    }
    return InferredLabels(
      tags.isEmpty ? ["O"] + types.flatMap { ["B-\($0)", "I-\($0)"] } : LabelColumn.sorted(tags), nil)
  }

  // MARK: Examples

  public func sequences(of row: TextRow) throws -> [TextRow] {
    [TextRow(try row.tokens().map { Words(tokens: $0).text } ?? row.text, place: row.place)]
  }

  /// What an example knows of its words.
  struct WindowLabels: ExampleLabel {
    let words: Words
    /// Of the whole row; `nil` without labels.
    let row: RowLabels?
    /// The tokens that the example answers for, in their order.
    let tokens: [WordToken]

    var json: JSON { row?.json ?? .null }
  }

  /// A token of a word.
  struct WordToken: Equatable {
    let word: Int
    let token: Int
    let isFirst: Bool
  }

  public func examples(
    of row: TextRow, label: (any ExampleLabel)?, _ encoder: TextEncoder
  ) throws -> [Example] {
    let labels = label as? RowLabels
    let words = try labels?.words ?? row.tokens().map { Words(tokens: $0) } ?? Words(in: row.text)
    var row = row
    row.text = words.text
    let windows = try encoder.windows(of: words.text)
    var (next, isStarted) = (0, -1)
    return windows.enumerated().compactMap { index, encoding in
      let own = Self.ownTokens(of: encoding, index, of: windows.count, stride: encoder.stride)
      let tokens = Self.tokens(of: words, in: encoding, own, &next, &isStarted)
      // Nothing is learnt from a window without words, or said about it.
      guard !tokens.isEmpty else { return nil }
      return Example(
        encoding, label: WindowLabels(words: words, row: labels, tokens: tokens), row: row)
    }
  }

  /// The tokens of a window that are no other window's: each half of what two windows share goes to the window in which
  /// it is farther from the edge.
  private static func ownTokens(
    of encoding: Encoding, _ index: Int, of count: Int, stride: Int
  ) -> Range<Int> {
    let tokens = encoding.sequences[0]
    let start = index == 0 ? tokens.lowerBound : tokens.lowerBound + stride / 2
    let end = index == count - 1 ? tokens.upperBound : tokens.upperBound - (stride - stride / 2)
    return start..<max(start, end)
  }

  /// The tokens of words. A token belongs to the first word that it shares a scalar with.
  ///
  /// - Parameters:
  ///   - own: The tokens to look at; those of all windows follow one another.
  ///   - next: The first word that may have tokens.
  ///   - started: The word whose first token was seen last.
  private static func tokens(
    of words: Words, in encoding: Encoding, _ own: Range<Int>, _ next: inout Int, _ started: inout Int
  ) -> [WordToken] {
    own.compactMap { token in
      let place = encoding.offsets[token]
      while next < words.ranges.count, words.ranges[next].upperBound <= place.lowerBound { next += 1 }
      guard next < words.ranges.count, !place.isEmpty, place.upperBound > words.ranges[next].lowerBound
      else { return nil }
      defer { started = next }
      return WordToken(word: next, token: token, isFirst: started != next)
    }
  }

  // MARK: Learning

  public func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {
    var (selection, classes): ([Int32], [Int32]) = ([], [])
    for (example, start) in zip(examples, batch.inputs.offsets) {
      guard let label = example.label as? WindowLabels, let row = label.row else {
        throw GraftError(.missing, "a row has no labels for its words").inRow(example.row)
      }
      for token in label.tokens where token.isFirst || labelsAllTokens {
        let own = row.classes[token.word]
        guard labels.indices.contains(Int(own)) else {
          throw GraftError(
            .mismatch, "a label's number is out of range", expected: "below \(labels.count)", found: "\(own)"
          ).inRow(example.row)
        }
        selection.append(Int32(start + token.token))
        classes.append(token.isFirst ? own : head.continuing[Int(own)])
      }
    }
    batch.setTargets(ClassTargets(classes), of: self, selection: selection)
  }

  public func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    tape.crossEntropy(scores, classes: try batch.targets(of: self).classes, batch.classLoss)
  }

  // MARK: Predicting

  public func predictions(
    _ scores: Tensor, _ batch: Batch, _ examples: [Example]
  ) throws -> [WordPrediction] {
    let classes = scores.largestColumns
    // While what was learnt is scored, the rows are those of the selection.
    let isSelected = scores.rows != batch.tokenCount
    var row = 0
    return try zip(examples, batch.offsets).map { example, start in
      guard let label = example.label as? WindowLabels else {
        throw GraftError(.mismatch, "an example was made by another task").inRow(example.row)
      }
      let found = label.tokens.compactMap { token -> WordPrediction.Found? in
        guard token.isFirst || labelsAllTokens else { return nil }
        defer { row += 1 }
        return token.isFirst
          ? WordPrediction.Found(
            word: token.word, label: classes[isSelected ? row : start + token.token]) : nil
      }
      return WordPrediction(label.words, found, names: labels)
    }
  }

  public func joined(_ predictions: [WordPrediction], of row: TextRow) throws -> WordPrediction {
    guard let first = predictions.first else {
      // A text without words has no example.
      return WordPrediction(
        try row.tokens().map { Words(tokens: $0) } ?? Words(in: row.text), [], names: labels)
    }
    return predictions.count == 1
      ? first : WordPrediction(first.words, predictions.flatMap(\.found), names: labels)
  }

  // MARK: Scoring

  /// Accuracy over words. Of entities precision, recall and F1, as `seqeval` has them, and the share of tags that go on
  /// with an entity that has not begun, `broken_tags`; of labels that are no tags the scores of each label.
  public func score(
    _ predictions: [WordPrediction], of labels: [(any ExampleLabel)?], into metrics: inout Metrics
  ) throws {
    for (prediction, label) in zip(predictions, labels) {
      guard let actual = (label as? RowLabels)?.classes, actual.count == prediction.words.ranges.count else {
        throw GraftError(.mismatch, "a row has no labels for its words")
      }
      // Words that nothing was said about are of no entity.
      let predicted = prediction.classes.map { $0 ?? head.outside ?? 0 }
      guard let tags = head.tags, let scheme = head.scheme else {
        metrics.add(actual: actual, predicted: predicted, classes: self.labels.count)
        continue
      }
      let hits = zip(actual, predicted).count { $0 == $1 }
      metrics.add("accuracy", total: Double(hits), weight: Double(actual.count))
      let (told, said) = (actual.map { tags[Int($0)] }, predicted.map { tags[Int($0)] })
      metrics.add(
        "broken_tags", total: Double(said.countOfBroken(scheme)), weight: Double(said.count))
      let broken = told.countOfBroken(scheme)
      if broken > 0 {
        metrics.add("broken_tags_in_data", total: Double(broken), weight: Double(told.count))
      }
      metrics.add(
        KindCounts(actual: told.entities(head.strictScheme), predicted: said.entities(head.strictScheme)))
    }
  }
}

extension TokenClassification {
  /// Of entities: how many of a text are right, and how many there are and were found.
  public func rowScores(
    _ predictions: [WordPrediction], of labels: [(any ExampleLabel)?], _ rows: [TextRow],
    _ backend: any ComputeBackend
  ) throws -> RowScores? {
    guard let tags = head.tags, head.scheme != nil else { return nil }
    func entities(_ classes: [Int32]) -> [WordEntity] {
      classes.map { tags[Int($0)] }.entities(head.strictScheme)
    }
    func text(_ entities: [WordEntity], of words: [String]) -> String {
      guard !entities.isEmpty else { return "none" }
      return entities.sorted { $0.words.lowerBound < $1.words.lowerBound }
        .map { "\($0.type): \(words[$0.words].joined(separator: " "))" }.joined(separator: "; ")
    }
    return RowScores(
      "f1", .f1, unit: "sentence",
      rows: zip(predictions, labels).map { prediction, label in
        let told = entities((label as? RowLabels)?.classes ?? [])
        let said = entities(prediction.classes.map { $0 ?? head.outside ?? 0 })
        let words = prediction.words.strings
        return RowScores.Row(
          [Double(Set(told).intersection(said).count), Double(told.count + said.count)],
          label: text(told, of: words), prediction: text(said, of: words))
      })
  }
}

extension KindCounts {
  /// The entities of one text. One is right when its type and all its words are.
  init(actual: [WordEntity], predicted: [WordEntity]) {
    self.init()
    let (told, said) = (Set(actual), Set(predicted))
    for entity in told { add(entity.type, actual: 1, predicted: 0, hits: said.contains(entity) ? 1 : 0) }
    for entity in said { add(entity.type, actual: 0, predicted: 1, hits: 0) }
  }
}
