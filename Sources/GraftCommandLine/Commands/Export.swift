import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

/// `graft export`
struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a checkpoint in a weight format and dialect that other tools load unchanged.",
    discussion: """
      PATH is a directory to create; with the format's file extension it is the one weight file to write. \
      ONNX holds the model itself, ready to run; weights larger than --max-shard-size, or 2 GB, stand in a \
      file beside it.

      EXAMPLES
        graft export news --format safetensors --output news-export
        graft export news --format safetensors --dtype float16 --output news-half
        graft export news --format pytorch --output news-pytorch
        graft export news --format npz --output news.npz --dtype float32
        graft export news --format safetensors --max-shard-size 200MB --output shards
        graft export news --format gguf --output news.gguf --dtype q8_0
        graft export news --format tensorflow --output news-google
        graft export news --format onnx --output news-onnx
        graft export news --format onnx --output news.onnx
        graft export news --format hdf5 --dialect keras-hub --output news-preset
      """)

  @OptionGroup var checkpoint: CheckpointArgument

  @Option(
    help: ArgumentHelp("The weight format to write.", valueName: "NAME"),
    completion: .names { RegisteredNames.formats })
  var format: String

  @Option(
    help: ArgumentHelp("The directory or weight file to create.", valueName: "PATH"), completion: .file())
  var output: Path

  @Option(
    help: ArgumentHelp("How tensors are named. (default: what the format is used with)", valueName: "NAME"),
    completion: .names { RegisteredNames.dialects })
  var dialect: String?

  @OptionGroup var storage: StorageFlags
  @OptionGroup var strictness: StrictFlag
  @OptionGroup var flags: OutputFlags

  func run() throws {
    try DirectoryWriter.checkVacant(output.url)
    let registry = try GraftTool.registry()
    let url = try checkpoint.locate(registry, flags.console)
    let report = try exportModel(
      url, to: output.url, options: storage.options(format: format, dialect: dialect),
      strict: strictness.strict, keepExtra: storage.keepExtra, registry: registry)
    flags.console.report(report, of: url)
    try OutputSummary.show(output.url, report: report, flags)
  }
}
