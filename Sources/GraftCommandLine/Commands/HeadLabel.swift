import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

/// `graft head label`
struct HeadLabel: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "label",
    abstract: "Name the outputs of the active head; its weights stay.",
    discussion: """
      For a model that was trained elsewhere and calls its labels LABEL_0, LABEL_1, …. A head with other labels than \
      it was trained for is another head: see 'graft head swap'.

      EXAMPLES
        graft head label news --labels World,Sports,Business,Sci/Tech --output named
      """)

  @OptionGroup var checkpoint: CheckpointArgument

  @Option(
    parsing: .unconditional, help: ArgumentHelp("A name for each output, in their order.", valueName: "A,B,C")
  )
  var labels: String

  @Option(help: ArgumentHelp("The directory to create.", valueName: "DIR"), completion: .directory)
  var output: Path

  @OptionGroup var flags: OutputFlags

  func validate() throws { _ = try LabelNames.read(labels) }

  func run() throws {
    try DirectoryWriter.checkVacant(output.url)
    let registry = try GraftTool.registry()
    let url = try checkpoint.locate(registry, flags.console)
    let names = try LabelNames.read(labels)
    let (labelled, report) = try nameLabels(of: url, names, registry: registry)
    flags.console.report(report, of: url)
    try labelled.write(to: output.url, registry: registry)
    let head = labelled.activeHead?.name ?? "none"
    if !flags.json { try Output.print("labels:   \(names.joined(separator: ", "))") }
    try OutputSummary.show(
      output.url, report: report, facts: [("head", .string(head)), ("labels", .list(names))], flags)
  }
}
