import GraftCompute
import GraftCore
import GraftTensors

/// A published piece of what a model computes for one text.
public struct GoldenSlice: Sendable {
  /// What the model reads.
  public enum Input: Sendable {
    /// A text, or a pair of them, left to the model's tokenizer.
    case text(String, pair: String?)
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

  /// - Throws: `GraftError` naming the key that is missing or holds something else.
  init(_ json: JSON) throws {
    let reader = CatalogueReader(json: json)
    func integers(_ key: String, count: Int) throws -> [Int]? {
      try reader.optional(key, "\(count) integers") { member in
        member.list(of: \.int).flatMap { $0.count == count ? $0 : nil }
      }
    }
    output = try reader.required("output", "the name of an output", \.string)
    first = try reader.required("first", "a token, and a place in its row") { member in
      guard let place = member.list(of: \.int), place.count == 2 else { return nil }
      return place.allSatisfy { (0..<1 << 20).contains($0) } ? (place[0], place[1]) : nil
    }
    values = try reader.required("values", "lists of numbers") { member in
      member.list { row in row.list { $0.double.map { Float($0) } } }
    }
    tolerance = try reader.optional("tolerance", "a number") { $0.double.map { Float($0) } }
    if let text = try reader.optional("text", "a text", \.string) {
      input = .text(text, pair: try reader.optional("pair", "a text", \.string))
    } else {
      let ids = try reader.required("ids", "integers, or a 'text'") { $0.list(of: \.int) }
      let types = try integers("types", count: ids.count) ?? ids.map { _ in 0 }
      let mask = try integers("mask", count: ids.count) ?? ids.map { _ in 1 }
      input = .row(ids: ids.map { Int32(clamping: $0) }, types: types.map { Int32(clamping: $0) }, mask: mask)
    }
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
    case .text(let text, let pair):
      let encoding = try checkpoint.requireTokenizer()
        .encode(text, pair: pair, truncation: nil, addSpecialTokens: true)
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
