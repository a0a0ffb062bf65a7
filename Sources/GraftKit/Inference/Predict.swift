import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// Says something about each row of a data set, as the model's first head does.
///
/// Examples run longest first, batch by batch; the predictions are in the order of the rows.
///
/// - Parameters:
///   - session: Of a model whose head says something about a row as a whole.
///   - data: Rows; their labels are not looked at.
///   - batchSize: How many examples run together; `nil` is as many as make some 2,048 tokens.
///   - progress: Called after each batch with the number of examples done.
/// - Returns: One prediction for each row, of the type that the task makes.
/// - Throws: `GraftError` when the head says nothing about a row as a whole, and naming a row without what it reads.
public func predict(
  _ session: InferenceSession,
  on data: Dataset,
  batchSize: Int? = nil,
  progress: (Int) throws -> Void = { _ in }
) throws -> [any TaskPrediction] {
  let model = session.model
  let active = try model.requirePredictingHead()
  let collector = try active.task.collector(data)
  var done = 0
  try forEachBatch(
    Batching.orderByLength(data), atMost: batchSize, data.example, tokens: \.tokenCount
  ) { indices, examples in
    let batch = PreparedBatch(Batch(of: examples))
    try session.run { tape in
      let scores = try model.scores(of: active, batch, tape).value
      try requireNumbers(scores, "scores")
      try collector.add(scores, batch.inputs, examples, at: indices)
    }
    done += indices.count
    try progress(done)
  }
  return try collector.predictions()
}

extension Model {
  /// The active head that says something about a row as a whole.
  ///
  /// - Throws: `GraftError` when there is none.
  package func requirePredictingHead() throws -> ActiveHead {
    let task = heads.first.map { type(of: $0.task) }
    return try requireHead("says nothing about a text as a whole", advice: task?.otherUse) { $0.predictsRows }
  }
}

/// Gathers the predictions of examples, and joins those of one row.
protocol PredictionCollecting {
  func add(_ scores: Tensor, _ batch: Batch, _ examples: [Example], at indices: [Int]) throws
  /// One for each row; of rows with labels what is scored.
  func predictions() throws -> [any TaskPrediction]
  /// Adds what was said about whole rows to a score, and their losses where these are not those of examples.
  func score(into metrics: inout Metrics, losses: inout Metrics, _ backend: any ComputeBackend) throws
  /// What each row adds to the leading score; see ``Task/rowScores(_:of:_:_:)``.
  func rowScores(_ backend: any ComputeBackend) throws -> RowScores?
  /// The scores of what was said, with other settings of the task.
  func scores(as configuration: Configuration, _ backend: any ComputeBackend) throws -> [String: Double]
}

extension Task {
  /// Gathers this task's predictions for a data set.
  ///
  /// - Throws: `GraftError` naming a row without the second text that the task needs.
  func collector(_ data: Dataset) throws -> any PredictionCollecting {
    if Self.readsPairs { for row in data.rows { try row.requirePair(for: Self.name) } }
    return poolsScores ? PooledScores(self, data) : PredictionCollector(self, data)
  }
}

private final class PredictionCollector<T: Task>: PredictionCollecting {
  private let task: T
  private let data: Dataset
  private var found: [T.Prediction?]

  init(_ task: T, _ data: Dataset) {
    self.task = task
    self.data = data
    found = Array(repeating: nil, count: data.count)
  }

  func add(_ scores: Tensor, _ batch: Batch, _ examples: [Example], at indices: [Int]) throws {
    for (index, prediction) in zip(indices, try task.predictions(scores, batch, examples)) {
      found[index] = prediction
    }
  }

  func predictions() throws -> [any TaskPrediction] {
    data.labels.isEmpty ? try joined() : task.asScored(try joined(), of: data.labels)
  }

  func score(into metrics: inout Metrics, losses: inout Metrics, _ backend: any ComputeBackend) throws {
    try task.score(joined(), of: data.labels, into: &metrics, backend)
  }

  func rowScores(_ backend: any ComputeBackend) throws -> RowScores? {
    guard data.labels.count == data.rows.count else { return nil }
    return try task.rowScores(joined(), of: data.labels, data.rows, backend)
  }

  func scores(as configuration: Configuration, _ backend: any ComputeBackend) throws -> [String: Double] {
    var metrics = Metrics()
    try T(configuration).score(joined(), of: data.labels, into: &metrics, backend)
    return metrics.means
  }

  private func joined() throws -> [T.Prediction] {
    try data.rows.indices.map { row in
      try task.joined(data.examples(ofRow: row).compactMap { found[$0] }, of: data.rows[row])
    }
  }
}
