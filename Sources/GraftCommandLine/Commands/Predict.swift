import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

/// `graft predict`
struct Predict: ParsableCommand {
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
      has the number of the text, the head, its answer and the text; a head that labels tokens has a line for each entity.

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
        zcat texts.gz | graft predict news --input - --json
      """)

  @OptionGroup var checkpoint: CheckpointArgument
  @OptionGroup var input: TextInput

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
  @OptionGroup var precision: PrecisionFlag
  @OptionGroup var strictness: StrictFlag
  @OptionGroup var output: OutputFlags

  func validate() throws {
    try choices.check(input)
    if heads != nil {
      for (flag, isGiven) in [
        ("candidate-labels", zeroShot.candidateLabels != nil), ("long-texts", longTexts.longTexts != nil),
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
    let registry = try GraftTool.registry()
    var opened = try checkpoint.open(registry, strictness, output.console)
    if let heads { return try answer(opened, heads, registry) }
    try threshold.settle(&opened)
    try opened.setLongTexts(longTexts.longTexts)
    try untrained.check(opened, output.console)
    let model = try opened.makeModel()
    _ = try model.requireHead()
    if let question = try zeroShot.question() {
      return try classify(input.rows(output.console), with: model, question, registry)
    }
    let heads = opened.activeHead
    var rows = try input.rows(like: opened.trainedInputs, for: heads, output.console)
    try choices.add(to: &rows, for: heads, isFromFiles: !input.input.isEmpty)
    try inputs.check(rows, for: opened, output.console)
    let data = try Dataset(
      rows, for: model, maxLength: length.maxLength(for: opened), stride: stride.stride(for: opened),
      requiringLabels: false)
    for sentence in data.facts.sentences { output.console.warn(sentence) }
    let bar = ProgressBar(
      "predicting", unit: data.count > rows.count ? "windows" : "texts", total: data.count,
      console: output.console)
    let predictions = try predict(
      precision.session(
        model, on: backend.make(registry, output.console), strictness, output.console), on: data,
      batchSize: batch.batchSize,
      progress: { bar.update($0) })
    bar.clear()
    // A row without a text is shown by what is read of it.
    let task = try model.requireHead().task
    let shown = try rows.map { row in
      guard row.text.isEmpty, !row.fields.isEmpty, let first = try task.sequences(of: row).first else {
        return row
      }
      return TextRow(first.text, place: row.place)
    }
    try show(predictions, of: shown, truncated: Set(data.facts.truncatedRows))
  }

  private func classify(
    _ rows: [TextRow], with model: Model, _ question: ZeroShot, _ registry: Registry
  ) throws {
    length.check(model, output.console)
    let facts = try truncatedRows(
      rows, for: model, maxLength: length.maxLength, sequences: question.pairs(of:))
    for sentence in facts.sentences { output.console.warn(sentence) }
    let bar = ProgressBar(
      "predicting", unit: "pairs", total: rows.count * question.labels.count, console: output.console)
    let predictions = try GraftKit.classify(
      rows,
      with: precision.session(
        model, on: backend.make(registry, output.console), strictness, output.console), question,
      batchSize: batch.batchSize, maximumLength: length.maxLength, progress: { bar.update($0) })
    bar.clear()
    try show(predictions, of: rows, truncated: Set(facts.truncatedRows))
  }

  private func show(
    _ predictions: [any TaskPrediction], of rows: [TextRow], truncated: Set<Int> = []
  ) throws {
    if output.json {
      try Output.print(
        .array(
          zip(rows.indices, predictions).map { index, prediction in
            .object(
              rows[index].textMembers + (truncated.contains(index) ? [("truncated", true)] : [])
                + prediction.members.map { ($0.key, $0.value) })
          }))
    } else {
      let lines = zip(rows, predictions).map { row, prediction in
        (prediction.columns + [row.text, row.pair].compactMap { $0.map(Format.oneLine) }).joined(
          separator: "\t")
      }
      try Output.print(lines.joined(separator: "\n"))
    }
  }
}
