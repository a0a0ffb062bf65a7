import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

/// `graft head attach`
struct HeadAttach: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attach",
    abstract: "Put a detached head on a checkpoint of the same width; the checkpoint's own head is parked.",
    discussion: """
      EXAMPLES
        graft head attach adapted --head news-head --output adapted-news
      """)

  @OptionGroup var checkpoint: CheckpointArgument

  @Option(
    help: ArgumentHelp("A directory that 'graft head detach' wrote.", valueName: "DIR"),
    completion: .directory)
  var head: Path

  @Option(help: ArgumentHelp("The directory to create.", valueName: "DIR"), completion: .directory)
  var output: Path

  @OptionGroup var flags: OutputFlags

  func run() throws {
    try DirectoryWriter.checkVacant(output.url)
    let registry = try GraftTool.registry()
    let url = try checkpoint.locate(registry, flags.console)
    let change = try attachHead(url, head: head.url, registry: registry)
    try change.write(to: output.url, from: url, registry: registry, flags)
    flags.console.note(
      "a head answers as it did only on the backbone that it was trained with: evaluate it here, or train on")
  }
}
