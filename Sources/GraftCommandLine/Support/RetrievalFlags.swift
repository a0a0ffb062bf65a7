import ArgumentParser
import GraftCompute
import GraftCore
import GraftData
import GraftKit
import GraftTensors

/// Files with texts to search, and with what is relevant for queries.
struct RetrievalFlags: ParsableArguments {
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Score how well these texts are found for the queries of --data; rows have _id, text and perhaps title.",
      valueName: "FILE"), completion: .file())
  var corpus: [Path] = []

  @Option(
    help: ArgumentHelp(
      "Which texts are relevant: query-id, corpus-id and score. (default: the column 'relevant' of --data)",
      valueName: "FILE"), completion: .file())
  var qrels: Path?

  func validate() throws {
    if corpus.isEmpty, qrels != nil { throw ValidationError("--qrels needs --corpus FILE.") }
  }

  /// Refuses options that say nothing about the search of texts.
  ///
  /// - Parameter others: Options by name, and whether each is given.
  func check(others: [(name: String, isGiven: Bool)]) throws {
    guard !corpus.isEmpty, let other = others.first(where: \.isGiven) else { return }
    throw ValidationError("--\(other.name) has no meaning with --corpus.")
  }

  /// Reads the files, and scores a checkpoint on them.
  ///
  /// - Parameters:
  ///   - queries: The files of `--data`.
  ///   - batchSize: How many texts run together; `nil` leaves it to their tokens.
  ///   - maxLength: The most tokens of a text; `nil` is the checkpoint's limit.
  /// - Returns: The scores by name, such as `eval_cosine_ndcg@10`.
  func evaluate(
    _ checkpoint: Checkpoint, queries: [Path], batchSize: Int?, maxLength: Int?, session: InferenceSession,
    _ console: Console
  ) throws -> [String: Double] {
    let data = try RetrievalData(
      queries: Self.rows(queries, RetrievalData.columns, console),
      texts: Self.rows(corpus, RetrievalData.columns, console),
      judgements: qrels.map { try Self.judgements($0, console) })
    if data.queriesWithoutRelevance > 0 {
      let count = Format.count(data.queriesWithoutRelevance, "query", plural: "queries")
      console.note("\(count) left out: nothing is relevant")
    }
    if data.emptyTexts > 0 {
      console.warn("\(Format.count(data.emptyTexts, "text")) of those that are searched have nothing to read")
    }
    let pipeline = checkpoint.sentences ?? SentencePipeline(pooling: .mean)
    let similarity = try pipeline.vectorSimilarity()
    func options(_ prompt: String) -> EmbeddingOptions {
      EmbeddingOptions(
        pipeline, prompt: prompt, maximumLength: maxLength ?? pipeline.maximumLength, batchSize: batchSize)
    }
    let bar = ProgressBar(
      "embedding", unit: "texts", total: data.queries.count + data.texts.count, console: console)
    let scores = try evaluateRetrieval(
      data, with: session, queries: options(pipeline.queryPrompt),
      texts: options(pipeline.documentPrompt), similarity: similarity,
      progress: { bar.update($0) })
    bar.clear()
    var results = ["eval_queries": Double(data.queries.count), "eval_texts": Double(data.texts.count)]
    for (name, value) in scores.means { results["eval_\(similarity.name(ofSearch: name))"] = value }
    return results
  }

  /// - Throws: `GraftError` naming file and row; without a header, how the table has to be.
  private static func judgements(_ file: Path, _ console: Console) throws -> [TextRow] {
    do {
      return try rows([file], RetrievalData.judgementColumns, console)
    } catch var error as GraftError {
      if error.kind == .missing, error.subject?.contains("'query-id'") == true {
        error.advice =
          "The table needs a header with query-id, corpus-id and score, as BEIR's have. TREC's files have none: these are their first, third and fourth columns."
      }
      throw error
    }
  }

  private static func rows(_ files: [Path], _ columns: [TaskColumn], _ console: Console) throws -> [TextRow] {
    try DataReading(
      DataOptions(fields: columns), hasColumns: false, console: console, showsLabels: false
    ).read(files).rows
  }
}
