import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

/// `graft import`
struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Bring a checkpoint of any format and dialect into a checkpoint directory.",
    discussion: """
      The format is recognised by content, the dialect by the tensors' names. The report on standard error says \
      what was loaded, renamed, dropped and newly initialised. \(HubFlags.help)

      EXAMPLES
        graft import bert-base-uncased --output bert
        graft import downloads/model.safetensors --output bert --strict
        graft import exported/model.onnx --output bert
        graft import uncased_L-12_H-768_A-12/bert_model.ckpt --output bert
        graft import downloads/model.gguf --output bert
        graft import bert-base-uncased --output bert-bf16 --dtype bfloat16
      """)

  @Argument(
    help: ArgumentHelp(
      "A checkpoint directory or weight file, or a published model's name.", valueName: "SOURCE"))
  var source: ModelSource

  @OptionGroup var hub: HubFlags

  @Option(help: ArgumentHelp("The directory to create.", valueName: "DIR"), completion: .directory)
  var output: Path

  @Option(
    help: ArgumentHelp("The weight format to write.", valueName: "NAME"),
    completion: .names { RegisteredNames.formats })
  var format: String = OutputOptions().format

  @OptionGroup var storage: StorageFlags

  @OptionGroup var strictness: StrictFlag

  @OptionGroup var flags: OutputFlags

  func run() throws {
    try DirectoryWriter.checkVacant(output.url)
    let registry = try GraftTool.registry()
    let (url, model) = try hub.find(source, registry, flags.console)
    let report = try importModel(
      url, to: output.url, options: storage.options(format: format), strict: strictness.strict,
      keepExtra: storage.keepExtra, origin: .importing(source, url, model), registry: registry)
    flags.console.report(report, of: url)
    try OutputSummary.show(output.url, report: report, flags)
  }
}
