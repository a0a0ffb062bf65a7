import GraftCompute

extension Batch {
  /// The concatenation of encoded sequences.
  public init(_ encodings: some Sequence<Encoding>) {
    self.init()
    for encoding in encodings {
      append(
        ids: encoding.ids,
        tokenTypes: encoding.tokenTypes,
        positions: Array(0..<Int32(encoding.ids.count))
      )
    }
  }
}

/// One row of a data set, ready for a model.
public struct Example: Sendable, Equatable {
  public var encoding: Encoding
  public var label: Label?

  public init(_ encoding: Encoding, label: Label? = nil) {
    self.encoding = encoding
    self.label = label
  }
}

/// What the data say about a text.
public enum Label: Sendable, Equatable {
  case index(Int32)
  case values([Float])
}
