import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors
import NPY

/// `graft embed`
struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed",
    abstract: "Write one vector for each text as a NumPy array, float32 [texts, hidden].",
    discussion: """
      EXAMPLES
        graft embed bert --input texts.txt --output vectors.npy
        graft embed bert 'a text' 'another' --pooling cls --output vectors.npy
      """)

  @OptionGroup var checkpoint: CheckpointArgument
  @OptionGroup var input: TextInput

  @Option(help: "How tokens become one vector: their mean, or the first token's state.")
  var pooling: Pooling = .mean

  @Option(help: ArgumentHelp("The .npy file to write.", valueName: "FILE.npy"), completion: .file())
  var output: Path

  @OptionGroup var batch: BatchFlag
  @OptionGroup var length: LengthFlag
  @OptionGroup var inputs: TrainedInputsFlags
  @OptionGroup var backend: BackendFlags
  @OptionGroup var strictness: StrictFlag
  @OptionGroup var flags: OutputFlags

  func run() throws {
    let registry = try GraftTool.registry()
    let opened = try checkpoint.open(registry, strictness, flags.console)
    let rows = try input.rows(like: opened.trainedInputs, flags.console)
    try inputs.check(rows, for: opened, flags.console)
    let model = try opened.makeModel()
    let bar = ProgressBar("embedding", unit: "texts", total: rows.count, console: flags.console)
    let vectors = try embed(
      rows, with: model, pooling: pooling, maxLength: length.maxLength(for: opened),
      batchSize: batch.batchSize,
      backend: backend.make(registry, flags.console), progress: { bar.update($0) })
    bar.clear()
    try NPY.write(LazyTensor(vectors), to: output.url)
    if flags.json {
      try Output.print([
        "output": JSON(output.url), "texts": JSON(vectors.rows), "hidden_size": JSON(vectors.columns),
        "pooling": .string(pooling.rawValue),
      ])
    } else {
      try Output.print("wrote \(output.url.displayPath) (float32 \(vectors.shape))")
    }
  }
}
