import GraftCompute
import GraftCore
import GraftData
import GraftTensors
import OrderedCollections

/// Scores how well texts are found for queries, as sentence-transformers' `InformationRetrievalEvaluator` does.
///
/// - Parameters:
///   - data: Queries, the texts that are searched, and which are relevant.
///   - session: Of any model with a tokenizer; its head is not used.
///   - queryOptions: How vectors of queries are made.
///   - textOptions: How those of texts are.
///   - similarity: How they are compared.
///   - progress: Called after each batch with the number of queries and texts done.
/// - Throws: as ``embed(_:with:_:progress:)``.
public func evaluateRetrieval(
  _ data: RetrievalData, with session: InferenceSession, queries queryOptions: EmbeddingOptions,
  texts textOptions: EmbeddingOptions, similarity: VectorSimilarity,
  progress: (Int) -> Void = { _ in }
) throws -> RetrievalScores {
  let queries = try embed(
    data.queries.map { TextRow($0.text) }, with: session, queryOptions, progress: progress)
  let texts = try embed(data.texts.values.map { TextRow($0) }, with: session, textOptions) {
    progress(data.queries.count + $0)
  }
  return retrievalScores(
    VectorIndex(texts, similarity: similarity, backend: session.backend), queries: queries,
    relevant: data.queries.map(\.relevant), backend: session.backend)
}

/// Scores what an index finds for queries.
///
/// - Parameters:
///   - index: The texts' vectors.
///   - queries: `[queries, width]`.
///   - relevant: For each query the rows of the index that are relevant; at least one.
///   - backend: The compute kernels.
public func retrievalScores(
  _ index: VectorIndex, queries: Tensor, relevant: [Set<Int>], backend: any ComputeBackend
) -> RetrievalScores {
  var scores = RetrievalScores()
  let found = index.nearest(queries, count: RetrievalScores.deepest, backend: backend)
  for (hits, relevant) in zip(found, relevant) {
    scores.add(hits.map { relevant.contains($0.index) }, relevant: relevant.count)
  }
  return scores
}
