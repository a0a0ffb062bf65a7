/// How ranks divide the elements of each parameter: in runs of one length, of which the last may be shorter or empty.
struct RankShares {
  let rank: Int
  let size: Int

  /// How long the run of each rank is, of so many elements: whole cache lines.
  func length(of count: Int) -> Int { ((count + size - 1) / size + 15) / 16 * 16 }

  /// The elements of a rank, or those at some places of its run.
  func elements(of count: Int, on rank: Int, at places: Range<Int>? = nil) -> Range<Int> {
    let length = length(of: count)
    let (start, places) = (rank * length, places ?? 0..<length)
    return (start + places.lowerBound..<start + places.upperBound).clamped(to: 0..<count)
  }
}
