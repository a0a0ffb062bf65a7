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
  let products: any SmallProducts
  /// The longest sequence whose rows are computed at once, where there is no window.
  var longestUncut = 512

  /// The gradient of an input, and whether it has to be overwritten.
  typealias Target = (gradient: Tensor, overwrite: Bool)

  var width: Int { hidden / heads }

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
  private var diagonal: Int { bias == nil ? 0 : 2 * longest }

  /// Room for the products themselves.
  private var productScratch: Int {
    var largest = 0
    for (start, end) in zip(offsets, offsets.dropFirst()) {
      forEachTile(end - start) { tile in
        let (rows, columns) = (tile.rows.count, tile.columns.count)
        for (m, n, k) in [(rows, columns, width), (rows, width, columns), (columns, width, rows)] {
          largest = max(largest, products.scratch(MatrixProduct(m: m, n: n, k: k)))
        }
      }
    }
    return largest
  }

  /// What ``forward(_:_:_:to:scratch:)`` needs for each thread.
  var forwardScratch: Int { area + diagonal + productScratch }

  /// What the backward pass needs for each thread.
  var backwardScratch: Int { 2 * area + diagonal + productScratch }

  /// The floating-point operations of one product over all heads, such as `Q · Kᵀ`.
  var operations: Double {
    var pairs = 0
    for (start, end) in zip(offsets, offsets.dropFirst()) { forEachTile(end - start) { pairs += $0.area } }
    return 2 * Double(pairs) * Double(hidden)
  }

  // MARK: Weights

  /// Fills `p` `[rows, columns]` with the attention weights of a tile, before dropout.
  ///
  /// - Parameters:
  ///   - diagonal: The bias for each distance, where there is one.
  ///   - room: For the product.
  private func weights(
    _ block: Block, _ tile: Tile, _ query: Tensor, _ key: Tensor, to p: UnsafeMutablePointer<Float>,
    diagonal: UnsafePointer<Float>, room: UnsafeMutablePointer<Float>
  ) {
    let (rows, columns) = (tile.rows.count, tile.columns.count)
    products.multiply(
      MatrixProduct(m: rows, n: columns, k: width, transposesB: true),
      query.pointer + block.start + tile.rows.lowerBound * hidden,
      lda: hidden,
      key.pointer + block.start + tile.columns.lowerBound * hidden,
      ldb: hidden,
      to: p,
      ldc: columns,
      accumulating: false,
      scratch: room
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

  /// - Parameter scratch: `[threads, forwardScratch]`.
  func forward(_ query: Tensor, _ key: Tensor, _ value: Tensor, to y: Tensor, scratch: Tensor) {
    let area = area
    forEachBlock { block, worker in
      let p = scratch.pointer + worker * scratch.columns
      let diagonal = p + area
      let room = diagonal + self.diagonal
      fill(diagonal, block)
      forEachTile(block.length) { tile in
        weights(block, tile, query, key, to: p, diagonal: diagonal, room: room)
        if let dropoutKey { drop(block, tile, p, to: p, key: dropoutKey) }
        products.multiply(
          MatrixProduct(m: tile.rows.count, n: width, k: tile.columns.count),
          p,
          lda: tile.columns.count,
          value.pointer + block.start + tile.columns.lowerBound * hidden,
          ldb: hidden,
          to: y.pointer + block.start + tile.rows.lowerBound * hidden,
          ldc: hidden,
          accumulating: false,
          scratch: room
        )
      }
    }
  }

  /// With P the weights, P̃ those after dropout, and S = Q · Kᵀ: dV = P̃ᵀ · dY, dP̃ = dY · Vᵀ, dS from dP by the
  /// softmax, dQ = dS · K, dK = dSᵀ · Q. What is added to the scores gets dS / scale.
  ///
  /// - Parameter scratch: `[threads, backwardScratch]`.
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
      let room = diagonal + self.diagonal
      // Neighbouring tiles see the same columns, and add to their gradients.
      let isCut = tileSize(block.length) < block.length
      if isCut {
        for target in [dValue, dQuery, dKey] { clear(target, block) }
      }
      forEachTile(block.length) { tile in
        let dp = p + tile.area
        // Filled for each tile, for the way back gathers gradients in the same place.
        fill(diagonal, block)
        weights(block, tile, query, key, to: p, diagonal: diagonal, room: room)
        var dropped = p
        if let dropoutKey {
          dropped = dp
          drop(block, tile, p, to: dropped, key: dropoutKey)
        }
        let (rows, columns) = (tile.rows.count, tile.columns.count)
        add(
          to: dValue, block, at: tile.columns, adding: isCut,
          MatrixProduct(m: columns, n: width, k: rows, transposesA: true), dropped, dy, from: tile.rows,
          room: room)
        guard dQuery != nil || dKey != nil || dTable != nil || dScores != nil else { return }
        products.multiply(
          MatrixProduct(m: rows, n: columns, k: width, transposesB: true),
          dy.pointer + block.start + tile.rows.lowerBound * hidden,
          lda: hidden,
          value.pointer + block.start + tile.columns.lowerBound * hidden,
          ldb: hidden,
          to: dp,
          ldc: columns,
          accumulating: false,
          scratch: room
        )
        if let dropoutKey { drop(block, tile, dp, to: dp, key: dropoutKey) }
        softmaxGradient(block, tile, p, dp: dp)
        add(
          to: dQuery, block, at: tile.rows, adding: isCut, MatrixProduct(m: rows, n: width, k: columns), dp,
          key, from: tile.columns, room: room)
        add(
          to: dKey, block, at: tile.columns, adding: isCut,
          MatrixProduct(m: columns, n: width, k: rows, transposesA: true), dp, query, from: tile.rows,
          room: room)
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
  ///   - room: For the product.
  private func add(
    to target: Target?, _ block: Block, at rows: Range<Int>, adding: Bool, _ product: MatrixProduct,
    _ weights: UnsafePointer<Float>, _ x: Tensor, from xRows: Range<Int>, room: UnsafeMutablePointer<Float>
  ) {
    guard let target else { return }
    products.multiply(
      product,
      weights,
      lda: product.transposesA ? product.m : product.k,
      x.pointer + block.start + xRows.lowerBound * hidden,
      ldb: hidden,
      to: target.gradient.pointer + block.start + rows.lowerBound * hidden,
      ldc: hidden,
      accumulating: adding || !target.overwrite,
      scratch: room
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
