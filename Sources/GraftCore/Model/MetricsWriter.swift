import Foundation
import GraftTensors
import OrderedCollections

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

  /// Takes note of what the run is, before the first numbers and again whenever it is resumed, perhaps for longer than it
  /// was begun for. By default it does nothing.
  ///
  /// - Throws: `GraftError` when it cannot be written.
  func describe(_ run: RunDescription) throws

  /// Adds the numbers of a step. They last, even if the process is killed the next moment.
  ///
  /// - Parameters:
  ///   - values: By name, such as `train/loss`.
  ///   - step: Counted from 1; 0 is before the first.
  /// - Throws: `GraftError` when they cannot be written.
  func add(_ values: [String: Double], step: Int) throws

  /// Takes note that the run is over, or stands still. By default it does nothing.
  ///
  /// - Parameters:
  ///   - end: How it ended.
  ///   - step: How many steps it has behind it.
  /// - Throws: `GraftError` when it cannot be written.
  func end(_ end: RunEnd, step: Int) throws
}

extension MetricsWriter {
  public func describe(_ run: RunDescription) throws {}
  public func end(_ end: RunEnd, step: Int) throws {}
}

/// What a training run is, for metrics writers that keep it beside the numbers.
public struct RunDescription: Sendable, Equatable {
  /// What the run is called: the name of its output directory.
  public var name: String
  /// The settings that have a value, by their names: `learning-rate`, `batch-size`; and what is trained on what with what:
  /// `model`, `head`, `data`, `eval-data`, `backend`, `precision`.
  public var settings: OrderedDictionary<String, JSON>
  /// The model's configuration, as `config.json` has it.
  public var configuration: JSON

  public init(name: String, settings: OrderedDictionary<String, JSON>, configuration: JSON) {
    self.name = name
    self.settings = settings
    self.configuration = configuration
  }
}

/// How a training run ended, as far as one process knows.
public enum RunEnd: Sendable, Equatable, CaseIterable {
  case finished
  /// It was asked to stop, and may be resumed.
  case interrupted
  case failed
}
