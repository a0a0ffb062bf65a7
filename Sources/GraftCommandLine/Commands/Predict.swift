import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

/// `graft predict`
struct Predict: RunsOnRanks {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Label texts with a classifier: label, score and text of each.",
    discussion: """
      Prints one line a text in the texts' order, with tabs between label, score and text. Several labels \
      are joined with '|'; a regression and a text without any label have '-'. --json adds every label's score.

      --candidate-labels asks a classifier of entailment for labels that it was not trained with. It scores the \
      text against a sentence about each label. The scores add up to 1; with --multi-label each label has a \
      probability of its own.

      A head 'multiple-choice' prints the number of the chosen text, its probability, the text and the question. \
      Choices are given with --choice or stand in a file with the questions; a --pair is what the choices go on from.

      --heads asks several heads of the checkpoint, active or parked, and runs each text through the backbone once. A line \
      has the number of the text, from 1, the head, its answer and the text; a head that labels tokens has a line for each \
      entity.

      Files of any size are read piece by piece, and answers are printed as they come, in order. --json prints one list, \
      --json-lines an object a line. An error in a later row leaves the answers before it, in JSON a whole list.

      Started by mpirun, ranks share the work; rank 0 alone reads the texts and prints.

      EXAMPLES
        graft predict news 'Stocks fell on Monday' 'The match ended 2:1'
        graft predict news --input texts.txt > labelled.tsv
        graft predict news --input articles.csv --text-column title,body
        graft predict entailment --input pairs.csv --text-column premise \\
          --pair-column hypothesis
        graft predict entailment 'A man sleeps.' --pair 'A man is awake.'
        graft predict entailment 'Stocks fell on Monday' \\
          --candidate-labels sports,business,science
        graft predict swag 'She opens the door.' --pair 'Then she' \\
          --choice 'walks in.' --choice 'swims away.'
        graft predict both --input texts.txt \\
          --heads sequence-classification,token-classification
        zcat texts.gz | graft predict news --input - --json-lines
        mpirun -n 4 --bind-to none graft predict news --input texts.txt > labelled.tsv
      """)

  @OptionGroup var checkpoint: CheckpointArgument
  @OptionGroup var input: TextInput
  @OptionGroup var head: AnsweringHeadFlag

  @Option(
    help: ArgumentHelp(
      "Heads that answer, separated by commas, as 'graft head list' shows them. (default: the active one)",
      valueName: "A,B"))
  var heads: String?

  @OptionGroup var choices: ChoiceFlags
  @OptionGroup(title: "Zero-shot") var zeroShot: ZeroShotFlags
  @OptionGroup var longTexts: LongTextsFlag
  @OptionGroup var stride: StrideFlag
  @OptionGroup var batch: BatchFlag
  @OptionGroup var length: LengthFlag
  @OptionGroup var inputs: TrainedInputsFlags
  @OptionGroup var threshold: ThresholdFlag
  @OptionGroup var untrained: UntrainedFlag
  @OptionGroup var backend: BackendFlags
  @OptionGroup var ranks: RankFlags
  @OptionGroup var precision: PrecisionFlag
  @OptionGroup var strictness: StrictFlag
  @OptionGroup var results: ResultFlags
  @OptionGroup var output: OutputFlags

  func validate() throws {
    _ = try results.printer(output)
    try choices.check(input)
    if let heads {
      guard !heads.commaSeparatedNames.isEmpty else {
        throw ValidationError("--heads has no names: 'graft head list' shows those of a checkpoint.")
      }
      for (flag, isGiven) in [
        ("task", head.task != nil), ("candidate-labels", zeroShot.candidateLabels != nil),
        ("long-texts", longTexts.longTexts != nil),
        ("threshold", threshold.threshold != nil), ("choice", !choices.choice.isEmpty),
      ] where isGiven {
        throw ValidationError("--\(flag) is about one head: leave out --heads.")
      }
    }
    guard zeroShot.candidateLabels != nil else { return }
    for (flag, isGiven) in [
      ("long-texts", longTexts.longTexts != nil), ("stride", stride.stride != nil),
      ("threshold", threshold.threshold != nil), ("choice", !choices.choice.isEmpty),
    ] where isGiven {
      throw ValidationError("--\(flag) has no meaning with --candidate-labels.")
    }
  }

  func run() throws {
    ranks.noteWhatIsIgnored([], output.console)
    let registry = try GraftTool.registry()
    var opened = try checkpoint.open(registry, strictness, output.console)
    if let heads { return try answer(opened, heads, registry) }
    opened = try head.select(in: opened)
    try threshold.settle(&opened)
    try opened.setLongTexts(longTexts.longTexts)
    try opened.checkStride(isGiven: stride.stride != nil)
    try untrained.check(opened, output.console)
    let model = try opened.makeModel()
    let task = try model.requirePredictingHead().task
    length.check(model, output.console)
    let session = try precision.session(
      model, on: backend.make(registry, output.console), strictness, output.console)
    try Ranks.requireSame(opened, session)
    if let question = try zeroShot.question() {
      return try classify(with: session, question, like: opened)
    }
    let heads = opened.activeHead
    let feed = try input.feed("predicting", for: [opened], batchSize: batch.batchSize, output.console)
    let prepare = { (rows: inout [TextRow]) in
      try choices.add(to: &rows, for: heads, isFromFiles: !input.input.isEmpty)
      try inputs.check(rows, for: opened, feed.console)
    }
    try show(feed, preparing: prepare) { rows in
      let data = try Dataset(
        rows, for: model, maxLength: length.maxLength(for: opened), stride: stride.stride(for: opened),
        requiringLabels: false, isLengthGiven: length.maxLength != nil)
      let predictions = try predict(
        session, on: data, batchSize: batch.batchSize, progress: { feed.update($0, of: data.count) })
      return (try rows.map { try $0.shown(by: task) }, predictions, data.facts)
    }
  }

  private func classify(
    with session: InferenceSession, _ question: ZeroShot, like checkpoint: Checkpoint
  ) throws {
    let feed = try input.feed(
      "predicting", for: [checkpoint], readsPairs: false, batchSize: batch.batchSize, output.console)
    try show(feed) { rows in
      let facts = try truncatedRows(
        rows, for: session.model, maxLength: length.maxLength, sequences: question.pairs(of:))
      let predictions = try GraftKit.classify(
        rows, with: session, question, batchSize: batch.batchSize, maximumLength: length.maxLength,
        progress: { [count = rows.count * question.labels.count] in feed.update($0, of: count) })
      return (rows, predictions, facts)
    }
  }

  /// Prints what is said about each window of texts.
  ///
  /// - Parameters:
  ///   - prepare: Checks the rows; may change them.
  ///   - predict: Also returns what is shown of the rows.
  private func show(
    _ feed: TextFeed, preparing prepare: (inout [TextRow]) throws -> Void = { _ in },
    _ predict: ([TextRow]) throws -> (shown: [TextRow], found: [any TaskPrediction], facts: DatasetFacts)
  ) throws {
    var printer = try results.printer(output)
    var cut = CutTexts()
    try printer.whole { printer in
      let form = printer
      try feed.answer(preparing: prepare) { rows in
        let (shown, found, facts) = try predict(rows)
        return zip(zip(shown, found), facts.limits).map { answered, limit in
          let (row, prediction) = answered
          return PrintedAnswer(
            results: [
              form.isJSON
                ? form.text(of: row.answered(by: prediction, isCut: limit != nil)) : row.line(prediction)
            ], limits: [limit])
        }
      } _: { _, answers in
        for answer in answers { cut.add(answer.limits[0]) }
        try printer.print(answers.flatMap(\.results))
      }
    }
    if let sentence = cut.sentence { output.console.warn(sentence) }
  }
}

extension TextRow {
  /// What is said of it, for people.
  fileprivate func line(_ prediction: any TaskPrediction) -> String {
    (prediction.columns + [text, pair].compactMap(\.self)).map(Format.oneLine).joined(separator: "\t")
  }

  /// What is said of it, for machines.
  fileprivate func answered(by prediction: any TaskPrediction, isCut: Bool) -> JSON {
    .object(
      textMembers + (isCut ? [("truncated", true)] : [])
        + prediction.members.map { ($0.key, $0.value) })
  }
}
