import ArgumentParser
import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors

/// `graft train`
struct Train: RunsOnRanks {
  static let resumption: String? = "Training goes on from its last checkpoint with --resume."
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a model on data; the head decides the task.",
    discussion: """
      DIR becomes what transformers' Trainer writes: checkpoint-N directories on the way, and at the end the \
      model, trainer_state.json and the results; 'tensorboard --logdir DIR' plots it from the first step on. Ctrl-C saves a checkpoint and says how to resume; a run that \
      was killed resumes as well, to the same result, bit for bit.

      \(DataFlags.help) --take and --shuffle-seed hold for --data and for --eval-data.

      Several heads are trained on one backbone, in turn, when each has data of its own: --data HEAD=FILE, with the names \
      of 'graft head list'. --eval-data HEAD=FILE, or HEAD:SET=FILE for one of several sets, is what a head is evaluated \
      on. --text-column, --pair-column, --label-column and --label-base may be given once for each head as HEAD=C. The \
      first head is the active one in DIR; the others are parked there.

      With --json, standard output has one JSON object a line as things happen, with the key 'event': \
      prepared, started, logged, evaluated, saved, removed, noted, warned, and last finished or interrupted.

      EXAMPLES
        graft train bert --data domain.txt --output adapted --epochs 1
        graft train classifier --data train.csv --eval-data test.csv --output news \\
          --epochs 5 --shuffle-seed 42 --take 1000 --eval-on-start
        graft train classifier --data ag_news/train.csv --text-column 2,3 \\
          --label-column 1 --label-base 1 --output news --freeze-backbone
        graft train classifier --data train.csv --eval-data test.csv --output news \\
          --epochs 5 --shuffle-seed 42 --take 1000 --resume
        graft train bert --data domain.txt --output adapted \\
          --precision bfloat16 --profile
        graft train reranker --data pairs.csv --text-column query \\
          --pair-column text --loss binary-cross-entropy --output trained
        graft train bert --task sentence-embedding --data pairs.csv \\
          --output encoder --matryoshka 256,128,64
        graft train both --data sequence-classification=news.csv \\
          token-classification=ner.conll --output trained \\
          --eval-data sequence-classification=test.csv \\
          token-classification=test.conll \\
          --head-weights sequence-classification=2,token-classification=1
      """)

  @OptionGroup package var checkpoint: CheckpointArgument
  @OptionGroup var task: TaskFlag

  @OptionGroup(title: "Files") var files: FileFlags
  @OptionGroup(title: "Data") var reading: HeadDataFlags
  @OptionGroup(title: "Data to evaluate on") var evaluationColumns: EvaluationColumnFlags
  @OptionGroup(title: "Training") var training: TrainingFlags
  @OptionGroup(title: "Machine") var backend: BackendFlags
  @Flag(help: "Show where the time of the steps went, compared with what this machine can do.")
  var profile = false

  @Option(
    help: ArgumentHelp(
      "What ranks send gradients in, under mpirun; they are added up in float32 (default: float32).",
      valueName: "TYPE"))
  var gradientPrecision: Precision?

  @OptionGroup(title: "Machine") var ranks: RankFlags

  @OptionGroup package var strictness: StrictFlag
  @OptionGroup package var flags: OutputFlags

  /// What is read and written.
  struct FileFlags: ParsableArguments {
    @Option(
      parsing: .upToNextOption,
      help: ArgumentHelp(
        "Training data; several files, or patterns of them, are read one after another. Of several heads HEAD=FILE.",
        valueName: "FILE"),
      completion: .file())
    var data: [NamedFile]

    @Option(
      help: ArgumentHelp("The directory to create, or to go on in with --resume.", valueName: "DIR"),
      completion: .directory)
    var output: Path

    @Option(
      parsing: .upToNextOption,
      help: ArgumentHelp(
        "Data to evaluate on; several sets as NAME=FILE, whose scores are then called eval_NAME_loss and so on.",
        valueName: "FILE"),
      completion: .file())
    var evalData: [NamedFile] = []

    @Flag(
      help:
        "Go on with the run in the output directory; pass the same options. More --epochs or --max-steps extend it."
    )
    var resume = false
  }

  func validate() throws {
    let heads = try headFiles?.heads ?? []
    try reading.checkHeads(heads, evaluationColumns)
    if heads.count < 2, training.headWeights != nil {
      throw ValidationError("--head-weights has no meaning without --data HEAD=FILE for several heads.")
    }
    if !heads.isEmpty, task.task != nil {
      throw ValidationError("Leave out --task: --data HEAD=FILE says what is trained.")
    }
    if !isEvaluated, let strategy = training.evalStrategy, strategy != .no {
      throw ValidationError("--eval-strategy \(strategy.rawValue) needs --eval-data FILE or --eval-split P.")
    }
    if files.evalData.isEmpty, let flag = evaluationColumns.given.first {
      throw ValidationError("--\(flag) needs --eval-data FILE.")
    }
    if !isEvaluated, training.evalOnStart {
      throw ValidationError("--eval-on-start needs --eval-data FILE or --eval-split P.")
    }
    if !isEvaluated, training.evalBatchSize != TrainingOptions().evalBatchSize {
      throw ValidationError("--eval-batch-size needs --eval-data FILE or --eval-split P.")
    }
    if training.saveTotalLimit != nil, training.saveStrategy == .no, !training.loadBestModelAtEnd {
      throw ValidationError("--save-total-limit has no meaning beside --save-strategy no.")
    }
    if !files.evalData.isEmpty, training.evalSplit != nil {
      throw ValidationError("Give either --eval-data FILE or --eval-split P.")
    }
    if (files.data + files.evalData).count(where: \.path.isStandardInput) > 1 {
      throw ValidationError("Standard input can be read once: '-' is given more than once.")
    }
    let options = try training.options(evaluating: isEvaluated)
    let problems = options.missingEvaluations(hasData: isEvaluated) + options.uselessIntervals
    if let problem = problems.first { throw ValidationError(problem.inCommandLineWords.description) }
  }

  /// The data of several heads, where they are named.
  private var headFiles: HeadFiles? {
    get throws { try HeadFiles(files.data, evaluating: files.evalData) }
  }

  /// Whether there is data to evaluate on.
  private var isEvaluated: Bool { !files.evalData.isEmpty || training.evalSplit != nil }

  func run() throws {
    let registry = try GraftTool.registry()
    ranks.noteWhatIsIgnored(gradientPrecision == nil ? [] : ["--gradient-precision"], flags.console)
    let backend = try backend.make(registry, flags.console, precision: training.precision)
    var opened = try checkpoint.open(registry, strictness, flags.console)
    let headFiles = try headFiles
    if headFiles == nil { try task.select(in: &opened, registry) }
    if let scheme = training.tagScheme {
      try (headFiles?.heads.map { try opened.selecting(head: $0) } ?? [opened]).checkTagging(scheme: scheme)
    }
    try noteOtherLength(opened)

    let control = TrainingControl()
    let console = flags.console
    if files.resume { try noteWhatIsResumed(console) }
    let interruption = Interruption {
      control.requestStop()
      console.note("\nstopping after this step; once more to stop at once")
    }
    let profile = profile ? Profile() : nil
    let display = TrainingDisplay(
      console: console, backend: backend, score: training.metricForBestModel,
      heads: headFiles?.heads ?? [], printsJSON: flags.json)
    defer { display.close() }
    let outcome = try withExtendedLifetime(interruption) {
      if let headFiles {
        return try train(
          opened, heads: headFiles.read(of: opened, reading, evaluationColumns, registry, console),
          options: training.options(evaluating: isEvaluated), output: files.output.url, backend: backend,
          registry: registry, resume: files.resume, ranks: dataParallel, control: control,
          profile: profile, observe: display.show)
      }
      let data = try PairColumns.advising {
        try reading.read(
          files.data.map(\.path), for: opened.activeHead, like: opened.trainedInputs, console)
      }
      let sets = try NamedFile.groups(files.evalData).mapValues {
        try reading.read(
          $0, for: opened.activeHead, like: opened.trainedInputs, evaluation: evaluationColumns, console)
      }
      return try train(
        opened, on: data, evaluating: sets[""], evaluatingSets: sets.filter { !$0.key.isEmpty },
        options: try training.options(evaluating: isEvaluated), output: files.output.url,
        backend: backend,
        registry: registry, resume: files.resume, ranks: dataParallel, control: control, profile: profile,
        observe: display.show)
    }
    display.close()
    var summary: TrainingProfile?
    if let profile, profile.steps > 0 {
      flags.console.note("measuring what the machine can do …")
      summary = TrainingProfile(profile, on: backend)
    }
    try finish(outcome, summary, interruption)
  }

  private var dataParallel: DataParallel {
    DataParallel(GraftTool.group, gradientPrecision: gradientPrecision ?? .float32)
  }

  /// Says when the head was trained on texts that were cut elsewhere.
  private func noteOtherLength(_ checkpoint: Checkpoint) throws {
    guard training.maxLength == nil, !files.resume, let asked = checkpoint.trainedInputs?.maxLength else {
      return
    }
    // What was asked for may be more than the model takes.
    let limit = try checkpoint.makeBackbone().maximumLength
    let (own, most) = (min(asked, limit), min(TrainingOptions().maxLength, limit))
    guard own != most else { return }
    flags.console.note(
      "texts have at most \(most) tokens; before, the head was trained with \(own): --max-length \(own) goes on so"
    )
  }

  /// Says when there is nothing to go on with, so that training begins with the first step.
  ///
  /// - Throws: `GraftError` when the directory cannot be read.
  private func noteWhatIsResumed(_ console: Console) throws {
    let directory = TrainingDirectory(url: files.output.url)
    let name = files.output.url.displayPath
    if try !FileManager.default.fileExists(atPath: directory.url.path) || !directory.hasRun {
      console.note("there is no run in \(name) to go on with: this is a new one")
    } else if try directory.lacksCheckpoint {
      console.note("the run in \(name) has no checkpoint yet: it starts from the beginning")
    }
  }

  private func finish(
    _ outcome: TrainingOutcome, _ profile: TrainingProfile?, _ interruption: Interruption
  ) throws {
    switch outcome {
    case .finished(let summary): try show(summary, profile)
    case .alreadyFinished(let summary):
      flags.console.note("this run had finished before; nothing was done")
      try show(summary, profile)
    case .interrupted(let checkpoint, let step):
      let group = GraftTool.group
      let command = Shell.thisCommand(adding: "--resume")
      if flags.json {
        var event: [(String, JSON)] = [
          ("event", "interrupted"), ("step", JSON(step)), ("checkpoint", JSON(checkpoint)),
          ("resume", .string(command)),
        ]
        if let profile { event.append(("profile", profile.json)) }
        try Output.print(JSON.object(event).text())
      } else if let profile {
        try Output.print(profile.text)
      }
      // With its hosts and its binding, which only the launcher knows.
      let launcher = group.size > 1 ? ", started by the same launcher" : ""
      if group.leads {
        Console.write("interrupted after step \(step); resume with\(launcher):\n  \(command)\n")
      }
      throw try interruption.exitCode(of: group)
    }
  }

  private func show(_ summary: TrainingSummary, _ profile: TrainingProfile?) throws {
    let results = summary.training.merging(summary.evaluation ?? [:]) { first, _ in first }
    if flags.json {
      var event: [(String, JSON)] = [
        ("event", "finished"), ("output", JSON(files.output.url)), ("results", Results.json(results)),
      ]
      if let profile { event.append(("profile", profile.json)) }
      return try Output.print(JSON.object(event).text())
    }
    try Output.print(Results.text(results.filter { $0.key != "total_flos" }))
    try Output.print("wrote \(files.output.url.displayPath)")
    if let profile { try Output.print("\n\(profile.text)") }
  }
}
