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
    /// The name that the first is stored under.
    let originalName: String
    let original: LazyTensor?

    var isAnother: GraftError {
      GraftError(
        .malformed, "a parameter is stored twice, with different values", subject: "tensor '\(stored)'",
        expected: "the values of '\(originalName)'")
    }
  }

  /// The tied parameters of a component, which are copies all together or not at all.
  struct Ties: Sendable {
    struct Row: Sendable {
      let parameter: String
      let target: String
      let stored: String?
      let tensor: LazyTensor?
      /// What the file has as the target.
      let original: LazyTensor?
    }

    var rows: [Row] = []
    /// Whether every one that is stored has the bytes of its target.
    var isConfirmed = true
  }

  var duplicates: [Duplicate] = []
  var ties: Ties?
  /// The component's tensors as they were read.
  private var read: Set<SharedTensor> = []

  init() {}

  /// Remembers which tensors of a component the copies belong to.
  mutating func belong(to weights: Weights) { read = Set(weights.tensors.values.map(SharedTensor.init)) }

  /// Whether none of the tensors that they belong to is left: what a file stored twice then does not matter.
  func isObsolete(with weights: Weights) -> Bool {
    !read.isEmpty && !weights.tensors.values.contains { read.contains(SharedTensor($0)) }
  }
}

extension Checkpoint {
  /// Compares what was taken for copies with what it should be equal to. Reads tensors.
  ///
  /// Tied parameters that differ become parameters of their own. Everything that reads or writes weights does this
  /// first; a second time costs nothing. What is compared is what the file holds, whatever was done to the weights
  /// since; what belongs to a component whose weights were all replaced is not compared.
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
      guard !copies.isObsolete(with: components[index].weights) else {
        components[index].copies = nil
        continue
      }
      for duplicate in copies.duplicates {
        guard let original = duplicate.original, try duplicate.tensor.isIdentical(to: original) else {
          throw duplicate.isAnother
        }
      }
      if let ties = copies.ties, try !ties.hold {
        // A parked head's parameters are called like those of an active one.
        let own = components[index].weights
        for row in ties.rows {
          components[index].weights[row.parameter] =
            own[row.parameter] ?? row.tensor ?? own[row.target] ?? all[row.target]
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
  fileprivate var hold: Bool {
    get throws {
      try rows.allSatisfy { row in
        guard let tensor = row.tensor else { return true }
        guard let original = row.original else { return false }
        return try tensor.isIdentical(to: original)
      }
    }
  }
}
