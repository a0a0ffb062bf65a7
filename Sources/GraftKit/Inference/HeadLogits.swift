import GraftCompute
import GraftCore
import GraftTensors

/// The logits of a model's first head for encodings that are made when their batch comes, the longest first.
///
/// - Parameters:
///   - lengths: How long each is, in any unit; they are sorted by it.
///   - batchSize: How many run together; `nil` is as many as make some 2,048 tokens.
///   - encode: Makes the encoding at an index.
/// - Returns: For each its logits, `[outputs]`.
/// - Throws: what `encode` and `progress` throw, and `GraftError` when the model has no head.
func headLogits(
  _ session: InferenceSession, lengths: [Int], batchSize: Int?, progress: (Int) throws -> Void,
  encode: (Int) throws -> Encoding
) throws -> [[Float]] {
  let active = try session.model.requireHead()
  var logits = Array(repeating: [Float](), count: lengths.count)
  var done = 0
  try forEachBatch(lengths.placesByLength { $0 }, atMost: batchSize, encode, tokens: \.ids.count) {
    places, encodings in
    let batch = PreparedBatch(Batch(encodings))
    try session.run { tape in
      let scores = try session.model.scores(of: active, batch, tape).value
      try requireNumbers(scores, "scores")
      for (row, place) in places.enumerated() {
        logits[place] = Array(scores.buffer[(row * scores.columns)..<((row + 1) * scores.columns)])
      }
    }
    done += places.count
    try progress(done)
  }
  return logits
}

extension Model {
  /// The labels of a first head that labels texts as a whole; `nil` of another head.
  ///
  /// - Throws: `GraftError` when the model has no head, or its labels are broken.
  func textLabels() throws -> [String]? {
    type(of: try requireHead().task).labelsTexts ? try configuration.labels() : nil
  }
}

extension Task {
  /// Whether it labels texts as a whole.
  package static var labelsTexts: Bool { hasLabels && outputs.contains { $0.rows == .sequences } }
}
