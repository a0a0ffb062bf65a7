import ArgumentParser
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors

/// `graft evaluate`
struct Evaluate: RunsOnRanks {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Score a model on labelled data; the head decides the task.",
    discussion: """
      A classifier's scores are those of scikit-learn, for one label or several; --output and --json have them for \
      each class, with the confusion matrix, whose rows are the actual classes. The correlations of a regression \
      are those of SciPy. What is undefined, such as a correlation with constant predictions, is left out. The scores of entities are those of seqeval, of \
      answers those of SQuAD, of vectors and of a cross-encoder's pairs those of sentence-transformers.

      \(DataFlags.help)

      EXAMPLES
        graft evaluate news --data test.csv
        graft evaluate news --data ag_news/test.csv --text-column 2,3 \\
          --label-column 1 --label-base 1 --output results.json
        graft evaluate news --data test.csv --predictions predictions.jsonl
        graft evaluate topics --data dev.csv --tune-threshold label
        graft evaluate ner --data test.conll --tag-scheme IOB2
        graft evaluate qa --data dev-v2.0.json --null-threshold -1.5
        graft evaluate encoder --data sts.csv
        graft evaluate reranker --data pairs.csv --text-column query \\
          --pair-column text
        graft evaluate encoder --data queries.jsonl --corpus corpus.jsonl \\
          --qrels test.tsv
        graft evaluate adapted --data domain.txt --mlm-probability 0.15
        graft evaluate adapted --data domain.txt --take 200 --pseudo-perplexity
      """)

  @OptionGroup var checkpoint: CheckpointArgument
  @OptionGroup var task: TaskFlag

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Data files or patterns, read one after another.", valueName: "FILE"),
    completion: .file())
  var data: [Path]

  @OptionGroup(title: "Data") var reading: DataFlags

  @Option(
    help: ArgumentHelp("Write the results as JSON to a new file as well.", valueName: "FILE.json"),
    completion: .file())
  var output: Path?

  @Option(
    help: ArgumentHelp(
      "Write what the model says about each row to a new file, as JSON Lines; 'row' counts from 0.",
      valueName: "FILE.jsonl"),
    completion: .file())
  var predictions: Path?

  @Flag(
    help: """
      Hide each token in turn and report the pseudo-perplexity of a masked-language model, a forward pass a \
      token. Salazar et al., arXiv:1910.14659.
      """)
  var pseudoPerplexity = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The share of tokens that masked-language modelling hides. (default: \(EvaluationOptions().mlmProbability))",
      valueName: "P"))
  var mlmProbability: Double?

  @Option(
    help: ArgumentHelp(
      "A checkpoint with a masked-lm head, which fills hidden tokens for a head 'replaced-token-detection'.",
      valueName: "DIR"), completion: .directory)
  var generator: String?

  @Flag(
    help:
      "Put texts one after another and cut them into pieces of the full length, as 'graft train' does with it."
  )
  var groupTexts = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seed of what masked-language modelling hides.", valueName: "S"))
  var seed: UInt64 = 42

  @Option(
    help: ArgumentHelp(
      """
      The scheme of the data's tags, by which entities are scored strictly: IO, IOB1, IOB2, IOE1, IOE2, IOBES or \
      BILOU. (default: the head's; without one any, scored as conlleval does)
      """, valueName: "NAME"))
  var tagScheme: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Predict 'no answer' where its score exceeds the best answer's by more than this. (default: the model's, or 0)",
      valueName: "X"))
  var nullThreshold: Double?

  @Option(
    help: ArgumentHelp(
      """
      Choose the threshold with the best F1 on these data, and keep it in the head's configuration: of several labels \
      one for all or one for each, of answers that of no answer (global).
      """, valueName: "HOW"))
  var tuneThreshold = ThresholdTuning.none

  @Option(
    help: ArgumentHelp(
      """
      Report the share of texts whose label is among the K most likely, for a head of single labels. (default: 3,5 where \
      there are more labels)
      """, valueName: "K,K"))
  var topK: RankList?

  @OptionGroup(title: "Retrieval") var retrieval: RetrievalFlags
  @OptionGroup var threshold: ThresholdFlag
  @OptionGroup var stride: StrideFlag
  @OptionGroup var longTexts: LongTextsFlag
  @OptionGroup var batch: BatchFlag
  @OptionGroup var length: LengthFlag
  @OptionGroup var inputs: TrainedInputsFlags
  @OptionGroup var untrained: UntrainedFlag
  @OptionGroup var backend: BackendFlags
  @OptionGroup var ranks: RankFlags
  @OptionGroup var precision: PrecisionFlag
  @OptionGroup var strictness: StrictFlag
  @OptionGroup var flags: OutputFlags

  func validate() throws {
    try retrieval.check(
      others: [
        ("predictions", predictions != nil), ("tune-threshold", tuneThreshold != .none),
        ("top-k", topK != nil), ("null-threshold", nullThreshold != nil),
        ("pseudo-perplexity", pseudoPerplexity), ("group-texts", groupTexts),
        ("stride", stride.stride != nil), ("generator", generator != nil),
        ("mlm-probability", mlmProbability != nil),
      ] + reading.given.map { ($0, true) })
    if let output, let predictions, output.url.standardizedFileURL == predictions.url.standardizedFileURL {
      throw ValidationError("--output and --predictions name the same file.")
    }
    if let nullThreshold, !nullThreshold.isFinite {
      throw ValidationError("--null-threshold must be finite.")
    }
    if let mlmProbability, !(mlmProbability > 0 && mlmProbability <= 1) {
      throw ValidationError("--mlm-probability must be above 0 and at most 1.")
    }
    guard
      tuneThreshold == .none || predictions == nil && threshold.threshold == nil && nullThreshold == nil
    else {
      throw ValidationError(
        "--tune-threshold goes without --threshold, --null-threshold and --predictions: the next call uses what was tuned."
      )
    }
  }

  func run() throws {
    if GraftTool.group.size > 1, pseudoPerplexity || !retrieval.corpus.isEmpty {
      throw GraftError(
        .refused, "runs in one process", option: pseudoPerplexity ? "pseudo-perplexity" : "corpus",
        found: "\(GraftTool.group.size)", advice: "Start it alone.")
    }
    let claims = try FileClaim.all(
      GraftTool.group.leads ? [output, predictions].compactMap { $0?.url } : [])
    defer { withExtendedLifetime(claims) {} }
    let registry = try GraftTool.registry()
    ranks.noteWhatIsIgnored([], flags.console)
    let (url, published) = try checkpoint.hub.find(checkpoint.checkpoint, registry, flags.console)
    if published != nil, tuneThreshold != .none {
      throw GraftError(
        .refused, "the threshold would be kept in a published model",
        subject: "'\(checkpoint.checkpoint.text)'",
        advice: "Import it into a directory of your own first.")
    }
    var opened = try checkpoint.open(url, registry, strictness, flags.console)
    let parked = opened.parkedHeads.first { $0.id == task.task }?.id
    try task.select(in: &opened, registry)
    try threshold.settle(&opened)
    if !retrieval.corpus.isEmpty { return try evaluateRetrieval(opened, registry) }
    opened.usePrompts()
    try opened.setLongTexts(longTexts.longTexts)
    try opened.checkStride(isGiven: stride.stride != nil)
    if mlmProbability != nil { try opened.checkHiding() }
    try opened.setTagging(scheme: tagScheme)
    if let nullThreshold { try opened.setAnswering(nullThreshold: nullThreshold) }
    try untrained.check(opened, flags.console)
    try TokenGenerator.check(generator, for: opened.activeHead)
    let model = try opened.makeModel()
    let head = try model.requireHead()
    if let tuning = tuneThreshold.tuning { try head.task.checkThresholds(tuning) }
    let read = try PairColumns.advising {
      try reading.read(data, for: opened.activeHead, like: opened.trainedInputs, flags.console)
    }
    try inputs.requirePairs(in: read.rows, for: opened, flags.console)
    let dataset = try read.namingUnreadColumns {
      try Dataset(
        read.rows, for: model, labels: read.labelReading,
        maxLength: length.maxLength(for: opened),
        stride: stride.stride(for: opened), packsTexts: groupTexts,
        isLengthGiven: length.maxLength != nil)
    }
    // Only now: that the head cannot read such rows is the more useful thing to say.
    inputs.warnOfPairs(in: read.rows, for: opened, flags.console)
    for note in dataset.facts.notes { flags.console.note(note) }
    for sentence in dataset.facts.sentences { flags.console.warn(sentence) }
    let backend = try backend.make(registry, flags.console)
    let session = try precision.session(model, on: backend, strictness, flags.console)
    var options = EvaluationOptions(
      batchSize: batch.batchSize ?? EvaluationOptions().batchSize, seed: seed,
      keepsPredictions: predictions != nil)
    if let mlmProbability { options.mlmProbability = Float(mlmProbability) }
    options.topRanks = topK?.values
    options.tunesThreshold = tuneThreshold != .none
    let bar = ProgressBar("evaluating", unit: "samples", total: dataset.count, console: flags.console)
    let filler = try TokenGenerator(at: generator, for: model, backend: backend, registry: registry)
    let group = GraftTool.group
    try Ranks.requireSame(opened, session, ["data": .string(dataset.fingerprint)])
    var evaluation = try evaluate(
      session, on: dataset, options: options, generator: filler, group: group,
      progress: { bar.update($0) })
    bar.clear()
    if pseudoPerplexity {
      let bar = ProgressBar(
        "masking each token", unit: "samples", total: dataset.count, console: flags.console)
      evaluation.metrics["pseudo_perplexity"] = try GraftKit.pseudoPerplexity(
        session, on: dataset, batchSize: batch.batchSize ?? EvaluationOptions().batchSize, group: group,
        progress: { bar.update($0) }
      ).value
      bar.clear()
    }
    if let tuning = tuneThreshold.tuning {
      let thresholds = try evaluation.tuneThresholds(tuning)
      var file = url
      if group.leads {
        file = try keepThresholds(thresholds, in: url, head: parked, key: evaluation.thresholdKey)
      }
      let found = tuning == .global ? Format.score(thresholds.first ?? 0.5) : "of each label"
      flags.console.note(
        "the threshold \(found) is kept in \(file.displayPath); "
          + "it was chosen on these data, so that their scores are too good for others")
    }
    if let predictions, group.leads {
      try PredictionFile.write(
        evaluation.predictions, of: dataset, labels: evaluation.rowLabels, scores: evaluation.rowScores,
        to: predictions.url)
    }
    var document = evaluation.document.object ?? [:]
    document["truncated_texts"] = JSON(dataset.facts.truncated)
    document["max_length"] = JSON(dataset.facts.maximumLength)
    if !dataset.facts.skipped.isEmpty { document["skipped"] = JSON(dataset.facts.skipped.count) }
    if !dataset.facts.remarks.isEmpty { document["remarks"] = .list(dataset.facts.remarks) }
    let text = JSON.object(document).text(.pretty)
    if let output, group.leads {
      do {
        try FileWriter.write(output.url, text: text + "\n")
      } catch {
        // One of two files would have to be removed before the next attempt.
        for claim in claims { claim.withdraw() }
        throw error
      }
    }
    try Output.print(flags.json ? text : EvaluationTable(evaluation).text)
  }

  /// Scores how well texts are found for queries.
  private func evaluateRetrieval(_ opened: Checkpoint, _ registry: Registry) throws {
    let model = try opened.makeModel()
    length.check(model, flags.console)
    let results = try retrieval.evaluate(
      opened, queries: data, batchSize: batch.batchSize, maxLength: length.maxLength,
      session: precision.session(
        model, on: backend.make(registry, flags.console), strictness, flags.console),
      flags.console)
    let text = Results.json(results).text(.pretty)
    if let output { try FileWriter.write(output.url, text: text + "\n") }
    try Output.print(flags.json ? text : Results.text(results))
  }
}
