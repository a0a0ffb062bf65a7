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
    let own = all.indices.filter { ($0 - all.lowerBound) % group.size == group.rank }
    let running = own.map { epoch * plan.batchesPerEpoch + $0 }
    let examples = try examples(of: all, own.map { $0 - all.lowerBound }, epoch: epoch)
    let batches = try zip(examples, running).map { examples, running in
      try batching.prepared(examples, key: randomness.masks(batch: running))
    }
    return (batches, running.map(randomness.dropout), examples.reduce(0) { $0 + $1.count })
  }

  /// The examples of some batches of a step, as ``EvenBatches`` deals them out unless the task compares those of a batch.
  ///
  /// - Parameters:
  ///   - all: The step's batches, counted within the epoch.
  ///   - own: Which are wanted, counted within the step.
  private func examples(of all: Range<Int>, _ own: [Int], epoch: Int) throws -> [[Example]] {
    let order = examples(ofEpoch: epoch)
    guard all.count > 1, !batching.comparesExamples, !head.data.facts.isPacked else {
      return try own.map { try batching.examples(order[plan.examples(ofBatch: all.lowerBound + $0)]) }
    }
    let places =
      plan.examples(ofBatch: all.lowerBound)
      .lowerBound..<plan.examples(ofBatch: all.upperBound - 1).upperBound
    let indices = Array(order[places])
    // Each rank tokenizes some to find their lengths, and what it is dealt.
    var known: [Int: Example] = [:]
    let lengths = try group.interleaved(indices.count) { place in
      let example = try head.data.example(indices[place])
      known[place] = example
      return example.tokenCount
    }
    let dealt = EvenBatches.places(lengths, batches: all.count)
    return try own.map { try dealt[$0].map { try known[$0] ?? head.data.example(indices[$0]) } }
  }

  private func examples(ofEpoch epoch: Int) -> [Int] {
    if order.epoch != epoch {
      let count = head.data.count
      order = (epoch, options.shuffles ? randomness.order(epoch: epoch, count: count) : Array(0..<count))
    }
    return order.examples
  }
}
