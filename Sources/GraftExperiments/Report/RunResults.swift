import Foundation
import GraftCore
import GraftKit
import GraftTensors

/// What the arms of a run came to, read from the files of its stages.
package struct RunResults {
  let record: RunRecord
  /// The names of the classes.
  let labels: [String]
  let arms: [Arm]
  let comparisons: [Comparison]
  let curves: [CurveGroup]
  let languageModels: [LanguageModelScore]

  /// What one arm came to.
  struct Arm {
    let name: String
    let seeds: [Seed]

    /// The accuracies on the test rows; `nil` when a seed was not evaluated.
    var accuracy: Summary? { summary { $0.test?.confusion.accuracy } }
    /// The macro F1 on the test rows.
    var f1: Summary? { summary { $0.test?.confusion.macro.f1 } }
    /// The mean loss on the test rows.
    var loss: Summary? { summary { $0.results["eval_loss"] } }

    /// The counts of all seeds together.
    var confusion: ConfusionMatrix? {
      let matrices = seeds.compactMap { $0.test?.confusion }
      guard var sum = matrices.first else { return nil }
      for matrix in matrices.dropFirst() { sum.add(matrix) }
      return sum
    }

    private func summary(_ value: (Seed) -> Double?) -> Summary? {
      let values = seeds.compactMap(value)
      return values.count == seeds.count ? Summary(values) : nil
    }
  }

  /// What one seed of an arm came to.
  struct Seed {
    let seed: UInt64
    /// Of the last evaluation that kept its predictions.
    let test: TestPredictions?
    /// The numbers of that evaluation, or else of the last one.
    let results: [String: Double]
    /// How long its stages took, those that were computed for another arm or run included.
    let seconds: Double
  }

  /// How well a masked-language model did in an evaluation.
  struct LanguageModelScore {
    let arm: String
    /// Several when they share the stage.
    var seeds: [UInt64]
    let stage: String
    fileprivate let file: URL?
    let pseudoPerplexity: Double?
    let loss: Double?

    fileprivate func isShared(with other: LanguageModelScore) -> Bool {
      arm == other.arm && stage == other.stage && file != nil && file == other.file
    }
  }

  /// Reads the results of a run's directory.
  ///
  /// - Throws: `GraftError` naming the file that is missing or malformed.
  init(_ run: URL) throws {
    let record = try RunRecord(run)
    let known = record.data.map(\.labels).max { $0.count < $1.count } ?? []
    var languageModels: [LanguageModelScore] = []
    var arms = try record.arms.map { arm in
      Arm(
        name: arm.name,
        seeds: try arm.seeds.map { seed, stages in
          var test: TestPredictions?
          var last: [String: Double] = [:]
          for stage in stages where stage.kind == "evaluate" {
            let results = try stage.results.map { try RunResults.numbers($0) } ?? [:]
            let predictions = try stage.predictions.flatMap { try TestPredictions(reading: $0) }
            if predictions != nil || test == nil { last = results }
            test = predictions ?? test
            if stage.isLanguageModel || results["eval_pseudo_perplexity"] != nil {
              let score = LanguageModelScore(
                arm: arm.name, seeds: [seed], stage: stage.name, file: stage.results,
                pseudoPerplexity: results["eval_pseudo_perplexity"], loss: results["eval_loss"])
              if let index = languageModels.firstIndex(where: { $0.isShared(with: score) }) {
                languageModels[index].seeds.append(seed)
              } else {
                languageModels.append(score)
              }
            }
          }
          let seconds = stages.compactMap(\.seconds).reduce(0, +)
          return Seed(seed: seed, test: test, results: last, seconds: seconds)
        })
    }
    let classes = max(
      known.count, arms.flatMap(\.seeds).compactMap { $0.test?.confusion.classes }.max() ?? 0)
    labels = known + (known.count..<classes).map { "class \($0)" }
    // So that all matrices have one size.
    arms = arms.map { arm in
      Arm(
        name: arm.name,
        seeds: arm.seeds.map {
          Seed(seed: $0.seed, test: $0.test?.resized(to: classes), results: $0.results, seconds: $0.seconds)
        })
    }
    self.record = record
    self.arms = arms
    self.languageModels = languageModels
    comparisons = arms.dropFirst().map { Comparison(arms[0], $0) }
    curves = try CurveGroup.all(of: record)
  }

  private static func numbers(_ file: URL) throws -> [String: Double] {
    (try JSON(file: file).object ?? [:]).compactMapValues { value in
      value.double.flatMap { $0.isFinite ? $0 : nil }
    }.reduce(into: [:]) { $0[$1.key] = $1.value }
  }
}

/// The predictions of one evaluation, as ``PredictionFile`` wrote them.
struct TestPredictions {
  let rows: [Row]
  let confusion: ConfusionMatrix

  struct Row {
    let row: Int
    let label: Int
    let prediction: Int
    let text: String

    var isRight: Bool { label == prediction }
  }

  /// More classes than any task has.
  private static let mostClasses = 1_000_000

  /// Reads the lines of a file.
  ///
  /// - Returns: `nil` when its labels are not the numbers of classes.
  /// - Throws: `GraftError` naming the line that is not a prediction.
  init?(reading file: URL) throws {
    let bytes = try RandomAccessFile(file).bytesOfWholeFile(limit: 1 << 31)
    var rows: [Row] = []
    for (index, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
      func malformed(_ problem: String) -> GraftError {
        GraftError(.malformed, problem, file: file.path, subject: "line \(index + 1)")
      }
      let json: JSON
      do { json = try JSON(parsing: line) } catch { throw malformed("not a JSON object") }
      if json["label"]?.array != nil { return nil }
      guard let row = json["row"]?.int, let label = json["label"]?.int,
        let prediction = json["prediction"]?.int, let text = json["text"]?.string,
        (0..<TestPredictions.mostClasses).contains(label),
        (0..<TestPredictions.mostClasses).contains(prediction)
      else { throw malformed("not a prediction") }
      rows.append(Row(row: row, label: label, prediction: prediction, text: text))
    }
    guard !rows.isEmpty else { throw GraftError(.malformed, "has no predictions", file: file.path) }
    let classes = 1 + (rows.map { max($0.label, $0.prediction) }.max() ?? 0)
    self.init(rows, classes: classes)
  }

  private init(_ rows: [Row], classes: Int) {
    self.rows = rows
    var confusion = ConfusionMatrix(classes: classes)
    for row in rows { confusion.add(actual: row.label, predicted: row.prediction) }
    self.confusion = confusion
  }

  /// The same among more classes.
  func resized(to classes: Int) -> TestPredictions { TestPredictions(rows, classes: classes) }

  /// Whether two evaluations were on the same rows, in the same order.
  func isOnTheSameRows(as other: TestPredictions) -> Bool {
    rows.count == other.rows.count
      && zip(rows, other.rows).allSatisfy { $0.row == $1.row && $0.label == $1.label && $0.text == $1.text }
  }
}
