import GraftCompute
import GraftTensors

/// What a head says and should have said where it chooses one class for each predicted row.
public struct ClassPredictions {
  /// `[rows, classes]`.
  public let logits: Variable
  /// `[rows]`.
  public let classes: [Int32]

  /// - Parameters:
  ///   - logits: What the head's forward pass returned.
  ///   - name: The one of them that scores the classes.
  ///   - head: Whose targets they are held against.
  ///   - batch: A prepared batch.
  /// - Throws: ``GraftError`` when the batch was not prepared for the head.
  public init(_ logits: Logits, _ name: String, of head: any Head.Type, _ batch: Batch) throws {
    guard let values = logits[name], case .classes(let classes)? = batch.targets[head.name] else {
      throw GraftError(
        .missing,
        "the batch has no targets for the head '\(head.name)'",
        advice: "Call prepare(_:examples:sampler:) first."
      )
    }
    self.logits = values
    self.classes = classes
  }

  /// The mean cross-entropy, a scalar.
  public func loss(_ tape: Tape) -> Variable { tape.crossEntropy(logits, classes: classes) }

  /// Adds the share of rows whose class has the largest score, as `accuracy`.
  public func score(into metrics: inout Metrics) {
    metrics.add("accuracy", total: Double(logits.value.countOfHits(classes)), weight: Double(classes.count))
  }
}
