import Foundation
import GraftCore
import GraftTensors

/// How a run writes its models and reads them again.
public protocol ModelStore {
  /// Identifies everything but the weights; resuming requires an equal fingerprint.
  var fingerprint: String { get }

  /// Writes a model's files into a directory that exists.
  ///
  /// - Parameters:
  ///   - steps: How many steps it was trained for.
  ///   - trained: The names of the parameters that were trained.
  func write(_ model: Model, into directory: URL, steps: Int, trained: Set<String>) throws

  /// Writes what people read about a model that was written, where the store has a form for it.
  ///
  /// - Parameter facts: What the run has done so far.
  func writeCard(into directory: URL, _ facts: TrainingFacts) throws

  /// Puts the weights of a written model into this one.
  ///
  /// - Throws: `GraftError` when a parameter is missing or of another shape.
  func read(_ model: Model, from directory: URL) throws
}

extension ModelStore {
  public func writeCard(into directory: URL, _ facts: TrainingFacts) throws {}
}
