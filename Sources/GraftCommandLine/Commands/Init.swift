import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

/// `graft init`
struct Init: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Make a model with random weights, to pretrain from scratch.",
    discussion: """
      DIR holds config.json and the tokenizer's files.

      EXAMPLES
        graft init bert-mini-config --head masked-lm --output bert-mini
        graft init bert-mini-config --output bert-mini --seed 1
      """)

  @Argument(help: ArgumentHelp("A directory with config.json and the tokenizer's files.", valueName: "DIR"))
  var directory: Path

  @Option(help: ArgumentHelp("The head to put on. (default: none)", valueName: "NAME"))
  var head: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("Seed of the random weights.", valueName: "S"))
  var seed: UInt64 = 42

  @Option(help: ArgumentHelp("The directory to create.", valueName: "DIR"), completion: .directory)
  var output: Path

  @OptionGroup var flags: OutputFlags

  func run() throws {
    try DirectoryWriter.checkVacant(output.url)
    let registry = try GraftTool.registry()
    let checkpoint = try initializeModel(from: directory.url, head: head, seed: seed, registry: registry)
    try checkpoint.write(to: output.url, registry: registry)
    try OutputSummary.show(output.url, flags)
  }
}
