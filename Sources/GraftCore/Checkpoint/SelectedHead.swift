import GraftTensors

extension Checkpoint {
  /// The same checkpoint with one of its heads alone active, whether that was active or parked.
  ///
  /// The configuration is then that head's: its labels, its problem type. Several heads are used together by a model for
  /// each, which share the weights of the backbone:
  ///
  ///     let topics = try checkpoint.selecting(head: "sequence-classification").makeModel()
  ///     let entities = try checkpoint.selecting(head: "token-classification").makeModel(sharing: topics)
  ///
  /// - Parameter id: The head as the list of heads shows it. An active head is called as its task. A head such as
  ///   `sequence-classification.2` is called `sequence-classification` while it is active, and the head that was called
  ///   so gets its id.
  /// - Throws: `GraftError` when there is no such head, no plugin knows it, or a file beside it cannot be read.
  public func selecting(head id: String) throws -> Checkpoint {
    guard let head = heads.first(where: { $0.id == id }) else {
      let known = heads.map(\.id)
      let nearest = NearestName.find(id, among: known)
      throw GraftError(
        .unknownName, "the checkpoint has no head '\(id)'",
        expected: known.isEmpty ? nil : "one of \(known.joined(separator: ", "))",
        advice: nearest.map { "Did you mean '\($0)'?" } ?? family.advice(onMissing: id))
    }
    guard let set = headSet(of: head), let task = head.task else {
      throw GraftError(.unsupported, "no plugin knows the head '\(id)'")
    }
    var selected = self
    if !activeHeads.contains(where: { $0.id == id }) {
      // They are about the head that was active.
      selected.runSettings = Configuration()
    }
    selected.exchangeHeads(id, task.name)
    try selected.makeActive(set)
    return selected
  }

  /// Gives each of two heads the other's id; the second may be no head's.
  package mutating func exchangeHeads(_ first: String, _ second: String) {
    for index in components.indices {
      if components[index].id == first {
        components[index].id = second
      } else if components[index].id == second {
        components[index].id = first
      }
    }
  }
}
