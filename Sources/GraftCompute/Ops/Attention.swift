extension Tape {
  /// Multi-head self-attention inside each sequence: `softmax(Q · Kᵀ / √d) · V` per head. Vaswani et al.,
  /// arXiv:1706.03762.
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
  /// - Returns: `[tokens, hidden]`.
  public func attention(
    query: Variable,
    key: Variable,
    value: Variable,
    heads: Int,
    offsets: [Int],
    dropout: Float
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
    if let trace { return trace.addAttention(query, key, value, heads: heads, offsets: offsets) }
    // Of one product over all heads.
    let operations = 2 * Attention.pairs(offsets) * Double(hidden)
    return profile.measure("attention", operations: 2 * operations) {
      let attention = Attention(
        backend: backend,
        heads: heads,
        hidden: hidden,
        offsets: offsets,
        dropout: dropout,
        dropoutKey: dropout > 0 ? nextDropoutKey() : nil
      )
      let y = output(query.shape, from: query, key, value)
      attention.forward(
        query.value,
        key.value,
        value.value,
        to: y.value,
        scratch: scratch([backend.threads.count, attention.area])
      )
      let (q, k, v) = (query.value, key.value, value.value)
      let (dQuery, dKey, dValue) = (query.slot, key.slot, value.slot)
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
          scratch: Tensor(uninitialized: [backend.threads.count, 2 * attention.area], pool: pool)
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

  private var width: Int { hidden / heads }
  private var scale: Float { 1 / Float(width).squareRoot() }

  /// The number of attention weights of one head.
  static func pairs(_ offsets: [Int]) -> Double {
    zip(offsets, offsets.dropFirst()).reduce(0) { $0 + Double(($1.1 - $1.0) * ($1.1 - $1.0)) }
  }

  /// The number of attention weights of the longest sequence's head.
  var area: Int { zip(offsets, offsets.dropFirst()).reduce(0) { max($0, ($1.1 - $1.0) * ($1.1 - $1.0)) } }

  /// One head of one sequence.
  private struct Block {
    /// The sequence's rows.
    let rows: Range<Int>
    /// Its first element in `[tokens, hidden]`.
    let start: Int
    /// Its first place in the stream of dropout's random words.
    let randomStart: Int
  }

  /// Calls `body` for every head of every sequence, on all threads, with the number of the thread.
  private func forEachBlock(_ body: (_ block: Block, _ worker: Int) -> Void) {
    var blocks: [Block] = []
    var randomStart = 0
    for (start, end) in zip(offsets, offsets.dropFirst()) where end > start {
      for head in 0..<heads {
        blocks.append(
          Block(rows: start..<end, start: start * hidden + head * width, randomStart: randomStart)
        )
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
  private func weights(_ block: Block, _ query: Tensor, _ key: Tensor, to p: UnsafeMutablePointer<Float>) {
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
    backend.kernels.softmax(p, scale: scale, rows: length, columns: length)
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

  /// - Parameter scratch: `[threads, area]`.
  func forward(_ query: Tensor, _ key: Tensor, _ value: Tensor, to y: Tensor, scratch: Tensor) {
    forEachBlock { block, worker in
      let length = block.rows.count
      let p = scratch.pointer + worker * scratch.columns
      weights(block, query, key, to: p)
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
  /// softmax, dQ = dS · K, dK = dSᵀ · Q.
  ///
  /// - Parameter scratch: `[threads, 2 · area]`.
  func backward(
    _ query: Tensor,
    _ key: Tensor,
    _ value: Tensor,
    _ dy: Tensor,
    dValue: (gradient: Tensor, overwrite: Bool)?,
    dQuery: (gradient: Tensor, overwrite: Bool)?,
    dKey: (gradient: Tensor, overwrite: Bool)?,
    scratch: Tensor
  ) {
    forEachBlock { block, worker in
      let length = block.rows.count
      let p = scratch.pointer + worker * scratch.columns
      let dp = p + length * length
      weights(block, query, key, to: p)
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
      guard dQuery != nil || dKey != nil else { return }
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
      backend.kernels.softmaxGradient(p: p, dp: dp, scale: scale, rows: length, columns: length)
      add(to: dQuery, block, MatrixProduct(m: length, n: width, k: length), dp, key)
      add(to: dKey, block, MatrixProduct(m: length, n: width, k: length, transposesA: true), dp, query)
    }
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
