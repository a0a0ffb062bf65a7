import Foundation
import GraftCore
import GraftTensors

/// Names the outputs of a checkpoint's active head. Its weights, and what it was trained on, stay.
///
/// - Parameters:
///   - source: A checkpoint.
///   - labels: A name for each output, in their order.
///   - registry: The plugins.
/// - Throws: `GraftError` when the active head has no labels of its own, or another number of them, and for two equal names.
public func nameLabels(
  of source: URL, _ labels: [String], registry: Registry
) throws -> (checkpoint: Checkpoint, report: LoadReport) {
  var opened = try registry.open(source)
  guard let head = opened.checkpoint.activeHeads.first(where: { $0.task?.hasLabels == true }) else {
    throw GraftError(
      .refused, opened.checkpoint.problem(ofHead: "has no labels of its own"), file: source.path)
  }
  let old = try opened.checkpoint.configuration.labels()
  guard labels.count == old.count else {
    throw GraftError(
      .mismatch, "the head '\(head.id)' has another number of outputs", file: source.path,
      expected: "\(old.count) names", found: "\(labels.count)",
      advice: "A head with other labels starts anew: \(action: .swapHead(to: head.id)).")
  }
  try LabelColumn.requireDifferentNames(labels)
  opened.checkpoint[head.id]?.settings.setLabels(labels)
  opened.checkpoint.lineage.append(
    LineageStep(
      "label",
      [
        "parent": .string(source.lastPathComponent), "head": .string(head.id),
        "labels": .array(labels.map { .string($0) }),
      ]))
  return (opened.checkpoint, opened.report)
}
