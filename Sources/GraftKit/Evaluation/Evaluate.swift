import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import OrderedCollections

/// How a model is evaluated.
public struct EvaluationOptions: Sendable, Equatable {
  /// How many texts run together. It does not change the scores of a classifier.
  public var batchSize = 32
  /// The share of tokens that masked-language modelling hides.
  public var mlmProbability: Float = 0.15
  /// The randomness of masking: the same seed hides the same tokens.
  public var seed: UInt64 = 42
  /// Whether what the head says about each row is kept.
  public var keepsPredictions = false
  /// The k of top-k accuracies, of a head that gives one of several labels; `nil` is 3 and 5 where there are more labels.
  public var topRanks: [Int]?
  /// Whether the scores at the best threshold are found as well, for ``Evaluation/tuneThresholds(_:)`` of a task that has
  /// one among its settings; see `Task.tunedSetting`. Thresholds of several labels need no such preparation.
  public var tunesThreshold = false
  /// How wrong classes count in the loss; it changes no score.
  public var classLoss = ClassLoss()

  /// The defaults.
  public init(
    batchSize: Int = 32, mlmProbability: Float = 0.15, seed: UInt64 = 42, keepsPredictions: Bool = false
  ) {
    self.batchSize = batchSize
    self.mlmProbability = mlmProbability
    self.seed = seed
    self.keepsPredictions = keepsPredictions
  }
}

/// What an evaluation found.
public struct Evaluation: Sendable {
  /// The mean loss over all predictions; of several heads, the sum of their means.
  public var loss: Double
  /// The head's scores, such as `accuracy`.
  public var metrics: [String: Double]
  /// Of a classifier of single labels: which class examples of each class were given.
  public var confusion: ConfusionMatrix?
  /// Of a head that finds things in rows, such as entities: how many of each kind there are and were found.
  public var kinds: KindCounts?
  /// Of a classifier of several labels: their probabilities, from which its scores come.
  public var multiLabel: MultiLabelScores?
  /// Of a regression: its values.
  public var regression: RegressionScores?
  /// Of vectors for texts: how well positives are found among all texts.
  public var retrieval: RetrievalScores?
  /// What each row adds to the score that tells most, when the options ask for predictions and the task says it.
  public var rowScores: RowScores?
  /// The names of a classifier's outputs.
  public var labels: [String]
  /// What was said about each row, in the order of the data, when the options ask for it.
  public var predictions: [any TaskPrediction]
  /// How many rows were evaluated; of packed texts, how many pieces.
  public var examples: Int
  /// How many batches they made.
  public var batches: Int
  /// How long it took, in seconds.
  public var seconds: Double
  /// The best threshold of a task that has one among its settings, where the options ask for it.
  var best: BestThreshold?
  /// Whether the best threshold was wanted, and the data do not say which it is.
  var isUndecided = false

  /// A threshold, and the scores with it.
  struct BestThreshold: Sendable {
    let setting: TunedSetting
    let value: Float
    let metrics: [String: Double]
  }

  /// The configuration's key of what ``tuneThresholds(_:)`` chooses.
  public var thresholdKey: String { best?.setting.key ?? Configuration.thresholdKey }
  /// The score that it is best for.
  public func thresholdScore(_ tuning: MultiLabelScores.Tuning) -> String {
    best?.setting.score ?? (tuning == .label ? "f1_macro" : "f1_micro")
  }

  /// The names of what rows are given: of classes and labels, not of a regression's values or of parts of rows.
  package var rowLabels: [String] { kinds == nil && (confusion != nil || multiLabel != nil) ? labels : [] }

  /// The numbers as `Trainer` names them: `eval_loss`, `eval_accuracy`, `eval_runtime`, ….
  public var results: [String: Double] {
    var results = [
      "eval_loss": loss, "eval_runtime": seconds.rounded(digits: 4),
      "eval_samples_per_second": (Double(examples) / max(seconds, 1e-9)).rounded(digits: 3),
      "eval_steps_per_second": (Double(batches) / max(seconds, 1e-9)).rounded(digits: 3),
    ]
    for (name, value) in metrics { results["eval_\(name)"] = value }
    return results
  }

  /// More classes than this have scores, but no matrix in ``document``.
  package static let largestMatrix = 1000

  /// The results as `eval_results.json` has them, with the scores of each class and the confusion matrix, whose
  /// rows are the actual classes and whose columns are the predicted ones.
  public var document: JSON {
    var document = JSON(results: results.merging(["eval_samples": Double(examples)]) { $1 }).object ?? [:]
    if let confusion {
      document["classes"] = .array(
        zip(labels, confusion.scores).map { label, scores in scores.json(named: label) })
      if confusion.classes <= Evaluation.largestMatrix {
        document["confusion_matrix"] = .array(confusion.rows.map { .array($0.map { JSON($0) }) })
      }
    }
    if let multiLabel {
      document["classes"] = .array(
        zip(zip(labels, multiLabel.scores), zip(multiLabel.averagePrecisions, multiLabel.thresholds)).map {
          let (label, scores) = $0
          var members = scores.json(named: label).object ?? [:]
          members["average_precision"] = JSON($1.0)
          members["threshold"] = JSON($1.1)
          return .object(members)
        })
    }
    if let regression {
      document["outputs"] = .array(
        zip(labels, regression.scores).map { label, scores in
          .object(
            OrderedDictionary(
              uniqueKeysWithValues: [("label", .string(label))]
                + scores.named.map { ($0.name, JSON($0.value)) }))
        })
    }
    if let rowScores { document["row_scores"] = rowScores.json }
    if let retrieval {
      document["retrieval"] = .array(
        retrieval.curve.map { ["k": JSON($0.cutoff), "recall": JSON($0.recall), "ndcg": JSON($0.ndcg)] })
    }
    if let kinds { document["kinds"] = .array(kinds.kinds.map { $0.scores.json(named: $0.name) }) }
    return .object(document)
  }

  /// Chooses the thresholds that are best on what was evaluated, and scores with them: those of several labels, or that of a
  /// task's settings, such as that of no answer.
  ///
  /// The scores are then too good for other data, for the thresholds were chosen to make them good.
  ///
  /// - Returns: The thresholds, one for each label; of a task's settings one alone.
  /// - Throws: `GraftError` when the head has no threshold, or these data do not say which is best.
  public mutating func tuneThresholds(_ tuning: MultiLabelScores.Tuning) throws -> [Float] {
    if let best {
      metrics.merge(best.metrics) { $1 }
      return [best.value]
    }
    guard !isUndecided else {
      throw GraftError(
        .mismatch, "these data do not say which threshold is best",
        expected: "rows with and without something to find")
    }
    guard let thresholds = multiLabel?.tuned(tuning) else {
      throw GraftError.noThresholds()
    }
    multiLabel?.thresholds = thresholds
    metrics.merge(multiLabel?.means ?? [:]) { $1 }
    return thresholds
  }
}

/// Scores a model on labelled data, without dropout.
///
/// - Parameters:
///   - session: Of a model with a head.
///   - data: Examples with labels, where the head needs them.
///   - options: Batch size and masking.
///   - generator: Fills hidden tokens, for a head that wants it.
///   - group: The ranks that share the batches, each of which calls this with the same; all have the whole result, which is
///     that of one process.
///   - progress: Called after each batch with the number of examples done; may throw to stop. Of several ranks, all are
///     called after the same batches.
/// - Throws: `GraftError` when the model has no head, an example lacks its label, or predictions are wanted of
///   a head that says nothing about a row as a whole; what `progress` throws.
public func evaluate(
  _ session: InferenceSession,
  on data: Dataset,
  options: EvaluationOptions = EvaluationOptions(),
  generator: TokenGenerator? = nil,
  group: any ProcessGroup = SingleProcess(),
  progress: (Int) throws -> Void = { _ in }
) throws -> Evaluation {
  let (model, backend) = (session.model, session.backend)
  let active = try model.requireHead()
  try active.task.checkTopRanks(options.topRanks)
  let batching = Batching(
    model: model, data: data, mlmProbability: options.mlmProbability, classLoss: options.classLoss,
    generator: generator)
  let batches = batching.batches(ofSize: max(1, options.batchSize))
  let start = ContinuousClock.now
  let scoresRows = type(of: active.task).scoresRows
  // Of rows in windows, the mean of their scores is what is scored.
  let poolsScores = active.task.poolsScores && model.heads.count == 1
  let collector =
    try options.keepsPredictions || scoresRows || poolsScores ? active.task.collector(data) : nil
  let ranks = options.topRanks ?? ProbabilityScores.usualRanks
  var metrics = Metrics(topRanks: ranks)
  // Each head's mean over all its predictions.
  var losses = Metrics()
  var done = 0
  func prepared(_ index: Int) throws -> (batch: PreparedBatch, examples: [Example]) {
    let (indices, randomness) = (batches[index], Randomness(options.seed))
    let examples = try batching.examples(indices)
    return (
      try batching.prepared(
        examples, key: randomness.evaluation(index), exampleKeys: indices.map(randomness.evaluation)),
      examples
    )
  }
  func computed(_ batch: PreparedBatch, _ tape: Tape) throws -> BatchResult {
    let scores = try model.scores(batch, tape)
    let losses = try poolsScores ? [] : model.losses(scores, batch, tape)
    let own = scores[active.name]?.value
    if let own { try requireNumbers(own, "scores") }
    return BatchResult(
      scores: own, losses: losses.map { ($0.head, Double($0.value.value.item), $0.weight) })
  }
  /// Counts what the scores say where that is all that is wanted of them: other ranks then need not have them.
  func counted(_ result: BatchResult, _ batch: PreparedBatch, _ examples: [Example]) throws -> BatchResult {
    guard let scores = result.scores, collector == nil, !poolsScores else { return result }
    var own = Metrics(topRanks: ranks)
    try active.task.score(scores, batch, examples, into: &own)
    guard let counts = own.counts else { return result }
    return BatchResult(counts: counts, losses: result.losses)
  }
  func add(_ own: [(head: String, value: Double, weight: Double)], _ index: Int) {
    for loss in own { losses.add(loss.head, total: loss.value * loss.weight, weight: loss.weight) }
    done += batches[index].count
  }
  func take(_ result: BatchResult, _ batch: PreparedBatch, _ examples: [Example], _ index: Int) throws {
    add(result.losses, index)
    if let own = result.scores {
      if !poolsScores { try active.task.score(own, batch, examples, into: &metrics) }
      try collector?.add(own, batch.inputs, examples, at: batches[index])
    }
  }
  let heads = model.heads.map(\.name)
  for first in stride(from: 0, to: batches.count, by: group.size) {
    let round = first..<min(first + group.size, batches.count)
    if group.size == 1 {
      let (batch, examples) = try prepared(first)
      try session.run { try take(computed(batch, $0), batch, examples, first) }
    } else {
      let own = first + group.rank
      let mine = try round.contains(own) ? prepared(own) : nil
      let bytes = try mine.map { batch, examples in
        try session.run { try counted(computed(batch, $0), batch, examples).bytes(heads) }
      }
      for (index, bytes) in zip(round, try group.gather(bytes ?? [], for: .batch)) {
        let result = try BatchResult(bytes, heads)
        // Others' batches are made again where their scores are put together with the rows.
        guard result.scores != nil else {
          if let counts = result.counts { metrics.add(counts) }
          add(result.losses, index)
          continue
        }
        let (batch, examples) = try index == own ? mine ?? prepared(index) : prepared(index)
        try take(result, batch, examples, index)
      }
    }
    try progress(done)
  }
  if scoresRows || poolsScores { try collector?.score(into: &metrics, losses: &losses, backend) }
  var means = metrics.means
  // As the reference's script for language models reports it.
  if type(of: active.task).predictsTokens, let loss = losses.means[active.name], exp(loss).isFinite {
    means["perplexity"] = exp(loss)
  }
  var best: Evaluation.BestThreshold?
  if options.tunesThreshold, let setting = type(of: active.task).tunedSetting {
    if let value = means[setting.bestValue], let collector {
      var configuration = model.configuration
      configuration[setting.key] = JSON(value)
      best = Evaluation.BestThreshold(
        setting: setting, value: Float(value), metrics: try collector.scores(as: configuration, backend))
    }
  }
  return Evaluation(
    loss: model.heads.compactMap { losses.means[$0.name] }.reduce(0, +),
    metrics: means,
    confusion: metrics.confusion,
    kinds: metrics.kinds,
    multiLabel: metrics.multiLabel,
    regression: metrics.regression,
    retrieval: metrics.retrieval,
    rowScores: try options.keepsPredictions ? collector?.rowScores(backend) : nil,
    labels: try active.task.classNames
      ?? (type(of: active.task).hasLabels ? model.configuration.labels() : []),
    predictions: try options.keepsPredictions ? collector?.predictions() ?? [] : [],
    examples: data.scoredCount,
    batches: batches.count,
    seconds: start.secondsSince,
    best: best,
    isUndecided: options.tunesThreshold && type(of: active.task).tunedSetting != nil && best == nil)
}

/// Scores a model whose weights still change; see ``evaluate(_:on:options:generator:group:progress:)``.
///
/// - Parameters:
///   - model: A model with a head.
///   - data: Examples with labels, where the head needs them.
///   - options: Batch size and masking.
///   - backend: The compute kernels.
///   - pool: Memory to use again; one of its own by default.
///   - generator: Fills hidden tokens, for a head that wants it.
///   - group: The ranks that share the batches.
///   - progress: Called after each batch with the number of examples done; may throw to stop.
/// - Throws: as the other.
public func evaluate(
  _ model: Model,
  on data: Dataset,
  options: EvaluationOptions = EvaluationOptions(),
  backend: any ComputeBackend,
  pool: MemoryPool = MemoryPool(),
  generator: TokenGenerator? = nil,
  group: any ProcessGroup = SingleProcess(),
  progress: (Int) throws -> Void = { _ in }
) throws -> Evaluation {
  try evaluate(
    InferenceSession(changing: model, backend: backend, pool: pool), on: data, options: options,
    generator: generator, group: group, progress: progress)
}

extension Task {
  /// The names of all scores that an evaluation may have, the loss among them; `nil` where the task does not say them.
  ///
  /// - Parameter topRanks: The k of top-k accuracies; `nil` are the usual ones.
  package func evaluationScores(topRanks: [Int]?) -> Set<String>? {
    let own = scoreNames(topRanks: topRanks ?? ProbabilityScores.usualRanks)
    return own?.union(Self.predictsTokens ? ["loss", "perplexity"] : ["loss"])
  }

  /// Makes sure that there are top-k accuracies for each k.
  ///
  /// - Throws: `GraftError` when the head gives no one of several labels, or has not more labels than that.
  package func checkTopRanks(_ ranks: [Int]?) throws {
    guard let ranks else { return }
    let names = scoreNames(topRanks: [1])
    guard let count = classNames?.count, names?.contains("top_1_accuracy") != false else {
      throw GraftError(
        .refused, "the head '\(Self.name)' has no top-k accuracies", option: "top-k",
        advice: "Leave it out: it is for heads that give one of several labels to a text.")
    }
    guard let wrong = ranks.first(where: { !(1..<count).contains($0) }) else { return }
    throw GraftError(
      .mismatch, "the right label is always among as many as there are", option: "top-k",
      expected: "numbers from 1 to \(count - 1), for \(count) labels", found: "\(wrong)")
  }
}

extension TrainingOptions {
  /// The k of the top-k accuracies of each head of a run; of several heads those have them that can.
  ///
  /// - Throws: `GraftError` when no head has such accuracies.
  func topRanks(of heads: [any Task]) throws -> [[Int]?] {
    guard let topRanks else { return heads.map { _ in nil } }
    var (found, first): ([[Int]?], (any Error)?) = ([], nil)
    for head in heads {
      do {
        try head.checkTopRanks(topRanks)
        found.append(topRanks)
      } catch {
        first = first ?? error
        found.append(nil)
      }
    }
    if let first, !found.contains(where: { $0 != nil }) { throw first }
    return found
  }
}

extension Task {
  /// Makes sure that the head has thresholds to choose: of several labels, or one among its settings.
  ///
  /// - Throws: `GraftError` when it has none, or one where one for each label is asked for.
  package func checkThresholds(_ tuning: MultiLabelScores.Tuning) throws {
    if Self.tunedSetting != nil {
      guard tuning == .global else {
        throw GraftError(
          .refused, "the head '\(Self.name)' has one threshold", option: "tune-threshold", expected: "global",
          found: tuning.rawValue)
      }
      return
    }
    let names = scoreNames(topRanks: [])
    guard names?.contains("subset_accuracy") != true, names != nil || !Self.hasLabels else { return }
    throw GraftError.noThresholds(option: "tune-threshold")
  }
}

extension ConfusionMatrix.Scores {
  /// The scores of one class or kind, for a list of them.
  fileprivate func json(named name: String) -> JSON {
    [
      "label": .string(name), "precision": JSON(precision), "recall": JSON(recall), "f1": JSON(f1),
      "support": JSON(support),
    ]
  }
}

extension ContinuousClock.Instant {
  /// How long ago this was.
  package var secondsSince: Double { duration(to: .now) / .seconds(1) }
}

extension Double {
  /// Rounded to some decimals, as the numbers in `Trainer`'s files are.
  package func rounded(digits: Int) -> Double {
    let scale = pow(10, Double(digits))
    return isFinite ? (self * scale).rounded() / scale : self
  }
}
