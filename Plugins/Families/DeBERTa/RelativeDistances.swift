import Foundation

/// Which row of the table of relative embeddings belongs to the distance of two tokens.
///
/// Follows `make_log_bucket_position` and `disentangled_attention_bias` of transformers:
/// https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/deberta_v2/modeling_deberta_v2.py
struct RelativeDistances: Sendable, Hashable {
  /// How many rows there are in either direction.
  let span: Int
  /// The number of buckets that distances are sorted into; `nil` for a row for each distance.
  let buckets: Int?
  /// From here on all distances have the last row.
  let furthest: Int

  /// - Parameters:
  ///   - buckets: The number of buckets, at least 2 and below `2 · (furthest − 1)`; `nil` for a row for each distance.
  ///   - furthest: From here on all distances have the last row; above 1.
  init(buckets: Int?, furthest: Int) {
    precondition(furthest > 1 && buckets.map { $0 >= 2 && $0 / 2 < furthest - 1 } != false)
    (self.buckets, self.furthest, span) = (buckets, furthest, buckets ?? furthest)
  }

  /// The row for the distance `i − j` of a token `j` from the token `i` that attends to it.
  func row(_ distance: Int) -> Int { min(2 * span - 1, max(0, bucket(distance) + span)) }

  /// One bucket for each distance up to half their number, then logarithmically wider ones.
  private func bucket(_ distance: Int) -> Int {
    guard let buckets, abs(distance) > buckets / 2 else { return distance }
    let middle = buckets / 2
    let share =
      log(Double(abs(distance)) / Double(middle)) / log(Double(furthest - 1) / Double(middle))
    let bucket = Int((share * Double(middle - 1)).rounded(.up)) + middle
    return distance > 0 ? bucket : -bucket
  }

  /// The rows of all distances from `−distance` to `distance`.
  func rows(upTo distance: Int) -> Range<Int> { row(-distance)..<row(distance) + 1 }

  /// The rows of the distances from `−furthest` to `furthest`: all that there are.
  var all: [Int] { (-furthest...furthest).map(row) }
}
