import Foundation

/// Writes the numbers of a training run, as it goes on, in the form of a tool that plots them.
public protocol MetricsWriter: AnyObject, SendableMetatype {
  /// The name that the writer is registered and chosen by.
  static var name: String { get }

  /// Begins, or goes on where a run is resumed.
  ///
  /// - Parameters:
  ///   - directory: The run's place for such files; it may have to be created, and several writers share it.
  ///   - step: How many steps the run has behind it. What was written of later ones belongs to steps that are
  ///     done again, and has to go; at 0 that is all.
  /// - Throws: `GraftError` when nothing can be written there.
  init(directory: URL, after step: Int) throws

  /// Adds the numbers of a step. They last, even if the process is killed the next moment.
  ///
  /// - Parameters:
  ///   - values: By name, such as `train/loss`.
  ///   - step: Counted from 1; 0 is before the first.
  /// - Throws: `GraftError` when they cannot be written.
  func add(_ values: [String: Double], step: Int) throws
}
