import Foundation
import GraftKit
import GraftTensors

/// Writes what rounding to int8 costs as one HTML page that needs nothing else.
///
/// - Parameters:
///   - cost: The measurement.
///   - name: What the model is called.
///   - data: What the texts are called.
///   - url: The file.
/// - Throws: `GraftError` when the file exists or cannot be written.
public func writeQuantizationReport(
  _ cost: QuantizationCost, of name: String, data: [String], to url: URL
) throws {
  try FileWriter.checkVacant(url)
  let content = ReportContent(
    title: "\(name) in int8",
    subtitle:
      "\(NumberText.count(cost.rows, "text")) of \(data.joined(separator: ", ")); Graft \(graftVersion)",
    verdict: cost.verdict,
    blocks: [
      .heading("What was done"),
      .text(
        (cost.source.map { "The checkpoint is \($0). " } ?? "") + cost.quantization.sentences { $0 }),
    ] + cost.notes.map { .text("\($0).") }
      + [
        .heading("Against float32"), .table(cost.comparison), .heading("Layers"),
        .text(
          "Each layer of the encoder was rounded alone. The error is how far the hidden states of the first "
            + "\(NumberText.count(cost.sample, "text")) move, as a part of their length; the share is what a layer's squared "
            + "error has of the sum of all. A layer is worth leaving in float32 when its share is more than twice the average."
        ),
        .table(cost.layerTable),
      ])
  try FileWriter.write(url, text: HTMLReport.render(content))
}
