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
  ///   - addedScores: Added to scores after scaling, made by another op from whatever it likes: for each
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
    precondition(
      addedScores.map { $0.value.count == heads * Attention.pairCount(offsets) } != false,
      "attention: added scores \(addedScores?.shape ?? [])")
    // Of one product over all heads.
    let operations = 2 * Double(Attention.pairCount(offsets)) * Double(hidden)
    return profile.measure("attention", operations: 2 * operations) {
      let attention = Attention(
        backend: backend,
        heads: heads,
        hidden: hidden,
        offsets: offsets,
        dropout: dropout,
        dropoutKey: dropout > 0 ? nextDropoutKey() : nil,
        scale: scale,
        window: window,
        bias: bias.map { ($0.table.value, $0.buckets) },
        addedScores: addedScores?.value
      )
      let y = output(query.shape, from: query, key, value, bias?.table, addedScores)
      attention.forward(
        query.value,
        key.value,
        value.value,
        to: y.value,
        scratch: scratch([backend.threads.count, attention.area + attention.diagonal])
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
            uninitialized: [backend.threads.count, 2 * attention.area + attention.diagonal], pool: pool)
        )
      }
      return y
    }
  }
}

/// One attention: what its forward and its backward pass have in common.
private struct Attention {
  let backend: any ComputeBackend
  let heads: Int
  let hidden: Int
  let offsets: [Int]
  let dropout: Float
  let dropoutKey: RandomKey?
  let scale: Float
  let window: Int?
  let bias: (table: Tensor, buckets: RelativeBuckets)?
  let addedScores: Tensor?

  private var width: Int { hidden / heads }

  /// The number of attention weights of one head.
  static func pairCount(_ offsets: [Int]) -> Int {
    zip(offsets, offsets.dropFirst()).reduce(0) { $0 + ($1.1 - $1.0) * ($1.1 - $1.0) }
  }

  private var longest: Int { zip(offsets, offsets.dropFirst()).reduce(0) { max($0, $1.1 - $1.0) } }

  /// The number of attention weights of the longest sequence's head.
  var area: Int { longest * longest }

  /// Room for a number for each distance of two tokens, where there is a bias.
  var diagonal: Int { bias == nil ? 0 : 2 * longest }

  /// One head of one sequence.
  private struct Block {
    /// Its number among all.
    let index: Int
    let head: Int
    /// The sequence's rows.
    let rows: Range<Int>
    /// Its first element in `[tokens, hidden]`.
    let start: Int
    /// Its first place in the stream of dropout's random words.
    let randomStart: Int
    /// Its first element in added scores.
    let pairStart: Int
  }

  /// Calls `body` for every head of every sequence, on all threads, with the number of the thread.
  private func forEachBlock(_ body: (_ block: Block, _ worker: Int) -> Void) {
    var blocks: [Block] = []
    var (randomStart, pairStart) = (0, 0)
    for (start, end) in zip(offsets, offsets.dropFirst()) where end > start {
      for head in 0..<heads {
        blocks.append(
          Block(
            index: blocks.count, head: head, rows: start..<end, start: start * hidden + head * width,
            randomStart: randomStart, pairStart: pairStart)
        )
        pairStart += (end - start) * (end - start)
        randomStart += ((end - start) * (end - start) + 3) / 4 * 4
      }
    }
    // As many together as make a piece worth a thread.
    let work = randomStart * width / max(1, blocks.count)
    let together = max(1, (1 << 17) / max(1, work))
    backend.threads.run((blocks.count + together - 1) / together) { piece, worker in
      for block in blocks[piece * together..<min(blocks.count, (piece + 1) * together)] {
        body(block, worker)
      }
    }
  }

  /// Fills `p` `[length, length]` with the attention weights of a block, before dropout.
  ///
  /// - Parameter diagonal: Room for `2 · length` numbers, where there is a bias.
  private func weights(
    _ block: Block, _ query: Tensor, _ key: Tensor, to p: UnsafeMutablePointer<Float>,
    diagonal: UnsafeMutablePointer<Float>
  ) {
    let length = block.rows.count
    backend.gemm(
      MatrixProduct(m: length, n: length, k: width, transposesB: true),
      query.pointer + block.start,
      lda: hidden,
      key.pointer + block.start,
      ldb: hidden,
      to: p,
      ldc: length,
      accumulating: false
    )
    // What is added is divided by the scale, for the softmax multiplies by it.
    if let bias {
      bias.buckets.forEachDistance(length) { distance, place in
        let row = bias.buckets[distance]
        diagonal[place] = bias.table.pointer[row * heads + block.head] / scale
      }
      for row in 0..<length {
        backend.kernels.add(diagonal + length - 1 - row, to: p + row * length, count: length)
      }
    }
    if let addedScores {
      let scores = addedScores.pointer + block.pairStart
      for pair in 0..<length * length { p[pair] += scores[pair] / scale }
    }
    guard let window else {
      return backend.kernels.softmax(p, scale: scale, rows: length, columns: length)
    }
    forEachRow(length, window) { start, seen in
      backend.kernels.softmax(p + start + seen.lowerBound, scale: scale, rows: 1, columns: seen.count)
      clear(p + start, length, except: seen)
    }
  }

  /// Given the weights `p`, replaces their gradient `dp` by that of the scores before scaling.
  private func softmaxGradient(_ p: UnsafePointer<Float>, dp: UnsafeMutablePointer<Float>, length: Int) {
    guard let window else {
      return backend.kernels.softmaxGradient(p: p, dp: dp, scale: scale, rows: length, columns: length)
    }
    forEachRow(length, window) { start, seen in
      backend.kernels.softmaxGradient(
        p: p + start + seen.lowerBound, dp: dp + start + seen.lowerBound, scale: scale, rows: 1,
        columns: seen.count)
      clear(dp + start, length, except: seen)
    }
  }

  /// Calls `body` for each row of a block's weights, with its first place and the columns that it sees.
  private func forEachRow(_ length: Int, _ window: Int, _ body: (_ start: Int, _ seen: Range<Int>) -> Void) {
    // No token is further than the sequence is long.
    let window = min(window, length)
    for row in 0..<length { body(row * length, max(0, row - window)..<min(length, row + window + 1)) }
  }

  private func clear(_ row: UnsafeMutablePointer<Float>, _ length: Int, except seen: Range<Int>) {
    row.update(repeating: 0, count: seen.lowerBound)
    (row + seen.upperBound).update(repeating: 0, count: length - seen.upperBound)
  }

  private func drop(
    _ block: Block,
    _ x: UnsafePointer<Float>,
    to y: UnsafeMutablePointer<Float>,
    key: RandomKey
  ) {
    backend.kernels.dropout(
      x,
      to: y,
      count: block.rows.count * block.rows.count,
      probability: dropout,
      key: key,
      start: block.randomStart
    )
  }

  /// - Parameter scratch: `[threads, area + diagonal]`.
  func forward(_ query: Tensor, _ key: Tensor, _ value: Tensor, to y: Tensor, scratch: Tensor) {
    forEachBlock { block, worker in
      let length = block.rows.count
      let p = scratch.pointer + worker * scratch.columns
      weights(block, query, key, to: p, diagonal: p + area)
      if let dropoutKey { drop(block, p, to: p, key: dropoutKey) }
      backend.gemm(
        MatrixProduct(m: length, n: width, k: length),
        p,
        lda: length,
        value.pointer + block.start,
        ldb: hidden,
        to: y.pointer + block.start,
        ldc: hidden,
        accumulating: false
      )
    }
  }

  /// With P the weights, P̃ those after dropout, and S = Q · Kᵀ: dV = P̃ᵀ · dY, dP̃ = dY · Vᵀ, dS from dP by the
  /// softmax, dQ = dS · K, dK = dSᵀ · Q. What is added to the scores gets dS / scale.
  ///
  /// - Parameter scratch: `[threads, 2 · area + diagonal]`.
  func backward(
    _ query: Tensor,
    _ key: Tensor,
    _ value: Tensor,
    _ dy: Tensor,
    dValue: (gradient: Tensor, overwrite: Bool)?,
    dQuery: (gradient: Tensor, overwrite: Bool)?,
    dKey: (gradient: Tensor, overwrite: Bool)?,
    dTable: (gradient: Tensor, overwrite: Bool)?,
    dScores: (gradient: Tensor, overwrite: Bool)?,
    scratch: Tensor
  ) {
    let bucketSums = dTable.map { _ in BucketSums(blocks: offsets.count * heads, bias?.buckets, dy.pool) }
    forEachBlock { block, worker in
      let length = block.rows.count
      let p = scratch.pointer + worker * scratch.columns
      let dp = p + length * length
      let diagonal = p + 2 * area
      weights(block, query, key, to: p, diagonal: diagonal)
      var dropped = p
      if let dropoutKey {
        dropped = dp
        drop(block, p, to: dropped, key: dropoutKey)
      }
      add(
        to: dValue,
        block,
        MatrixProduct(m: length, n: width, k: length, transposesA: true),
        dropped,
        dy
      )
      guard dQuery != nil || dKey != nil || dTable != nil || dScores != nil else { return }
      backend.gemm(
        MatrixProduct(m: length, n: length, k: width, transposesB: true),
        dy.pointer + block.start,
        lda: hidden,
        value.pointer + block.start,
        ldb: hidden,
        to: dp,
        ldc: length,
        accumulating: false
      )
      if let dropoutKey { drop(block, dp, to: dp, key: dropoutKey) }
      softmaxGradient(p, dp: dp, length: length)
      add(to: dQuery, block, MatrixProduct(m: length, n: width, k: length), dp, key)
      add(to: dKey, block, MatrixProduct(m: length, n: width, k: length, transposesA: true), dp, query)
      if let bucketSums {
        diagonal.update(repeating: 0, count: 2 * length)
        for row in 0..<length {
          backend.kernels.add(dp + row * length, to: diagonal + length - 1 - row, count: length)
        }
        bucketSums.add(diagonal, length: length, block: block.index, scale: scale)
      }
      if let dScores {
        let gradient = dScores.gradient.pointer + block.pairStart
        for pair in 0..<length * length {
          gradient[pair] = (dScores.overwrite ? 0 : gradient[pair]) + dp[pair] / scale
        }
      }
    }
    if let bucketSums, let dTable { bucketSums.total(to: dTable, heads: heads) }
  }

  /// Adds `op(weights) · x` to a block of a gradient.
  private func add(
    to target: (gradient: Tensor, overwrite: Bool)?,
    _ block: Block,
    _ product: MatrixProduct,
    _ weights: UnsafePointer<Float>,
    _ x: Tensor
  ) {
    guard let target else { return }
    backend.gemm(
      product,
      weights,
      lda: block.rows.count,
      x.pointer + block.start,
      ldb: hidden,
      to: target.gradient.pointer + block.start,
      ldc: hidden,
      accumulating: !target.overwrite
    )
  }
}
