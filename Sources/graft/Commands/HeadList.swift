import ArgumentParser
import GraftCore
import GraftKit

/// `graft head list`
struct HeadList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Show the heads of a checkpoint: active or parked, trained on what, labels.",
    discussion: """
      EXAMPLES
        graft head list news
        graft head list news --json
      """)

  @OptionGroup var checkpoint: CheckpointArgument
  @OptionGroup var output: OutputFlags

  func run() throws {
    let heads = try GraftKit.inspect(checkpoint.url, registry: .builtIn()).heads
    if output.json {
      try Output.print(["checkpoint": JSON(checkpoint.url), "heads": HeadTable.json(heads)])
    } else if heads.isEmpty {
      try Output.print("no head: the bare encoder")
    } else {
      try Output.print(HeadTable.text(heads))
    }
  }
}
