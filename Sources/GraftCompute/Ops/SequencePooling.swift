/// How the rows of a sequence become one.
///
/// The names are those of sentence-transformers 6.
public enum SequencePooling: String, Sendable, CaseIterable {
  /// The first token's row.
  case cls
  /// The largest of each number over all tokens.
  case max
  /// The mean over all tokens.
  case mean
  /// The sum over all tokens, divided by the square root of their number.
  case meanSqrtLength = "mean_sqrt_len_tokens"
  /// The mean, in which a token weighs as much as its place, counted from 1.
  case weightedMean = "weightedmean"
  /// The last token's row.
  case last = "lasttoken"

  /// What a token counts for in a sum; `nil` for ``max``, which is none.
  ///
  /// - Parameters:
  ///   - token: Its place in the sequence, counted from 0.
  ///   - tokens: The places that count.
  func weight(of token: Int, in tokens: Range<Int>) -> Float? {
    switch self {
    case .max: return nil
    case .cls: return token == tokens.lowerBound ? 1 : 0
    case .last: return token == tokens.upperBound - 1 ? 1 : 0
    case .mean: return 1 / Float(tokens.count)
    case .meanSqrtLength: return 1 / Float(tokens.count).squareRoot()
    case .weightedMean:
      // 1 + 2 + … over the tokens that count.
      let total = (tokens.lowerBound + 1 + tokens.upperBound) * tokens.count / 2
      return Float(token + 1) / Float(total)
    }
  }
}

extension Tape {
  /// One row for each sequence, in one or several ways.
  ///
  /// - Parameters:
  ///   - x: `[tokens, width]`.
  ///   - offsets: Where sequences start: `[sequences + 1]`, from 0 to `tokens`, not falling.
  ///   - modes: The ways; their rows stand one after another.
  ///   - skipped: How many tokens at the beginning of a sequence do not count, unless they are all that it has.
  /// - Returns: `[sequences, modes · width]`; zeros for a sequence without tokens.
  public func sequencePool(
    _ x: Variable, offsets: [Int], modes: [SequencePooling], skipping skipped: Int = 0
  ) -> Variable {
    let width = x.value.columns
    precondition(
      offsets.first == 0 && offsets.last == x.value.rows && !modes.isEmpty
        && zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 },
      "sequencePool: offsets \(offsets) of \(x.value.rows) tokens, \(modes)")
    precondition(trace == nil, "sequencePool is no part of an exported graph")
    return profile.measure("sequence pooling") {
      let count = offsets.count - 1
      let y = output([count, modes.count * width], from: x)
      let (value, slot) = (x.value, x.slot)
      /// The rows that count, as places in their sequence, and where the sequence begins.
      func tokens(of sequence: Int) -> (start: Int, counting: Range<Int>) {
        let (start, end) = (offsets[sequence], offsets[sequence + 1])
        return (start, (skipped < end - start ? skipped : 0)..<end - start)
      }
      backend.forEachBlock(ofRows: count, columns: modes.count * width) { block in
        for sequence in block {
          let (start, counting) = tokens(of: sequence)
          for (index, mode) in modes.enumerated() {
            let row = y.value.pointer + (sequence * modes.count + index) * width
            row.update(repeating: mode == .max && !counting.isEmpty ? -.infinity : 0, count: width)
            for token in counting {
              let state = value.pointer + (start + token) * width
              guard let weight = mode.weight(of: token, in: counting) else {
                for column in 0..<width { row[column] = max(row[column], state[column]) }
                continue
              }
              if weight != 0 { for column in 0..<width { row[column] += weight * state[column] } }
            }
          }
        }
      }
      record(y) { [backend, pool] dy in
        slot.add(pool: pool) { dx, overwrite in
          if overwrite { backend.clear(dx) }
          backend.forEachBlock(ofRows: count, columns: modes.count * width) { block in
            for sequence in block {
              let (start, counting) = tokens(of: sequence)
              for (index, mode) in modes.enumerated() {
                let slope = dy.pointer + (sequence * modes.count + index) * width
                if mode == .max {
                  for column in 0..<width {
                    // The first of equals has the gradient.
                    let largest = counting.max {
                      value.pointer[(start + $0) * width + column]
                        < value.pointer[(start + $1) * width + column]
                    }
                    if let largest { dx.pointer[(start + largest) * width + column] += slope[column] }
                  }
                  continue
                }
                for token in counting {
                  guard let weight = mode.weight(of: token, in: counting), weight != 0 else { continue }
                  let row = dx.pointer + (start + token) * width
                  for column in 0..<width { row[column] += weight * slope[column] }
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
