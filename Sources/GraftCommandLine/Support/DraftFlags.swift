import ArgumentParser
import Foundation
import GraftCore
import GraftData
import GraftExperiments
import GraftKit
import GraftTensors

/// What `graft run --init` writes an experiment from.
struct DraftFlags: ParsableArguments {
  @Flag(
    name: .customLong("init"),
    help:
      "Write a first experiment for data of your own to the file --output, with a comment for each choice.")
  var writesDraft = false

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("With --init: training data, files or patterns.", valueName: "FILE"),
    completion: .file())
  var trainFile: [Path] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "With --init: data to evaluate on. (default: a tenth or a fifth of the training data)",
      valueName: "FILE"),
    completion: .file())
  var evalFile: [Path] = []

  @OptionGroup(title: "Columns of the data, with --init") var reading: DataFlags
  @OptionGroup(title: "Columns of --eval-file, where they are others") var evaluation: EvaluationColumnFlags

  func validate() throws {
    let others =
      reading.given + evaluation.given + (trainFile.isEmpty ? [] : ["train-file"])
      + (evalFile.isEmpty ? [] : ["eval-file"])
    guard writesDraft else {
      if let flag = others.first { throw ValidationError("--\(flag) goes with --init.") }
      return
    }
    guard !trainFile.isEmpty else { throw ValidationError("--init needs --train-file FILE.") }
    if evalFile.isEmpty, let flag = evaluation.given.first {
      throw ValidationError("--\(flag) is about the rows of --eval-file.")
    }
    if let flag = ["skip", "take", "shuffle-seed"].first(where: others.contains) {
      throw ValidationError("--\(flag) is not for --init: set '\(flag)' in the file that it writes.")
    }
  }

  /// The checkpoint that an experiment starts from where none is named.
  static let usualBase = "bert-base-uncased"

  /// Looks at the data, and writes the experiment.
  ///
  /// - Parameters:
  ///   - source: The base checkpoint, as it was given.
  ///   - output: The file.
  ///   - locate: Where a checkpoint is.
  /// - Throws: `GraftError` when the data cannot be read, or the file is there already.
  func write(
    base source: String?, to output: URL, registry: Registry, _ flags: OutputFlags,
    locate: (String) throws -> URL
  ) throws {
    let file = output.standardizedFileURL
    try FileWriter.checkVacant(file)
    let located = try source.map(locate)
    let name = file.deletingPathExtension().lastPathComponent
    let isPath = source.map { FileManager.default.fileExists(atPath: $0) } == true
    var evaluationOptions = DataOptions()
    try evaluation.change(&evaluationOptions)
    let draft = try ExperimentDraft(
      named: name, training: DataReading.files(trainFile), evaluation: DataReading.files(evalFile),
      options: reading.options, labelBase: reading.labelBase,
      evaluationOptions: evaluationOptions, evaluationLabelBase: evaluation.evalLabelBase,
      base: isPath ? located?.standardizedFileURL.path ?? "" : source ?? Self.usualBase,
      checkpoint: try located.map { try registry.open($0).checkpoint }, registry: registry)
    let title = [
      "Written by 'graft run --init' after a look at the data. Every value is a place to begin from; what is left out",
      "has the defaults of 'graft train'.",
      "  graft run \(file.lastPathComponent) --output results --dry-run    what would be done, and how long it takes",
      "  graft run \(file.lastPathComponent) --output results              does it, and ends in results/report.html",
    ]
    try FileWriter.write(file, text: draft.text(in: file.deletingLastPathComponent(), title: title))
    guard !flags.json else {
      return try Output.print(JSON.object([("output", JSON(file)), ("found", draft.summary)]).text(.pretty))
    }
    for line in draft.summaryLines { flags.console.note(line) }
    if source == nil { flags.console.note("base: \(Self.usualBase), as no checkpoint was given") }
    try Output.print("wrote \(file.displayPath)")
  }
}
