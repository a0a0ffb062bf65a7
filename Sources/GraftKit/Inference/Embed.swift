import Foundation
import GraftCompute
import GraftCore

/// How token states become one vector for a text.
public enum Pooling: String, Sendable, CaseIterable {
  /// The mean over all tokens.
  case mean
  /// The first token's state.
  case cls
}

/// One vector for each text: `[texts, hidden]`.
///
/// As ``embed(_:with:pooling:maxLength:batchSize:backend:progress:)-([TextRow],_,_,_,_,_,_)`` does for rows.
public func embed(
  _ texts: [String], with model: Model, pooling: Pooling = .mean, maxLength: Int? = nil,
  batchSize: Int = 32,
  backend: any ComputeBackend, progress: (Int) -> Void = { _ in }
) throws -> Tensor {
  try embed(
    texts.map { TextRow($0) }, with: model, pooling: pooling, maxLength: maxLength, batchSize: batchSize,
    backend: backend, progress: progress)
}

/// One vector for each text or pair: `[rows, hidden]`.
///
/// - Parameters:
///   - rows: In the order of the result's rows.
///   - model: Any model with a tokenizer; its head is not used.
///   - pooling: How token states become one vector.
///   - maxLength: The most tokens of a text; `nil` is the model's own limit.
///   - batchSize: How many texts run together.
///   - backend: The compute kernels.
///   - progress: Called after each batch with the number of texts done.
/// - Throws: `GraftError` when the model has no tokenizer.
public func embed(
  _ rows: [TextRow], with model: Model, pooling: Pooling = .mean, maxLength: Int? = nil,
  batchSize: Int = 32,
  backend: any ComputeBackend, progress: (Int) -> Void = { _ in }
) throws -> Tensor {
  let tokenizer = try model.requireTokenizer()
  let limit = min(maxLength ?? .max, model.backbone.maximumLength)
  let width = model.backbone.hiddenSize
  let result = Tensor(repeating: 0, shape: [rows.count, width])
  let pool = MemoryPool()
  for start in stride(from: 0, to: rows.count, by: batchSize) {
    let end = min(start + batchSize, rows.count)
    let batch = Batch(
      rows[start..<end].map {
        tokenizer.encode($0.text, pair: $0.pair, maximumLength: limit, addSpecialTokens: true)
      })
    let states = try model.encode(batch, Tape(backend, recording: false, pool: pool)).hiddenStates.value
    for (sequence, range) in zip(batch.offsets, batch.offsets.dropFirst()).enumerated() {
      let row = result.pointer + (start + sequence) * width
      let tokens = pooling == .cls ? range.0..<min(range.0 + 1, range.1) : range.0..<range.1
      for token in tokens {
        backend.kernels.add(states.pointer + token * width, to: row, count: width)
      }
      for column in 0..<width { row[column] /= Float(max(1, tokens.count)) }
    }
    progress(end)
  }
  return result
}
