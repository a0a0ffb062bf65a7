import GraftCompute
import GraftCore
import GraftTensors

/// A published piece of what a model computes for one text.
public struct GoldenSlice: Sendable {
  /// What the model reads.
  public enum Input: Sendable {
    /// Left to the model's tokenizer.
    case text(String)
    /// A row of ids, padding included; token types, all 0 by default; and 0 where a token is not read.
    case row(ids: [Int32], types: [Int32], mask: [Int])
  }

  public let input: Input
  /// As ``verify(_:golden:tolerance:backend:registry:)`` calls it: `last_hidden_state`, …
  public let output: String
  /// The token and the place in its row that ``values`` begin at.
  public let first: (token: Int, place: Int)
  /// `[tokens, places]`
  public let values: [[Float]]
  /// The absolute difference within which the values were published, where that is more than their digits say.
  public let tolerance: Float?

  init?(_ json: JSON) {
    func integers(_ key: String) -> [Int]? { json[key]?.array?.compactMap(\.int) }
    guard let output = json["output"]?.string,
      let first = integers("first"), first.count == 2, first.allSatisfy({ (0..<1 << 20).contains($0) }),
      let values = json["values"]?.array?.map({ $0.array?.compactMap(\.double).map(Float.init) ?? [] })
    else { return nil }
    if let text = json["text"]?.string {
      input = .text(text)
    } else {
      guard let ids = integers("ids"), !ids.isEmpty else { return nil }
      let types = integers("types") ?? ids.map { _ in 0 }
      let mask = integers("mask") ?? ids.map { _ in 1 }
      guard types.count == ids.count, mask.count == ids.count else { return nil }
      input = .row(ids: ids.map { Int32(clamping: $0) }, types: types.map { Int32(clamping: $0) }, mask: mask)
    }
    tolerance = json["tolerance"]?.double.map { Float($0) }
    self.output = output
    self.first = (first[0], first[1])
    self.values = values
  }

  /// The largest difference between the values and what a checkpoint computes.
  ///
  /// - Throws: `GraftError` when the checkpoint does not compute the output, or less of it, or lacks a tokenizer
  ///   for a text.
  public func difference(of checkpoint: Checkpoint, backend: any ComputeBackend) throws -> Float {
    var batch = Batch()
    // The columns of the tokens that are read.
    let places: [Int]
    switch input {
    case .row(let ids, let types, let mask):
      places = mask.indices.filter { mask[$0] != 0 }
      batch.append(paddedRow: ids, tokenTypes: types, mask: mask.map { $0 != 0 })
    case .text(let text):
      guard let tokenizer = checkpoint.tokenizer else {
        throw GraftError(.missing, "the checkpoint has no tokenizer for the text", subject: "'\(text)'")
      }
      let encoding = tokenizer.encode(text, pair: nil, truncation: nil, addSpecialTokens: true)
      places = Array(encoding.ids.indices)
      batch.append(paddedRow: encoding.ids, tokenTypes: encoding.tokenTypes, mask: places.map { _ in true })
    }
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
