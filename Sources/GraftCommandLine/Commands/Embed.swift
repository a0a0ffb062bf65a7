import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors
import NPY

/// `graft embed`
struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed",
    abstract: "Write one vector for each text as a NumPy array, float32 [texts, width].",
    discussion: """
      Vectors are those of sentence-transformers where the checkpoint comes from its folder: pooling, dense layers, \
      lengths, prompts and the length limit are the folder's. Of another checkpoint they are the mean over tokens.

      FILE.npy.json beside the array has the texts and how the vectors were made, for 'graft search'.

      EXAMPLES
        graft embed all-MiniLM-L6-v2 --input texts.txt --output vectors.npy
        graft embed e5 'how much protein?' --prompt-name query --output query.npy
        graft embed bert 'a text' --pooling cls --normalize --output vectors.npy
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

  @Option(help: ArgumentHelp("The .npy file to write.", valueName: "FILE.npy"), completion: .file())
  var output: Path

  @OptionGroup var batch: BatchFlag
  @OptionGroup var length: LengthFlag
  @OptionGroup var inputs: TrainedInputsFlags
  @OptionGroup var backend: BackendFlags
  @OptionGroup var strictness: StrictFlag
  @OptionGroup var flags: OutputFlags

  func validate() throws {
    if prompt != nil, promptName != nil {
      throw ValidationError("Give --prompt or --prompt-name, not both.")
    }
    if let truncateDim, truncateDim < 1 { throw ValidationError("--truncate-dim must be at least 1.") }
  }

  func run() throws {
    let registry = try GraftTool.registry()
    let opened = try checkpoint.open(registry, strictness, flags.console)
    let rows = try input.rows(like: opened.trainedInputs, flags.console)
    try inputs.check(rows, for: opened, flags.console)
    let own = opened.sentences ?? SentencePipeline(pooling: .mean)
    let pipeline = pooling.map { SentencePipeline(pooling: $0) } ?? own
    let limit = length.maxLength ?? own.maximumLength
    let options = EmbeddingOptions(
      pipeline, prompt: try prompt ?? own.prompt(promptName),
      maximumLength: limit ?? length.maxLength(for: opened), width: truncateDim, normalizes: normalize,
      batchSize: batch.batchSize)
    let model = try opened.makeModel()
    let facts = try truncatedRows(
      rows.map { TextRow(options.prompt + $0.text, pair: $0.pair) }, for: model,
      maxLength: options.maximumLength ?? pipeline.maximumLength)
    for sentence in facts.sentences { flags.console.warn(sentence) }
    let bar = ProgressBar("embedding", unit: "texts", total: rows.count, console: flags.console)
    let vectors = try embed(
      rows, with: model, options, backend: backend.make(registry, flags.console), progress: { bar.update($0) }
    )
    bar.clear()
    try NPY.write(LazyTensor(vectors), to: output.url)
    try IndexRecord(
      checkpoint: checkpoint.checkpoint.anywhere, pooling: pooling, maxLength: options.maximumLength,
      width: truncateDim, normalizes: normalize,
      texts: rows.map { row in [row.text, row.pair].compactMap(\.self).joined(separator: " ") }
    ).write(beside: output.url)
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

extension SentencePooling.Mode {
  fileprivate static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
