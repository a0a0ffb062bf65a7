import GraftCompute
import GraftCore
import GraftTensors

/// Labels a text, or a pair, as a whole. The configuration's `problem_type` decides the loss: softmax over labels, a
/// sigmoid for each, or squared error, as transformers' classes have it.
public struct SequenceClassification: Task {
  public static let name = "sequence-classification"
  public static let classSuffix = "ForSequenceClassification"
  public static let hasLabels = true
  public static let pipelineTag: String? = "text-classification"
  public static let settingKeys =
    [
      "id2label", "label2id", "num_labels", "problem_type", "classifier_dropout",
      DecisionThresholds.key, LongTexts.key,
    ] + CrossEncoder.settingKeys
  public static let outputs = [TaskOutput("logits", rows: .sequences)]

  /// Names of the outputs, in their order.
  public let labels: [String]
  public let problemType: ProblemType
  /// Of several labels: above which probability each is given.
  public let thresholds: [Float]
  /// Whether one label, of which nothing says that it is a number, is scored with its probability: the pipeline of
  /// transformers shows the sigmoid.
  private let showsProbability: Bool
  /// Of a cross-encoder with one label: what becomes of its logit. It learns scores of pairs, from 0 to 1.
  private let crossEncoder: CrossEncoder?
  /// Whether it scores pairs, as a cross-encoder with one label does.
  var scoresPairs: Bool { crossEncoder != nil }
  public let maximumLength: Int?
  /// What becomes of texts that are longer than the model reads.
  public let longTexts: LongTexts

  public init(_ configuration: Configuration) throws {
    labels = try configuration.labels()
    problemType = try configuration.problemType()
    thresholds = try DecisionThresholds.read(configuration, labels: labels.count)
    let isPlain = labels.count == 1 && configuration["problem_type"] == nil
    crossEncoder = isPlain ? CrossEncoder(of: configuration) : nil
    showsProbability = isPlain && (crossEncoder == nil || crossEncoder?.activation == .sigmoid)
    maximumLength = CrossEncoder(of: configuration)?.maximumLength
    longTexts = try LongTexts(configuration)
  }

  public var classNames: [String]? { problemType == .singleLabel ? labels : nil }

  public func scoreNames(topRanks: [Int]) -> Set<String>? {
    if crossEncoder != nil { return PairScores.names }
    return switch problemType {
    case .singleLabel: Metrics.namesOfClasses(scored: labels.count, topRanks: topRanks)
    case .multiLabel: Metrics.namesOfSeveralLabels
    case .regression: Metrics.namesOfValues
    }
  }

  public func outputCount(on backbone: any Backbone) -> Int { labels.count }

  public var splitsLongRows: Bool { longTexts == .windows }
  public var poolsScores: Bool { longTexts == .windows }

  public func examples(
    of row: TextRow, label: (any ExampleLabel)?, _ encoder: TextEncoder
  ) throws -> [Example] {
    try longTexts.encodings(of: row, encoder).map { Example($0, label: label, row: row) }
  }

  public func labels(of rows: [TextRow], _ reading: LabelReading) throws -> [(any ExampleLabel)?] {
    if crossEncoder != nil { return try Self.pairLabels(of: rows) }
    let reader = LabelReader(labels: labels, problemType: problemType, base: reading.base, rows: rows)
    try reader.check(reading, of: rows)
    return try reader.labels(of: rows)
  }

  public func note(on rows: [TextRow], _ reading: LabelReading) -> Advice? {
    crossEncoder != nil
      ? nil
      : LabelReader(labels: labels, problemType: problemType, base: reading.base, rows: rows).note
  }

  public func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {
    switch problemType {
    case .singleLabel:
      let classes = try examples.map { example -> Int32 in
        guard let label = example.label as? ClassLabel, labels.indices.contains(Int(label.index)) else {
          throw mismatch(example.label, "a label's number below \(labels.count)")
        }
        return label.index
      }
      batch.setTargets(.classes(ClassTargets(classes)), of: self)
    case .multiLabel, .regression:
      let values = try examples.flatMap { example -> [Float] in
        guard let label = example.label as? ValuesLabel, label.values.count == labels.count else {
          throw mismatch(example.label, "\(labels.count) numbers")
        }
        return label.values
      }
      batch.setTargets(.values(ValueTargets(values, width: labels.count)), of: self)
    }
  }

  private func mismatch(_ label: (any ExampleLabel)?, _ expected: String) -> GraftError {
    GraftError(
      .mismatch,
      "a row's label does not fit \(problemType.rawValue)",
      expected: expected,
      found: label.map { $0.json.text() } ?? "no label"
    )
  }

  /// What the texts of a batch are labelled.
  public enum Targets: TaskTargets {
    case classes(ClassTargets)
    case values(ValueTargets)

    public var count: Int {
      switch self {
      case .classes(let targets): targets.count
      case .values(let targets): targets.count
      }
    }

    public var classOfEach: [Int32]? {
      if case .classes(let targets) = self { targets.classes } else { nil }
    }
  }

  public func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    switch (try batch.targets(of: self), problemType) {
    case (.classes(let targets), _): tape.crossEntropy(scores, classes: targets.classes, batch.classLoss)
    case (.values(let targets), .multiLabel): tape.binaryCrossEntropy(scores, targets: targets.values)
    case (.values(let targets), _) where crossEncoder != nil:
      tape.binaryCrossEntropy(scores, targets: targets.values)
    case (.values(let targets), _): tape.meanSquaredError(scores, targets: targets.values)
    }
  }

  /// Of single labels accuracy, precision, recall, F1 and how good the probabilities are; of several labels what
  /// `MultiLabelScores` has; of a regression its errors and correlations; of pairs what `PairScores` has.
  public func score(
    _ scores: Tensor, _ batch: PreparedBatch, _ examples: [Example], into metrics: inout Metrics
  ) throws {
    switch (try batch.targets(of: self), problemType) {
    case (.classes(let targets), _):
      metrics.add(actual: targets.classes, logits: scores)
    case (.values(let targets), .multiLabel):
      metrics.add(
        probabilities: scores.buffer.map(TextLabels.probability), targets: targets.values,
        thresholds: thresholds)
    case (.values(let targets), _) where crossEncoder != nil:
      let own = crossEncoder?.scores(Array(scores.buffer)) ?? []
      metrics.add(
        pairs: examples.indices.map {
          PairScores.Pair(query: examples[$0].row.text, score: own[$0], label: targets.values[$0])
        })
    case (.values(let targets), _):
      metrics.add(values: scores.buffer, targets: targets.values, outputs: labels.count)
    }
  }

  public func predictions(
    _ scores: Tensor, _ batch: Batch, _ examples: [Example]
  ) throws -> [TextLabels] {
    (0..<scores.rows).map { row in
      let values = scores.buffer[(row * scores.columns)..<((row + 1) * scores.columns)]
      if let crossEncoder, !showsProbability {
        return TextLabels(crossEncoder.scores(Array(values)), names: labels, problemType: problemType)
      }
      return TextLabels(
        values, names: labels, problemType: problemType, thresholds: thresholds,
        isProbability: showsProbability)
    }
  }
}
