import TestSupport
import Foundation
import GraftCompute
import Testing

/// An op that Graft does not have, written as a plugin would: by what is public.
extension Tape {
  /// `log(cosh(x · s))` with a learnt factor for each column.
  ///
  /// - Parameters:
  ///   - x: `[rows, columns]`.
  ///   - factors: `[columns]`.
  fileprivate func logCosh(_ x: Variable, factors: Variable) -> Variable {
    let columns = x.value.columns
    if let trace { return trace.add(LogCosh(), [x, factors]) }
    let operations = 2 * Double(x.value.count)
    return profile.measure("log-cosh", operations: operations) {
      let y = output(x.shape, from: x, factors)
      let (value, factorValues, xSlot, factorSlot) = (x.value, factors.value, x.slot, factors.slot)
      backend.forEachBlock(ofRows: value.rows, columns: columns) { rows in
        for i in rows.lowerBound * columns..<rows.upperBound * columns {
          y.value.pointer[i] = log(cosh(value.pointer[i] * factorValues.pointer[i % columns]))
        }
      }
      record(y, operations: 2 * operations) { [pool] dy in
        let slopes = Tensor(uninitialized: value.shape, pool: pool)
        for i in 0..<value.count {
          slopes.pointer[i] = dy.pointer[i] * tanh(value.pointer[i] * factorValues.pointer[i % columns])
        }
        xSlot.add(pool: pool) { dx, overwrite in
          for i in 0..<dx.count {
            dx.pointer[i] =
              (overwrite ? 0 : dx.pointer[i]) + slopes.pointer[i] * factorValues.pointer[i % columns]
          }
        }
        factorSlot.add(pool: pool) { dFactors, overwrite in
          if overwrite { dFactors.clear() }
          for i in 0..<value.count { dFactors.pointer[i % columns] += slopes.pointer[i] * value.pointer[i] }
        }
      }
      return y
    }
  }

  /// The dot product of a query and a key for each head and each two tokens of a sequence: scores for
  /// attention to add, without a gradient.
  fileprivate func products(_ query: Variable, _ key: Variable, heads: Int, offsets: [Int]) -> Variable {
    let (hidden, width) = (query.value.columns, query.value.columns / heads)
    if let trace {
      return trace.add(
        Products(heads: heads, size: width), [query, key], rows: .pairs(heads: heads), width: 1)
    }
    var values: [Float] = []
    for (start, end) in zip(offsets, offsets.dropFirst()) {
      for head in 0..<heads {
        for i in start..<end {
          for j in start..<end {
            values.append(
              (head * width..<(head + 1) * width).reduce(0) {
                $0 + query.value.pointer[i * hidden + $1] * key.value.pointer[j * hidden + $1]
              })
          }
        }
      }
    }
    return Variable(Tensor(values, shape: [values.count, 1]))
  }
}

/// `log((eˣ + e⁻ˣ) / 2)` of the first input times the second.
private struct LogCosh: GraphOperation {
  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    let x = graph.add("Mul", inputs)
    let powers = graph.add("Add", [graph.add("Exp", [x]), graph.add("Exp", [graph.add("Neg", [x])])])
    return graph.add("Log", [graph.add("Mul", [powers, graph.number(0.5)])])
  }
}

private struct Products: GraphOperation {
  let heads: Int
  let size: Int

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    let query = graph.add(
      "Transpose", [graph.sequences(inputs[0], [heads, size])], ["perm": .integers([0, 2, 1, 3])])
    let key = graph.add(
      "Transpose", [graph.sequences(inputs[1], [heads, size])], ["perm": .integers([0, 2, 3, 1])])
    return graph.add("MatMul", [query, key])
  }
}

@Suite("An op from outside") struct OpenOpTests {
  @Test("has a gradient")
  func gradient() throws {
    let (x, factors) = (randomVariable([5, 4], seed: 1), randomVariable([4], seed: 2))
    try expectGradientsMatchDifferences(of: [x, factors]) { $0.logCosh(x, factors: factors) }
  }

  @Test("counts in the profile, in both directions")
  func cost() throws {
    let profile = Profile()
    let tape = Tape(try ReferenceBackend(threads: 1), profile: profile)
    let y = tape.logCosh(randomVariable([5, 4], seed: 1), factors: randomVariable([4], seed: 2))
    tape.backward(from: y, gradient: Tensor(repeating: 1, shape: [5, 4]))
    #expect(profile.entries["log-cosh"]?.calls == 2)
    #expect(profile.entries["log-cosh"]?.operations == 120)
  }

  @Test("is exported: the graph computes what it computes")
  func graph() throws {
    try LoweringTests.expectGraphComputesTheSame(inputs: ["input_ids"]) { batch, parameter, tape in
      let x = tape.embeddingSum([(parameter("words", [10, 4]), batch.ids)])
      return tape.logCosh(x, factors: parameter("factors", [4]))
    }
  }

  @Test("makes scores for attention to add")
  func scores() throws {
    func attention(
      _ batch: Batch, _ parameter: (String, [Int]) -> Parameter, _ tape: Tape
    ) -> (scores: Variable, result: Variable) {
      func states(_ name: String) -> Variable {
        tape.embeddingSum([(parameter(name, [10, 4]), batch.ids)])
      }
      let (query, key, value) = (states("query"), states("key"), states("value"))
      let scores = tape.products(query, key, heads: 2, offsets: batch.offsets)
      let result = tape.attention(
        query: query, key: key, value: value, heads: 2, offsets: batch.offsets, dropout: 0, scale: 0.5,
        addedScores: scores)
      return (scores, result)
    }
    try LoweringTests.expectGraphComputesTheSame { attention($0, $1, $2).result }
    try LoweringTests.expectGraphComputesTheSame { attention($0, $1, $2).scores }
  }
}
