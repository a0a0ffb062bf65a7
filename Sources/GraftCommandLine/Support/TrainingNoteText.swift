import Foundation
import GraftKit
import GraftTensors

extension TrainingNote {
  /// What a person reads.
  ///
  /// - Parameter spelled: Spells options and actions as whoever reads it knows them.
  func text(_ spelled: (Advice) -> String) -> String {
    switch self {
    case .split(let training, let evaluation, let missing):
      "training on \(Format.count(training, "row")), evaluating on \(Format.grouped(evaluation)) of the same data"
        + (missing.isEmpty
          ? ""
          : "; too few rows to evaluate on of \(missing.map { "'\($0)'" }.joined(separator: ", "))")
    case .repeatedRows(let count, let all, let set):
      RepeatedRows.sentence(count, of: all, in: set)
    case .contradictions(let count, let head):
      "\(Format.count(count, "text")) of the training data\(head.map { " of '\($0)'" } ?? "") \(count == 1 ? "has" : "have") different labels in different rows"
    case .decided(let note, let head): "\(head.map { "'\($0)': " } ?? "")\(spelled(note))"
    case .scale(let scale, let head): "\(head.map { "'\($0)': " } ?? "")\(scale.sentence)"
    case .headWithoutSteps(let head):
      spelled(
        "the run has no step for the head '\(head)', which stays as it is; more steps, or a larger share in \(option: "head-weights"), would give it one"
      )
    case .warmupBeyondEnd(let steps, let all, let rate):
      "the learning rate rises for \(Format.count(steps, "step")) and the run has \(Format.grouped(all)): "
        + "it comes to \(String(format: "%.3g", rate)) and never falls"
    case .unfreezingBeyondEnd(let steps, let all):
      "the head alone is trained: the first layer would be after \(Format.count(steps, "step")), and the run has \(Format.grouped(all))"
    case .diverged(let first, let mean):
      "the training diverged: its mean loss, \(String(format: "%.4g", mean)), is far above that of the first step, "
        + spelled("\(String(format: "%.4g", first)). Try a lower \(option: "learning-rate")")
    case .extended(let before, let now, let last, let next):
      "extending the run from \(Format.count(before, "step")) to \(Format.grouped(now)): the learning rate had come to "
        + "\(String(format: "%.3g", last)) and goes on with \(String(format: "%.3g", next)), as of a run of that length"
    case .addedWriters(let names):
      "the run was begun without \(names.joined(separator: ", ")): \(names.count == 1 ? "its log begins" : "their logs begin") here"
    case .stoppedEarly(let step, let evaluations, let best):
      "stopped after step \(step): \(Format.count(evaluations, "evaluation")) without progress"
        + (best.map {
          spelled(
            "; the model is that of the last step, and step \($0) was the best: \(option: "load-best-model-at-end") keeps it"
          )
        } ?? "")
    case .averaged(let steps):
      "the model is the mean of the checkpoints of steps \(steps.map { Format.grouped($0) }.joined(separator: ", "))"
    case .tunedThresholds(let thresholds, let score, let before, let after):
      "the threshold \(Set(thresholds).count == 1 ? Format.score(thresholds[0]) : "of each label") is kept with the model: "
        + "\(["f1_micro": "micro F1", "f1_macro": "macro F1", "f1": "F1"][score] ?? score) \(String(format: "%.4f", after)) on the evaluation data, \(String(format: "%.4f", before)) before; "
        + "it was chosen on them, so that other data will have less"
    case .thresholdUndecided:
      "no threshold is chosen: the evaluation data need rows with and without something to find"
    case .keptThresholds(let thresholds):
      "the head's \(thresholds.count == 1 ? "threshold" : "thresholds") of before, \(thresholds.prefix(10).map { String(format: "%.4g", $0) }.joined(separator: ", "))\(thresholds.count > 10 ? ", …" : ""), "
        + "\(thresholds.count == 1 ? "is" : "are") kept and \(thresholds.count == 1 ? "decides" : "decide") the scores: to choose anew for the new weights, tune the threshold"
    case .loadedBest(let step, let score, let value):
      "the best model is that of step \(step): \(score) \(String(format: "%.4f", value))"
    }
  }

  /// What a machine reads.
  ///
  /// - Parameter spelled: As in ``text(_:)``.
  func members(_ spelled: (Advice) -> String) -> [(String, JSON)] {
    switch self {
    case .split(let training, let evaluation, let missing):
      [
        ("note", "split"), ("train_rows", JSON(training)), ("eval_rows", JSON(evaluation)),
        ("missing_labels", .array(missing.map { .string($0) })),
      ]
    case .repeatedRows(let count, let all, let set):
      [
        ("note", "repeated_rows"), ("repeated", JSON(count)), ("eval_rows", JSON(all)),
        ("set", set.map { .string($0) } ?? .null),
      ]
    case .contradictions(let count, let head):
      [
        ("note", "contradictions"), ("texts", JSON(count)),
        ("head", head.map { .string($0) } ?? .null),
      ]
    case .decided(let note, let head):
      [
        ("note", "decided"), ("decision", .string(spelled(note))),
        ("head", head.map { .string($0) } ?? .null),
      ]
    case .scale(let scale, let head):
      [
        ("note", "scale"), ("mean", JSON(scale.mean)), ("deviation", JSON(scale.deviation)),
        ("label", scale.label.map { .string($0) } ?? .null), ("head", head.map { .string($0) } ?? .null),
      ]
    case .headWithoutSteps(let head): [("note", "head_without_steps"), ("head", .string(head))]
    case .warmupBeyondEnd(let steps, let all, let rate):
      [
        ("note", "warmup_beyond_end"), ("warmup_steps", JSON(steps)), ("steps", JSON(all)),
        ("last_learning_rate", JSON(rate)),
      ]
    case .unfreezingBeyondEnd(let steps, let all):
      [("note", "unfreezing_beyond_end"), ("unfreeze_every_n_steps", JSON(steps)), ("steps", JSON(all))]
    case .diverged(let first, let mean):
      [("note", "diverged"), ("first_loss", JSON(first)), ("mean_loss", JSON(mean))]
    case .extended(let before, let now, let last, let next):
      [
        ("note", "extended"), ("from_steps", JSON(before)), ("to_steps", JSON(now)),
        ("last_learning_rate", JSON(last)), ("next_learning_rate", JSON(next)),
      ]
    case .addedWriters(let names): [("note", "added_writers"), ("report_to", .list(names))]
    case .stoppedEarly(let step, let evaluations, let best):
      [
        ("note", "stopped_early"), ("step", JSON(step)), ("evaluations", JSON(evaluations)),
        ("best_step", best.map { JSON($0) } ?? .null),
      ]
    case .averaged(let steps): [("note", "averaged"), ("steps", .array(steps.map { JSON($0) }))]
    case .tunedThresholds(let thresholds, let score, let before, let after):
      [
        ("note", "tuned_thresholds"), ("thresholds", .array(thresholds.map { JSON($0) })),
        ("\(score)_before", JSON(before)), ("\(score)_after", JSON(after)),
      ]
    case .thresholdUndecided: [("note", "threshold_undecided")]
    case .keptThresholds(let thresholds):
      [("note", "kept_thresholds"), ("thresholds", .array(thresholds.map { JSON($0) }))]
    case .loadedBest(let step, let score, let value):
      [("note", "loaded_best"), ("step", JSON(step)), (score, JSON(value))]
    }
  }
}
