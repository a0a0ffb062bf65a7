import ArgumentParser
import Foundation
import GraftCore
import GraftKit
import GraftTensors

/// `graft head swap`
struct HeadSwap: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "swap",
    abstract: "Put another head on a checkpoint; the old one is parked.",
    discussion: """
      A parked head of that name comes back with its weights, unless other labels are given. Any other head \
      starts with random weights and has to be trained.

      EXAMPLES
        graft head swap adapted --to sequence-classification \\
          --labels World,Sports,Business,Sci/Tech --output classifier
        graft head swap adapted --to sequence-classification \\
          --num-labels 1 --problem-type regression --output scorer
        graft head swap classifier --to masked-lm --output back
      """)

  @OptionGroup var checkpoint: CheckpointArgument

  @Option(
    help: ArgumentHelp("The head: a name of 'graft plugins' or of 'graft head list'.", valueName: "NAME"),
    completion: .names { RegisteredNames.heads })
  var to: String

  @Option(help: ArgumentHelp("Names of the outputs, in their order.", valueName: "A,B,C"))
  var labels: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The number of outputs, when they have no names.", valueName: "N"))
  var numLabels: Int?

  @Option(
    help: ArgumentHelp(
      "What labels mean. (default: single-label; regression for one output)", valueName: "TYPE"))
  var problemType: ProblemTypeArgument?

  @Option(parsing: .unconditional, help: ArgumentHelp("Seed of the random weights.", valueName: "S"))
  var seed: UInt64 = 42

  @Option(help: ArgumentHelp("The directory to create.", valueName: "DIR"), completion: .directory)
  var output: Path

  @OptionGroup var flags: OutputFlags

  func validate() throws {
    if labels != nil, numLabels != nil {
      throw ValidationError("Give --labels or --num-labels, not both.")
    }
    if let numLabels, !(1...100_000).contains(numLabels) {
      throw ValidationError("--num-labels must be between 1 and 100000.")
    }
    if let names = labelNames {
      if names.contains("") { throw ValidationError("--labels has an empty name.") }
      if let twice = Dictionary(grouping: names, by: { $0 }).first(where: { $0.value.count > 1 })?.key {
        throw ValidationError("--labels names '\(twice)' twice.")
      }
    }
  }

  private var labelNames: [String]? {
    if let numLabels { return Configuration.numberedLabels(numLabels) }
    return labels?.split(separator: ",", omittingEmptySubsequences: false).map {
      String($0).trimmingCharacters(in: .whitespaces)
    }
  }

  func run() throws {
    try DirectoryWriter.checkVacant(output.url)
    let registry = try GraftTool.registry()
    let url = try checkpoint.locate(registry, flags.console)
    let change = try swapHead(
      url, to: to, labels: labelNames, problemType: problemType?.problemType, seed: seed,
      registry: registry)
    try change.write(to: output.url, from: url, registry: registry, flags)
  }
}

extension HeadChange {
  /// Writes the changed checkpoint and says what happened to its heads.
  func write(to output: URL, from source: URL, registry: Registry, _ flags: OutputFlags)
    throws
  {
    flags.console.report(report, of: source)
    let active = checkpoint.activeHead?.name ?? "none"
    try checkpoint.write(to: output, registry: registry)
    if !flags.json {
      if !parked.isEmpty { try Output.print("parked:   \(parked.joined(separator: ", "))") }
      if !restored.isEmpty { try Output.print("restored: \(restored.joined(separator: ", "))") }
      try Output.print("active:   \(active)")
    }
    let facts: [(String, JSON)] = [
      ("active", .string(active)), ("parked", .list(parked)), ("restored", .list(restored)),
      ("assumed_labels", assumedLabels.map { .list($0) } ?? .null),
    ]
    try OutputSummary.show(output, report: report, facts: facts, flags)
    if let assumedLabels {
      flags.console.warn(
        "no labels were given, so the head has \(Format.count(assumedLabels.count, "output")): "
          + "\(assumedLabels.joined(separator: ", ")). Name them with --labels A,B,C")
    }
    let untrained = checkpoint.activeHeads.filter(\.isUntrained).map(\.id)
    if !untrained.isEmpty {
      flags.console.warn(
        "\(untrained.joined(separator: ", ")) starts with random weights: train it before predicting")
    }
  }
}
