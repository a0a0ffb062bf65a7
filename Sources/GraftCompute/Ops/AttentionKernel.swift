/// One attention: what its forward and its backward pass have in common.
///
/// The unit of work is a block: one head of one sequence. The rows of a long sequence are computed some at a time
/// against the columns that they see, so that memory grows with the length and not with its square; where a window
/// hides most of the columns, time does as well.
struct AttentionKernel {
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
  /// The longest sequence whose rows are computed at once, where there is no window.
  var longestUncut = 512

  /// The gradient of an input, and whether it has to be overwritten.
  typealias Target = (gradient: Tensor, overwrite: Bool)

  private var width: Int { hidden / heads }

  /// The number of pairs of tokens in the sequences.
  static func pairCount(_ offsets: [Int]) -> Int {
    zip(offsets, offsets.dropFirst()).reduce(0) { $0 + ($1.1 - $1.0) * ($1.1 - $1.0) }
  }

  private var longest: Int { zip(offsets, offsets.dropFirst()).reduce(0) { max($0, $1.1 - $1.0) } }

  /// The largest number of attention weights that are computed at a time.
  var area: Int {
    var largest = 0
    for (start, end) in zip(offsets, offsets.dropFirst()) {
      forEachTile(end - start) { largest = max(largest, $0.area) }
    }
    return largest
  }

  /// Room for a number for each distance of two tokens, where there is a bias.
  var diagonal: Int { bias == nil ? 0 : 2 * longest }

  /// The floating-point operations of one product over all heads, such as `Q · Kᵀ`.
  var operations: Double {
    var pairs = 0
    for (start, end) in zip(offsets, offsets.dropFirst()) { forEachTile(end - start) { pairs += $0.area } }
    return 2 * Double(pairs) * Double(hidden)
  }

  // MARK: How the work is cut

  /// One head of one sequence.
  private struct Block {
    /// Its number among all.
    let index: Int
    let head: Int
    /// The number of tokens.
    let length: Int
    /// Its first element in `[tokens, hidden]`.
    let start: Int
    /// Its first place in the stream of dropout's random words.
    let randomStart: Int
    /// Its first element in added scores.
    let pairStart: Int
  }

  /// Some of a sequence's rows, and the columns that any of them sees.
  private struct Tile {
    let rows: Range<Int>
    let columns: Range<Int>
    var area: Int { rows.count * columns.count }
  }

  /// The window, if a sequence is longer than it.
  private func window(_ length: Int) -> Int? { window.flatMap { $0 < length - 1 ? $0 : nil } }

  /// The rows of a tile. With a window a tile reads twice the window more columns than it has rows, and products want
  /// rows enough. Without one the weights of a tile should stay in a core's cache.
  private func tileSize(_ length: Int) -> Int {
    if let window = window(length) { return max(64, window) }
    // A multiple of four, for dropout draws four random words at a time.
    return length <= longestUncut ? length : max(64, longestUncut * longestUncut / length / 4 * 4)
  }

  private func forEachTile(_ length: Int, _ body: (Tile) -> Void) {
    let (size, window) = (tileSize(length), window(length) ?? length)
    for first in stride(from: 0, to: length, by: max(1, size)) {
      let end = min(length, first + size)
      body(Tile(rows: first..<end, columns: max(0, first - window)..<min(length, end + window)))
    }
  }

  /// How many of dropout's random words a row has, where there is a window.
  private func pace(_ window: Int) -> Int { (2 * window + 1 + 3) / 4 * 4 }

  /// Calls `body` for every head of every sequence, on all threads, with the number of the thread.
  private func forEachBlock(_ body: (_ block: Block, _ worker: Int) -> Void) {
    var blocks: [Block] = []
    var (randomStart, pairStart) = (0, 0)
    for (start, end) in zip(offsets, offsets.dropFirst()) where end > start {
      let length = end - start
      for head in 0..<heads {
        blocks.append(
          Block(
            index: blocks.count, head: head, length: length, start: start * hidden + head * width,
            randomStart: randomStart, pairStart: pairStart))
        pairStart += length * length
        randomStart += window(length).map { length * pace($0) } ?? (length * length + 3) / 4 * 4
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

  /// Calls `body` for each row of a tile, with its place in the tile and the columns that it sees, counted from
  /// the tile's first.
  private func forEachRow(
    _ tile: Tile, _ block: Block, _ window: Int,
    _ body: (_ row: Int, _ start: Int, _ seen: Range<Int>) -> Void
  ) {
    for (index, row) in tile.rows.enumerated() {
      let seen = max(0, row - window)..<min(block.length, row + window + 1)
      let first = tile.columns.lowerBound
      body(row, index * tile.columns.count, seen.lowerBound - first..<seen.upperBound - first)
    }
  }

  // MARK: Weights

  /// Fills `p` `[rows, columns]` with the attention weights of a tile, before dropout.
  ///
  /// - Parameter diagonal: The bias for each distance, where there is one.
  private func weights(
    _ block: Block, _ tile: Tile, _ query: Tensor, _ key: Tensor, to p: UnsafeMutablePointer<Float>,
    diagonal: UnsafePointer<Float>
  ) {
    let (rows, columns) = (tile.rows.count, tile.columns.count)
    backend.gemm(
      MatrixProduct(m: rows, n: columns, k: width, transposesB: true),
      query.pointer + block.start + tile.rows.lowerBound * hidden,
      lda: hidden,
      key.pointer + block.start + tile.columns.lowerBound * hidden,
      ldb: hidden,
      to: p,
      ldc: columns,
      accumulating: false
    )
    // What is added is divided by the scale, for the softmax multiplies by it.
    if bias != nil {
      for (index, row) in tile.rows.enumerated() {
        let place = tile.columns.lowerBound - row + block.length - 1
        backend.kernels.add(diagonal + place, to: p + index * columns, count: columns)
      }
    }
    if let addedScores {
      for (index, row) in tile.rows.enumerated() {
        let scores = addedScores.pointer + block.pairStart + row * block.length + tile.columns.lowerBound
        for column in 0..<columns { p[index * columns + column] += scores[column] / scale }
      }
    }
    guard let window = window(block.length) else {
      return backend.kernels.softmax(p, scale: scale, rows: rows, columns: columns)
    }
    forEachRow(tile, block, window) { _, start, seen in
      backend.kernels.softmax(p + start + seen.lowerBound, scale: scale, rows: 1, columns: seen.count)
      clear(p + start, columns, except: seen)
    }
  }

  /// The bias of each distance in a block, divided by the scale.
  private func fill(_ diagonal: UnsafeMutablePointer<Float>, _ block: Block) {
    guard let bias else { return }
    bias.buckets.forEachDistance(block.length) { distance, place in
      diagonal[place] = bias.table.pointer[bias.buckets[distance] * heads + block.head] / scale
    }
  }

  /// Given the weights `p`, replaces their gradient `dp` by that of the scores before scaling.
  private func softmaxGradient(
    _ block: Block, _ tile: Tile, _ p: UnsafePointer<Float>, dp: UnsafeMutablePointer<Float>
  ) {
    let columns = tile.columns.count
    guard let window = window(block.length) else {
      return backend.kernels.softmaxGradient(
        p: p, dp: dp, scale: scale, rows: tile.rows.count, columns: columns)
    }
    forEachRow(tile, block, window) { _, start, seen in
      let place = start + seen.lowerBound
      backend.kernels.softmaxGradient(
        p: p + place, dp: dp + place, scale: scale, rows: 1, columns: seen.count)
      clear(dp + start, columns, except: seen)
    }
  }

  /// Applies dropout to what a tile's rows see, from `x` to `y`; elsewhere `y` becomes 0.
  private func drop(
    _ block: Block, _ tile: Tile, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, key: RandomKey
  ) {
    func drop(_ place: Int, _ count: Int, _ start: Int) {
      backend.kernels.dropout(
        x + place, to: y + place, count: count, probability: dropout, key: key, start: start)
    }
    guard let window = window(block.length) else {
      return drop(0, tile.area, block.randomStart + tile.rows.lowerBound * block.length)
    }
    forEachRow(tile, block, window) { row, start, seen in
      drop(start + seen.lowerBound, seen.count, block.randomStart + row * pace(window))
      clear(y + start, tile.columns.count, except: seen)
    }
  }

  private func clear(_ row: UnsafeMutablePointer<Float>, _ count: Int, except seen: Range<Int>) {
    row.update(repeating: 0, count: seen.lowerBound)
    (row + seen.upperBound).update(repeating: 0, count: count - seen.upperBound)
  }

  // MARK: Inference

  /// Whether ``infer(_:_:_:to:scratch:)`` computes this: softmax of products alone, of heads that fill vectors.
  var isPlain: Bool {
    dropoutKey == nil && bias == nil && addedScores == nil && width.isMultiple(of: 16)
  }

  /// What ``infer(_:_:_:to:scratch:)`` needs for each thread.
  var inferenceScratch: Int { backend.kernels.attentionScratch(length: longest, width: width) }

  /// The forward pass where no pullback follows.
  ///
  /// - Parameter scratch: `[threads, inferenceScratch]`.
  func infer(_ query: Tensor, _ key: Tensor, _ value: Tensor, to y: Tensor, scratch: Tensor) {
    let kernels = backend.kernels
    forEachBlock { block, worker in
      kernels.attend(
        AttentionHead(
          query: query.pointer + block.start, key: key.pointer + block.start,
          value: value.pointer + block.start, result: y.pointer + block.start, stride: hidden,
          length: block.length, width: width, scale: scale, window: window(block.length),
          scratch: scratch.pointer + worker * scratch.columns))
    }
  }

  // MARK: Both directions

  /// - Parameter scratch: `[threads, area + diagonal]`.
  func forward(_ query: Tensor, _ key: Tensor, _ value: Tensor, to y: Tensor, scratch: Tensor) {
    let area = area
    forEachBlock { block, worker in
      let p = scratch.pointer + worker * scratch.columns
      let diagonal = p + area
      fill(diagonal, block)
      forEachTile(block.length) { tile in
        weights(block, tile, query, key, to: p, diagonal: diagonal)
        if let dropoutKey { drop(block, tile, p, to: p, key: dropoutKey) }
        backend.gemm(
          MatrixProduct(m: tile.rows.count, n: width, k: tile.columns.count),
          p,
          lda: tile.columns.count,
          value.pointer + block.start + tile.columns.lowerBound * hidden,
          ldb: hidden,
          to: y.pointer + block.start + tile.rows.lowerBound * hidden,
          ldc: hidden,
          accumulating: false
        )
      }
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
    dValue: Target?,
    dQuery: Target?,
    dKey: Target?,
    dTable: Target?,
    dScores: Target?,
    scratch: Tensor
  ) {
    let area = area
    let bucketSums = dTable.map { _ in BucketSums(blocks: offsets.count * heads, bias?.buckets, dy.pool) }
    forEachBlock { block, worker in
      let p = scratch.pointer + worker * scratch.columns
      let diagonal = p + 2 * area
      // Neighbouring tiles see the same columns, and add to their gradients.
      let isCut = tileSize(block.length) < block.length
      if isCut {
        for target in [dValue, dQuery, dKey] { clear(target, block) }
      }
      forEachTile(block.length) { tile in
        let dp = p + tile.area
        // Filled for each tile, for the way back gathers gradients in the same place.
        fill(diagonal, block)
        weights(block, tile, query, key, to: p, diagonal: diagonal)
        var dropped = p
        if let dropoutKey {
          dropped = dp
          drop(block, tile, p, to: dropped, key: dropoutKey)
        }
        let (rows, columns) = (tile.rows.count, tile.columns.count)
        add(
          to: dValue, block, at: tile.columns, adding: isCut,
          MatrixProduct(m: columns, n: width, k: rows, transposesA: true), dropped, dy, from: tile.rows)
        guard dQuery != nil || dKey != nil || dTable != nil || dScores != nil else { return }
        backend.gemm(
          MatrixProduct(m: rows, n: columns, k: width, transposesB: true),
          dy.pointer + block.start + tile.rows.lowerBound * hidden,
          lda: hidden,
          value.pointer + block.start + tile.columns.lowerBound * hidden,
          ldb: hidden,
          to: dp,
          ldc: columns,
          accumulating: false
        )
        if let dropoutKey { drop(block, tile, dp, to: dp, key: dropoutKey) }
        softmaxGradient(block, tile, p, dp: dp)
        add(
          to: dQuery, block, at: tile.rows, adding: isCut, MatrixProduct(m: rows, n: width, k: columns), dp,
          key, from: tile.columns)
        add(
          to: dKey, block, at: tile.columns, adding: isCut,
          MatrixProduct(m: columns, n: width, k: rows, transposesA: true), dp, query, from: tile.rows)
        if let bucketSums {
          diagonal.update(repeating: 0, count: 2 * block.length)
          for (index, row) in tile.rows.enumerated() {
            let place = tile.columns.lowerBound - row + block.length - 1
            backend.kernels.add(dp + index * columns, to: diagonal + place, count: columns)
          }
          bucketSums.add(diagonal, length: block.length, block: block.index, scale: scale)
        }
        if let dScores { add(to: dScores, block, tile, dp) }
      }
    }
    if let bucketSums, let dTable { bucketSums.total(to: dTable, heads: heads) }
  }

  /// Clears a block of a gradient that has to be overwritten.
  private func clear(_ target: Target?, _ block: Block) {
    guard let target, target.overwrite else { return }
    for row in 0..<block.length {
      (target.gradient.pointer + block.start + row * hidden).update(repeating: 0, count: width)
    }
  }

  /// Adds `op(weights) · x` to some rows of a block of a gradient.
  ///
  /// - Parameters:
  ///   - target: The gradient.
  ///   - rows: Which rows of the block.
  ///   - adding: Whether the gradient has numbers of the block already.
  ///   - x: `[tokens, hidden]`.
  ///   - xRows: Which rows of the block in `x`.
  private func add(
    to target: Target?, _ block: Block, at rows: Range<Int>, adding: Bool, _ product: MatrixProduct,
    _ weights: UnsafePointer<Float>, _ x: Tensor, from xRows: Range<Int>
  ) {
    guard let target else { return }
    backend.gemm(
      product,
      weights,
      lda: product.transposesA ? product.m : product.k,
      x.pointer + block.start + xRows.lowerBound * hidden,
      ldb: hidden,
      to: target.gradient.pointer + block.start + rows.lowerBound * hidden,
      ldc: hidden,
      accumulating: adding || !target.overwrite
    )
  }

  /// Adds a tile's gradient to that of added scores.
  private func add(to target: Target, _ block: Block, _ tile: Tile, _ dp: UnsafePointer<Float>) {
    for (index, row) in tile.rows.enumerated() {
      let gradient = target.gradient.pointer + block.pairStart + row * block.length
      if target.overwrite { gradient.update(repeating: 0, count: block.length) }
      for (place, column) in tile.columns.enumerated() {
        gradient[column] += dp[index * tile.columns.count + place] / scale
      }
    }
  }
}
