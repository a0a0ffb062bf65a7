import Foundation
import GraftCore
import GraftTensors

/// Writes a checkpoint whose encoder has linear layers in int8.
///
/// The weights are whole numbers with a scale for each output, rounded as an inference session in int8 rounds them, so that
/// such a session answers the same, bit for bit. All else stays as it is.
///
/// - Parameters:
///   - source: A checkpoint directory or weight file.
///   - output: A directory to create.
///   - kept: Layers that stay in float32; see ``GraftCore/Checkpoint/quantize(keeping:)``.
///   - registry: The plugins.
///   - measure: Called before anything is written with the checkpoint as it is and with what is to be rounded. What it
///     measures is told on the model card; what it throws ends the call.
/// - Returns: What became of each layer, and of every tensor when the source was read.
/// - Throws: `GraftError` when the source is broken, the output exists, a layer is not known, or a weight is not finite.
public func quantizeModel(
  _ source: URL, to output: URL, keeping kept: [String] = [], registry: Registry,
  measuring measure: (Checkpoint, Quantization) throws -> QuantizationCost? = { _, _ in nil }
) throws -> (quantization: Quantization, report: LoadReport) {
  try DirectoryWriter.checkVacant(output)
  var (opened, options) = try openSource(
    source, for: OutputOptions(), strict: false, keepExtra: true, registry)
  let original = opened.checkpoint
  let quantization = try opened.checkpoint.quantize(keeping: kept)
  let cost = try measure(original, quantization)
  opened.checkpoint.lineage.append(
    LineageStep(
      "quantize",
      [
        "parent": .string(source.lastPathComponent), "type": "int8",
        "kept": .array(quantization.kept.map { .string($0.name) }),
      ]))
  opened.checkpoint.card = try ModelCard.quantized(
    opened.checkpoint, as: output.standardizedFileURL.lastPathComponent, dialect: options.dialect,
    quantization,
    cost)
  try opened.write(to: output, options, NonFiniteTally())
  return (quantization, opened.report)
}
