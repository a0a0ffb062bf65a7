extension Double {
  /// The powers of ten that there are, from 1.
  private static let powersOfTen = (0...308).compactMap { Double("1e\($0)") }

  /// A number as `tokenizers` reads it from a file: its digits, as many as fit into an integer of 64 bits, and a power of ten
  /// that they are multiplied with or divided by, each rounded.
  ///
  /// Of numbers with 17 digits many become a neighbour of the nearest `Double`. Which of two ways to split a word has the
  /// larger sum of scores may depend on it, where both have the same tokens in another order. Reference: serde-rs/json, without
  /// its feature `float_roundtrip`, of which `tokenizers` makes no use.
  ///
  /// - Parameter text: A number of JSON.
  /// - Returns: `nil` when it is too large.
  init?(serdeReading text: String) {
    var significand: UInt64 = 0
    var exponent = 0
    var isBehindPoint = false
    var isFull = false
    let parts = text.utf8.split(maxSplits: 1) { $0 | 0x20 == UInt8(ascii: "e") }
    for byte in parts[0] where byte != UInt8(ascii: "-") {
      if byte == UInt8(ascii: ".") {
        (isBehindPoint, isFull) = (true, false)
        continue
      }
      if !isFull {
        let (product, isTooLarge) = significand.multipliedReportingOverflow(by: 10)
        let (sum, hasOverflow) = product.addingReportingOverflow(UInt64(byte & 0xF))
        isFull = isTooLarge || hasOverflow
        if !isFull {
          significand = sum
          if isBehindPoint { exponent -= 1 }
          continue
        }
      }
      if !isBehindPoint { exponent += 1 }
    }
    if parts.count > 1 {
      // More than that is nothing, or too large.
      let limit = 1 << 20
      let isNegative = parts[1].first == UInt8(ascii: "-")
      let written = Int(String(Substring(parts[1]))) ?? (isNegative ? -limit : limit)
      exponent += Swift.min(Swift.max(written, -limit), limit)
    }
    var value = Double(significand)
    while exponent < -308, value != 0 {
      value /= 1e308
      exponent += 308
    }
    if value != 0 {
      guard exponent <= 308 else { return nil }
      value = exponent < 0 ? value / Self.powersOfTen[-exponent] : value * Self.powersOfTen[exponent]
    }
    guard value.isFinite else { return nil }
    self = text.utf8.first == UInt8(ascii: "-") ? -value : value
  }
}
