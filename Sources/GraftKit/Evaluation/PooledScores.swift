import GraftCompute
import GraftCore

/// Gathers the scores of the windows that rows became, for a head that says something about a row by their mean; see
/// ``Task/poolsScores``.
final class PooledScores<T: Task>: PredictionCollecting {
  private let task: T
  private let data: Dataset
  /// For each row the sum of the scores of its windows, `[rows, outputs]`.
  private var sums: [Double] = []
  private var counts: [Int]
  /// The rows that are made into predictions together.
  private static var rowsAtOnce: Int { 256 }

  init(_ task: T, _ data: Dataset) {
    self.task = task
    self.data = data
    counts = Array(repeating: 0, count: data.rows.count)
  }

  func add(_ scores: Tensor, _ batch: Batch, _ examples: [Example], at indices: [Int]) throws {
    let width = scores.columns
    if sums.isEmpty { sums = Array(repeating: 0, count: data.rows.count * width) }
    for (place, index) in indices.enumerated() {
      let row = data.row(ofExample: index)
      counts[row] += 1
      for column in 0..<width { sums[row * width + column] += Double(scores.buffer[place * width + column]) }
    }
  }

  func predictions() throws -> [any TaskPrediction] { try ownPredictions() }

  private func ownPredictions() throws -> [T.Prediction] {
    try pooled { scores, examples in
      try task.predictions(scores, Batch(of: examples), examples)
    }.flatMap(\.self)
  }

  func rowScores(_ backend: any ComputeBackend) throws -> RowScores? {
    guard data.labels.count == data.rows.count else { return nil }
    return try task.rowScores(ownPredictions(), of: data.labels, data.rows, backend)
  }

  func score(into metrics: inout Metrics, losses: inout Metrics, _ backend: any ComputeBackend) throws {
    try score(by: task, into: &metrics, losses: &losses, backend)
  }

  func scores(as configuration: Configuration, _ backend: any ComputeBackend) throws -> [String: Double] {
    var (metrics, losses) = (Metrics(), Metrics())
    try score(by: T(configuration), into: &metrics, losses: &losses, backend)
    return metrics.means
  }

  private func score(
    by task: T, into metrics: inout Metrics, losses: inout Metrics, _ backend: any ComputeBackend
  ) throws {
    let context = BatchContext(key: RandomKey(seed: 0), specialTokens: SpecialTokens(), vocabularySize: 0)
    for (scores, examples) in try pooled({ ($0, $1) }) {
      var batch = PreparedBatch(Batch(of: examples))
      try task.prepare(&batch, examples, context)
      let tape = Tape(backend, recording: false)
      let count = batch.targetWeight(of: T.self)
      losses.add(
        T.name, total: Double(try task.loss(Variable(scores), batch, tape).value.item) * count, weight: count)
      try task.score(scores, batch, examples, into: &metrics)
    }
  }

  /// What a body makes of the mean scores of some rows, and of the first example of each.
  private func pooled<Result>(_ body: (Tensor, [Example]) throws -> Result) throws -> [Result] {
    let width = sums.count / max(1, counts.count)
    return try stride(from: 0, to: counts.count, by: Self.rowsAtOnce).map { first in
      let rows = first..<min(first + Self.rowsAtOnce, counts.count)
      let means = rows.flatMap { row in
        (0..<width).map { Float(sums[row * width + $0] / Double(max(1, counts[row]))) }
      }
      let examples = try rows.map { try data.example(data.examples(ofRow: $0).lowerBound) }
      return try body(Tensor(means, shape: [rows.count, width]), examples)
    }
  }
}
