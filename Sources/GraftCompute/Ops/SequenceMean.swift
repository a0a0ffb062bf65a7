extension Tape {
  /// The mean of each sequence's rows.
  ///
  /// - Parameters:
  ///   - x: `[tokens, width]`.
  ///   - offsets: Where sequences start: `[sequences + 1]`, from 0 to `tokens`, not falling.
  /// - Returns: `[sequences, width]`; zeros for a sequence without tokens.
  public func sequenceMean(_ x: Variable, offsets: [Int]) -> Variable {
    let width = x.value.columns
    precondition(
      offsets.first == 0 && offsets.last == x.value.rows
        && zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 },
      "sequenceMean: offsets \(offsets) of \(x.value.rows) tokens")
    if let trace {
      trace.require(offsets, in: "a mean")
      return trace.add(SequenceMeanOperation(width: width), [x], rows: .sequences)
    }
    return profile.measure("sequence mean") {
      let y = output([offsets.count - 1, width], from: x)
      let (value, slot) = (x.value, x.slot)
      let kernels = backend.kernels
      backend.forEachBlock(ofRows: offsets.count - 1, columns: width) { block in
        for sequence in block {
          let tokens = offsets[sequence]..<offsets[sequence + 1]
          let mean = y.value.pointer + sequence * width
          mean.update(repeating: 0, count: width)
          kernels.addColumnSums(
            of: value.pointer + tokens.lowerBound * width, rows: tokens.count, columns: width, to: mean)
          for column in 0..<width { mean[column] /= Float(max(1, tokens.count)) }
        }
      }
      record(y) { [backend, pool] dy in
        slot.add(pool: pool) { dx, overwrite in
          backend.forEachBlock(ofRows: offsets.count - 1, columns: width) { block in
            for sequence in block {
              let tokens = offsets[sequence]..<offsets[sequence + 1]
              for token in tokens {
                for column in 0..<width {
                  let slope = dy.pointer[sequence * width + column] / Float(tokens.count)
                  let place = token * width + column
                  dx.pointer[place] = overwrite ? slope : dx.pointer[place] + slope
                }
              }
            }
          }
        }
      }
      return y
    }
  }
}

struct SequenceMeanOperation: GraphOperation {
  let width: Int

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    let mask = graph.add("Cast", [graph.attentionMask], ["to": .type(.float32)])
    let column = graph.add("Unsqueeze", [mask, graph.integers([2])])
    let tokens = graph.add("Mul", [graph.sequences(inputs[0], [width]), column])
    let keepdims: KeyValuePairs<String, GraphAttribute> = ["keepdims": .integer(0)]
    let sum = graph.add("ReduceSum", [tokens, graph.integers([1])], keepdims)
    return graph.add("Div", [sum, graph.add("ReduceSum", [column, graph.integers([1])], keepdims)])
  }
}
