import ArgumentParser
import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftExperiments
import GraftKit
import GraftTensors

/// `graft run`
struct Run: RunsOnRanks {
  static let resumption: String? = "The same command goes on where it stopped."
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a whole comparison from one file: arms of stages, over several seeds.",
    discussion: """
      EXPERIMENT is a YAML file, or one of those that come with Graft: \
      \(ReadyMadeExperiment.allCases.map(\.rawValue).joined(separator: ", ")). It names a base checkpoint, data \
      sets, stages (import, train, swap, evaluate, export) with any option of 'graft train', and arms, which are \
      lists of stages. Paths in it are relative to it. \(HubFlags.help)

      DIR keeps every stage under a hash of everything that decides its result. Running the command again does \
      only what is missing: after a change, the stages that depend on it; after Ctrl-C, a kill or a full disk, the \
      rest, to the same results, bit for bit. Work that arms share is done once.

      A data set with 'folds: 5' is cross-validated: every arm trains on four fifths of its rows and is tested on the \
      rest, five times, so that each row is predicted once.

      Arms are compared by the usual score of their task, or by the one that the key 'metric' names, such as f1_macro.

      A section 'search' looks for the best options of an arm, by grid, random draws or successive halving; the arm \
      then has those of the best point. The documentation of GraftExperiments has an example.

      Started by mpirun, ranks share training and evaluation: a step has the batches of all of them, as on one process \
      with so many times 'gradient-accumulation-steps'. A run that is continued keeps its steps on any number of ranks.

      With --json, standard output has one JSON object a line as things happen, with the key 'event': planned, \
      started, logged, evaluated, saved, removed, noted, warned, progress, finished-stage, searching, searched, and \
      last finished or interrupted.

      With --init, EXPERIMENT is the base checkpoint instead (default: \(DraftFlags.usualBase)), and the file --output is \
      written after a look at the data: columns, the kind of labels and how often each is, lengths, and rows that are \
      held out where there is no file to evaluate on.

      EXAMPLES
        graft run --init bert --train-file train.csv --output experiment.yaml
        graft run experiment.yaml --output results
        graft run experiment.yaml --output results --dry-run
        graft run notebook --base bert-base-uncased --data-dir data \\
          --output notebook --seeds 42,1,2
        graft run notebook-full --base bert-base-uncased --data-dir data \\
          --output full --precision bfloat16 --max-disk 20GB
      """)

  @Argument(
    help: ArgumentHelp("A YAML file, or the name of a ready-made experiment.", valueName: "EXPERIMENT"),
    completion: .namesAndFiles { ReadyMadeExperiment.allCases.map(\.rawValue) })
  var experiment: String?

  @Option(
    help: ArgumentHelp("The directory to create, or to go on in; with --init the file.", valueName: "DIR"),
    completion: .directory)
  var output: Path

  @OptionGroup(title: "A first experiment") var draft: DraftFlags

  @Option(
    help: ArgumentHelp(
      "The base checkpoint, or a published model's name, in place of the file's.", valueName: "CKPT"))
  var base: ModelSource?

  @OptionGroup var hub: HubFlags

  @Option(
    help: ArgumentHelp(
      "Where data sets known by name are looked for first: DIR/ag_news/train.csv.", valueName: "DIR"),
    completion: .directory)
  var dataDir: Path?

  @Option(help: ArgumentHelp("Seeds, in place of the file's.", valueName: "S,S"))
  var seeds: String?

  @Flag(help: "Show what would be done, what is done already, and how long the rest will take.")
  var dryRun = false

  @Option(
    help: ArgumentHelp(
      "The most that DIR may take (B, KB, MB, GB); intermediate models are deleted.",
      valueName: "SIZE"))
  var maxDisk: ByteCount?

  @Option(
    help: ArgumentHelp("Precision of matrix products, for stages that do not name one.", valueName: "TYPE"))
  var precision = Precision.float32

  @OptionGroup(title: "Machine") var backend: BackendFlags
  @OptionGroup(title: "Machine") var ranks: RankFlags
  @OptionGroup var flags: OutputFlags

  func validate() throws {
    _ = try seedList
    if draft.writesDraft {
      for (flag, isGiven) in [
        ("base", base != nil), ("seeds", seeds != nil), ("dry-run", dryRun), ("max-disk", maxDisk != nil),
        ("data-dir", dataDir != nil), ("precision", precision != .float32),
      ] where isGiven {
        let advice = flag == "base" ? " Give the checkpoint as EXPERIMENT." : ""
        throw ValidationError("--\(flag) has no meaning with --init.\(advice)")
      }
      return
    }
    if experiment == nil { throw ValidationError("Missing expected argument '<EXPERIMENT>'") }
  }

  private var seedList: [UInt64]? {
    get throws {
      guard let seeds else { return nil }
      let list = seeds.split(separator: ",", omittingEmptySubsequences: false).map { UInt64($0) }
      guard !list.contains(nil), Set(list).count == list.count else {
        throw ValidationError("--seeds has to be different whole numbers, such as 42,1,2.")
      }
      return list.compactMap { $0 }
    }
  }

  func run() throws {
    let registry = try GraftTool.registry()
    let group = GraftTool.group
    ranks.noteWhatIsIgnored([], flags.console)
    if draft.writesDraft {
      return try group.onLeader {
        try draft.write(base: experiment, to: output.url, registry: registry, flags) {
          try hub.locate(ModelSource($0), registry, flags.console)
        }
      }
    }
    let machine = ExperimentMachine(
      cpu: Machine.current.model, precision: precision, group: group,
      try backend.maker(registry, flags.console))
    let plan = try ExperimentPlan(read(registry), on: machine, registry: registry, output: output.url)
    if plan.firstRanks != group.size {
      flags.console.note(
        "the run in \(output.url.displayPath) was begun on \(Format.count(plan.firstRanks, "rank")): its steps keep their batches"
      )
    }
    if dryRun {
      let plan = try plan.settled(in: output.url, on: machine, registry: registry)
      var schedule = try ExperimentSchedule(plan, output: output.url, group: group)
      try schedule.checkRanks(group)
      return try group.onLeader {
        if let maxDisk { try schedule.checkSpace(maximumDisk: maxDisk.value) }
        try schedule.measure(on: machine, registry: registry) { flags.console.note("measuring \($0) …") }
        try show(schedule)
      }
    }
    let control = TrainingControl()
    let console = flags.console
    let interruption = Interruption {
      control.requestStop()
      console.note("\nstopping after this step; once more to stop at once")
    }
    let display = ExperimentDisplay(console: console, printsJSON: flags.json)
    defer { display.close() }
    let outcome = try withExtendedLifetime(interruption) {
      try runExperiment(
        plan, output: output.url, on: machine, registry: registry, maximumDisk: maxDisk?.value,
        control: control, observe: display.show)
    }
    display.close()
    switch outcome {
    case .finished(let results):
      if let excess = results.excess { console.warn(excess.inCommandLineWords.description) }
      try show(results)
    case .interrupted:
      if flags.json { try Output.print(JSON.object([("event", "interrupted")]).text()) }
      if group.leads { Console.write("interrupted; the same command goes on where it stopped\n") }
      throw try interruption.exitCode(of: group)
    }
  }

  private func read(_ registry: Registry) throws -> Experiment {
    func locate(_ name: String) throws -> URL { try hub.locate(ModelSource(name), registry, flags.console) }
    let base = try base.map { try locate($0.text) }
    let experiment = experiment ?? ""
    let file = URL(fileURLWithPath: experiment)
    if let known = ReadyMadeExperiment(rawValue: experiment),
      !FileManager.default.fileExists(atPath: file.path)
    {
      do {
        let here = URL(fileURLWithPath: FileManager.default.currentDirectoryPath, isDirectory: true)
        return try Experiment(
          parsing: Array(known.text.utf8), relativeTo: here, base: base, seeds: try seedList,
          dataDirectory: dataDir?.url, registry: registry,
          locate: locate)
      } catch let error as GraftError {
        throw error.inFile(known.rawValue)
      }
    }
    do {
      return try Experiment(
        file: file, base: base, seeds: try seedList, dataDirectory: dataDir?.url, registry: registry,
        locate: locate)
    } catch var error as GraftError {
      if error.kind == .missing, error.file == file.path {
        let names = ReadyMadeExperiment.allCases.map(\.rawValue)
        error.advice = "Ready-made experiments: \(names.joined(separator: ", "))."
      } else if [.csv, .tsv, .jsonLines].contains(DataFormat(rawValue: file.pathExtension.lowercased())) {
        error = GraftError(
          .refused, "these are data, and no experiment", file: file.path,
          advice:
            "'graft run --init --train-file FILE --output experiment.yaml' writes an experiment for them.")
      }
      throw error
    }
  }

  private func show(_ schedule: ExperimentSchedule) throws {
    guard !flags.json else { return try Output.print(schedule.json) }
    try Output.print(schedule.text)
  }

  private func show(_ results: ExperimentResults) throws {
    guard !flags.json else {
      return try Output.print(
        JSON.object([
          ("event", "finished"), ("output", JSON(output.url)), ("results", results.json),
          ("search", results.search?.json ?? .null), ("verdict", .string(results.verdict)),
        ]).text())
    }
    try Output.print(results.text)
    try Output.print("wrote \(output.url.appending(path: "report.html").displayPath)")
    if let models = results.searchedModels { try Output.print("wrote \(models)") }
  }
}
