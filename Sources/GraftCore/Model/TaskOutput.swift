/// One of the arrays that a head's result is made of.
public struct TaskOutput: Sendable, Equatable {
  public enum Rows: Sendable {
    /// A row for each sequence.
    case sequences
    /// A row for each token.
    case tokens
    /// A row for each sequence, which are choices: an ONNX graph has them as `[batch, choices]`, and its inputs as
    /// `[batch, choices, sequence]`.
    case choices
  }

  /// As golden files and transformers call it: `logits`, `start_logits`.
  public let name: String
  public let rows: Rows
  /// The column that it is, as an array without columns; `nil` is all of them.
  public let column: Int?

  public init(_ name: String, rows: Rows, column: Int? = nil) {
    self.name = name
    self.rows = rows
    self.column = column
  }
}
