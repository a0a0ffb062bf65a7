/// Row numbers, one for each token or each sequence of a batch, and where they come from.
///
/// Ops use the ``values``. The ``origin`` is what a ``Trace`` writes down instead: the batch's token ids, or what
/// was derived from them, as RoBERTa's positions are. Row numbers of no origin compute like any other, and a
/// model that uses them cannot be traced.
public struct RowIndices: Sendable {
  /// The row numbers.
  public var values: [Int32]
  /// Where they come from.
  public let origin: Origin

  /// How row numbers are computed from a batch.
  public indirect enum Origin: Sendable {
    /// Not known.
    case none
    /// An array of the batch.
    case input(ModelGraph.Input)
    /// The row of each sequence's first token.
    case firstTokens
    /// Computed from others, one for one.
    case derived(any GraphOperation, from: [Origin])
  }

  /// Row numbers of a known origin.
  ///
  /// - Parameters:
  ///   - values: The row numbers.
  ///   - origin: Where they come from; `none` for row numbers that only this batch has, such as the tokens
  ///     that were chosen for prediction.
  public init(_ values: [Int32], origin: Origin = .none) {
    self.values = values
    self.origin = origin
  }

  /// Row numbers computed from others.
  ///
  /// - Parameters:
  ///   - values: The row numbers.
  ///   - operation: The same computation as a graph does it, on `[batch, sequence]` int64.
  ///   - sources: What it computes from.
  public init(_ values: [Int32], computedBy operation: any GraphOperation, from sources: [RowIndices]) {
    self.init(values, origin: .derived(operation, from: sources.map(\.origin)))
  }

  /// Each row number plus a constant.
  public static func + (indices: RowIndices, offset: Int32) -> RowIndices {
    RowIndices(indices.values.map { $0 + offset }, computedBy: IndexOffset(offset), from: [indices])
  }

  /// One number, as many times as `other` has elements: for tables from which a model reads a single row.
  public init(repeating value: Int32, like other: RowIndices) {
    self.init(
      [Int32](repeating: value, count: other.count), computedBy: IndexConstant(value), from: [other])
  }
}

extension RowIndices: RandomAccessCollection, MutableCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { values.count }
  public subscript(position: Int) -> Int32 {
    get { values[position] }
    set { values[position] = newValue }
  }
}

extension RowIndices: ExpressibleByArrayLiteral {
  /// Row numbers of no origin.
  public init(arrayLiteral elements: Int32...) { self.init(elements) }
}

extension RowIndices: Equatable {
  /// Whether the row numbers are the same, wherever they come from.
  public static func == (a: RowIndices, b: RowIndices) -> Bool { a.values == b.values }
}

extension RowIndices.Origin: Hashable {
  public static func == (a: Self, b: Self) -> Bool {
    switch (a, b) {
    case (.none, .none), (.firstTokens, .firstTokens): true
    case (.input(let a), .input(let b)): a == b
    case (.derived(let a, let aSources), .derived(let b, let bSources)):
      a.isEqual(to: b) && aSources == bSources
    default: false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch self {
    case .none: hasher.combine(0)
    case .firstTokens: hasher.combine(1)
    case .input(let input): hasher.combine(input)
    case .derived(let operation, let sources):
      hasher.combine(AnyHashable(operation))
      hasher.combine(sources)
    }
  }
}

// MARK: - As graphs compute them

/// `index + offset`.
struct IndexOffset: GraphOperation {
  let offset: Int32

  init(_ offset: Int32) { self.offset = offset }

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    graph.add("Add", [inputs[0], graph.integer(Int(offset))])
  }
}

/// A constant of the shape of an index.
struct IndexConstant: GraphOperation {
  let value: Int32

  init(_ value: Int32) { self.value = value }

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    graph.add("Expand", [graph.integer(Int(value)), graph.add("Shape", [inputs[0]])])
  }
}

/// 0, 1, 2, … in each row of the padded batch.
struct ColumnNumbers: GraphOperation {
  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    graph.add("Expand", [graph.columnNumbers, graph.batchShape])
  }
}

/// `cumsum(id ≠ padding) · (id ≠ padding) + padding` along each row of the padded batch.
struct PositionsAfterPadding: GraphOperation {
  let padding: Int32

  init(_ padding: Int32) { self.padding = padding }

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    let isPadding = graph.add("Equal", [inputs[0], graph.integer(Int(padding))])
    let isToken = graph.add("Cast", [graph.add("Not", [isPadding])], ["to": .type(.int64)])
    let count = graph.add("CumSum", [isToken, graph.integer(1)])
    return graph.add("Add", [graph.add("Mul", [count, isToken]), graph.integer(Int(padding))])
  }
}
