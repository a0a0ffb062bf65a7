import GraftCompute
import GraftCore
import GraftTensors

/// Tells whether two consecutive texts stand in their order (class 0) or were swapped (class 1). Lan et al.,
/// arXiv:1909.11942, 3.1.
///
/// Rows without labels are pairs in their order, of which half are swapped: others at every step, and in evaluations always
/// the same. What a row's label says is taken as it is.
public struct SentenceOrder: Task {
  public static let name = "sentence-order"
  public static let classSuffix = "ForSentenceOrderPrediction"
  public static let readsPairs = true
  public static let labelsPairs = true
  public static let outputs = [TaskOutput("sop_logits", rows: .sequences)]

  public init(_ configuration: Configuration) throws {}

  public var classNames: [String]? { ["InOrder", "Swapped"] }

  public func scoreNames(topRanks: [Int]) -> Set<String>? {
    Metrics.namesOfClasses(scored: 2, topRanks: topRanks)
  }

  public func outputCount(on backbone: any Backbone) -> Int { 2 }

  public func labels(of rows: [TextRow], _ reading: LabelReading) throws -> [(any ExampleLabel)?] {
    try PairRelation(of: Self.name, first: "the texts are in their order", second: "they were swapped")
      .labels(of: rows, reading, mayBeMissing: true)
  }

  /// Swaps the two texts of every other pair without a label, and labels all of them but those with an empty text.
  public func arranged(_ examples: [Example], _ context: BatchContext) throws -> [Example] {
    examples.enumerated().map { place, example in
      let texts = example.encoding.sequences
      guard example.label == nil, texts.count == 2, !texts.contains(where: \.isEmpty) else { return example }
      var example = example
      let isSwapped = context.word(ofExample: place) & 1 == 1
      if isSwapped { example.encoding = example.encoding.swappingTexts }
      example.label = ClassLabel(isSwapped ? 1 : 0)
      return example
    }
  }

  public func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {
    let classes = examples.map { ($0.label as? ClassLabel)?.index ?? Tape.ignoredClass }
    if let wrong = examples.first(where: {
      ($0.label as? ClassLabel).map { !(0...1).contains($0.index) } == true
    }) {
      throw GraftError(
        .mismatch, "a row's label is no order of two texts", expected: "0 (in order) or 1 (swapped)",
        found: wrong.label.map { $0.json.text() } ?? "none"
      ).inRow(wrong.row)
    }
    // A batch of single texts teaches another head alone.
    guard classes.contains(where: { $0 != Tape.ignoredClass }) else { return }
    batch.setTargets(ClassTargets(classes), of: self)
  }

  public func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    tape.crossEntropy(scores, classes: try batch.targets(of: self).classes, batch.classLoss)
  }

  public func score(
    _ scores: Tensor, _ batch: PreparedBatch, _ examples: [Example], into metrics: inout Metrics
  ) throws {
    let targets: ClassTargets = try batch.targets(of: self)
    metrics.add(actual: targets.classes, logits: scores)
  }

  /// What is said is about the pair as the row has it, also where an evaluation has read it swapped.
  public func predictions(_ scores: Tensor, _ batch: Batch, _ examples: [Example]) throws -> [TextLabels] {
    examples.enumerated().map { row, example in
      let logits = Array(scores.buffer[(row * scores.columns)..<((row + 1) * scores.columns)])
      let read = batch.ids[batch.offsets[row]..<batch.offsets[row + 1]]
      let isSwapped = !read.elementsEqual(example.encoding.ids)
      return TextLabels(
        isSwapped ? logits.reversed() : logits, names: classNames ?? [], problemType: .singleLabel)
    }
  }
}
