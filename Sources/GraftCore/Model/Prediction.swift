import GraftTensors
import OrderedCollections

/// What a head says about a row of data.
public protocol TaskPrediction: Sendable {
  /// What it says, in the form of the data's labels.
  var answer: JSON { get }

  /// The numbers behind it, one for each output; empty for none.
  var scores: [Float] { get }

  /// What `predict` prints before the text, one for each column.
  var columns: [String] { get }

  /// What `predict` adds to a text for machines.
  var members: OrderedDictionary<String, JSON> { get }

  /// What a record of an evaluation has beside ``answer`` and ``scores``, such as the words that labels are of; nothing by
  /// default.
  ///
  /// - Parameter label: What the data say about the row, as the task read it.
  func record(beside label: (any ExampleLabel)?) -> OrderedDictionary<String, JSON>
}

extension TaskPrediction {
  public func record(beside label: (any ExampleLabel)?) -> OrderedDictionary<String, JSON> { [:] }
}

/// The prediction of a head that says nothing about a row as a whole.
public enum NoPrediction: TaskPrediction {
  public var answer: JSON { .null }
  public var scores: [Float] { [] }
  public var columns: [String] { [] }
  public var members: OrderedDictionary<String, JSON> { [:] }
}
