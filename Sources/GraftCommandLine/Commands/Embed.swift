import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors
import NPY

/// `graft embed`
struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed",
    abstract:
      "Write one vector for each text: a NumPy array, float32 [texts, width], or sparse ones as JSON Lines.",
    discussion: """
      Vectors are those of sentence-transformers where the checkpoint comes from its folder: pooling, dense layers, \
      lengths, prompts and the length limit are the folder's. Of another checkpoint they are the mean over tokens.

      --sparse makes SPLADE's vectors from the scores of a masked-lm head, which a folder of sentence-transformers' \
      SparseEncoder does by itself: a line of JSON for each text, with the weight of each token, the largest first.

      FILE.json beside the file has the texts and how the vectors were made, for 'graft search'. A file that exists is \
      not replaced.

      EXAMPLES
        graft embed all-MiniLM-L6-v2 --input texts.txt --output vectors.npy
        graft embed e5 'how much protein?' --prompt-name query --output query.npy
        graft embed bert 'a text' --pooling cls --normalize --output vectors.npy
        graft embed splade --input texts.txt --top-k 64 --output vectors.jsonl
      """)

  @OptionGroup var checkpoint: CheckpointArgument
  @OptionGroup var input: TextInput

  @Option(
    help: ArgumentHelp(
      "How tokens become one vector, whatever the checkpoint says: \(SentencePooling.Mode.names).",
      valueName: "MODE"))
  var pooling: SentencePooling.Mode?

  @Option(help: ArgumentHelp("Put this before each text.", valueName: "TEXT"))
  var prompt: String?

  @Option(
    help: ArgumentHelp(
      "Put the checkpoint's prompt of this name before each text. (default: the one it names)",
      valueName: "NAME"))
  var promptName: String?

  @Flag(help: "Divide each vector by its length.")
  var normalize = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Keep the first N numbers of each vector. (default: all)", valueName: "N"))
  var truncateDim: Int?

  @Flag(help: "Make sparse vectors by SPLADE: max over tokens, unless the checkpoint says otherwise.")
  var sparse = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Keep the N largest weights of each sparse vector. (default: all)", valueName: "N"))
  var topK: Int?

  @Option(help: ArgumentHelp("The .npy or .jsonl file to write.", valueName: "FILE"), completion: .file())
  var output: Path

  @OptionGroup var batch: BatchFlag
  @OptionGroup var length: LengthFlag
  @OptionGroup var inputs: TrainedInputsFlags
  @OptionGroup var backend: BackendFlags
  @OptionGroup var precision: PrecisionFlag
  @OptionGroup var strictness: StrictFlag
  @OptionGroup var flags: OutputFlags

  func validate() throws {
    if prompt != nil, promptName != nil {
      throw ValidationError("Give --prompt or --prompt-name, not both.")
    }
    if let truncateDim, truncateDim < 1 { throw ValidationError("--truncate-dim must be at least 1.") }
    if let topK, topK < 1 { throw ValidationError("--top-k must be at least 1.") }
    if sparse, let flag = denseFlag { throw ValidationError("--\(flag) has no meaning with --sparse.") }
  }

  /// A flag of dense vectors that was given.
  private var denseFlag: String? {
    let flags = [
      ("pooling", pooling != nil), ("normalize", normalize), ("truncate-dim", truncateDim != nil),
    ]
    return flags.first { $0.1 }?.0
  }

  func run() throws {
    try IndexRecord.checkVacant(output.url)
    let registry = try GraftTool.registry()
    let opened = try checkpoint.open(registry, strictness, flags.console)
    let rows = try input.rows(like: opened.trainedInputs, flags.console)
    try inputs.check(rows, for: opened, flags.console)
    let own = opened.sentences ?? SentencePipeline(pooling: .mean)
    let isSparse = sparse || own.splade != nil && pooling == nil
    if isSparse, let flag = denseFlag {
      throw GraftError(
        .refused, "the checkpoint makes sparse vectors", option: flag, advice: "Leave out this option.")
    }
    if !isSparse, topK != nil {
      throw GraftError(
        .refused, "the checkpoint makes dense vectors", option: "top-k",
        advice: "Leave it out, or pass --sparse.")
    }
    let (expected, other) = isSparse ? ("jsonl", "npy") : ("npy", "jsonl")
    if output.url.pathExtension.lowercased() == other {
      throw GraftError(
        .refused, "\(isSparse ? "sparse" : "dense") vectors have another file", file: output.url.path,
        option: "output", expected: "a name that ends with .\(expected)", found: ".\(other)")
    }
    let pipeline = pooling.map { SentencePipeline(pooling: $0) } ?? own
    let limit = length.maxLength ?? own.maximumLength
    let options = EmbeddingOptions(
      pipeline, prompt: try prompt ?? own.prompt(promptName),
      maximumLength: limit ?? length.maxLength(for: opened), width: truncateDim, normalizes: normalize,
      batchSize: batch.batchSize)
    let model = try opened.makeModel()
    length.check(model, flags.console)
    let facts = try truncatedRows(rows, for: model, options)
    for sentence in facts.sentences { flags.console.warn(sentence) }
    let bar = ProgressBar("embedding", unit: "texts", total: rows.count, console: flags.console)
    if isSparse { return try writeSparse(rows, model, options, facts, bar, registry) }
    let vectors = try embed(
      rows,
      with: precision.session(
        model, on: backend.make(registry, flags.console), strictness, flags.console), options,
      progress: { bar.update($0) }
    )
    bar.clear()
    try NPY.write(LazyTensor(vectors), to: output.url)
    try record(of: rows, options).write(beside: output.url)
    if flags.json {
      try Output.print([
        "output": JSON(output.url), "texts": JSON(vectors.rows), "hidden_size": JSON(vectors.columns),
        "truncated_texts": JSON(facts.truncated),
        "pooling": .string(pipeline.description), "prompt": .string(options.prompt),
      ])
    } else {
      try Output.print("wrote \(output.url.displayPath) (float32 \(vectors.shape))")
    }
  }
}

extension Embed {
  private func record(of rows: [TextRow], _ options: EmbeddingOptions) -> IndexRecord {
    IndexRecord(
      checkpoint: checkpoint.checkpoint.anywhere, pooling: pooling, maxLength: options.maximumLength,
      width: truncateDim, normalizes: normalize,
      texts: rows.map { row in [row.text, row.pair].compactMap(\.self).joined(separator: " ") })
  }

  /// Writes a line of tokens and weights for each row.
  private func writeSparse(
    _ rows: [TextRow], _ model: Model, _ options: EmbeddingOptions, _ facts: DatasetFacts, _ bar: ProgressBar,
    _ registry: Registry
  ) throws {
    let vectors = try embedSparse(
      rows,
      with: precision.session(
        model, on: backend.make(registry, flags.console), strictness, flags.console), options, keeping: topK,
      progress: { bar.update($0) })
    bar.clear()
    try SparseFile.write(vectors, tokenizer: model.requireTokenizer(), to: output.url)
    try record(of: rows, options).write(beside: output.url)
    let count = vectors.reduce(0) { $0 + $1.entries.count }
    if flags.json {
      try Output.print([
        "output": JSON(output.url), "texts": JSON(vectors.count), "weights": JSON(count),
        "truncated_texts": JSON(facts.truncated),
        "pooling": .string("\(options.pipeline.splade ?? SpladePooling())"),
        "prompt": .string(options.prompt),
      ])
    } else {
      try Output.print(
        "wrote \(output.url.displayPath) (\(Format.count(vectors.count, "text")), \(Format.count(count, "weight")))"
      )
    }
  }
}

extension SentencePooling.Mode {
  fileprivate static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
