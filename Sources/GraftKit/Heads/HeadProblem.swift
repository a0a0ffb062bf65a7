import GraftCore

extension Checkpoint {
  /// What is wrong with the active head, as a sentence that names it.
  ///
  /// - Parameter lack: What it does not do: "does not label tokens".
  func problem(ofHead lack: String) -> String {
    activeHead.map { "the head '\($0.name)' \(lack)" }
      ?? "the checkpoint has no \(parkedHeads.isEmpty ? "head" : "active head")"
  }
}
