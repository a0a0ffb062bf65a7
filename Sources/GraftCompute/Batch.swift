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
  /// The tokens that a token-level head predicts, as rows of the activations; `nil` means all of them.
  public var selectedTokens: [Int32]?
  /// What each head should have said, by the head's name. Filled by ``Head/prepare(_:examples:sampler:)``.
  public var targets: [String: Targets] = [:]

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

  public var tokenCount: Int { ids.count }
  public var sequenceCount: Int { offsets.count - 1 }
  /// The row of each sequence's first token, the `[CLS]` that poolers read.
  public var firstTokens: RowIndices {
    RowIndices(offsets.dropLast().map(Int32.init), origin: .firstTokens)
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
    for (start, end) in zip(offsets, offsets.dropFirst()) {
      var count: Int32 = 0
      for token in start..<end where ids[token] != padding {
        count += 1
        positions[token] = padding + count
      }
    }
    return RowIndices(positions, computedBy: PositionsAfterPadding(padding), from: [ids])
  }
}

/// What a head should have predicted for a batch.
public enum Targets: Sendable, Equatable {
  /// One class for each predicted row.
  case classes([Int32])
  /// `width` numbers for each predicted row, row by row: regression values, or 0 and 1 for each label.
  case values([Float], width: Int)

  /// The number of predicted rows.
  public var count: Int {
    switch self {
    case .classes(let classes): classes.count
    case .values(let values, let width): values.count / max(1, width)
    }
  }
}
