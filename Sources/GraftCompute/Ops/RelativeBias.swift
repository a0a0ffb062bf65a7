import Foundation

/// A number for each head that attention adds to the score of two tokens by their distance, learnt in a table.
/// Raffel et al., arXiv:1910.10683, 2.1.
public struct RelativeBias {
  /// `[buckets, heads]`.
  public let table: Variable
  /// Which row of the table belongs to a distance.
  public let buckets: RelativeBuckets

  /// - Parameters:
  ///   - table: `[buckets, heads]`.
  ///   - buckets: Which row of the table belongs to a distance.
  public init(table: Variable, buckets: RelativeBuckets) {
    self.table = table
    self.buckets = buckets
  }
}

/// A number for each distance `j − i` of a token `j` from the token `i` that attends to it.
public struct RelativeBuckets: Sendable, Hashable {
  /// From the distance `−reach` to `reach`.
  let numbers: [Int32]

  /// - Parameters:
  ///   - reach: Distances further than this, either way, have its bucket.
  ///   - bucket: The number for a distance, at least 0.
  public init(reach: Int, _ bucket: (_ distance: Int) -> Int) {
    numbers = (-reach...reach).map { Int32(bucket($0)) }
    precondition(numbers.allSatisfy { $0 >= 0 }, "relative buckets: a number below 0")
  }

  /// Buckets that grow with the distance, half of them for either direction: of each half, the first half for one
  /// distance each, the others for logarithmically more up to the maximum. T5's and MPNet's rule.
  ///
  /// Follows `compute_position_bias` of transformers:
  /// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/mpnet/modeling_mpnet.py
  ///
  /// - Parameters:
  ///   - count: The number of buckets: a multiple of 4.
  ///   - maximumDistance: From where on all distances have the last bucket: above `count / 4`.
  public static func logarithmic(count: Int = 32, maximumDistance: Int = 128) -> RelativeBuckets {
    let (half, exact) = (count / 2, count / 4)
    precondition(exact > 0 && maximumDistance > exact, "relative buckets: \(count) up to \(maximumDistance)")
    return RelativeBuckets(reach: maximumDistance) { distance in
      let (direction, length) = (distance > 0 ? half : 0, abs(distance))
      guard length >= exact else { return direction + length }
      let share =
        log(Double(length) / Double(exact)) / log(Double(maximumDistance) / Double(exact))
      return direction + min(half - 1, exact + Int(share * Double(half - exact)))
    }
  }

  var reach: Int { numbers.count / 2 }

  /// How many rows a table needs.
  public var count: Int { Int(numbers.max() ?? 0) + 1 }

  /// The bucket of a distance.
  public subscript(distance: Int) -> Int { Int(numbers[min(reach, max(-reach, distance)) + reach]) }

  /// Calls `body` for each distance in a sequence, from the farthest back; `place` counts from 0.
  func forEachDistance(_ length: Int, _ body: (_ distance: Int, _ place: Int) -> Void) {
    for place in 0..<2 * length - 1 { body(place - (length - 1), place) }
  }
}

/// The gradient of a table of biases, gathered for each block of an attention, and added up in the blocks' order.
struct BucketSums {
  private let buckets: RelativeBuckets
  /// `[blocks, buckets]`.
  private let sums: Tensor

  init(blocks: Int, _ buckets: RelativeBuckets?, _ pool: MemoryPool?) {
    let buckets = buckets ?? RelativeBuckets(reach: 0) { _ in 0 }
    self.buckets = buckets
    sums = Tensor(repeating: 0, shape: [blocks, buckets.count], pool: pool)
  }

  /// Takes in a block.
  ///
  /// - Parameters:
  ///   - diagonal: For each distance the sum of the scores' gradients.
  ///   - length: Of the block's sequence.
  ///   - block: The block's number, which is the head's modulo the number of heads.
  ///   - scale: Of the attention.
  func add(_ diagonal: UnsafePointer<Float>, length: Int, block: Int, scale: Float) {
    let row = sums.pointer + block * sums.columns
    buckets.forEachDistance(length) { distance, place in row[buckets[distance]] += diagonal[place] / scale }
  }

  /// Writes or adds the sums over all blocks to the table's gradient `[rows, heads]`.
  func total(to target: (gradient: Tensor, overwrite: Bool), heads: Int) {
    if target.overwrite { target.gradient.clear() }
    for block in 0..<sums.rows {
      for bucket in 0..<sums.columns {
        target.gradient.pointer[bucket * heads + block % heads] += sums.pointer[block * sums.columns + bucket]
      }
    }
  }
}
