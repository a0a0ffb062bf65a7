import GraftTensors

/// What a file stores a second time, and was taken for a copy without being read.
///
/// Opening reads headers only: a tensor of the specification of the one that it is tied to is taken for equal
/// until its bytes are wanted. ``Checkpoint/confirmCopies()`` then compares.
public struct UnconfirmedCopies: Sendable {
  /// A parameter that is stored twice, and has to be equal both times.
  struct Duplicate: Sendable {
    let stored: String
    let tensor: LazyTensor
    let parameter: String
    /// The name that the first is stored under.
    let original: String

    var isAnother: GraftError {
      GraftError(
        .malformed, "a parameter is stored twice, with different values", subject: "tensor '\(stored)'",
        expected: "the values of '\(original)'")
    }
  }

  /// The tied parameters of a component, which are copies all together or not at all.
  struct Ties: Sendable {
    struct Row: Sendable {
      let parameter: String
      let target: String
      let stored: String?
      let tensor: LazyTensor?
    }

    var rows: [Row] = []
    /// Whether every one that is stored has the bytes of its target.
    var isConfirmed = true
  }

  var duplicates: [Duplicate] = []
  var ties: Ties?

  init() {}
}

extension Checkpoint {
  /// Compares what was taken for copies with what it should be equal to. Reads tensors.
  ///
  /// Tied parameters that differ become parameters of their own. Everything that reads or writes weights does this
  /// first; a second time costs nothing.
  ///
  /// - Returns: The stored names of tensors that were taken for copies and are not.
  /// - Throws: `GraftError` when a parameter is stored twice with different values, or a tensor cannot be read.
  @discardableResult
  public mutating func confirmCopies() throws -> [String] {
    guard components.contains(where: { $0.copies != nil }) else { return [] }
    var untied: [String] = []
    let all = components.reduce(into: Weights()) { all, component in
      all.tensors.merge(component.weights.tensors) { first, _ in first }
    }
    for index in components.indices {
      guard let copies = components[index].copies else { continue }
      // A parked head's parameters are called like those of an active one.
      let all = Weights(components[index].weights.tensors.merging(all.tensors) { own, _ in own })
      for duplicate in copies.duplicates {
        guard let original = all[duplicate.parameter], try duplicate.tensor.isIdentical(to: original) else {
          throw duplicate.isAnother
        }
      }
      if let ties = copies.ties, try !ties.hold(in: all) {
        for row in ties.rows {
          components[index].weights[row.parameter] = row.tensor ?? all[row.target]
          untied += row.stored.map { [$0] } ?? []
        }
        components[index].settings["tie_word_embeddings"] = false
      }
      components[index].copies = nil
    }
    return untied
  }

  /// This checkpoint with ``confirmCopies()`` done.
  func confirmed() throws -> Checkpoint {
    var checkpoint = self
    try checkpoint.confirmCopies()
    return checkpoint
  }
}

extension UnconfirmedCopies.Ties {
  fileprivate func hold(in weights: Weights) throws -> Bool {
    try rows.allSatisfy { row in
      guard let tensor = row.tensor else { return true }
      guard let target = weights[row.target] else { return false }
      return try tensor.isIdentical(to: target)
    }
  }
}
