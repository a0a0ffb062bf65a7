import GraftCompute
import GraftTensors
import OrderedCollections

/// How the ranks of a group train one model: each goes forward and back over its own batches, and all take the same step.
///
/// A step has `gradientAccumulationSteps` batches for each rank. It is that of one process that accumulates as many batches
/// as all ranks together: what is in a batch, what is masked and what dropout leaves out go by the batch's number, whichever
/// rank has it.
public struct DataParallel: Sendable {
  public var group: any ProcessGroup
  /// What gradients are sent in; they are added up in float32.
  public var gradientPrecision: Precision
  /// Whether `gradientAccumulationSteps` are the batches of all ranks together, in place of those of each.
  public var sharesAccumulation: Bool

  public init(
    _ group: any ProcessGroup, gradientPrecision: Precision = .float32, sharesAccumulation: Bool = false
  ) {
    (self.group, self.gradientPrecision) = (group, gradientPrecision)
    self.sharesAccumulation = sharesAccumulation
  }

  /// One process.
  public static var alone: DataParallel { DataParallel(SingleProcess()) }

  var isAlone: Bool { group.size == 1 }
  /// How many ranks have each as many batches of a step as the options say.
  var accumulating: Int { sharesAccumulation ? 1 : group.size }
}

extension ProcessGroup {
  /// Makes sure that all ranks are given the same things.
  ///
  /// - Parameter facts: What was given to this one, by names that people know.
  /// - Throws: `GraftError` naming the first thing that differs, and the rank.
  package func requireSame(_ facts: OrderedDictionary<String, JSON>) throws {
    guard size > 1 else { return }
    let documents = try gather(Array(JSON.object(facts).text().utf8), for: .facts)
    let all = try documents.map { try JSON(parsing: $0).object ?? [:] }
    for (other, theirs) in all.enumerated().dropFirst() {
      for name in all[0].keys where theirs[name] != all[0][name] {
        func text(_ value: JSON?) -> String { value.map { $0.string ?? $0.text() } ?? "nothing" }
        throw GraftError(
          .mismatch, "\(self.name(ofRank: other)) has another '\(name)' than \(self.name(ofRank: 0))",
          expected: text(all[0][name]), found: text(theirs[name]),
          advice: "Start all ranks with the same program, command, model and data, on machines of one kind.")
      }
    }
  }
}
