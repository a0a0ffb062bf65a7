import Foundation
import GraftCore
import GraftTensors
import OrderedCollections

/// What a head said about each row of a data set: one JSON object a line.
///
///     {"row":812,"label":2,"prediction":2,"scores":[0.01,0.02,0.95,0.02],"text":"Stocks fell on Monday"}
///
/// `row` counts the rows of the data file from 0; where rows are of several files, `file` is its name, or its path where
/// two have one name. Labels and predictions are the numbers of classes; of several
/// labels, 0 or 1 for each; of a regression, the values; of words, a number for each; of questions, the right answers and
/// the one that was given. A class is also there by its name, under `label_name` and `prediction_name`; several labels by the
/// list of those that are given, under `label_names` and `prediction_names`, and the labels of words by a list with one for
/// each of the `words`. `id` is the row's own, where it has one; what else a task has is in `TaskPrediction.record(beside:)`.
/// `row_score` has the `terms` that the row adds to the leading score, as `RowScores.Rule` says.
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
        let read = example?.row ?? row
        // Of the whole row; a task that reads no labels may give its examples some.
        let label = data.labels.indices.contains(index) ? data.labels[index] : example?.label
        var line: [(String, JSON)] = [
          ("row", JSON(row.place.index)), ("label", label?.json ?? .null),
          ("prediction", prediction.answer), ("scores", .array(prediction.scores.map { JSON($0) })),
          ("text", .string(read.text)),
        ]
        if let id = row.fields["id"] { line.append(("id", id)) }
        for (key, answer) in [("label", label?.json), ("prediction", prediction.answer)] {
          if let index = answer?.int, labels.indices.contains(index) {
            line.append(("\(key)_name", .string(labels[index])))
          } else if label is ValuesLabel, let given = answer?.array?.map(\.double),
            given.count == labels.count
          {
            let names = zip(labels, given).filter { $0.1 == 1 }.map { JSON.string($0.0) }
            line.append(("\(key)_names", .array(names)))
          }
        }
        if paths.count > 1 {
          let path = row.place.file
          line.append(("file", .string(areNamedApart ? (path as NSString).lastPathComponent : path)))
        }
        if let scores { line.append(("row_score", scores.rows[index].json)) }
        if let pair = read.pair { line.append(("pair", .string(pair))) }
        let members = OrderedDictionary(uniqueKeysWithValues: line)
          .merging(prediction.record(beside: label)) { first, _ in first }
        try writer.append(Array((JSON.object(members).text() + "\n").utf8))
      }
    }
  }
}
