import Foundation
import GraftCore
import GraftKit
import GraftTensors

/// One quantity over the course of a stage, for every arm and seed: what one plot shows.
struct CurveGroup {
  /// For file names: `loss-classify`.
  let id: String
  let title: String
  /// Whether values are spelled in per cent.
  let isShare: Bool
  /// What the horizontal axis shows.
  var axis = "epoch"
  let curves: [Curve]

  /// What is drawn.
  enum Quantity: String, CaseIterable {
    case loss, evalLoss, accuracy, f1, microF1, r2, ndcgOfRanking, ndcgOfSearch, pairCorrelation

    /// Whether it is spelled in per cent.
    var isShare: Bool { self == .accuracy || self == .f1 || self == .microF1 }

    /// What logs call it; of several names one is there.
    fileprivate var keys: [String] {
      switch self {
      case .loss: ["loss"]
      case .evalLoss: ["eval_loss"]
      case .accuracy: ["eval_accuracy"]
      case .f1: ["eval_f1"]
      case .microF1: ["eval_f1_micro"]
      case .r2: ["eval_r2"]
      case .ndcgOfRanking: ["eval_\(RetrievalScores.ndcgName)"]
      case .ndcgOfSearch:
        VectorSimilarity.allCases.map { "eval_\($0.name(ofSearch: RetrievalScores.ndcgName))" }
      // Pairs with scores are compared in every way.
      case .pairCorrelation: ["eval_spearman_\(VectorSimilarity.cosine.rawValue)"]
      }
    }

    /// The value of an entry of a log; `nil` where it has none that can be drawn.
    func value(in entry: JSON) -> Double? {
      keys.lazy.compactMap { entry[$0]?.double }.first.flatMap { $0.isFinite ? $0 : nil }
    }

    fileprivate var slug: String {
      switch self {
      case .loss: "loss"
      case .evalLoss: "evaluation-loss"
      case .accuracy: "accuracy"
      case .f1: "f1"
      case .microF1: "micro-f1"
      case .r2: "r2"
      case .ndcgOfRanking, .ndcgOfSearch: "ndcg"
      case .pairCorrelation: "spearman"
      }
    }

    var words: String {
      switch self {
      case .loss: "Loss in training"
      case .evalLoss: "Loss in evaluation"
      case .accuracy: "Accuracy in evaluation"
      case .f1: "F1 in evaluation"
      case .microF1: "Micro F1 in evaluation"
      case .r2: "R² in evaluation"
      case .ndcgOfRanking, .ndcgOfSearch: "nDCG@10 in evaluation"
      case .pairCorrelation: "Spearman correlation in evaluation"
      }
    }
  }

  /// One run of the stage.
  struct Curve {
    /// The arms that have it; several when they share the stage.
    let arms: [String]
    let seed: UInt64
    /// Epochs and values.
    let points: [(x: Double, y: Double)]
  }

  /// The most points of a line that a plot can show; more are averaged with their neighbours.
  private static let mostPoints = 400

  /// The groups of all training stages, in the order of the stages.
  ///
  /// - Throws: `GraftError` when the state of a run is missing or malformed.
  static func all(of record: RunRecord) throws -> [CurveGroup] {
    var names: [String] = []
    var runs: [String: [(directory: String, arms: [String], seed: UInt64, history: [JSON])]] = [:]
    for arm in record.arms {
      for (seed, _, stages) in arm.seeds {
        for stage in stages where stage.kind == "train" {
          guard let file = stage.trainerState else { continue }
          if !names.contains(stage.name) { names.append(stage.name) }
          // Arms that share a stage share its directory.
          if let index = runs[stage.name]?.firstIndex(where: { $0.directory == file.path }) {
            if runs[stage.name]?[index].arms.contains(arm.name) == false {
              runs[stage.name]?[index].arms.append(arm.name)
            }
            continue
          }
          guard let history = try JSON(file: file)["log_history"]?.array else {
            throw GraftError(.malformed, "not the state of a training run", file: file.path)
          }
          runs[stage.name, default: []].append((file.path, [arm.name], seed, history))
        }
      }
    }
    return names.flatMap { name in
      Quantity.allCases.compactMap { quantity in
        let curves = (runs[name] ?? []).compactMap { run -> Curve? in
          let points = run.history.compactMap { entry -> (x: Double, y: Double)? in
            guard let x = entry["epoch"]?.double, x.isFinite, let y = quantity.value(in: entry) else {
              return nil
            }
            return (x, y)
          }
          return points.isEmpty ? nil : Curve(arms: run.arms, seed: run.seed, points: thinned(points))
        }
        guard !curves.isEmpty else { return nil }
        let number = names.firstIndex(of: name).map { $0 + 1 } ?? 0
        return CurveGroup(
          id: "\(quantity.slug)-\(number)-\(slug(name))", title: "\(quantity.words): \(name)",
          isShare: quantity.isShare, curves: curves)
      }
    }
  }

  /// The mean of the seeds of each set of arms, where all of them have a value.
  var means: [Curve] {
    var order: [[String]] = []
    for curve in curves where !order.contains(curve.arms) { order.append(curve.arms) }
    return order.map { arms in
      let seeds = curves.filter { $0.arms == arms }
      var sums: [Double: (sum: Double, count: Int)] = [:]
      for point in seeds.flatMap(\.points) {
        let old = sums[point.x] ?? (0, 0)
        sums[point.x] = (old.sum + point.y, old.count + 1)
      }
      let points = sums.filter { $0.value.count == seeds.count }
        .map { (x: $0.key, y: $0.value.sum / Double(seeds.count)) }
      return Curve(arms: arms, seed: seeds[0].seed, points: points.sorted { $0.x < $1.x })
    }
  }

  private static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    let size = (points.count - 1) / mostPoints + 1
    guard size > 1 else { return points }
    return stride(from: 0, to: points.count, by: size).map { start in
      let part = points[start..<min(start + size, points.count)]
      let count = Double(part.count)
      return (part.reduce(0) { $0 + $1.x } / count, part.reduce(0) { $0 + $1.y } / count)
    }
  }

  /// A name as part of a file's name.
  static func slug(_ name: String) -> String {
    let slug = name.lowercased().unicodeScalars.map { scalar in
      ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) ? String(scalar) : "-"
    }.joined()
    return String(slug.prefix(40))
  }
}
