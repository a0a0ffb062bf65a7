import ArgumentParser
import Foundation
import GraftCore
import GraftExperiments
import GraftKit
import GraftTensors

/// `graft quantize`
struct Quantize: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Write a checkpoint whose encoder has its linear layers in int8, a quarter of their size.",
    discussion: """
      Weights become whole numbers with a scale for each output, as '--precision int8' makes them of any checkpoint \
      while it runs: it answers the same with both, bit for bit, where no layer is kept. Embeddings, norms, biases, pooler and heads stay as \
      they are. The checkpoint opens wherever one does; without '--precision int8', and in training, it computes with \
      what the whole numbers stand for. 'graft export --format onnx' writes it with integer products that ONNX Runtime runs.

      --calibrate compares int8 with float32 on texts of yours before anything is written: with labels the scores of \
      both, without them how many answers are the same, of vectors their cosines; and which layers of the encoder are worth \
      leaving in float32. It prints a verdict, and DIR has the report as quantization.html. Weights are rounded the same \
      whatever the texts.

      \(DataFlags.help)

      EXAMPLES
        graft quantize news --output news-int8
        graft quantize news --output news-int8 --calibrate test.csv
        graft quantize news --output news-int8 --keep-float32 layer.0 output.dense
        graft predict news-int8 'Stocks fell on Monday' --precision int8
        graft export news-int8 --format onnx --output news-int8.onnx
      """)

  @OptionGroup var checkpoint: CheckpointArgument

  @Option(help: ArgumentHelp("The directory to create.", valueName: "DIR"), completion: .directory)
  var output: Path

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Linear layers that stay in float32, by their names or words of these, such as layer.0,attention.output.",
      valueName: "LAYER"))
  var keepFloat32: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Texts to compare int8 with float32 on, with labels or without.", valueName: "FILE"),
    completion: .file())
  var calibrate: [Path] = []

  @OptionGroup(title: "Data") var reading: DataFlags
  @OptionGroup var length: LengthFlag
  @OptionGroup var stride: StrideFlag
  @OptionGroup var untrained: UntrainedFlag
  @OptionGroup var backend: BackendFlags
  @OptionGroup var flags: OutputFlags

  func validate() throws {
    if keepFloat32.contains(where: \.commaSeparatedNames.isEmpty) {
      throw ValidationError("--keep-float32 has no names.")
    }
    let given = reading.given + (stride.stride == nil ? [] : ["stride"])
    guard calibrate.isEmpty, let flag = given.first else { return }
    throw ValidationError("--\(flag) is about the data of --calibrate.")
  }

  func run() throws {
    try DirectoryWriter.checkVacant(output.url)
    let registry = try GraftTool.registry()
    let url = try checkpoint.locate(registry, flags.console)
    var found: (cost: QuantizationCost, data: [String])?
    let (quantization, report) = try quantizeModel(
      url, to: output.url, keeping: keepFloat32.flatMap(\.commaSeparatedNames), registry: registry,
      measuring: {
        found = try calibrate.isEmpty ? nil : measure($0, $1, registry)
        return found?.cost
      })
    flags.console.report(report, of: url)
    let (rounded, kept) = (quantization.rounded, quantization.kept)
    if !flags.json {
      try Output.print(
        "int8:     \(Format.count(rounded.count, "linear layer")), \(Format.grouped(rounded.reduce(0) { $0 + $1.count })) weights"
      )
      if !kept.isEmpty { try Output.print("float32:  \(kept.map(\.name).joined(separator: ", "))") }
    }
    var facts: [(String, JSON)] = [
      ("int8", .list(rounded.map(\.name))), ("float32", .list(kept.map(\.name))),
    ]
    if let (cost, data) = found {
      let page = output.url.appendingPathComponent("quantization.html")
      try writeQuantizationReport(cost, of: output.url.lastPathComponent, data: data, to: page)
      facts.append(("cost", cost.json))
      if !flags.json { try show(cost) }
    }
    try OutputSummary.show(output.url, report: report, facts: facts, flags)
  }

  private func measure(
    _ checkpoint: Checkpoint, _ quantization: Quantization, _ registry: Registry
  ) throws -> (QuantizationCost, [String]) {
    var checkpoint = checkpoint
    checkpoint.usePrompts()
    try untrained.check(checkpoint, flags.console)
    let read = try reading.read(
      calibrate, for: checkpoint.activeHead, like: checkpoint.trainedInputs, flags.console)
    try checkpoint.checkStride(isGiven: stride.stride != nil)
    length.check(limit: try checkpoint.makeBackbone().maximumLength, flags.console)
    var options = QuantizationCostOptions(
      maximumLength: length.maxLength(for: checkpoint), labels: read.labelReading)
    options.stride = stride.stride
    let cost = try read.namingUnreadColumns {
      try quantizationCost(
        of: checkpoint, quantization, on: read.rows, backend.make(registry, flags.console), options)
    }
    for note in cost.facts.notes { flags.console.note(note) }
    for sentence in cost.notes + cost.facts.sentences { flags.console.warn(sentence) }
    return (cost, read.names.map { ($0 as NSString).lastPathComponent })
  }

  private func show(_ cost: QuantizationCost) throws {
    for table in [cost.comparison, cost.layerTable] {
      let alignments = table.header.indices.map { $0 < table.words ? Format.Alignment.left : .right }
      try Output.print(Format.table(table.rows, header: table.header, alignments: alignments) + "\n")
    }
    try Output.print(cost.verdict)
  }
}
