import GraftCompute
import GraftCore

/// What a run knows of itself, for the card of the model that it trains.
public struct TrainingFacts: Sendable {
  /// What the model is called: the output directory's name.
  public var name: String
  public var options: TrainingOptions
  /// The step that the weights are of.
  public var step: Int
  /// How many rows are trained and evaluated on.
  public var examples: Int
  public var evaluationExamples: Int?
  /// The most tokens of an example, as the model read them.
  public var maximumLength: Int
  /// The log so far; see ``TrainerState/history``.
  public var history: [[String: Double]]
  /// The name of the compute backend, and what its products are in.
  public var backend: String
  public var precision: Precision
  /// The thresholds that were chosen on the evaluation data in the end, and the configuration's key that keeps them.
  var thresholds: (values: [Float], key: String)?
}

extension TrainingFacts {
  /// A result in the Hub's words.
  struct Score {
    let type: String
    let name: String
    let value: Double
  }

  /// The scores of the last evaluation of these weights.
  var scores: [Score] {
    guard
      let evaluation = history.last(where: { $0["step"] == Double(step) && $0["eval_loss"] != nil })
    else { return [] }
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
