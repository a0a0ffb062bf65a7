/// Several sequences, concatenated without padding.
///
/// Every activation of a model is `[tokens, width]` over the concatenation; sequence `s` owns the rows
/// `offsets[s]..<offsets[s + 1]`.
public struct Batch: Sendable, Equatable {
  /// Token ids, `[tokens]`.
  public var ids = RowIndices([], origin: .input(.ids))
  /// Token type ids, `[tokens]`.
  public var tokenTypes = RowIndices([], origin: .input(.tokenTypes))
  /// Position ids, `[tokens]`: 0, 1, 2, … in each sequence, or the columns of a padded row.
  public var positions = RowIndices([], origin: .derived(ColumnNumbers(), from: [.input(.ids)]))
  /// Where each sequence starts, and the end of the last: `[sequences + 1]`.
  public var offsets: [Int] = [0]
  /// The ids of whole rows, by sequence, where tokens were left out of the middle or the front of a padded row.
  private var paddedRows: [Int: [Int32]] = [:]

  public init() {}

  /// Adds one sequence.
  ///
  /// - Precondition: the three arrays have one length.
  public mutating func append(ids: [Int32], tokenTypes: [Int32], positions: [Int32]) {
    precondition(ids.count == tokenTypes.count && ids.count == positions.count)
    self.ids.values += ids
    self.tokenTypes.values += tokenTypes
    self.positions.values += positions
    offsets.append(self.ids.count)
  }

  /// Adds one sequence of a padded batch, without the tokens that its attention mask leaves out.
  ///
  /// A token keeps its column as its position, and counts what was before it as models do that count ids.
  ///
  /// - Parameters:
  ///   - ids: A row, padding included.
  ///   - tokenTypes: Of the same length.
  ///   - mask: Whether each token is attended to.
  /// - Precondition: the three arrays have one length.
  public mutating func append(paddedRow ids: [Int32], tokenTypes: [Int32], mask: [Bool]) {
    precondition(ids.count == tokenTypes.count && ids.count == mask.count)
    let columns = ids.indices.filter { mask[$0] }
    if columns != Array(0..<columns.count) { paddedRows[sequenceCount] = ids }
    append(
      ids: columns.map { ids[$0] }, tokenTypes: columns.map { tokenTypes[$0] },
      positions: columns.map(Int32.init))
  }

  /// Some of the sequences, one after the other.
  func part(_ sequences: Range<Int>) -> Batch {
    let tokens = offsets[sequences.lowerBound]..<offsets[sequences.upperBound]
    var part = Batch()
    part.ids.values = Array(ids.values[tokens])
    part.tokenTypes.values = Array(tokenTypes.values[tokens])
    part.positions.values = Array(positions.values[tokens])
    part.offsets = offsets[sequences.lowerBound...sequences.upperBound].map { $0 - tokens.lowerBound }
    for (sequence, row) in paddedRows where sequences.contains(sequence) {
      part.paddedRows[sequence - sequences.lowerBound] = row
    }
    return part
  }

  public var tokenCount: Int { ids.count }
  public var sequenceCount: Int { offsets.count - 1 }
  /// The row of each sequence's first token, the `[CLS]` that poolers read.
  public var firstTokens: RowIndices {
    RowIndices(offsets.dropLast().map(Int32.init), origin: .firstTokens)
  }

  /// The first token of each sequence alone, as a sequence of one.
  public var ofFirstTokens: Batch {
    var first = Batch()
    let places = offsets.dropLast()
    first.ids.values = places.map { ids.values[$0] }
    first.tokenTypes.values = places.map { tokenTypes.values[$0] }
    first.positions.values = places.map { positions.values[$0] }
    first.offsets = Array(0...places.count)
    return first
  }

  /// Positions as RoBERTa counts them: `cumsum(id ≠ padding) · (id ≠ padding) + padding` in each sequence. The
  /// first token's is `padding + 1`, and that of a padding token among the others `padding`.
  ///
  /// Follows `create_position_ids_from_input_ids` of transformers:
  /// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/roberta/modeling_roberta.py
  ///
  /// - Parameter padding: The id of the padding token.
  public func positions(after padding: Int32) -> RowIndices {
    var positions = [Int32](repeating: padding, count: tokenCount)
    for (sequence, (start, end)) in zip(offsets, offsets.dropFirst()).enumerated() {
      var count: Int32 = 0
      func next(_ id: Int32) -> Int32 {
        guard id != padding else { return padding }
        count += 1
        return padding + count
      }
      if let row = paddedRows[sequence] {
        let all = row.map(next)
        for token in start..<end { positions[token] = all[Int(self.positions[token])] }
      } else {
        for token in start..<end { positions[token] = next(ids[token]) }
      }
    }
    return RowIndices(positions, computedBy: PositionsAfterPadding(padding), from: [ids])
  }
}
