import GraftCompute
import GraftCore

/// What a run knows of itself, for the card of the model that it trains.
public struct TrainingFacts: Sendable {
  /// What the model is called: the output directory's name.
  public var name: String
  public var options: TrainingOptions
  /// The step that the weights are of.
  public var step: Int
  /// How many rows are trained on.
  public var examples: Int
  /// What it is evaluated on.
  public var evaluations: [EvaluatedSet]
  /// The most tokens of an example, as the model read them.
  public var maximumLength: Int
  /// The log so far; see ``TrainerState/history``.
  public var history: [[String: Double]]
  /// The name of the compute backend, and what its products are in.
  public var backend: String
  public var precision: Precision
  /// The thresholds that were chosen on the evaluation data in the end, and the configuration's key that keeps them.
  var thresholds: (values: [Float], key: String)?
  /// The steps whose weights the model has the mean of; empty where it has those of one.
  var mean: [Int] = []

  /// One of the sets that a run is evaluated on.
  public struct EvaluatedSet: Sendable {
    /// What its scores are called by, as `eval_NAME_loss`; `nil` for `eval_loss`.
    public var name: String?
    /// How many rows it has.
    public var rows: Int
    /// The names of their files.
    public var files: [String]
    /// The place of the head that it is for among those that are trained.
    var head = 0
  }
}

extension TrainingFacts {
  /// A result in the Hub's words.
  struct Score {
    let type: String
    let name: String
    let value: Double
  }

  /// The scores of all sets in the last evaluation of these weights, one set after another.
  var scores: [Score] { evaluations.flatMap(scores) }

  /// The evaluations of a set, with the scores under the names that they have where there is one set.
  func history(of set: EvaluatedSet) -> [[String: Double]] {
    guard let name = set.name else { return history.filter { $0["eval_loss"] != nil } }
    let prefix = "eval_\(name)_"
    return history.filter { $0["\(prefix)loss"] != nil }.map { entry in
      entry.reduce(into: [:]) { named, value in
        let isScore = value.key.hasPrefix(prefix)
        named[isScore ? "eval_\(value.key.dropFirst(prefix.count))" : value.key] = value.value
      }
    }
  }

  /// The scores of a set in the last evaluation of these weights.
  func scores(of set: EvaluatedSet) -> [Score] {
    guard let evaluation = history(of: set).last(where: { $0["step"] == Double(step) }) else { return [] }
    let searches = VectorSimilarity.allCases.flatMap { similarity in
      [
        ("eval_\(similarity.name(ofSearch: "ndcg@10"))", "ndcg@10", "nDCG@10"),
        ("eval_\(similarity.name(ofSearch: "mrr@10"))", "mrr@10", "MRR@10"),
      ]
    }
    let names =
      searches + [
        ("eval_ndcg@10", "ndcg@10", "nDCG@10"), ("eval_mrr@10", "mrr@10", "MRR@10"),
        ("eval_map", "map", "MAP"),
        ("eval_spearman_cosine", "spearmanr", "Spearman of cosines"),
        ("eval_pearson_cosine", "pearson", "Pearson of cosines"),
        ("eval_exact_match", "exact_match", "Exact match"), ("eval_exact", "exact_match", "Exact match"),
        ("eval_f1", "f1", "F1"),
        ("eval_precision", "precision", "Precision"), ("eval_recall", "recall", "Recall"),
        ("eval_average_precision", "average_precision", "Average precision"),
        ("eval_accuracy", "accuracy", "Accuracy"), ("eval_subset_accuracy", "accuracy", "Subset accuracy"),
        ("eval_f1_micro", "f1", "Micro F1"), ("eval_f1_macro", "f1", "Macro F1"),
        ("eval_precision_macro", "precision", "Macro precision"),
        ("eval_recall_macro", "recall", "Macro recall"),
        ("eval_mse", "mse", "Mean squared error"), ("eval_pearson", "pearson", "Pearson"),
        ("eval_spearman", "spearmanr", "Spearman"), ("eval_perplexity", "perplexity", "Perplexity"),
        ("eval_loss", "loss", "Loss"),
      ]
    return names.compactMap { key, type, name in
      evaluation[key].flatMap {
        $0.isFinite ? Score(type: type, name: name, value: $0.rounded(digits: 4)) : nil
      }
    }
  }
}
