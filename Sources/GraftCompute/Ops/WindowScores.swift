extension Tape {
  /// What keeps a token from seeing those beyond a window, for sequences of which tokens were left out: their rows are
  /// nearer to each other than their columns.
  ///
  /// - Parameters:
  ///   - window: How far a token sees in both directions.
  ///   - columns: Where each token stands in its sequence, `[tokens]`.
  ///   - heads: Number of heads.
  ///   - offsets: Where sequences start: `[sequences + 1]`.
  /// - Returns: For each sequence and in it for each head a matrix `[length, length]`: `[Σ heads · length², 1]`, 0 for
  ///   what a token sees, and elsewhere so little that its share is 0.
  func windowScores(_ window: Int, columns: [Int32], heads: Int, offsets: [Int]) -> Variable {
    profile.measure("window scores") {
      let y = output([heads * AttentionKernel.pairCount(offsets), 1], needsGradient: false)
      var place = 0
      for (start, end) in zip(offsets, offsets.dropFirst()) {
        for _ in 0..<heads {
          for query in start..<end {
            for key in start..<end {
              y.value.pointer[place] = abs(columns[key] - columns[query]) <= window ? 0 : -1e9
              place += 1
            }
          }
        }
      }
      return y
    }
  }
}
