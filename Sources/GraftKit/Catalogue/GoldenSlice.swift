import GraftCompute
import GraftCore
import GraftTensors

/// A published piece of what a model computes for one text.
public struct GoldenSlice: Sendable {
  /// The text's ids, padding included.
  public let ids: [Int32]
  /// All 0 by default.
  public let types: [Int32]
  /// 0 where a token is not read; all 1 by default.
  public let mask: [Int]
  /// As ``verify(_:golden:tolerance:backend:registry:)`` calls it: `last_hidden_state`, …
  public let output: String
  /// The token and the place in its row that ``values`` begin at.
  public let first: (token: Int, place: Int)
  /// `[tokens, places]`
  public let values: [[Float]]

  init?(_ json: JSON) {
    func integers(_ key: String) -> [Int]? { json[key]?.array?.compactMap(\.int) }
    guard let ids = integers("ids"), !ids.isEmpty, let output = json["output"]?.string,
      let first = integers("first"), first.count == 2, first.allSatisfy({ (0..<1 << 20).contains($0) }),
      let values = json["values"]?.array?.map({ $0.array?.compactMap(\.double).map(Float.init) ?? [] })
    else { return nil }
    self.ids = ids.map { Int32(clamping: $0) }
    types = (integers("types") ?? ids.map { _ in 0 }).map { Int32(clamping: $0) }
    mask = integers("mask") ?? ids.map { _ in 1 }
    guard types.count == ids.count, mask.count == ids.count else { return nil }
    self.output = output
    self.first = (first[0], first[1])
    self.values = values
  }

  /// The largest difference between the values and what a checkpoint computes.
  ///
  /// - Throws: `GraftError` when the checkpoint does not compute the output, or less of it.
  public func difference(of checkpoint: Checkpoint, backend: any ComputeBackend) throws -> Float {
    let places = mask.indices.filter { mask[$0] != 0 }
    var batch = Batch()
    batch.append(paddedRow: ids, tokenTypes: types, mask: mask.map { $0 != 0 })
    guard let found = try checkpoint.goldenOutputs(batch, backend)[output] else {
      throw GraftError(.missing, "the checkpoint does not compute this output", subject: "'\(output)'")
    }
    let value = found.value
    var largest: Float = 0
    for (offset, expected) in values.enumerated() {
      // What there is for each token, or for the text as a whole.
      let token = first.token + offset
      let row = found.rows == .tokens ? places.firstIndex(of: token) ?? .max : token
      guard row < value.rows, first.place + expected.count <= value.columns else {
        throw GraftError(
          .mismatch, "the output is smaller than expected", subject: "'\(output)'",
          found: "[\(value.rows), \(value.columns)]")
      }
      let start = row * value.columns + first.place
      largest = max(largest, maximumDifference(expected[...], value.buffer[start..<start + expected.count]))
    }
    return largest
  }
}
