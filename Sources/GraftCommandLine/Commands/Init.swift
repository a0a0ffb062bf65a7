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
      --family, --size and --tokenizer make a model of a family in one of its sizes, whose vocabulary is the \
      tokenizer's; 'graft tokenizer train' makes a tokenizer. Or else DIR holds config.json and the tokenizer's \
      files.

      EXAMPLES
        graft init --family roberta --size small --tokenizer tok --output small
        graft init --family bert --tokenizer tok --head none --output bert --seed 1
        graft init bert-mini-config --head masked-lm --output bert-mini
      """)

  @Argument(help: ArgumentHelp("A directory with config.json and the tokenizer's files.", valueName: "DIR"))
  var directory: Path?

  @Option(
    help: ArgumentHelp("The family; 'graft plugins' lists them.", valueName: "NAME"),
    completion: .list(RegisteredNames.families))
  var family: String?

  @Option(
    help: ArgumentHelp(
      "One of the family's sizes: tiny, mini, small, base, large and others. (default: base)",
      valueName: "NAME"))
  var size: String?

  @Option(
    help: ArgumentHelp("A directory with the tokenizer's files.", valueName: "DIR"), completion: .directory)
  var tokenizer: Path?

  @Option(
    help: ArgumentHelp(
      "The head to put on, or 'none'. (default: masked-lm with --family, else none)", valueName: "NAME"),
    completion: .names { RegisteredNames.heads })
  var head: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("Seed of the random weights.", valueName: "S"))
  var seed: UInt64 = 42

  @Option(help: ArgumentHelp("The directory to create.", valueName: "DIR"), completion: .directory)
  var output: Path

  @OptionGroup var flags: OutputFlags

  func validate() throws {
    if directory != nil {
      guard family == nil, size == nil, tokenizer == nil else {
        throw ValidationError("Give DIR, or --family, --size and --tokenizer, not both.")
      }
    } else if family == nil || tokenizer == nil {
      throw ValidationError("Give --family and --tokenizer, or DIR with config.json.")
    }
  }

  func run() throws {
    try DirectoryWriter.checkVacant(output.url)
    let registry = try GraftTool.registry()
    let checkpoint = try make(registry)
    try checkpoint.write(to: output.url, registry: registry)
    let parameters = try checkpoint.activeWeights().elementCount
    if !flags.json {
      try Output.print(
        "\(checkpoint.architecture), \(Format.grouped(parameters)) parameters with random weights")
    }
    try OutputSummary.show(
      output.url,
      facts: [("architecture", .string(checkpoint.architecture)), ("parameters", JSON(parameters))], flags)
  }

  private func make(_ registry: Registry) throws -> Checkpoint {
    let head = head == "none" ? nil : head
    if let directory {
      return try initializeModel(from: directory.url, head: head, seed: seed, registry: registry)
    }
    guard let family, let tokenizer else { throw CleanExit.helpRequest(self) }
    return try initializeModel(
      family: family, size: size ?? "base", tokenizerFrom: tokenizer.url,
      head: self.head == nil ? DefaultPlugins.pretrainingHead : head, seed: seed, registry: registry)
  }
}
