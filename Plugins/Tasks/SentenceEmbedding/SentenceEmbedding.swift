import GraftCompute
import GraftCore
import GraftTensors

/// Learns vectors for texts whose similarity means something: from pairs that belong together, with wrong texts beside
/// them or not, or from pairs with scores.
public struct SentenceEmbedding: Task {
  public static let name = "sentence-embedding"
  public static let classSuffix = "Model"
  public static let pipelineTag: String? = "sentence-similarity"
  public static let readsSentenceVectors = true
  public static let comparesExamples = true
  public static let scoresRows = true
  public static let columns = SentenceRow.columns
  public static let outputs = [TaskOutput("sentence_embedding", rows: .sequences)]

  let options: SentenceLossOptions
  /// How the model's vectors are compared.
  let similarity: VectorSimilarity
  private let lowercases: Bool
  /// What stands before texts; `nil` in training.
  private let prompts: SentencePipeline.TextPrompts?
  public let maximumLength: Int?

  public init(_ configuration: Configuration) throws {
    options = try SentenceLossOptions(configuration)
    let folder = Configuration(configuration.taskSettings)
    similarity = try VectorSimilarity(named: folder["similarity_fn_name"]?.string)
    prompts = SentencePipeline.TextPrompts(of: configuration)
    lowercases = try folder.bool("do_lower_case", default: false)
    maximumLength = folder["max_seq_length"]?.int
  }

  public func outputCount(on backbone: any Backbone) -> Int { backbone.hiddenSize }

  // MARK: Rows

  public func labels(of rows: [TextRow], _ reading: LabelReading) throws -> [(any ExampleLabel)?] {
    let readsScores = options.loss?.readsScores ?? rows.contains(where: SentenceRow.hasScore)
    if readsScores { try SentenceRow.requireScores(rows) }
    var labels: [SentenceRow] = []
    for row in rows {
      var label = try SentenceRow(row)
      if readsScores {
        label.score = try SentenceRow.score(of: row, in: options.loss == .cosine ? -1...1 : nil)
      }
      let expected = readsScores ? 2 : options.loss == .triplet ? 3 : labels.first?.texts.count
      if let expected, label.texts.count != expected {
        throw GraftError(
          .mismatch, "wrong number of texts", expected: count(expected, readsScores),
          found: "\(label.texts.count)",
          advice: "Every row has as many texts as the others: an anchor, a positive, and any negatives."
        ).inRow(row)
      }
      labels.append(label)
    }
    return labels
  }

  /// The loss that rows are learnt with where none is asked for.
  private static func usualLoss(hasScores: Bool) -> SentenceLoss { hasScores ? .cosent : .multipleNegatives }

  public func learningNote(on rows: [TextRow], _ reading: LabelReading) throws -> Advice? {
    guard options.loss == nil else { return nil }
    let hasScores = rows.contains(where: SentenceRow.hasScore)
    if !hasScores { try SentenceRow.askAboutScores(reading.unread, of: rows) }
    return
      "learning with the loss \(Self.usualLoss(hasScores: hasScores).rawValue), as rows have \(hasScores ? "scores" : "no score"); \(option: "loss") sets another"
  }

  /// That rows are compared without scores, which a column that is not read may have. Whoever names a loss without scores
  /// knows it.
  public func note(on rows: [TextRow], _ reading: LabelReading) -> Advice? {
    guard options.loss == nil, !rows.contains(where: SentenceRow.hasScore) else { return nil }
    return SentenceRow.unreadScores(reading.unread).map {
      "the column '\($0)' is not read: \(option: "label-column") says that scores are in it"
    }
  }

  public func learningRemarks(on labels: [(any ExampleLabel)?], of rows: [TextRow]) -> [String] {
    let known = labels.compactMap { $0 as? SentenceRow }
    guard !known.contains(where: { $0.score != nil }) else { return [] }
    var remarks: [String] = []
    if let loss = options.loss, rows.contains(where: SentenceRow.hasScore) {
      remarks.append("the scores of rows are not read: the loss '\(loss.rawValue)' learns without them")
    }
    var seen: Set<[String]> = []
    let repeated = zip(known, rows).filter { !seen.insert($0.0.texts).inserted }
    if let first = repeated.first, options.loss != .triplet {
      let isOne = repeated.count == 1
      remarks.append(
        "\(repeated.count) of \(rows.count) rows \(isOne ? "repeats the texts of another" : "repeat the texts of others"), "
          + "and in one batch each counts as wrong for the other: \(isOne ? "" : "the first is ")\(first.1.name(among: rows))"
      )
    }
    return remarks
  }

  private func count(_ texts: Int, _ readsScores: Bool) -> String {
    let reason =
      readsScores ? " with a score" : options.loss == .triplet ? " for a triplet" : ", as in the first row"
    return "\(texts)\(reason)"
  }

  public func sequences(of row: TextRow) throws -> [TextRow] {
    prepared(try SentenceRow(row), hasScore: SentenceRow.hasScore(row)).map { TextRow($0, place: row.place) }
  }

  /// The texts of a row as the model reads them.
  private func prepared(_ row: SentenceRow, hasScore: Bool) -> [String] {
    row.texts.enumerated().map { place, text in
      let prompt = prompts.map { hasScore ? $0.either : place == 0 ? $0.query : $0.document } ?? ""
      return lowercases ? (prompt + text).lowercased() : prompt + text
    }
  }

  public func examples(
    of row: TextRow, label: (any ExampleLabel)?, _ encoder: TextEncoder
  ) throws -> [Example] {
    let label = try label as? SentenceRow ?? SentenceRow(row)
    var row = row
    (row.text, row.pair) = (label.texts[0], label.texts[1])
    let encodings = prepared(label, hasScore: label.score != nil).map { encoder.encode($0) }
    return [Example(encodings[0], others: Array(encodings.dropFirst()), label: label, row: row)]
  }

  // MARK: Learning

  /// What the rows of a batch say.
  public struct Targets: TaskTargets, Equatable {
    /// How many texts each row has.
    let texts: Int
    /// One for each row; empty where rows have none.
    let scores: [Double]
    public let count: Int
  }

  public func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {
    let rows = try examples.map { example in
      guard let row = example.label as? SentenceRow else {
        throw GraftError(.missing, "a row has no texts that are compared").inRow(example.row)
      }
      return row
    }
    batch.setTargets(
      Targets(texts: rows.first?.texts.count ?? 2, scores: rows.compactMap(\.score), count: rows.count),
      of: self)
  }

  public func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    let targets: Targets = try batch.targets(of: self)
    let width = scores.value.columns
    if let largest = options.widths?.weights.keys.max(), largest > width {
      throw GraftError(
        .mismatch, "vectors do not have that many numbers", option: "matryoshka",
        expected: "at most \(width)",
        found: "\(largest)")
    }
    let loss = options.loss ?? Self.usualLoss(hasScores: !targets.scores.isEmpty)
    let (value, gradient) = SentenceLossFunction(loss: loss, options: options)(
      VectorMatrix(rows: scores.value.rows, width: width, values: scores.value.buffer.map(Double.init)),
      texts: targets.texts, scores: targets.scores)
    return tape.scalar(value, of: scores, gradient: gradient.values)
  }

  // MARK: Scoring

  public func predictions(
    _ scores: Tensor, _ batch: Batch, _ examples: [Example]
  ) throws -> [SentenceVectors] {
    var place = 0
    return examples.map { example in
      let vectors = example.encodings.map { _ in
        defer { place += 1 }
        return Array(scores.buffer[place * scores.columns..<(place + 1) * scores.columns])
      }
      return SentenceVectors(vectors: vectors, similarity: similarity)
    }
  }

  public func score(
    _ predictions: [SentenceVectors], of labels: [(any ExampleLabel)?], into metrics: inout Metrics,
    _ backend: any ComputeBackend
  ) throws {
    let scores = try scores(of: predictions, labels, backend)
    let retrieval = scores.retrieval
    for (name, value) in scores.named(retrieval) { metrics.add(name, total: value, weight: 1) }
    if let retrieval { metrics.set(retrieval: retrieval.scores) }
  }

  public func rowScores(
    _ predictions: [SentenceVectors], of labels: [(any ExampleLabel)?], _ rows: [TextRow],
    _ backend: any ComputeBackend
  ) throws -> RowScores? { try scores(of: predictions, labels, backend).rowScores }

  private func scores(
    of predictions: [SentenceVectors], _ labels: [(any ExampleLabel)?], _ backend: any ComputeBackend
  ) throws -> SentenceScores {
    let rows = try labels.map { label in
      guard let row = label as? SentenceRow else {
        throw GraftError(.mismatch, "a row has no texts that are compared")
      }
      return row
    }
    return SentenceScores(
      rows: rows, vectors: predictions.map(\.vectors), similarity: similarity, backend: backend)
  }
}
