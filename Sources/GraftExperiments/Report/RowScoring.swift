import GraftCore

/// How a metric follows from the rows of an evaluation, so that it can be computed of any resample of them.
enum RowScoring {
  /// From the sums of terms over rows, `[row][term]`.
  case sums([[Double]], value: (_ sums: [Double], _ rows: Int) -> Double)
  /// From how often each row counts.
  case counts((_ counts: [Int]) -> Double)

  /// The metric of all rows, each counted once.
  func value(rows: Int) -> Double {
    switch self {
    case .sums(let terms, let value):
      var sums = [Double](repeating: 0, count: terms.first?.count ?? 0)
      for row in terms { for (index, term) in row.enumerated() { sums[index] += term } }
      return value(sums, rows)
    case .counts(let value): return value([Int](repeating: 1, count: rows))
    }
  }

  /// The mean of one number for each row.
  fileprivate static func mean(_ values: [Double]) -> RowScoring {
    .sums(values.map { [$0] }) { sums, rows in sums[0] / Double(rows) }
  }

  /// The F1 of hits, and of what there is and what was given together; 0 where both are.
  fileprivate static func f1(_ terms: [[Double]]) -> RowScoring {
    .sums(terms) { sums, _ in sums[1] > 0 ? 2 * sums[0] / sums[1] : 0 }
  }
}

extension PairedBootstrap {
  /// The difference of two arms' metrics.
  ///
  /// - Parameters:
  ///   - first: How the metric follows from the rows, of each seed.
  ///   - second: The same of the other arm, on the same rows.
  ///   - rows: How many rows there are.
  ///   - paired: Whether the arms' seeds are the same, in the same order.
  /// - Precondition: all are of one case, and have as many terms.
  init(_ first: [RowScoring], _ second: [RowScoring], rows: Int, paired: Bool) {
    func terms(_ arm: [RowScoring]) -> [[[Double]]] {
      arm.compactMap { if case .sums(let terms, _) = $0 { terms } else { nil } }
    }
    func counted(_ arm: [RowScoring]) -> [([Int]) -> Double] {
      arm.compactMap { if case .counts(let value) = $0 { value } else { nil } }
    }
    if case .sums(_, let value)? = first.first {
      self.init(terms(first), terms(second), paired: paired, score: value)
    } else {
      self.init(counting: counted(first), counted(second), rows: rows, paired: paired)
    }
  }
}

extension TestPredictions {
  /// How the metric follows from the rows; `nil` where they do not say it, as of a loss, or of a score that is not the one
  /// that the task says its rows add up to.
  var scoring: RowScoring? {
    switch rows.first?.answer {
    case .scored: scoringOfTask
    case .classes: scoringOfClasses
    case .labels: scoringOfLabels
    case .values: scoringOfValues
    case nil: nil
    }
  }

  private var scoringOfTask: RowScoring? {
    let terms = rows.map { row -> [Double] in
      if case .scored(let terms, _, _) = row.answer { terms } else { [] }
    }
    switch metric.rule {
    case .mean: return .mean(terms.map { $0[0] })
    case .f1: return .f1(terms)
    case .spearman:
      let ranks = ResampledRanks(terms.map { (prediction: $0[0], target: $0[1]) })
      return .counts(ranks.correlation)
    case nil: return nil
    }
  }

  // MARK: Classes

  private var scoringOfClasses: RowScoring? {
    switch metric.key {
    case TestMetric.accuracy.key: return .mean(rows.map { $0.isRight ? 1 : 0 })
    case "balanced_accuracy": return scoring(\.balancedAccuracy)
    case "matthews_correlation": return scoring(\.matthewsCorrelation)
    case "precision_macro": return scoring(\.macro.precision)
    case "recall_macro": return scoring(\.macro.recall)
    case "f1_macro": return scoring(\.macro.f1)
    default: break
    }
    let all = rows.compactMap(\.probabilities)
    guard all.count == rows.count else { return nil }
    switch metric.key {
    case "log_loss": return .mean(all.map(\.logLoss))
    case "expected_calibration_error":
      let bins = ProbabilityScores.binCount
      let terms = zip(rows, all).map { row, probabilities in
        var terms = [Double](repeating: 0, count: bins)
        terms[ProbabilityScores.bin(of: probabilities.confidence)] =
          (row.isRight ? 1 : 0) - probabilities.confidence
        return terms
      }
      return .sums(terms) { sums, rows in sums.reduce(0) { $0 + abs($1) } / Double(rows) }
    default:
      guard let rank = TestMetric.rank(of: metric.key) else { return nil }
      return .mean(all.map { $0.rank < rank ? 1 : 0 })
    }
  }

  /// A score of the confusion matrix of rows.
  private func scoring(_ score: @escaping (ConfusionMatrix) -> Double) -> RowScoring {
    // Rows of the same classes count alike.
    var places: [SIMD2<Int>: Int] = [:]
    let kinds = rows.map { row -> Int in
      guard case .classes(let label, let prediction) = row.answer else { return 0 }
      let place = places[SIMD2(label, prediction)] ?? places.count
      places[SIMD2(label, prediction)] = place
      return place
    }
    let classes = names.count
    return .counts { [places] counts in
      var sums = [Int](repeating: 0, count: places.count)
      for (row, count) in counts.enumerated() { sums[kinds[row]] += count }
      var matrix = ConfusionMatrix(classes: classes)
      for (pair, place) in places where sums[place] > 0 {
        matrix.add(actual: pair.x, predicted: pair.y, count: sums[place])
      }
      return score(matrix)
    }
  }

  // MARK: Labels

  private var scoringOfLabels: RowScoring? {
    let all = rows.map { row -> (label: [Bool], prediction: [Bool]) in
      if case .labels(let label, let prediction) = row.answer { (label, prediction) } else { ([], []) }
    }
    let counts = all.map { label, prediction in
      (
        hits: zip(label, prediction).count { $0 && $1 }, predicted: prediction.count(where: \.self),
        actual: label.count(where: \.self)
      )
    }
    let terms = counts.map { [Double($0.hits), Double($0.predicted), Double($0.actual)] }
    func share(_ first: Double, of second: Double) -> Double { second > 0 ? first / second : 0 }
    func samples(_ path: KeyPath<ConfusionMatrix.Scores, Double>) -> RowScoring {
      .mean(
        counts.map {
          ConfusionMatrix.Scores(hits: $0.hits, predicted: $0.predicted, actual: $0.actual)[keyPath: path]
        })
    }
    switch metric.key {
    case TestMetric.f1Micro.key: return .f1(terms.map { [$0[0], $0[1] + $0[2]] })
    case "precision_micro": return .sums(terms) { sums, _ in share(sums[0], of: sums[1]) }
    case "recall_micro": return .sums(terms) { sums, _ in share(sums[0], of: sums[2]) }
    case "precision_samples": return samples(\.precision)
    case "recall_samples": return samples(\.recall)
    case "f1_samples": return samples(\.f1)
    case "precision_macro": return scoringOfEachLabel(all, \.precision)
    case "recall_macro": return scoringOfEachLabel(all, \.recall)
    case "f1_macro": return scoringOfEachLabel(all, \.f1)
    case "subset_accuracy": return .mean(rows.map { $0.isRight ? 1 : 0 })
    case "hamming_loss": return .mean(rows.map { 1 - $0.quality(.f1Micro) })
    case "average_precision_macro", "average_precision_micro":
      guard rows.allSatisfy({ $0.scores.count == names.count }) else { return nil }
      let outputs = names.indices.map { output in zip(rows, all).map { ($0.scores[output], $1.label[output]) }
      }
      guard metric.key.hasSuffix("_macro") else {
        let width = names.count
        let ranked = ResampledPrecision(outputs.flatMap(\.self))
        return .counts { counts in
          ranked.averagePrecision((0..<width).flatMap { _ in counts })
        }
      }
      let ranked = outputs.map(ResampledPrecision.init)
      return .counts { counts in
        ranked.reduce(0) { $0 + $1.averagePrecision(counts) } / Double(max(1, ranked.count))
      }
    default: return nil
    }
  }

  /// The mean over labels of a score of each.
  private func scoringOfEachLabel(
    _ all: [(label: [Bool], prediction: [Bool])], _ path: KeyPath<ConfusionMatrix.Scores, Double>
  ) -> RowScoring {
    func places(_ isThere: (Int, Int) -> Bool) -> [[Int]] {
      all.indices.map { row in names.indices.filter { isThere(row, $0) } }
    }
    let (actual, predicted) = (places { all[$0].label[$1] }, places { all[$0].prediction[$1] })
    let hits = places { all[$0].label[$1] && all[$0].prediction[$1] }
    let width = names.count
    return .counts { counts in
      func sums(_ places: [[Int]]) -> [Int] {
        var sums = [Int](repeating: 0, count: width)
        for (row, count) in counts.enumerated() where count > 0 {
          for place in places[row] { sums[place] += count }
        }
        return sums
      }
      let (actual, predicted, hits) = (sums(actual), sums(predicted), sums(hits))
      let total = (0..<width).reduce(0.0) { sum, label in
        let scores = ConfusionMatrix.Scores(
          hits: hits[label], predicted: predicted[label], actual: actual[label])
        return sum + scores[keyPath: path]
      }
      return total / Double(max(1, width))
    }
  }

  // MARK: Values

  private var scoringOfValues: RowScoring? {
    let (targets, predictions) = (columns(\.label), columns(\.prediction))
    let outputs = targets.count
    switch metric.key {
    case "mse", "mae":
      let isSquared = metric.key == "mse"
      return .mean(
        rows.indices.map { row in
          (0..<outputs).reduce(0.0) { sum, output in
            let error = predictions[output][row] - targets[output][row]
            return sum + (isSquared ? error * error : abs(error))
          } / Double(outputs)
        })
    case TestMetric.r2.key:
      let centred = targets.map(\.centred)
      let terms = rows.indices.map { row in
        (0..<outputs).flatMap { output -> [Double] in
          let (error, value) = (predictions[output][row] - targets[output][row], centred[output][row])
          return [error * error, value, value * value]
        }
      }
      return .sums(terms) { sums, rows in
        (0..<outputs).reduce(0.0) { total, output in
          let (squares, sum, square) = (sums[3 * output], sums[3 * output + 1], sums[3 * output + 2])
          let variation = Self.variation(sum: sum, square: square, rows)
          return total + (variation > 0 ? 1 - squares / variation : squares == 0 ? 1 : 0)
        } / Double(outputs)
      }
    case "pearson":
      let (first, second) = (predictions.map(\.centred), targets.map(\.centred))
      let terms = rows.indices.map { row in
        (0..<outputs).flatMap { output -> [Double] in
          let (one, two) = (first[output][row], second[output][row])
          return [one, two, one * one, two * two, one * two]
        }
      }
      return .sums(terms) { sums, rows in
        (0..<outputs).reduce(0.0) { total, output in
          let own = Array(sums[(5 * output)..<(5 * output + 5)])
          let (one, two) = (
            Self.variation(sum: own[0], square: own[2], rows),
            Self.variation(sum: own[1], square: own[3], rows)
          )
          guard one > 0, two > 0 else { return total }
          let both = own[4] - own[0] * own[1] / Double(rows)
          return total + min(max(both / (one.squareRoot() * two.squareRoot()), -1), 1)
        } / Double(outputs)
      }
    case "spearman":
      let ranks = zip(predictions, targets).map { predictions, targets in
        ResampledRanks(zip(predictions, targets).map { (prediction: $0, target: $1) })
      }
      return .counts { counts in
        ranks.reduce(0) { $0 + $1.correlation(counts) } / Double(max(1, ranks.count))
      }
    default: return nil
    }
  }

  /// The sum of the squared distances to the mean, from the sum of numbers and that of their squares.
  private static func variation(sum: Double, square: Double, _ rows: Int) -> Double {
    let variation = square - sum * sum / Double(rows)
    // What rounding leaves of equal values is no variation.
    return variation > 1e-12 * square ? variation : 0
  }

  /// `[output][row]` of a regression.
  private func columns(_ path: KeyPath<(label: [Double], prediction: [Double]), [Double]>) -> [[Double]] {
    let all = rows.map { row -> [Double] in
      if case .values(let label, let prediction) = row.answer {
        (label: label, prediction: prediction)[keyPath: path]
      } else {
        []
      }
    }
    return (all.first ?? []).indices.map { output in all.map { $0[output] } }
  }

  /// Whether the metric is defined for all rows together, as an evaluation reports it: R² of more than one, correlations
  /// of what is not constant.
  var isDefined: Bool {
    func varies(_ columns: [[Double]]) -> Bool {
      columns.allSatisfy { column in column.contains { $0 != column[0] } }
    }
    switch rows.first?.answer {
    case .values where metric == .r2: return rows.count > 1
    case .values where ["pearson", "spearman"].contains(metric.key):
      return varies(columns(\.label)) && varies(columns(\.prediction))
    case .scored where metric.rule == .spearman:
      let terms = rows.map { row -> [Double] in
        if case .scored(let terms, _, _) = row.answer { terms } else { [0, 0] }
      }
      return varies([terms.map { $0[0] }, terms.map { $0[1] }])
    default: return true
    }
  }
}

extension TestPredictions.Row {
  /// What follows from the probabilities of a row of a class; `nil` without them.
  fileprivate var probabilities: (logLoss: Double, confidence: Double, rank: Int)? {
    guard case .classes(let label, let prediction) = answer, scores.indices.contains(label),
      scores.indices.contains(prediction)
    else { return nil }
    let own = scores[label]
    return (
      ProbabilityScores.logLoss(own), scores[prediction],
      ProbabilityScores.rank(of: label, in: scores)
    )
  }
}

extension [Double] {
  /// The distances to the mean.
  fileprivate var centred: [Double] {
    let mean = reduce(0, +) / Double(Swift.max(1, count))
    return map { $0 - mean }
  }
}
