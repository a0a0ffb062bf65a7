import GraftCompute
import GraftCore
import GraftTensors

/// The weights of a text's tokens and of those that belong to it, by ids of the vocabulary; of all others 0.
public struct SparseVector: Sendable, Equatable {
  /// With weights above 0, the largest first; of equal ones the lowest id.
  public let entries: [Entry]

  public struct Entry: Sendable, Equatable {
    public let id: Int32
    public let weight: Float

    public init(id: Int32, weight: Float) {
      self.id = id
      self.weight = weight
    }
  }

  /// - Parameters:
  ///   - weights: One for each token of the vocabulary.
  ///   - count: How many are kept, the largest; `nil` keeps all.
  init(_ weights: [Float], keeping count: Int? = nil) {
    let ids = weights.indices.filter { weights[$0] > 0 }
    self.init(ids.map { Entry(id: Int32($0), weight: weights[$0]) }, keeping: count)
  }

  /// - Parameters:
  ///   - entries: In any order.
  ///   - count: How many are kept, the largest; `nil` keeps all.
  public init(_ entries: [Entry], keeping count: Int? = nil) {
    let sorted = entries.sorted { ($1.weight, $0.id) < ($0.weight, $1.id) }
    self.entries = count.map { Array(sorted.prefix($0)) } ?? sorted
  }
}

/// A sparse vector for each text, as `encode` of sentence-transformers' SparseEncoder makes them.
///
/// - Parameters:
///   - rows: In the order of the result.
///   - session: Of a model with a head that scores the tokens of the vocabulary, and a tokenizer.
///   - options: How they are made: by the pipeline's pooling, or by SPLADE's maximum where it is one of dense vectors.
///   - count: How many weights of a vector are kept, the largest; `nil` keeps all.
///   - progress: Called after each batch with the number of texts done.
/// - Throws: `GraftError` when the model has no such head or no tokenizer.
public func embedSparse(
  _ rows: [TextRow], with session: InferenceSession, _ options: EmbeddingOptions, keeping count: Int? = nil,
  progress: (Int) -> Void = { _ in }
) throws -> [SparseVector] {
  let pooling = options.pipeline.splade ?? SpladePooling()
  let model = session.model
  let active = try model.requireTokenHead()
  let encode = try options.encoder(of: model)
  var found = [SparseVector](repeating: SparseVector([] as [SparseVector.Entry]), count: rows.count)
  var done = 0
  try options.forEachBatch(of: rows, for: model, encode) { places, batch in
    try session.run { tape in
      let states = try model.encode(batch, tape, pooling: active.head.readsPooled)
      for (index, place) in places.enumerated() {
        // One text at a time: its scores are as wide as the vocabulary.
        let tokens = (batch.offsets[index]..<batch.offsets[index + 1]).map(Int32.init)
        let scores = try active.head.forward(
          states, batch, selection: tokens, Scope(model.parameters), tape
        ).value
        try requireNumbers(scores, "scores")
        found[place] = SparseVector(pooling.weights(scores), keeping: count)
      }
    }
    done += places.count
    progress(done)
  }
  return found
}

/// Sparse vectors by their tokens, compared with a query's by the dot product.
public struct SparseIndex: Sendable {
  /// The vectors that have a token, with its weight.
  private var postings: [Int32: [(row: Int, weight: Float)]] = [:]
  public private(set) var count = 0

  /// - Parameter vectors: What is searched, by rows.
  public init(_ vectors: [SparseVector]) {
    count = vectors.count
    for (row, vector) in vectors.enumerated() {
      for entry in vector.entries { postings[entry.id, default: []].append((row, entry.weight)) }
    }
  }

  /// The vectors with the largest products, the largest first; of equal ones the first row. Those that share no token with
  /// the query are not among them.
  public func nearest(_ query: SparseVector, count limit: Int) -> [VectorIndex.Hit] {
    var sums: [Int: Float] = [:]
    for entry in query.entries {
      for posting in postings[entry.id] ?? [] {
        sums[posting.row, default: 0] += entry.weight * posting.weight
      }
    }
    return sums.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(limit).map {
      VectorIndex.Hit(index: $0.key, similarity: $0.value)
    }
  }
}
