import GraftCompute
import GraftTensors

/// What a model reads of a row of data: the whole text, or a window of it.
public struct Example: Sendable {
  public var encoding: Encoding
  /// Further texts of the row, which the model reads as sequences of their own in the same batch.
  public var others: [Encoding]
  /// What the data say about it.
  public var label: (any ExampleLabel)?
  /// Where it comes from, with the texts that its offsets are places in.
  public var row: TextRow

  public init(
    _ encoding: Encoding, others: [Encoding] = [], label: (any ExampleLabel)? = nil,
    row: TextRow = TextRow("")
  ) {
    self.encoding = encoding
    self.others = others
    self.label = label
    self.row = row
  }

  /// All its sequences, in the order in which they stand in a batch.
  public var encodings: [Encoding] { [encoding] + others }

  /// The tokens of all its sequences.
  package var tokenCount: Int { others.reduce(encoding.ids.count) { $0 + $1.ids.count } }
}

extension Batch {
  /// The sequences of examples, those of one example after another.
  public init(of examples: some Sequence<Example>) { self.init(examples.lazy.flatMap(\.encodings)) }
}

/// What data say about an example. A task brings a type of its own where these do not fit.
public protocol ExampleLabel: Sendable {
  /// In the form of the data, for records and for the hash of a data set.
  var json: JSON { get }
  /// The classes that it is made of, where it is: one for a text, one for each word of a text. Empty by default.
  var classes: [Int32] { get }
}

extension ExampleLabel {
  public var classes: [Int32] { [] }
}

/// One class of several.
public struct ClassLabel: ExampleLabel, Equatable {
  public let index: Int32

  public init(_ index: Int32) { self.index = index }

  public var json: JSON { JSON(Int(index)) }
  public var classes: [Int32] { [index] }
}

/// A number for each output: a regression's values, or 0 and 1 for each label.
public struct ValuesLabel: ExampleLabel, Equatable {
  public let values: [Float]

  public init(_ values: [Float]) { self.values = values }

  public var json: JSON { .array(values.map { JSON($0) }) }
}
