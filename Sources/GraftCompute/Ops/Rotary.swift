import Foundation

extension Tape {
  /// Rotates each pair of elements of a head by an angle that grows with the token's position. Su et al.,
  /// arXiv:2104.09864.
  ///
  /// Applied to queries and keys before ``attention(query:key:value:heads:offsets:dropout:scale:window:bias:addedScores:)``,
  /// it makes scores depend on the distance of two tokens. The pairs are element `i` of a head's first half and
  /// of its second half, as GPT-NeoX and transformers' `rotate_half` have it.
  ///
  /// - Parameters:
  ///   - x: `[tokens, hidden]`.
  ///   - rotation: The angles, of heads of width `hidden / heads`.
  ///   - heads: Number of heads; `hidden` is a multiple of it.
  /// - Returns: `[tokens, hidden]`.
  public func rotary(_ x: Variable, _ rotation: Rotation, heads: Int) -> Variable {
    precondition(
      heads > 0 && x.value.columns == heads * rotation.width && x.value.rows == rotation.positions.count,
      "rotary: \(x.shape) as \(heads) heads of \(rotation.width) at \(rotation.positions.count) positions")
    if let trace {
      let operation = RotaryOperation(heads: heads, width: rotation.width, base: rotation.base)
      return trace.add(operation, [x], indices: [rotation.positions])
    }
    return profile.measure("rotary") {
      let y = output(x.shape, from: x)
      let slot = x.slot
      rotation.apply(to: x.value, result: y.value, heads: heads, direction: 1, backend)
      record(y) { [backend] dy in
        // The inverse of a rotation is its transpose.
        rotation.apply(to: dy, result: dy, heads: heads, direction: -1, backend)
        slot.add(consuming: dy, backend)
      }
      return y
    }
  }
}

/// The angles by which ``Tape/rotary(_:_:heads:)`` rotates, for the positions of a batch: made once for all layers.
///
/// Pair `i` of a head at position `p` turns by `p · base^(−2i / width)`. Frequencies and angles are rounded to
/// float32, as transformers computes them.
public final class Rotation {
  public let positions: RowIndices
  /// The width of a head.
  public let width: Int
  public let base: Float
  /// Cosines and sines of each position up to the largest: `[positions, width / 2]`.
  private let cosines: Tensor
  private let sines: Tensor

  /// - Parameters:
  ///   - positions: The position of each token, at least 0.
  ///   - width: The width of a head, an even number.
  ///   - base: Above 1: 10,000 in the paper, `rope_theta` in configurations.
  public init(positions: RowIndices, width: Int, base: Float) {
    precondition(width > 0 && width.isMultiple(of: 2), "rotation: width \(width)")
    precondition(positions.allSatisfy { $0 >= 0 }, "rotation: a position below 0")
    (self.positions, self.width, self.base) = (positions, width, base)
    let (count, half) = (Int(positions.max() ?? 0) + 1, width / 2)
    cosines = Tensor(uninitialized: [count, half])
    sines = Tensor(uninitialized: [count, half])
    for (pair, frequency) in Rotation.frequencies(width: width, base: base).enumerated() {
      for position in 0..<count {
        let angle = Double(Float(position) * frequency)
        cosines.pointer[position * half + pair] = Float(cos(angle))
        sines.pointer[position * half + pair] = Float(sin(angle))
      }
    }
  }

  /// The angle of each pair at position 1: `[width / 2]`.
  static func frequencies(width: Int, base: Float) -> [Float] {
    (0..<width / 2).map { 1 / Float(pow(Double(base), Double(Float(2 * $0) / Float(width)))) }
  }

  /// `y` may be `x`.
  fileprivate func apply(
    to x: Tensor, result y: Tensor, heads: Int, direction: Float, _ backend: any ComputeBackend
  ) {
    let half = width / 2
    backend.forEachBlock(ofRows: x.rows, columns: x.columns) { rows in
      for row in rows {
        let (cosines, sines) = (
          cosines.pointer + Int(positions.values[row]) * half,
          sines.pointer + Int(positions.values[row]) * half
        )
        for head in 0..<heads {
          let start = row * x.columns + head * width
          let (x1, x2) = (x.pointer + start, x.pointer + start + half)
          let (y1, y2) = (y.pointer + start, y.pointer + start + half)
          for i in 0..<half {
            let (first, second, sine) = (x1[i], x2[i], direction * sines[i])
            y1[i] = first * cosines[i] - second * sine
            y2[i] = second * cosines[i] + first * sine
          }
        }
      }
    }
  }
}

/// Inputs: x and the positions.
struct RotaryOperation: GraphOperation {
  let heads: Int
  /// Of a head.
  let width: Int
  let base: Float

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    let x = graph.sequences(inputs[0], [heads, width])
    let angles = self.angles(inputs[1], &graph)
    let key = "rotary \(inputs[1].name) \(width) \(base)"
    let cosines = graph.shared("\(key) cosines") { $0.add("Cos", [angles]) }
    let sines = graph.shared("\(key) sines") { $0.add("Sin", [angles]) }
    let first = half(x, 0..<width / 2, &graph)
    let second = half(x, width / 2..<width, &graph)
    let rotated = graph.add("Concat", [graph.add("Neg", [second]), first], ["axis": .integer(-1)])
    let sum = graph.add(
      "Add", [graph.add("Mul", [x, cosines]), graph.add("Mul", [rotated, sines])])
    return graph.rows(sum, width: heads * width)
  }

  /// `[batch, sequence, 1, width]`.
  private func angles<Builder: GraphBuilder>(
    _ positions: GraphValue, _ graph: inout Builder
  ) -> GraphValue {
    graph.shared("rotary \(positions.name) \(width) \(base)") {
      let frequencies = Rotation.frequencies(width: width, base: base)
      let numbers = $0.add("Cast", [positions], ["to": .type(.float32)])
      let column = $0.add("Unsqueeze", [numbers, $0.integers([2, 3])])
      return $0.add("Mul", [column, $0.numbers(frequencies + frequencies)])
    }
  }

  private func half(_ x: GraphValue, _ range: Range<Int>, _ graph: inout some GraphBuilder) -> GraphValue {
    graph.add(
      "Slice",
      [x, graph.integers([range.lowerBound]), graph.integers([range.upperBound]), graph.integers([3])])
  }
}
