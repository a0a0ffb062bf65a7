/// Self-attention within each sequence. Inputs: query, key, value, then the bias' table and the added scores where
/// there are such.
struct AttentionOperation: GraphOperation {
  let heads: Int
  /// Of all heads together.
  let width: Int
  let scale: Float
  var window: Int?
  var buckets: RelativeBuckets?
  var addsScores = false

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    let size = width / heads
    // Key: `[batch, heads, size, sequence]`; the others: `[batch, heads, sequence, size]`.
    var split: [GraphValue] = []
    for (input, axes) in zip(inputs, [[0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]]) {
      let divided = graph.sequences(input, [heads, size])
      split.append(graph.add("Transpose", [divided], ["perm": .integers(axes)]))
    }
    let products = graph.add("MatMul", [split[0], split[1]])
    var scores = graph.add("Mul", [products, graph.number(scale)])
    if let buckets { scores = graph.add("Add", [scores, bias(inputs[3], buckets, &graph)]) }
    if addsScores { scores = graph.add("Add", [scores, inputs[inputs.count - 1]]) }
    if let window { scores = graph.add("Add", [scores, windowScores(window, &graph)]) }
    scores = graph.add("Add", [scores, maskScores(&graph)])
    let shares = graph.add("Softmax", [scores], ["axis": .integer(-1)])
    let context = graph.add("MatMul", [shares, split[2]])
    let joined = graph.add("Transpose", [context], ["perm": .integers([0, 2, 1, 3])])
    return graph.rows(joined, width: width)
  }

  /// `[batch, 1, 1, sequence]`.
  private func maskScores<Builder: GraphBuilder>(_ graph: inout Builder) -> GraphValue {
    graph.shared("mask scores") { $0.add("Unsqueeze", [$0.paddingScores, $0.integers([1, 2])]) }
  }

  /// How far a key lies behind a query: `[sequence, sequence]`, int64.
  private func distances<Builder: GraphBuilder>(_ graph: inout Builder) -> GraphValue {
    graph.shared("distances") {
      let keys = $0.add("Unsqueeze", [$0.columnNumbers, $0.integers([0])])
      let queries = $0.add("Unsqueeze", [$0.columnNumbers, $0.integers([1])])
      return $0.add("Sub", [keys, queries])
    }
  }

  /// 0 for what a token sees, and so little elsewhere that its share is 0: `[sequence, sequence]`.
  private func windowScores<Builder: GraphBuilder>(_ window: Int, _ graph: inout Builder) -> GraphValue {
    graph.shared("window \(window)") {
      let isSeen = $0.add("LessOrEqual", [$0.add("Abs", [distances(&$0)]), $0.integer(window)])
      return $0.add("Where", [isSeen, $0.number(0), $0.number(-Float.greatestFiniteMagnitude)])
    }
  }

  /// `[1, heads, sequence, sequence]`.
  private func bias<Builder: GraphBuilder>(
    _ table: GraphValue, _ buckets: RelativeBuckets, _ graph: inout Builder
  ) -> GraphValue {
    graph.shared("bias \(table.name) \(buckets.numbers)") {
      let reach = buckets.reach
      let distance = $0.add("Clip", [distances(&$0), $0.integer(-reach), $0.integer(reach)])
      let place = $0.add("Add", [distance, $0.integer(reach)])
      let bucket = $0.add("Gather", [$0.integers(buckets.numbers.map(Int.init)), place])
      let rows = $0.add("Gather", [table, bucket])
      let byHead = $0.add("Transpose", [rows], ["perm": .integers([2, 0, 1])])
      return $0.add("Unsqueeze", [byHead, $0.integers([0])])
    }
  }
}
