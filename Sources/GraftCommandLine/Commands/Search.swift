import ArgumentParser
import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors
import NPY

/// `graft search`
struct Search: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Find the texts whose vectors are most like a query's.",
    discussion: """
      INDEX is what 'graft embed' wrote, with INDEX.json beside it, which says how the vectors were made, and of which \
      texts: queries are made in the same way, with the prompt 'query' where the checkpoint has one. Every query is \
      compared with every vector. Another file needs --checkpoint, and texts are then shown by their rows, from 0. Prints \
      the similarity, the row and the text of each that is found, the most alike first.

      'graft embed CKPT --input texts.txt --output texts.npy' makes an index of dense vectors, a NumPy array of float32 \
      [texts, width]. Sparse vectors are lines of JSON, texts.jsonl; they are compared by the dot product, and texts that \
      share no token with a query are not found. Those of queries are made by the head that made the index, or by --task.

      EXAMPLES
        graft search texts.npy 'who scored?' --top-k 3
        graft search texts.npy --input queries.txt --json
        graft search texts.npy --input queries.csv --text-column question
        graft search others.npy 'who scored?' --checkpoint all-MiniLM-L6-v2
        graft search texts.jsonl 'who scored?'
      """)

  @Argument(
    help: ArgumentHelp("Vectors of texts: a .npy file, or a .jsonl file of sparse ones.", valueName: "INDEX"),
    completion: .file())
  var index: Path

  @Argument(help: ArgumentHelp("Queries.", valueName: "QUERY"))
  var queries: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Read queries from files: tables, JSON, or one query a line; '-' is standard input.", valueName: "FILE"),
    completion: .file())
  var input: [Path] = []

  @OptionGroup(title: "Data") var columns: ColumnFlags<SingleTexts>

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Texts to find for each query.", valueName: "N"))
  var topK = 5

  @Option(
    help: ArgumentHelp(
      "How vectors are compared: \(VectorSimilarity.allCases.map(\.rawValue).joined(separator: ", ")). (default: as the checkpoint says, else cosine)",
      valueName: "NAME"))
  var similarity: VectorSimilarity?

  @Option(
    help: ArgumentHelp(
      "The model that makes the queries' vectors. (default: the one that made the index)", valueName: "CKPT"),
    completion: .checkpoints)
  var checkpoint: ModelSource?

  @OptionGroup var head: AnsweringHeadFlag

  @Option(help: ArgumentHelp("Put this before each query.", valueName: "TEXT"))
  var prompt: String?

  @Option(
    help: ArgumentHelp(
      "Put the checkpoint's prompt of this name before each query. (default: query, if there is one)",
      valueName: "NAME"))
  var promptName: String?

  @OptionGroup var hub: HubFlags
  @OptionGroup var backend: BackendFlags
  @OptionGroup var flags: OutputFlags

  func validate() throws {
    if input.isEmpty == queries.isEmpty {
      throw ValidationError("Give queries as arguments or with --input FILE.")
    }
    if input.isEmpty, let flag = columns.given.first {
      throw ValidationError("--\(flag) is about files: give --input FILE.")
    }
    if topK < 1 { throw ValidationError("--top-k must be at least 1.") }
    if prompt != nil, promptName != nil {
      throw ValidationError("Give --prompt or --prompt-name, not both.")
    }
  }

  func run() throws {
    try checkIndex()
    let registry = try GraftTool.registry()
    let record = try IndexRecord(beside: index.url)
    guard let source = checkpoint ?? record.map({ ModelSource($0.checkpoint) }) else {
      throw GraftError(
        .missing, "nothing says which model made these vectors", file: index.url.path,
        expected: "\(IndexRecord.file(beside: index.url).lastPathComponent) beside it",
        advice: "Name the model with --checkpoint.")
    }
    var opened: Checkpoint
    do {
      opened = try registry.open(hub.locate(source, registry, flags.console)).checkpoint
    } catch let error as GraftError where checkpoint == nil && error.says(isGone: source) {
      throw blame(
        error, "names it as the model that made these vectors. Name another place with --checkpoint.")
    }
    let isSparse = try SparseFile.isOne(index.url)
    if isSparse { opened = try selectHead(in: opened, record) }
    if !isSparse, head.task != nil {
      throw GraftError(
        .refused, "dense vectors are made without a head", file: index.url.path, option: "task",
        advice: "Leave out this option.")
    }
    let backend = try backend.make(registry, flags.console)
    let asked = try input.isEmpty ? queries : readQueries(like: opened.trainedInputs)
    if let empty = asked.firstIndex(where: { $0.isBlank }) {
      throw GraftError(
        .missing, "there is nothing to search for", subject: "query \(empty + 1)",
        expected: "a query with something to read")
    }
    let found = opened.sentences ?? SentencePipeline(pooling: .mean)
    if isSparse { try requireDot(found) }
    let own = isSparse ? found : record?.pooling.map { SentencePipeline(pooling: $0) } ?? found
    let options = EmbeddingOptions(
      own, prompt: try prompt ?? promptName.map { try found.prompt($0) } ?? found.queryPrompt,
      maximumLength: record?.maxLength ?? found.maximumLength, width: record?.width,
      normalizes: record?.normalizes ?? false)
    let (rows, model) = (asked.map { TextRow($0) }, try opened.makeModel())
    for sentence in try truncatedRows(rows, for: model, options).sentences {
      flags.console.warn(sentence)
    }
    // Queries are made as the texts were.
    let session = InferenceSession(model, backend: backend, precision: record?.precision, keepsWeights: false)
    if let precision = record?.precision, session.precision != precision {
      flags.console.warn(
        "the backend does not multiply in \(precision.rawValue), in which the index was made; queries are made in \(session.precision.rawValue)"
      )
    }
    if isSparse { return try searchSparse(rows, session, options, record) }
    let vectors = try readVectors(texts: record?.texts.count)
    let ofQueries = try embed(rows, with: session, options)
    guard ofQueries.columns == vectors.columns else {
      throw GraftError(
        .mismatch, "the model makes vectors of another width", file: index.url.path,
        expected: "\(vectors.columns) numbers", found: "\(ofQueries.columns)",
        advice: "Name the model that made the index with --checkpoint.")
    }
    let comparison = try similarity ?? found.vectorSimilarity()
    let clock = ContinuousClock()
    var hits: [[VectorIndex.Hit]] = []
    let time = clock.measure {
      let index = VectorIndex(vectors, similarity: comparison, backend: backend)
      hits = index.nearest(ofQueries, count: topK, backend: backend)
    }
    let milliseconds = Format.rate(time / .milliseconds(1))
    flags.console.note(
      "compared \(Format.count(vectors.rows, "vector")) with each query in \(milliseconds) ms altogether")
    try show(asked, hits, record?.texts)
  }

  /// - Throws: `GraftError` when there is no such file, or a directory of that name.
  private func checkIndex() throws {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: index.url.path, isDirectory: &isDirectory) else {
      throw GraftError(
        .missing, "no such file", file: index.url.path, advice: "Make an index with 'graft embed'.")
    }
    guard !isDirectory.boolValue else {
      throw GraftError(
        .mismatch, "a directory, not an index", file: index.url.path,
        expected: "a file of vectors that 'graft embed' wrote",
        advice:
          "Make an index of texts by a checkpoint with 'graft embed CKPT --input FILE --output FILE.npy'.")
    }
  }

  /// - Parameter texts: How many there have to be, where that is known.
  private func readVectors(texts: Int?) throws -> Tensor {
    let stored = try NPY.open(index.url)
    guard stored.spec.shape.count == 2, stored.spec.dtype.isFloatingPoint, stored.spec.shape[1] > 0 else {
      throw GraftError(
        .mismatch, "not an array of vectors", file: index.url.path, expected: "float32 [texts, width]",
        found: "\(stored.spec)")
    }
    if let texts, texts != stored.spec.shape[0] {
      throw GraftError(
        .mismatch, "the record beside it is of other vectors", file: index.url.path,
        expected: "\(texts) vectors", found: "\(stored.spec.shape[0])",
        advice: "Make the index again with 'graft embed'.")
    }
    let vectors = try Tensor(stored)
    guard vectors.buffer.allSatisfy(\.isFinite) else {
      throw GraftError(
        .malformed, "vectors that are not finite numbers cannot be compared", file: index.url.path)
    }
    return vectors
  }

  /// The queries of files.
  private func readQueries(like usual: TrainedInputs?) throws -> [String] {
    try SingleTextInput.rows(of: input, columns, like: usual, flags.console).map(\.text)
  }

  private func show(_ queries: [String], _ found: [[VectorIndex.Hit]], _ texts: [String]?) throws {
    if flags.json {
      return try Output.print(
        .array(
          zip(queries, found).map { query, hits in
            [
              "query": .string(query),
              "hits": .array(
                hits.map { hit in
                  var members: [(String, JSON)] = [
                    ("row", JSON(hit.index)), ("similarity", JSON(hit.similarity)),
                  ]
                  if let texts { members.append(("text", .string(texts[hit.index]))) }
                  return .object(members)
                }),
            ]
          }))
    }
    let blocks = zip(queries, found).map { query, hits in
      let table = Format.table(
        hits.map { hit in
          [Format.score(hit.similarity), "\(hit.index)"]
            + (texts.map { [Format.oneLine($0[hit.index])] } ?? [])
        }, alignments: [.right, .right])
      return queries.count > 1 ? "\(Format.oneLine(query))\n\(table)" : table
    }
    try Output.print(blocks.joined(separator: "\n\n"))
  }
}

extension Search {
  /// The checkpoint with the head that makes sparse vectors: the one that is asked for, else that of the record.
  ///
  /// - Throws: `GraftError` when it is not there.
  private func selectHead(in checkpoint: Checkpoint, _ record: IndexRecord?) throws -> Checkpoint {
    guard head.task == nil, let recorded = record?.head else { return try head.select(in: checkpoint) }
    do {
      return try checkpoint.selecting(head: recorded)
    } catch let error as GraftError {
      throw blame(error, "names it as the head that made these vectors. Name another with --task.")
    }
  }

  /// An error with what the record beside the index has to do with it.
  private func blame(_ error: GraftError, _ sentence: String) -> GraftError {
    var error = error
    let name = IndexRecord.file(beside: index.url).lastPathComponent
    error.advice = Advice(
      (error.advice.map { "\($0.commandLineText) " } ?? "") + "\(name) \(sentence)")
    return error
  }

  /// - Throws: `GraftError` when sparse vectors would be compared otherwise than by the dot product.
  private func requireDot(_ found: SentencePipeline) throws {
    let comparison = try similarity ?? (found.similarity == nil ? .dot : found.vectorSimilarity())
    guard comparison == .dot else {
      throw GraftError(
        .unsupported, "sparse vectors are compared by the dot product alone", file: index.url.path,
        expected: "dot", found: comparison.rawValue, advice: "Pass --similarity dot.")
    }
  }

  /// Finds texts by sparse vectors.
  private func searchSparse(
    _ rows: [TextRow], _ session: InferenceSession, _ options: EmbeddingOptions, _ record: IndexRecord?
  ) throws {
    let vectors = try SparseFile.read(index.url, tokenizer: session.model.requireTokenizer())
    if let texts = record?.texts.count, texts != vectors.count {
      throw GraftError(
        .mismatch, "the record beside it is of other vectors", file: index.url.path,
        expected: "\(texts) vectors", found: "\(vectors.count)",
        advice: "Make the index again with 'graft embed'.")
    }
    let ofQueries = try embedSparse(rows, with: session, options)
    let index = SparseIndex(vectors)
    try show(rows.map(\.text), ofQueries.map { index.nearest($0, count: topK) }, record?.texts)
  }
}

extension GraftError {
  /// Whether a checkpoint is not there at all, rather than a part of it.
  fileprivate func says(isGone source: ModelSource) -> Bool {
    let path = URL(fileURLWithPath: source.text).path
    return kind == .missing && (file == source.text || file == path)
      && !FileManager.default.fileExists(atPath: path)
  }
}
