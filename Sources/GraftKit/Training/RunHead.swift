import GraftCompute
import GraftCore

/// One head of a run: its model, and what it is trained on.
struct RunHead {
  /// What its losses and scores are called by; `nil` in a run with one head.
  var name: String?
  /// The head on the run's backbone.
  let model: Model
  let data: Dataset
  /// Fills hidden tokens, for a head that wants it.
  var generator: TokenGenerator?
}

extension [RunHead] {
  /// The parameters of all heads, what they share once, and what their generators learn.
  var parameters: [Parameter] {
    var known: Set<ObjectIdentifier> = []
    return flatMap { $0.model.parameters.all + ($0.generator?.ownParameters ?? []) }
      .filter { known.insert(ObjectIdentifier($0)).inserted }
  }
}

/// The course of one head in a run: how its batches are made, and the step that they train.
final class HeadCourse {
  let head: RunHead
  let batching: Batching
  let classLoss: ClassLoss
  let step: TrainingStep
  private let plan: TrainingPlan
  private let randomness: Randomness
  private let options: TrainingOptions
  private let group: any ProcessGroup
  private var order: (epoch: Int, examples: [Int]) = (-1, [])

  /// - Parameters:
  ///   - head: The head.
  ///   - place: Its place in the list of the run's heads.
  ///   - plan: How its data is cut into its own steps.
  ///   - step: Trains its model.
  ///   - group: The ranks that share its batches.
  init(
    _ head: RunHead, place: Int, plan: TrainingPlan, classLoss: ClassLoss, step: TrainingStep,
    _ options: TrainingOptions, _ group: any ProcessGroup
  ) {
    (self.head, self.plan, self.classLoss, self.step, self.options) = (head, plan, classLoss, step, options)
    self.group = group
    randomness = Randomness(options.seed, head: place)
    batching = Batching(
      model: head.model, data: head.data, mlmProbability: Float(options.mlmProbability),
      classLoss: classLoss, generator: head.generator, fillsInStep: options.trainsGenerator)
  }

  /// What one of the head's steps, counted from 0, is trained on; of several ranks, what this one is.
  ///
  /// - Returns: The batches, the randomness of dropout in each, and how many examples they have.
  /// - Throws: what a task throws when an example lacks what it needs.
  func batches(ofStep step: Int) throws -> (prepared: [PreparedBatch], dropout: [RandomKey], examples: Int) {
    let epoch = plan.epoch(ofStep: step)
    // Whatever rank has a batch, what is drawn for it goes by its number.
    let all = plan.batches(ofStep: step)
    let numbers = all.filter { ($0 - all.lowerBound) % group.size == group.rank }
    let running = numbers.map { epoch * plan.batchesPerEpoch + $0 }
    var count = 0
    let batches = try zip(numbers, running).map { number, running in
      let examples = try batching.examples(examples(ofEpoch: epoch)[plan.examples(ofBatch: number)])
      count += examples.count
      return try batching.prepared(examples, key: randomness.masks(batch: running))
    }
    return (batches, running.map(randomness.dropout), count)
  }

  private func examples(ofEpoch epoch: Int) -> [Int] {
    if order.epoch != epoch {
      let count = head.data.count
      order = (epoch, options.shuffles ? randomness.order(epoch: epoch, count: count) : Array(0..<count))
    }
    return order.examples
  }
}
