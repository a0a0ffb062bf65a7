import GraftCompute
import GraftCore
import GraftTensors

/// How examples are put together for a forward pass.
package struct Batching {
  package let model: Model
  package let data: Dataset
  package let mlmProbability: Float
  package let classLoss: ClassLoss
  package let generator: TokenGenerator?
  /// Whether hidden tokens are left to the step, in which the generator learns.
  private let fillsInStep: Bool

  package init(
    model: Model, data: Dataset, mlmProbability: Float = 0.15, classLoss: ClassLoss = ClassLoss(),
    generator: TokenGenerator? = nil, fillsInStep: Bool = false
  ) {
    self.model = model
    self.data = data
    self.mlmProbability = mlmProbability
    self.classLoss = classLoss
    self.generator = generator
    self.fillsInStep = fillsInStep
  }

  /// Groups all examples, longest first, so that the sequences of a batch are of about one length.
  ///
  /// Longest first means that the memory of a run is known at its first batch. Ties keep their order.
  package static func sortedByLength(_ data: Dataset, batchSize: Int) -> [[Int]] {
    let order = orderByLength(data)
    return stride(from: 0, to: order.count, by: batchSize).map { start in
      Array(order[start..<min(start + batchSize, order.count)])
    }
  }

  /// All examples, the longest first; ties keep their order.
  static func orderByLength(_ data: Dataset) -> [Int] {
    (0..<data.count).map(data.length).placesByLength { $0 }
  }

  /// The batches of an evaluation: of about one length, or in the order of the data where a task compares examples.
  package func batches(ofSize size: Int) -> [[Int]] {
    guard comparesExamples else { return Self.sortedByLength(data, batchSize: size) }
    return stride(from: 0, to: data.count, by: size).map { Array($0..<min($0 + size, data.count)) }
  }

  /// Whether what a head says of an example depends on those beside it.
  var comparesExamples: Bool { model.heads.contains { type(of: $0.task).comparesExamples } }

  /// Some examples.
  func examples(_ indices: some Sequence<Int>) throws -> [Example] { try indices.map(data.example) }

  /// The inputs and targets of some examples.
  ///
  /// - Parameters:
  ///   - key: The randomness of masking.
  ///   - exampleKeys: The randomness of each example, in an evaluation.
  /// - Throws: what a task throws when an example lacks what it needs.
  package func prepared(
    _ examples: [Example], key: RandomKey, exampleKeys: [RandomKey]? = nil
  ) throws -> PreparedBatch {
    let context = BatchContext(
      key: key,
      specialTokens: model.tokenizer?.specialTokens ?? SpecialTokens(),
      vocabularySize: min(model.tokenizer?.vocabularySize ?? .max, model.backbone.vocabularySize),
      mlmProbability: mlmProbability, exampleKeys: exampleKeys)
    try model.requireHead()
    let examples = try model.heads.reduce(examples) { try $1.task.arranged($0, context) }
    var batch = PreparedBatch(Batch(of: examples))
    // Before tasks hide tokens, which then are targets.
    try model.backbone.check(batch.inputs)
    batch.classLoss = classLoss
    // A head that learns beside others leaves out a batch without labels.
    let hasLabels = examples.contains { $0.label != nil }
    for active in model.heads
    where hasLabels || model.heads.count == 1 || !type(of: active.task).readsLabels {
      try active.task.prepare(&batch, examples, context)
      guard type(of: active.task).readsGenerator else { continue }
      guard let generator else {
        throw GraftError(
          .missing, "the head '\(active.name)' needs a generator", option: "generator",
          advice: "Name a checkpoint whose head predicts tokens.")
      }
      if fillsInStep {
        batch.drawing = context
      } else {
        try generator.fill(&batch, for: active.task, context)
      }
    }
    return batch
  }
}
