import GraftCompute

extension Tape {
  /// What disentangled attention adds to the scores of a query `i` and a key `j` in each head, for
  /// ``GraftCompute/Tape/attention(query:key:value:heads:offsets:dropout:scale:window:bias:addedScores:)``:
  /// `scale · (Qᵢ · PK[i − j] + Kⱼ · PQ[i − j])`, content to position and position to content. He et al.,
  /// arXiv:2006.03654, 3.1.
  ///
  /// A sequence's queries are multiplied with all rows of `PK` that its distances have, and the products gathered.
  ///
  /// - Parameters:
  ///   - query: `[tokens, hidden]`.
  ///   - key: `[tokens, hidden]`, another variable.
  ///   - positionKey: The projected relative embeddings `[rows.count, hidden]`; `nil` leaves out the first term.
  ///   - positionQuery: Likewise; `nil` leaves out the second.
  ///   - rows: Which rows of the table they are; at least those of the distances in the batch.
  ///   - distances: Which row belongs to a distance.
  ///   - heads: Number of heads; `hidden` is a multiple of it.
  ///   - batch: The sequences. Distances are those of their tokens' positions, which rise.
  ///   - scale: Of the attention.
  /// - Returns: `[Σ heads · length², 1]`: for each sequence and in it for each head a matrix `[length, length]`.
  func disentangledScores(
    query: Variable, key: Variable, positionKey: Variable?, positionQuery: Variable?, rows: Range<Int>,
    _ distances: RelativeDistances, heads: Int, _ batch: Batch, scale: Float
  ) -> Variable {
    let hidden = query.value.columns
    precondition(
      key.shape == query.shape && key !== query && hidden.isMultiple(of: heads)
        && [positionKey, positionQuery].allSatisfy { $0.map { $0.shape == [rows.count, hidden] } != false },
      "disentangledScores: \(query.shape), \(key.shape), \(positionKey?.shape ?? []), \(positionQuery?.shape ?? [])"
    )
    if let trace {
      trace.require(batch.offsets, in: "disentangled attention")
      let operation = DisentangledScoresOperation(
        heads: heads, width: hidden / heads, distances: distances, scale: scale,
        hasPositionKey: positionKey != nil, hasPositionQuery: positionQuery != nil)
      return trace.add(
        operation, [query, key] + [positionKey, positionQuery].compactMap(\.self), rows: .pairs(heads: heads),
        width: 1)
    }
    let kernel = DisentangledKernel(
      backend: backend, heads: heads, hidden: hidden, rows: rows, distances: distances, batch: batch,
      scale: scale)
    let operations = kernel.operations * Double([positionKey, positionQuery].count { $0 != nil })
    return profile.measure("disentangled scores", operations: operations) {
      let y = output([kernel.pairCount, 1], from: query, key, positionKey, positionQuery)
      kernel.forward(
        terms: [positionKey.map { (query.value, $0.value) }, positionQuery.map { (key.value, $0.value) }],
        to: y.value, scratch: scratch([backend.threads.count, kernel.area]))
      let terms = [(query, positionKey), (key, positionQuery)].map { content, position in
        position.map { (content.value, $0.value, content.slot, $0.slot) }
      }
      record(y, operations: 2 * operations) { [backend, pool] dy in
        kernel.backward(
          terms: terms.map { term in
            term.map { ($0.0, $0.1, $0.2.open(pool: pool), $0.3.open(pool: pool)) }
          }, dy, scratch: Tensor(uninitialized: [backend.threads.count, kernel.area], pool: pool))
      }
      return y
    }
  }
}

/// One disentangled attention's terms: what their forward and backward passes have in common.
private struct DisentangledKernel {
  let backend: any ComputeBackend
  let heads: Int
  let hidden: Int
  let rows: Range<Int>
  private let sequences: [Sequence]
  let scale: Float
  /// For each distance from `−reach` on, its row among ``rows``.
  private let places: [Int32]
  private let reach: Int
  private let positions: [Int32]

  /// The gradient of an input, and whether it has to be overwritten.
  typealias Target = (gradient: Tensor, overwrite: Bool)

  private struct Sequence {
    let tokens: Range<Int>
    /// The rows of its distances, among all of the table.
    let rows: Range<Int>
    /// Its first element in the scores.
    let pairStart: Int
    var length: Int { tokens.count }
  }

  init(
    backend: any ComputeBackend, heads: Int, hidden: Int, rows: Range<Int>, distances: RelativeDistances,
    batch: Batch, scale: Float
  ) {
    self.backend = backend
    (self.heads, self.hidden, self.rows, self.scale) = (heads, hidden, rows, scale)
    let positions = batch.positions.values
    var (sequences, pairs, reach) = ([Sequence](), 0, 0)
    for (start, end) in zip(batch.offsets, batch.offsets.dropFirst()) where end > start {
      let distance = Int(positions[end - 1] - positions[start])
      let own = distances.rows(upTo: distance)
      precondition(
        rows.lowerBound <= own.lowerBound && own.upperBound <= rows.upperBound
          && zip(positions[start..<end], positions[start + 1..<end]).allSatisfy { $0 < $1 },
        "disentangledScores: rows \(rows) for \(own)")
      sequences.append(Sequence(tokens: start..<end, rows: own, pairStart: pairs))
      pairs += heads * (end - start) * (end - start)
      reach = max(reach, distance)
    }
    self.sequences = sequences
    self.positions = positions
    self.reach = reach
    places = (-reach...reach).map { Int32(distances.row($0) - rows.lowerBound) }
  }

  private var width: Int { hidden / heads }
  var pairCount: Int { sequences.reduce(0) { $0 + heads * $1.length * $1.length } }
  /// The largest number of products of a sequence's tokens with rows.
  var area: Int { sequences.reduce(0) { max($0, $1.length * $1.rows.count) } }
  /// The floating-point operations of one term.
  var operations: Double {
    2 * Double(sequences.reduce(0) { $0 + $1.length * $1.rows.count }) * Double(hidden)
  }

  /// Where a head of a sequence begins in content `[tokens, hidden]`.
  private func start(_ sequence: Sequence, _ head: Int) -> Int {
    sequence.tokens.lowerBound * hidden + head * width
  }

  /// Where a head of a sequence's rows begins in positions `[rows, hidden]`.
  private func rowStart(_ sequence: Sequence, _ head: Int) -> Int {
    (sequence.rows.lowerBound - rows.lowerBound) * hidden + head * width
  }

  /// Calls `body` for each pair of a sequence: the pair's place in its matrix, and that of its product, which the
  /// query has a row of or the key.
  @inline(__always)
  private func forEachPair(
    _ sequence: Sequence, byKey: Bool, _ body: (_ pair: Int, _ product: Int) -> Void
  ) {
    let (length, columns) = (sequence.length, sequence.rows.count)
    let first = sequence.rows.lowerBound - rows.lowerBound
    positions.withUnsafeBufferPointer { positions in
      places.withUnsafeBufferPointer { places in
        for i in 0..<length {
          let from = Int(positions[sequence.tokens.lowerBound + i]) + reach
          for j in 0..<length {
            let row = Int(places[from - Int(positions[sequence.tokens.lowerBound + j])]) - first
            body(i * length + j, (byKey ? j : i) * columns + row)
          }
        }
      }
    }
  }

  /// - Parameters:
  ///   - terms: The queries with the positions' keys, and the keys with the positions' queries; `nil` for none.
  ///   - y: The scores.
  ///   - scratch: `[threads, area]`.
  func forward(terms: [(content: Tensor, position: Tensor)?], to y: Tensor, scratch: Tensor) {
    backend.threads.run(sequences.count * heads) { index, worker in
      let (sequence, head) = (sequences[index / heads], index % heads)
      let scores = y.pointer + sequence.pairStart + head * sequence.length * sequence.length
      scores.update(repeating: 0, count: sequence.length * sequence.length)
      let products = scratch.pointer + worker * scratch.columns
      for (number, term) in terms.enumerated() {
        guard let term else { continue }
        backend.gemm(
          MatrixProduct(m: sequence.length, n: sequence.rows.count, k: width, transposesB: true),
          term.content.pointer + start(sequence, head),
          lda: hidden,
          term.position.pointer + rowStart(sequence, head),
          ldb: hidden,
          to: products,
          ldc: sequence.rows.count,
          accumulating: false
        )
        forEachPair(sequence, byKey: number == 1) { scores[$0] += scale * products[$1] }
      }
    }
  }

  /// With C the products of a term, dC is gathered from the scores' gradients; then dQ = dC · PK, dPK = dCᵀ · Q.
  ///
  /// - Parameters:
  ///   - terms: As of ``forward(terms:to:scratch:)``, and the gradients of both.
  ///   - dy: The scores' gradient.
  ///   - scratch: `[threads, area]`.
  func backward(
    terms: [(content: Tensor, position: Tensor, dContent: Target?, dPosition: Target?)?], _ dy: Tensor,
    scratch: Tensor
  ) {
    for case let term? in terms {
      if let target = term.dPosition, target.overwrite { target.gradient.clear() }
    }
    // A head's columns are one thread's: all sequences add to the gradient of the positions.
    backend.threads.run(terms.count * heads) { index, worker in
      let (number, head) = (index / heads, index % heads)
      guard let term = terms[number], term.dContent != nil || term.dPosition != nil else { return }
      let products = scratch.pointer + worker * scratch.columns
      for sequence in sequences {
        let (length, columns) = (sequence.length, sequence.rows.count)
        let dScores = dy.pointer + sequence.pairStart + head * length * length
        products.update(repeating: 0, count: length * columns)
        forEachPair(sequence, byKey: number == 1) { products[$1] += scale * dScores[$0] }
        if let (gradient, overwrite) = term.dContent {
          backend.gemm(
            MatrixProduct(m: length, n: width, k: columns),
            products,
            lda: columns,
            term.position.pointer + rowStart(sequence, head),
            ldb: hidden,
            to: gradient.pointer + start(sequence, head),
            ldc: hidden,
            accumulating: !overwrite
          )
        }
        if let (gradient, _) = term.dPosition {
          backend.gemm(
            MatrixProduct(m: columns, n: width, k: length, transposesA: true),
            products,
            lda: columns,
            term.content.pointer + start(sequence, head),
            ldb: hidden,
            to: gradient.pointer + rowStart(sequence, head),
            ldc: hidden,
            accumulating: true
          )
        }
      }
    }
  }
}

/// Inputs: query, key, then the positions' key and the positions' query where there are such.
struct DisentangledScoresOperation: GraphOperation {
  let heads: Int
  /// Of a head.
  let width: Int
  let distances: RelativeDistances
  let scale: Float
  let hasPositionKey: Bool
  let hasPositionQuery: Bool

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    var sum: GraphValue?
    var positions = inputs.dropFirst(2)
    if hasPositionKey {
      let products = self.products(inputs[0], positions.removeFirst(), &graph)
      sum = gather(products, rowsOfPairs(&graph), &graph)
    }
    if hasPositionQuery {
      let products = self.products(inputs[1], positions.removeFirst(), &graph)
      // A row for each key: the distances are those of the query in the column.
      let rows = graph.add("Transpose", [rowsOfPairs(&graph)], ["perm": .integers([1, 0])])
      let term = graph.add(
        "Transpose", [gather(products, rows, &graph)], ["perm": .integers([0, 1, 3, 2])])
      sum = sum.map { graph.add("Add", [$0, term]) } ?? term
    }
    return graph.add("Mul", [sum ?? graph.number(0), graph.number(scale)])
  }

  /// `[batch, heads, sequence, rows]`.
  private func products(
    _ content: GraphValue, _ position: GraphValue, _ graph: inout some GraphBuilder
  ) -> GraphValue {
    let content = graph.add(
      "Transpose", [graph.sequences(content, [heads, width])], ["perm": .integers([0, 2, 1, 3])])
    let split = graph.add("Reshape", [position, graph.integers([-1, heads, width])])
    return graph.add(
      "MatMul", [content, graph.add("Transpose", [split], ["perm": .integers([1, 2, 0])])])
  }

  /// The row of each pair of places: `[sequence, sequence]`, int64.
  private func rowsOfPairs<Builder: GraphBuilder>(_ graph: inout Builder) -> GraphValue {
    graph.shared("relative rows \(distances)") {
      let queries = $0.add("Unsqueeze", [$0.columnNumbers, $0.integers([1])])
      let keys = $0.add("Unsqueeze", [$0.columnNumbers, $0.integers([0])])
      let distance = $0.add("Sub", [queries, keys])
      let furthest = distances.furthest
      let clipped = $0.add("Clip", [distance, $0.integer(-furthest), $0.integer(furthest)])
      return $0.add("Gather", [$0.integers(distances.all), $0.add("Add", [clipped, $0.integer(furthest)])])
    }
  }

  /// Of each row of products those of its pairs: `[batch, heads, sequence, sequence]`.
  private func gather(
    _ products: GraphValue, _ rows: GraphValue, _ graph: inout some GraphBuilder
  ) -> GraphValue {
    let batch = graph.add("Gather", [graph.batchShape, graph.integers([0])])
    let sequence = graph.add("Gather", [graph.batchShape, graph.integers([1])])
    let shape = graph.add(
      "Concat", [batch, graph.integers([heads]), sequence, sequence], ["axis": .integer(0)])
    return graph.add(
      "GatherElements", [products, graph.add("Expand", [rows, shape])], ["axis": .integer(3)])
  }
}
