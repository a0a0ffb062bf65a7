import GraftTensors
import OrderedCollections

extension Checkpoint {
  /// The tasks of the parked heads that plugins know, by the heads' names.
  package var parkedTasks: OrderedDictionary<String, any Task.Type> {
    OrderedDictionary(
      parkedHeads.compactMap { head in head.task.map { (head.id, $0) } }, uniquingKeysWith: { $1 })
  }
}

extension GraftError {
  /// That no active head does what is wanted, with the parked head that does.
  ///
  /// - Parameters:
  ///   - problem: What is wrong with the active head; `nil` where none is active.
  ///   - other: What to do where no parked head does it; by default, to swap the active one.
  ///   - parked: The tasks of the parked heads, by the heads' names.
  ///   - isWanted: Whether a head of a task does it.
  package static func noHead(
    _ problem: String?, advice other: Advice? = nil, parked: OrderedDictionary<String, any Task.Type>,
    where isWanted: (any Task.Type) -> Bool
  ) -> GraftError {
    let advice: Advice =
      if let name = parked.first(where: { isWanted($0.value) })?.key {
        "Take the parked head '\(name)': \(action: .useHead(name))."
      } else if problem == nil {
        "Put one on with \(action: .swapHead(to: "NAME"))."
      } else {
        other ?? "Swap it for one that does: \(action: .swapHead(to: "NAME"))."
      }
    return GraftError(
      problem == nil ? .missing : .mismatch,
      problem ?? "the checkpoint has no \(parked.isEmpty ? "head" : "active head")", advice: advice)
  }
}
