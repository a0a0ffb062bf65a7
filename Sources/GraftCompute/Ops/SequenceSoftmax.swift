import Foundation

extension Tape {
  /// The softmax of each column over the tokens of each sequence.
  ///
  /// - Parameters:
  ///   - x: `[tokens, columns]`.
  ///   - offsets: Where sequences start: `[sequences + 1]`, from 0 to `tokens`, not falling.
  /// - Returns: `[tokens, columns]`; in each column the numbers of a sequence add up to 1.
  public func sequenceSoftmax(_ x: Variable, offsets: [Int]) -> Variable {
    let columns = x.value.columns
    checkOffsets(offsets, of: x, "sequenceSoftmax")
    if let trace {
      trace.require(offsets, in: "a softmax")
      return trace.add(SequenceSoftmaxOperation(width: columns), [x])
    }
    return profile.measure("sequence softmax") {
      let y = output(x.shape, from: x)
      let (p, slot) = (y.value, x.slot)
      for (start, end) in zip(offsets, offsets.dropFirst()) {
        for column in 0..<columns {
          let shares = SequenceColumn(x.value, start..<end, column).softmax()
          for (token, share) in zip(start..<end, shares) {
            p.pointer[token * columns + column] = Float(share)
          }
        }
      }
      record(y) { [backend] dy in
        for (start, end) in zip(offsets, offsets.dropFirst()) {
          for column in 0..<columns {
            let places = (start..<end).map { $0 * columns + column }
            let sum = places.reduce(0.0) { $0 + Double(p.pointer[$1]) * Double(dy.pointer[$1]) }
            for i in places { dy.pointer[i] = Float(Double(p.pointer[i]) * (Double(dy.pointer[i]) - sum)) }
          }
        }
        slot.add(consuming: dy, backend)
      }
      return y
    }
  }

  /// Mean cross-entropy of a place in each sequence, under the softmax of a column over the sequence's tokens: a
  /// scalar. The start or the end of an answer is such a place.
  ///
  /// - Parameters:
  ///   - x: `[tokens, columns]`.
  ///   - column: Which column has the scores.
  ///   - places: `[sequences]`, each a token counted from the sequence's first, or ``ignoredClass``.
  ///   - offsets: Where sequences start: `[sequences + 1]`, from 0 to `tokens`, not falling.
  /// - Returns: The mean over the sequences that count; 0 when none does.
  public func sequenceCrossEntropy(
    _ x: Variable, column: Int, places: [Int32], offsets: [Int]
  ) -> Variable {
    let columns = x.value.columns
    checkOffsets(offsets, of: x, "sequenceCrossEntropy")
    precondition(
      column >= 0 && column < columns && places.count == offsets.count - 1,
      "sequenceCrossEntropy: column \(column) of \(x.shape), \(places.count) places")
    precondition(
      zip(places, zip(offsets, offsets.dropFirst())).allSatisfy { place, ends in
        place == Tape.ignoredClass || place >= 0 && Int(place) < ends.1 - ends.0
      }, "sequenceCrossEntropy: a place is not in its sequence")
    return profile.measure("cross-entropy") {
      let loss = output([], from: x)
      let (value, slot) = (x.value, x.slot)
      // The sequences that count.
      let sequences = places.indices.filter { places[$0] != Tape.ignoredClass }
      var sum = 0.0
      for sequence in sequences {
        let tokens = offsets[sequence]..<offsets[sequence + 1]
        let scores = SequenceColumn(value, tokens, column)
        sum += scores.logSum() - scores[Int(places[sequence])]
      }
      loss.value.pointer[0] = Float(sum / Double(max(1, sequences.count)))
      record(loss) { [backend, pool] dLoss in
        let factor = Double(dLoss.item) / Double(max(1, sequences.count))
        slot.add(pool: pool) { dx, overwrite in
          if overwrite { backend.clear(dx) }
          for sequence in sequences {
            let tokens = offsets[sequence]..<offsets[sequence + 1]
            for (place, share) in SequenceColumn(value, tokens, column).softmax().enumerated() {
              let slope = factor * (share - (place == Int(places[sequence]) ? 1 : 0))
              dx.pointer[(tokens.lowerBound + place) * columns + column] += Float(slope)
            }
          }
        }
      }
      return loss
    }
  }

  private func checkOffsets(_ offsets: [Int], of x: Variable, _ name: String) {
    precondition(
      offsets.first == 0 && offsets.last == x.value.rows
        && zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 },
      "\(name): offsets \(offsets) of \(x.value.rows) tokens")
  }
}

/// The scores of a column for the tokens of a sequence, in double precision.
private struct SequenceColumn {
  private let scores: [Double]

  init(_ x: Tensor, _ tokens: Range<Int>, _ column: Int) {
    scores = tokens.map { Double(x.pointer[$0 * x.columns + column]) }
  }

  subscript(place: Int) -> Double { scores[place] }

  /// `log Σ exp(score)`.
  func logSum() -> Double {
    let largest = scores.max() ?? 0
    return largest + log(scores.reduce(0) { $0 + exp($1 - largest) })
  }

  func softmax() -> [Double] {
    let sum = logSum()
    return scores.map { exp($0 - sum) }
  }
}

struct SequenceSoftmaxOperation: GraphOperation {
  let width: Int

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    let mask = graph.add("Unsqueeze", [graph.paddingScores, graph.integers([2])])
    let scores = graph.add("Add", [graph.sequences(inputs[0], [width]), mask])
    return graph.rows(graph.add("Softmax", [scores], ["axis": .integer(1)]), width: width)
  }
}
