import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

/// `graft head detach`
struct HeadDetach: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "detach",
    abstract: "Write a head alone: its weights and its part of the configuration.",
    discussion: """
      EXAMPLES
        graft head detach news --output news-head
        graft head detach news --name masked-lm --output mlm-head
      """)

  @OptionGroup var checkpoint: CheckpointArgument

  @Option(
    help: ArgumentHelp("A head as 'graft head list' shows it. (default: the active one)", valueName: "NAME"))
  var name: String?

  @Option(help: ArgumentHelp("The directory to create.", valueName: "DIR"), completion: .directory)
  var output: Path

  @OptionGroup var flags: OutputFlags

  func run() throws {
    try DirectoryWriter.checkVacant(output.url)
    let registry = try GraftTool.registry()
    let url = try checkpoint.locate(registry, flags.console)
    let head = try detachHead(url, id: name, registry: registry)
    try head.write(to: output.url, registry: registry)
    let heads: [(String, JSON)] = [
      ("head", .string(head.heads.name)), ("parts", .list(head.components.map(\.id))),
      ("parameters", JSON(head.components.reduce(0) { $0 + $1.weights.elementCount })),
    ]
    if !flags.json { try Output.print("detached: \(head.heads.name)") }
    try OutputSummary.show(output.url, facts: heads, flags)
  }
}
