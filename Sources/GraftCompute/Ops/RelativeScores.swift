extension Tape {
  /// The bias of each pair of tokens by the distance of their columns, for sequences of which tokens were left out:
  /// their rows are nearer to each other than their columns.
  ///
  /// - Parameters:
  ///   - bias: The table, and which row belongs to a distance.
  ///   - columns: Where each token stands in its sequence, `[tokens]`.
  ///   - heads: The columns of the table.
  ///   - offsets: Where sequences start: `[sequences + 1]`.
  /// - Returns: For each sequence and in it for each head a matrix `[length, length]`: `[Σ heads · length², 1]`.
  func relativeScores(_ bias: RelativeBias, columns: [Int32], heads: Int, offsets: [Int]) -> Variable {
    let (table, slot, buckets) = (bias.table.value, bias.table.slot, bias.buckets)
    /// Calls `body` with each place in the result and the element of the table that belongs to it.
    func forEachPair(_ body: (_ place: Int, _ element: Int) -> Void) {
      var place = 0
      for (start, end) in zip(offsets, offsets.dropFirst()) {
        for head in 0..<heads {
          for query in start..<end {
            for key in start..<end {
              body(place, buckets[Int(columns[key] - columns[query])] * heads + head)
              place += 1
            }
          }
        }
      }
    }
    return profile.measure("relative scores") {
      let y = output([heads * AttentionKernel.pairCount(offsets), 1], from: bias.table)
      forEachPair { y.value.pointer[$0] = table.pointer[$1] }
      record(y) { [pool] dy in
        slot.add(pool: pool) { dTable, overwrite in
          if overwrite { dTable.clear() }
          forEachPair { dTable.pointer[$1] += dy.pointer[$0] }
        }
      }
      return y
    }
  }
}

extension RowIndices {
  /// Whether a sequence's columns are not one after the other.
  func haveGaps(_ offsets: [Int]) -> Bool {
    zip(offsets, offsets.dropFirst()).contains { start, end in
      zip(values[start..<end], values[start..<end].dropFirst()).contains { $1 != $0 + 1 }
    }
  }
}
