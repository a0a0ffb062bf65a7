import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

/// `graft head list`
struct HeadList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Show the heads of a checkpoint: active or parked, trained on what, labels.",
    discussion: """
      Also takes a directory that 'graft head detach' wrote.

      EXAMPLES
        graft head list news
        graft head list news --json
      """)

  @OptionGroup var checkpoint: CheckpointArgument
  @OptionGroup var output: OutputFlags

  func run() throws {
    let registry = try GraftTool.registry()
    let url = try checkpoint.locate(registry, output.console)
    let heads: HeadTable
    if try registry.isDetachedHead(url) {
      heads = try HeadTable(registry.openHead(url))
    } else {
      heads = HeadTable(try GraftKit.inspect(url, registry: registry).heads)
    }
    if output.json {
      try Output.print(["checkpoint": JSON(url), "heads": heads.json])
    } else {
      try Output.print(heads.text())
    }
  }
}
