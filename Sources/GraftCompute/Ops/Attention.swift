extension Tape {
  /// Multi-head self-attention inside each sequence: `softmax(scale · Q · Kᵀ + bias) · V` per head. Vaswani et
  /// al., arXiv:1706.03762.
  ///
  /// Every sequence is computed on its own rows, head by head, so no token ever meets another sequence or
  /// padding. The attention weights are not kept: the pullback computes them again, which is cheaper than the
  /// memory (Dao et al., arXiv:2205.14135).
  ///
  /// - Parameters:
  ///   - query: `[tokens, hidden]`.
  ///   - key: `[tokens, hidden]`.
  ///   - value: `[tokens, hidden]`.
  ///   - heads: Number of heads; `hidden` is a multiple of it.
  ///   - offsets: Where sequences start: `[sequences + 1]`, from 0 to `tokens`, not falling.
  ///   - dropout: Probability applied to the attention weights while training.
  ///   - scale: What scores are multiplied by, above 0; `nil` for `1 / √d` with `d` the width of a head.
  ///   - window: How far a token sees in both directions: those with `|i − j| ≤ window`; `nil` for its whole
  ///     sequence.
  ///   - bias: Added to scores by the distance of two tokens.
  ///   - columns: Where each token stands in its sequence, `[tokens]`, for the distances of `bias` and of `window`;
  ///     `nil` where no token was left out between two others.
  ///   - addedScores: Added to scores after scaling, made by another op: for each
  ///     sequence and in it for each head a matrix `[length, length]`, one after the other, as a variable
  ///     `[Σ heads · length², 1]` whose trace has ``ModelGraph/Rows/pairs(heads:)``. This is where DeBERTa's
  ///     disentangled attention comes in (He et al., arXiv:2006.03654): an op of its plugin gathers `Q · PKᵀ`
  ///     and `K · PQᵀ` along the diagonals, and takes their gradients back.
  /// - Returns: `[tokens, hidden]`.
  public func attention(
    query: Variable,
    key: Variable,
    value: Variable,
    heads: Int,
    offsets: [Int],
    dropout: Float,
    scale: Float? = nil,
    window: Int? = nil,
    bias: RelativeBias? = nil,
    columns: RowIndices? = nil,
    addedScores: Variable? = nil
  ) -> Variable {
    let (tokens, hidden) = (query.value.rows, query.value.columns)
    precondition(
      key.shape == query.shape && value.shape == query.shape && heads > 0 && hidden.isMultiple(of: heads),
      "attention: \(query.shape), \(key.shape), \(value.shape), \(heads) heads"
    )
    precondition(
      offsets.first == 0 && offsets.last == tokens
        && zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 },
      "attention: offsets \(offsets) of \(tokens) tokens"
    )
    precondition(dropout >= 0 && dropout < 1, "attention: dropout \(dropout)")
    precondition(window ?? 0 >= 0, "attention: window \(window ?? 0)")
    let scale = scale ?? 1 / Float(hidden / heads).squareRoot()
    precondition(scale > 0, "attention: scale \(scale)")
    if let bias {
      precondition(
        bias.table.value.columns == heads && bias.table.value.rows >= bias.buckets.count,
        "attention: a bias \(bias.table.shape) for \(heads) heads and \(bias.buckets.count) buckets")
    }
    if let trace {
      trace.require(offsets, in: "attention")
      let operation = AttentionOperation(
        heads: heads, width: hidden, scale: scale, window: window, buckets: bias?.buckets,
        addsScores: addedScores != nil)
      return trace.add(
        operation, [query, key, value] + (bias.map { [$0.table] } ?? []) + (addedScores.map { [$0] } ?? []))
    }
    var (window, bias, addedScores) = (window, bias, addedScores)
    if let columns, columns.haveGaps(offsets) {
      let scores = [
        bias.map { relativeScores($0, columns: columns.values, heads: heads, offsets: offsets) },
        window.map { windowScores($0, columns: columns.values, heads: heads, offsets: offsets) },
      ]
      for case let scores? in scores { addedScores = addedScores.map { add($0, scores) } ?? scores }
      (window, bias) = (nil, nil)
    }
    precondition(
      addedScores.map { $0.value.count == heads * AttentionKernel.pairCount(offsets) } != false,
      "attention: added scores \(addedScores?.shape ?? [])")
    let precision = prepared?.attention ?? backend.precision
    let rounding = precision == .float32 ? nil : backend.kernels.smallProducts(in: precision)
    let attention = AttentionKernel(
      backend: backend,
      heads: heads,
      hidden: hidden,
      offsets: offsets,
      dropout: dropout,
      dropoutKey: dropout > 0 ? nextDropoutKey() : nil,
      scale: scale,
      window: window,
      bias: bias.map { ($0.table.value, $0.buckets) },
      addedScores: addedScores?.value,
      products: rounding ?? backend.smallProducts
    )
    let operations = attention.operations
    return profile.measure("attention", operations: 2 * operations) {
      let y = output(query.shape, from: query, key, value, bias?.table, addedScores)
      if !isRecording, attention.isPlain, rounding == nil {
        attention.infer(
          query.value, key.value, value.value, to: y.value,
          scratch: scratch([backend.threads.count, attention.inferenceScratch]))
        return y
      }
      attention.forward(
        query.value,
        key.value,
        value.value,
        to: y.value,
        scratch: scratch([backend.threads.count, attention.forwardScratch])
      )
      let (q, k, v) = (query.value, key.value, value.value)
      let (dQuery, dKey, dValue) = (query.slot, key.slot, value.slot)
      let (dTable, dScores) = (bias?.table.slot, addedScores?.slot)
      record(y, operations: 5 * operations) { [backend, pool] dy in
        // Opened in the order of writing, for one variable may be all three.
        attention.backward(
          q,
          k,
          v,
          dy,
          dValue: dValue.open(pool: pool),
          dQuery: dQuery.open(pool: pool),
          dKey: dKey.open(pool: pool),
          dTable: dTable?.open(pool: pool),
          dScores: dScores?.open(pool: pool),
          scratch: Tensor(
            uninitialized: [backend.threads.count, attention.backwardScratch], pool: pool)
        )
      }
      return y
    }
  }
}
