import Foundation
import GraftCore
import GraftTensors

/// What a head said about each row of a data set: one JSON object a line.
///
///     {"row":812,"label":2,"prediction":2,"scores":[0.01,0.02,0.95,0.02],"text":"Stocks fell on Monday"}
///
/// `row` counts the rows of the data file from 0; where rows are of several files, `file` is its name, or its path where
/// two have one name. Labels and predictions are the numbers of classes; of several
/// labels, 0 or 1 for each; of a regression, the values. A class is also there by its name, under `label_name` and
/// `prediction_name`; several labels by the list of those that are given, under `label_names` and `prediction_names`.
public enum PredictionFile {
  /// Writes a line for each row.
  ///
  /// - Parameters:
  ///   - predictions: Of an evaluation that kept them, one for each row.
  ///   - data: What was evaluated.
  ///   - labels: The names of the outputs of a classifier.
  ///   - scores: What each row adds to the leading score, for a line's `row_score`.
  ///   - file: Created or replaced.
  /// - Throws: `GraftError` when the file cannot be written.
  public static func write(
    _ predictions: [any TaskPrediction], of data: Dataset, labels: [String] = [],
    scores: RowScores? = nil, to file: URL
  ) throws {
    precondition(predictions.count == data.rows.count)
    let paths = Set(data.rows.map(\.place.file))
    let areNamedApart = Set(paths.map { ($0 as NSString).lastPathComponent }).count == paths.count
    try FileWriter.write(file) { writer in
      for (index, (row, prediction)) in zip(data.rows, predictions).enumerated() {
        let example = try data.examples(ofRow: index).first.map(data.example)
        var line: [(String, JSON)] = [
          ("row", JSON(row.place.index)), ("label", example?.label?.json ?? .null),
          ("prediction", prediction.answer), ("scores", .array(prediction.scores.map { JSON($0) })),
          ("text", .string((example?.row ?? row).text)),
        ]
        for (key, answer) in [("label", example?.label?.json), ("prediction", prediction.answer)] {
          if let index = answer?.int, labels.indices.contains(index) {
            line.append(("\(key)_name", .string(labels[index])))
          } else if let given = answer?.array?.map(\.double), given.count == labels.count {
            let names = zip(labels, given).filter { $0.1 == 1 }.map { JSON.string($0.0) }
            line.append(("\(key)_names", .array(names)))
          }
        }
        if paths.count > 1 {
          let path = row.place.file
          line.append(("file", .string(areNamedApart ? (path as NSString).lastPathComponent : path)))
        }
        if let scores { line.append(("row_score", scores.rows[index].json)) }
        if let pair = row.pair { line.append(("pair", .string(pair))) }
        try writer.append(Array((JSON.object(.init(uniqueKeysWithValues: line)).text() + "\n").utf8))
      }
    }
  }
}
