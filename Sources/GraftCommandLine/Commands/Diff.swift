import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

/// `graft diff`
struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two checkpoints tensor by tensor, whatever their formats and dialects.",
    discussion: """
      Exits with 1 when they differ. Equal values stored in different types do not count as a difference.

      EXAMPLES
        graft diff bert-base-uncased adapted
        graft diff model.safetensors exported --json
      """)

  @Argument(help: ArgumentHelp("A checkpoint directory or weight file.", valueName: "A"))
  var first: ModelSource

  @Argument(help: ArgumentHelp("The checkpoint or weight file to compare it with.", valueName: "B"))
  var second: ModelSource

  @OptionGroup var hub: HubFlags

  @OptionGroup var output: OutputFlags

  func run() throws {
    let registry = try GraftTool.registry()
    let paths = try [first, second].map { try hub.locate($0, registry, output.console) }
    let difference = try compare(paths[0], paths[1], registry: registry)
    if output.json {
      try Output.print(json(difference))
    } else {
      try show(difference)
    }
    if !difference.isEmpty { throw ExitCode.failure }
  }

  private func show(_ difference: CheckpointDifference) throws {
    let changed = difference.changed.map { change in
      [
        "changed", change.name, change.maximum.map { "max abs diff \(Format.number(Double($0)))" } ?? "",
        change.detail,
      ]
    }
    let rows =
      changed + difference.onlyInFirst.map { ["only in A", $0] }
      + difference.onlyInSecond.map { ["only in B", $0] }
    if !rows.isEmpty { try Output.print(Format.table(rows) + "\n") }
    var summary = ["\(difference.equal.count) equal"]
    if !difference.converted.isEmpty {
      summary.append("\(difference.converted.count) equal in another type")
    }
    summary.append("\(difference.changed.count) changed")
    summary.append("\(difference.onlyInFirst.count) only in A")
    summary.append("\(difference.onlyInSecond.count) only in B")
    try Output.print(summary.joined(separator: ", "))
  }

  private func json(_ difference: CheckpointDifference) -> JSON {
    [
      "identical": JSON(difference.isEmpty), "equal": .list(difference.equal),
      "converted": .list(difference.converted),
      "changed": .array(
        difference.changed.map { change in
          [
            "name": .string(change.name), "max_abs_diff": change.maximum.map { JSON($0) } ?? .null,
            "detail": .string(change.detail),
          ]
        }),
      "only_in_a": .list(difference.onlyInFirst), "only_in_b": .list(difference.onlyInSecond),
    ]
  }
}
