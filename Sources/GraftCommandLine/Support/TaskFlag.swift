import ArgumentParser
import GraftCore

/// Which head answers.
struct AnsweringHeadFlag: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The head to ask, where it is not the active one: a parked head, as 'graft head list' shows it.",
      valueName: "NAME"))
  var task: String?

  /// The checkpoint with it as the active head.
  ///
  /// - Throws: `GraftError` when the checkpoint does not have it.
  func select(in checkpoint: Checkpoint) throws -> Checkpoint {
    try task.map { try checkpoint.selecting(head: $0) } ?? checkpoint
  }
}

/// Which task is learnt or scored.
struct TaskFlag: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      The task, where it is not the active head's: a parked head, as 'graft head list' shows it, or sentence-embedding, \
      which learns vectors for texts and needs no head. (default: the active head's; without one, sentence-embedding for a folder of sentence-transformers)
      """, valueName: "NAME"))
  var task: String?

  /// Makes it the checkpoint's active task.
  ///
  /// - Throws: `GraftError` when there is no such task, or it is that of a head that is not there.
  func select(in checkpoint: inout Checkpoint, _ registry: Registry) throws {
    try checkpoint.selectTask(task, registry: registry)
  }
}
