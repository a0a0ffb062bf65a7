import GraftCompute
import GraftCore
import GraftTensors

/// Tells whether the second text of a pair follows the first (class 0) or not (class 1). Devlin et al.,
/// arXiv:1810.04805, 3.1.
public struct NextSentence: Task {
  public static let name = "next-sentence"
  public static let classSuffix = "ForNextSentencePrediction"
  public static let readsPairs = true
  public static let outputs = [TaskOutput("seq_relationship_logits", rows: .sequences)]

  public init(_ configuration: Configuration) throws {}

  public var classNames: [String]? { ["IsNext", "NotNext"] }

  public func scoreNames(topRanks: [Int]) -> Set<String>? {
    Metrics.namesOfClasses(scored: 2, topRanks: topRanks)
  }

  public func outputCount(on backbone: any Backbone) -> Int { 2 }

  public func labels(of rows: [TextRow], _ reading: LabelReading) throws -> [(any ExampleLabel)?] {
    try PairRelation(of: Self.name, first: "the second text follows the first", second: "it does not").labels(
      of: rows, reading)
  }

  public func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {
    let classes = try examples.map { example -> Int32 in
      guard let label = example.label as? ClassLabel, label.index == 0 || label.index == 1 else {
        throw GraftError(
          .missing,
          "a row has no label for next-sentence prediction",
          expected: "0 (follows) or 1 (does not)",
          found: example.label.map { $0.json.text() } ?? "none"
        )
      }
      return label.index
    }
    batch.setTargets(ClassTargets(classes), of: self)
  }

  public func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    tape.crossEntropy(scores, classes: try batch.targets(of: self).classes, batch.classLoss)
  }

  /// Adds accuracy, precision, recall, F1 and how good the probabilities are, as a classifier of single labels has them.
  public func score(
    _ scores: Tensor, _ batch: PreparedBatch, _ examples: [Example], into metrics: inout Metrics
  ) throws {
    let targets: ClassTargets = try batch.targets(of: self)
    metrics.add(actual: targets.classes, logits: scores)
  }

  public func predictions(_ scores: Tensor, _ batch: Batch, _ examples: [Example]) throws -> [TextLabels] {
    (0..<scores.rows).map { row in
      let logits = scores.buffer[(row * scores.columns)..<((row + 1) * scores.columns)]
      return TextLabels(logits, names: classNames ?? [], problemType: .singleLabel)
    }
  }
}
