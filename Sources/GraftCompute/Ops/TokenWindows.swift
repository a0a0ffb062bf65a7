extension Tape {
  /// The tokens around each token, beside each other: what a convolution over tokens multiplies by its weight.
  ///
  ///     let weight = scope.weight  // [out, in, width], as PyTorch's `Conv1d` has it
  ///     tape.linear(tape.tokenWindows(x, width: 3, batch), weight: weight, bias: try scope.bias)
  ///
  /// What is beyond a sequence's ends, and the places of tokens that a padded row left out, are zeros.
  ///
  /// - Parameters:
  ///   - x: `[tokens, columns]`.
  ///   - width: How many tokens a window has: an odd number.
  ///   - batch: The sequences, and where their tokens stand in them.
  /// - Returns: `[tokens, columns · width]`: element `column · width + place`.
  public func tokenWindows(_ x: Variable, width: Int, _ batch: Batch) -> Variable {
    let columns = x.value.columns
    precondition(
      width > 0 && !width.isMultiple(of: 2) && batch.tokenCount == x.value.rows,
      "tokenWindows: \(width) of \(x.shape) for \(batch.tokenCount) tokens")
    if let trace {
      trace.require(batch.offsets, in: "a convolution")
      return trace.add(
        TokenWindowsOperation(columns: columns, width: width), [x], width: columns * width)
    }
    return profile.measure("token windows") {
      let y = output([x.value.rows, columns * width], from: x)
      let neighbours = Neighbours(batch, width: width)
      let (value, slot) = (x.value, x.slot)
      backend.forEachBlock(ofRows: value.rows, columns: columns * width) { block in
        for token in block {
          let window = y.value.pointer + token * columns * width
          for place in 0..<width {
            let row = neighbours[token, place].map { value.pointer + $0 * columns }
            for column in 0..<columns { window[column * width + place] = row?[column] ?? 0 }
          }
        }
      }
      record(y) { [backend, pool] dy in
        slot.add(pool: pool) { dx, overwrite in
          // A token is at place p of the window whose middle is as far behind it as p is from the middle.
          backend.forEachBlock(ofRows: dx.rows, columns: columns * width) { block in
            for token in block {
              let row = dx.pointer + token * columns
              if overwrite { row.update(repeating: 0, count: columns) }
              for place in 0..<width {
                guard let other = neighbours[token, width - 1 - place] else { continue }
                let window = dy.pointer + other * columns * width
                for column in 0..<columns { row[column] += window[column * width + place] }
              }
            }
          }
        }
      }
      return y
    }
  }
}

/// Which tokens are around a token.
private struct Neighbours {
  private let width: Int
  /// `[tokens, width]`; -1 for none.
  private let rows: [Int32]

  init(_ batch: Batch, width: Int) {
    self.width = width
    let positions = batch.positions.values
    var rows = [Int32](repeating: -1, count: positions.count * width)
    for (start, end) in zip(batch.offsets, batch.offsets.dropFirst()) {
      for token in start..<end {
        for other in max(start, token - width / 2)..<min(end, token + width / 2 + 1) {
          let place = Int(positions[other] - positions[token]) + width / 2
          if (0..<width).contains(place) { rows[token * width + place] = Int32(other) }
        }
      }
    }
    self.rows = rows
  }

  /// The token at a place of a token's window.
  subscript(token: Int, place: Int) -> Int? {
    let row = rows[token * width + place]
    return row >= 0 ? Int(row) : nil
  }
}

struct TokenWindowsOperation: GraphOperation {
  let columns: Int
  let width: Int

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    let mask = graph.add("Cast", [graph.attentionMask], ["to": .type(.float32)])
    let tokens = graph.add(
      "Mul", [graph.sequences(inputs[0], [columns]), graph.add("Unsqueeze", [mask, graph.integers([2])])])
    let padded = pad(tokens, &graph)
    var places: [GraphValue] = []
    for place in 0..<width {
      // To the end but for the places behind it; the largest number stands for the end itself.
      let behind = width - 1 - place
      let part = graph.add(
        "Slice",
        [
          padded, graph.integers([place]), graph.integers([behind > 0 ? -behind : Int(Int32.max)]),
          graph.integers([1]),
        ])
      places.append(graph.add("Unsqueeze", [part, graph.integers([3])]))
    }
    let windows = graph.add("Concat", places, ["axis": .integer(3)])
    return graph.rows(windows, width: columns * width)
  }

  /// With zeros at both ends.
  private func pad(_ tokens: GraphValue, _ graph: inout some GraphBuilder) -> GraphValue {
    guard width > 1 else { return tokens }
    let batch = graph.add("Gather", [graph.batchShape, graph.integers([0])])
    let shape = graph.add(
      "Concat", [batch, graph.integers([width / 2, columns])], ["axis": .integer(0)])
    let zeros = graph.add("Expand", [graph.number(0), shape])
    return graph.add("Concat", [zeros, tokens, zeros], ["axis": .integer(1)])
  }
}

/// A parameter of more than two extents as a matrix: all but the first make a row.
struct MatrixOperation: GraphOperation {
  let columns: Int

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    graph.rows(inputs[0], width: columns)
  }
}
