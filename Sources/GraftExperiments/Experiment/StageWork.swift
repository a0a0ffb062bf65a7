import GraftCore
import GraftKit
import OrderedCollections

/// How much there is to compute in a stage, and how long that takes on this machine.
struct StageWork: Sendable {
  /// What has a speed of its own: "train masked-lm".
  let kind: String
  /// Bytes of text, times weights of the backbone, times passes: one forward, two backward. Of a stage that copies
  /// a model, its bytes.
  var amount: Double { trainingAmount + evaluationAmount * evaluations }
  /// Of it, all but evaluations; one evaluation; how many there are.
  private let trainingAmount: Double
  private let evaluationAmount: Double
  let evaluations: Double
  /// How large a model of it is on disk.
  let modelBytes: Int
  /// How many copies of a model's size there are on disk at most, while it runs and afterwards.
  let largestCopies: Int
  let keptCopies: Int

  /// The most bytes that there are on disk while it runs.
  var largestBytes: Int { largestCopies * modelBytes }

  static let copying = "copy"

  /// How much of it is done.
  ///
  /// - Parameters:
  ///   - training: The share of the steps.
  ///   - evaluations: How many evaluations, with the part of one that is under way.
  func share(training: Double, evaluations: Double) -> Double {
    amount > 0 ? min(1, (trainingAmount * training + evaluationAmount * evaluations) / amount) : 1
  }

  init(_ task: Experiment.Task, _ checkpoint: Checkpoint, _ data: OrderedDictionary<String, DataFacts>) {
    modelBytes = checkpoint.components.reduce(0) { $0 + $1.weights.byteCount }
    let weights = Double(checkpoint.encoderWeightCount)
    func bytes(_ name: String?) -> Double { Double(name.flatMap { data[$0]?.bytes } ?? 0) }
    let head = checkpoint.activeHead?.name ?? ""
    switch task {
    case .importing, .swap, .export:
      (kind, trainingAmount) = (Self.copying, Double(modelBytes))
      (evaluationAmount, evaluations) = (0, 0)
      (largestCopies, keptCopies) = (1, 1)
    case .evaluate(let scoring):
      (kind, trainingAmount) = ("evaluate \(head)", 0)
      evaluationAmount = bytes(scoring.data) * weights
      // Each text once for each of its tokens, of about five bytes.
      let length = bytes(scoring.data) / Double(max(1, data[scoring.data]?.rows ?? 1)) / 5
      evaluations = scoring.pseudoPerplexity ? 1 + length : 1
      (largestCopies, keptCopies) = (0, 0)
    case .train(let training):
      let options = training.options
      let rows = training.heads.map { data[$0.data]?.rows ?? 1 }
      let heldOut = rows.map { options.evaluationRows(of: $0) }
      let examples = zip(rows, heldOut).map { max(1, $0 - $1) }
      let plan = TrainingPlan(
        examples: examples,
        weights: options.headWeights.map { weights in
          training.heads.map { weights[$0.head ?? ""] ?? 1 }
        }, options: options)
      let epochs = Double(plan.totalSteps) / Double(plan.stepsPerEpoch)
      evaluations = options.evaluations(after: plan.totalSteps, plan, isEnd: true)
      let names = training.namesHeads ? training.heads.compactMap(\.head).joined(separator: ", ") : head
      kind = "train \(names)\(options.freezesBackbone ? " alone" : "")"
      let sizes = training.heads.map { bytes($0.data) }
      // How often each head goes through its data in an epoch of the run.
      let passes = examples.enumerated().map { head, count in
        plan.turns.map {
          Double($0.steps[head]) / Double(TrainingPlan(examples: count, options: options).stepsPerEpoch)
        } ?? 1
      }
      let read = zip(sizes, passes).reduce(0) { $0 + $1.0 * $1.1 }
      trainingAmount = read * epochs * (options.freezesBackbone ? 1 : 3) * weights
      let ofSplit = zip(sizes, zip(rows, heldOut)).reduce(0) { sum, part in
        sum + part.0 * Double(part.1.1) / Double(max(1, part.1.0))
      }
      evaluationAmount = (training.evaluations.reduce(0) { $0 + bytes($1) } + ofSplit) * weights
      // A checkpoint has the weights and the optimizer's two moments; one is written before another goes.
      let interval = options.saveStrategy == .epoch ? plan.stepsPerEpoch : options.saveSteps
      let saved = options.saveStrategy == .no ? 0 : plan.totalSteps / interval + 1
      let checkpoints = min(saved, min(options.saveTotalLimit ?? saved, 1000) + 2)
      largestCopies = checkpoints * 3 + 1
      keptCopies = training.usedStep == nil ? 1 : 2
    }
  }
}

extension TrainingOptions {
  /// How many evaluations there are in so many steps; one comes at the end in any case.
  func evaluations(after steps: Int, _ plan: TrainingPlan, isEnd: Bool = false) -> Double {
    let count =
      switch evalStrategy {
      case .no: 0
      case .epoch: steps / plan.stepsPerEpoch
      case .steps: steps / (evalSteps ?? loggingSteps)
      }
    let isDone = isDue(evalStrategy, every: evalSteps ?? loggingSteps, at: steps, plan)
    return Double((isEnd && !isDone ? count + 1 : count) + (evalOnStart && steps > 0 ? 1 : 0))
  }
}

/// Speeds, by kind of work: of stages that were done, and of the one that is under way.
struct StageRates: Codable {
  private var spent: [String: Spent] = [:]

  private struct Spent: Codable {
    var (seconds, amount) = (0.0, 0.0)
  }

  /// A disk and a hash of this century, until there is something better.
  private static let copyingRate = 1 / 300e6

  var isEmpty: Bool { spent.isEmpty }

  func knows(_ kind: String) -> Bool { spent[kind] != nil }

  mutating func add(_ kind: String, seconds: Double, amount: Double) {
    guard seconds > 0, amount > 0, seconds.isFinite, amount.isFinite else { return }
    spent[kind, default: Spent()].seconds += seconds
    spent[kind, default: Spent()].amount += amount
  }

  /// Seconds for a unit of a kind; of another kind's speed when this one's is not known.
  func rate(_ kind: String) -> Double? {
    if let known = spent[kind] { return known.seconds / known.amount }
    if kind == StageWork.copying { return Self.copyingRate }
    let others = spent.filter { $0.key != StageWork.copying }.values
    guard !others.isEmpty else { return nil }
    return others.reduce(0) { $0 + $1.seconds } / others.reduce(0) { $0 + $1.amount }
  }

  /// How long some work takes, in seconds, as far as that is known.
  func seconds(_ work: StageWork, share: Double = 1) -> Double? {
    rate(work.kind).map { $0 * work.amount * share }
  }
}

extension Checkpoint {
  /// The number of weights of the backbone, with its pooler.
  var encoderWeightCount: Int {
    components.reduce(0) { $0 + ($1.isHead ? 0 : $1.weights.elementCount) }
  }
}
