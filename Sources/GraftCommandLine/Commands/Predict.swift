import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

/// `graft predict`
struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Label texts with a classifier: label, score and text of each.",
    discussion: """
      Prints one line a text in the texts' order, with tabs between label, score and text. Several labels \
      are joined with '|'; a regression and a text without any label have '-'. --json adds every label's score.

      EXAMPLES
        graft predict news 'Stocks fell on Monday' 'The match ended 2:1'
        graft predict news --input texts.txt > labelled.tsv
        zcat texts.gz | graft predict news --input - --json
      """)

  @OptionGroup var checkpoint: CheckpointArgument
  @OptionGroup var input: TextInput

  @OptionGroup var batch: BatchFlag
  @OptionGroup var length: LengthFlag
  @OptionGroup var untrained: UntrainedFlag
  @OptionGroup var backend: BackendFlags
  @OptionGroup var strictness: StrictFlag
  @OptionGroup var output: OutputFlags

  func run() throws {
    let registry = try GraftTool.registry()
    let opened = try checkpoint.open(registry, strictness, output.console)
    try untrained.check(opened, output.console)
    let model = try opened.makeModel()
    _ = try model.requireHead()
    let texts = try input.read()
    let data = try Dataset(
      texts.map { TextRow($0) }, for: model, maximumLength: length.maxLength, requiringLabels: false)
    let bar = ProgressBar("predicting", unit: "texts", total: texts.count, console: output.console)
    let predictions = try predict(
      model, on: data, batchSize: batch.batchSize, backend: backend.make(registry, output.console),
      progress: { bar.update($0) })
    bar.clear()
    if output.json {
      let labels = try model.configuration.labels()
      try Output.print(.array(zip(texts, predictions).map { json($0, $1, labels) }))
    } else {
      let lines = zip(texts, predictions).map { text, prediction in
        let label = prediction.labels.isEmpty ? "-" : prediction.labels.joined(separator: "|")
        return "\(label)\t\(Format.score(prediction.score))\t\(Format.oneLine(text))"
      }
      try Output.print(lines.joined(separator: "\n"))
    }
  }

  private func json(_ text: String, _ prediction: Prediction, _ labels: [String]) -> JSON {
    [
      "text": .string(text), "labels": .list(prediction.labels), "score": JSON(prediction.score),
      "scores": .object(zip(labels, prediction.scores).map { ($0, JSON($1)) }),
    ]
  }
}
