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
        graft head swap adapted --to sequence-classification \\
          --labels-from train.csv --output classifier
        graft head swap adapted --to sequence-classification \\
          --labels-from train.csv --label-column toxic,insult --output moderator
        graft head swap classifier --to masked-lm --output back

      \(DataFlags.help)
      """)

  @OptionGroup var checkpoint: CheckpointArgument

  @Option(
    help: ArgumentHelp("The head: a name of 'graft plugins' or of 'graft head list'.", valueName: "NAME"),
    completion: .names { RegisteredNames.heads })
  var to: String

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Names of the outputs, in their order.", valueName: "A,B,C"))
  var labels: String?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Take the labels, sorted, and where it is clear what they mean, from data files.", valueName: "FILE"),
    completion: .file())
  var labelsFrom: [Path] = []

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

  @OptionGroup(title: "Data") var reading: DataFlags
  @OptionGroup var flags: OutputFlags

  func validate() throws {
    guard [labels != nil, numLabels != nil, !labelsFrom.isEmpty].count(where: \.self) < 2 else {
      throw ValidationError("Give one of --labels, --labels-from and --num-labels.")
    }
    if let numLabels, !(1...100_000).contains(numLabels) {
      throw ValidationError("--num-labels must be between 1 and 100000.")
    }
    if labelsFrom.isEmpty, let flag = reading.given.first {
      throw ValidationError("--\(flag) is about the data of --labels-from.")
    }
    _ = try labelNames
  }

  private var labelNames: [String]? {
    get throws { try numLabels.map(Configuration.numberedLabels) ?? labels.map(LabelNames.read) }
  }

  func run() throws {
    try DirectoryWriter.checkVacant(output.url)
    let registry = try GraftTool.registry()
    let url = try checkpoint.locate(registry, flags.console)
    let inferred = try labelsFrom.isEmpty ? nil : inferredLabels(url, registry)
    let change = try swapHead(
      url, to: to, labels: inferred?.labels ?? (try labelNames),
      problemType: inferred?.problemType ?? problemType?.problemType, seed: seed, registry: registry)
    try change.write(to: output.url, from: url, registry: registry, flags)
  }
}

extension HeadSwap {
  /// What the data say about labels, which the console is told.
  private func inferredLabels(_ url: URL, _ registry: Registry) throws -> InferredLabels {
    let heads = try registry.heads(to, of: registry.open(url).checkpoint.family)
    // The texts of a classifier's data do not matter.
    let data = try reading.read(labelsFrom, for: heads, wantsTexts: !heads.columns.isEmpty, flags.console)
    let inferred = try data.namingUnreadColumns {
      try inferLabels(
        of: data.rows, forHead: to, of: url, problemType: problemType?.problemType, registry: registry)
    }
    let type = inferred.problemType.map { ", \($0.rawValue)" } ?? ""
    flags.console.note(
      "\(Format.count(inferred.labels.count, "label"))\(type): \(inferred.labels.prefix(20).joined(separator: ", "))\(inferred.labels.count > 20 ? ", …" : "")"
    )
    if inferred.areSingle {
      flags.console.note(
        "each list of labels has one, which is read as the text's only label: for a head that gives a text several, add --problem-type multi-label"
      )
    }
    let missing = inferred.missing(in: data.rows, for: heads)
    if missing > 0 {
      flags.console.warn(
        "\(Format.grouped(missing)) of \(Format.count(data.rows.count, "row")) \(missing == 1 ? "has" : "have") no label: they cannot be trained on"
      )
    }
    // A typo in one row is a label of its own.
    let counts = try inferred.counts(of: data.rows, for: heads, data.labelReading)
    for remark in InferredLabels.remarks(on: inferred.labels, counts: counts) { flags.console.warn(remark) }
    if let counts { flags.console.note("rows of each: \(NumberText.balance(inferred.labels, counts))") }
    return inferred
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
    } else if try checkpoint.readsUntrainedPooler(checkpoint.activeHeads) {
      flags.console.warn(
        "the pooler that \(active) reads starts with random weights: train it before predicting")
    }
    let ofOneLabel = try checkpoint.activeHeads.filter {
      try $0.isUntrained && $0.task?.hasLabels == true && $0.settings["problem_type"] == nil
        && $0.settings.labels().count == 1
    }
    if !ofOneLabel.isEmpty {
      flags.console.note("a head with one label gives a number: training takes it for a regression")
    }
  }
}
