import GraftCore
import GraftTensors

/// A text and the places of its words.
struct Words: Sendable, Equatable {
  let text: String
  /// In Unicode scalars, in their order; none overlap.
  let ranges: [Range<Int>]

  /// Tokens as the data have them, with a space between them.
  init(tokens: [String]) {
    text = tokens.joined(separator: " ")
    var start = 0
    ranges = tokens.map { token in
      let end = start + token.unicodeScalars.count
      defer { start = end + 1 }
      return start..<end
    }
  }

  /// The parts of a text between white space.
  init(separatedIn text: String) {
    self.text = text
    ranges = Self.split(text) { _ in false }
  }

  /// The words of a text: runs of letters and digits, with each punctuation mark, symbol and ideograph by itself, as
  /// data sets of words have them.
  init(in text: String) { self.init(text, Self.split(text, isAlone: Self.isAlone)) }

  private init(_ text: String, _ ranges: [Range<Int>]) { (self.text, self.ranges) = (text, ranges) }

  /// The words, each of which ends at any of some places that are within it.
  ///
  /// - Returns: The words, and those that are cut, as `Lo|velace`.
  func ending(at places: Set<Int>) -> (words: Words, cut: [String]) {
    let parts = ranges.map { range in
      let cuts = [range.lowerBound] + range.dropFirst().filter(places.contains) + [range.upperBound]
      return zip(cuts, cuts.dropFirst()).map { $0..<$1 }
    }
    let cut = parts.filter { $0.count > 1 }.map { Words(text, $0).strings.joined(separator: "|") }
    return (Words(text, parts.flatMap { $0 }), cut)
  }

  private static func split(_ text: String, isAlone: (Unicode.Scalar) -> Bool) -> [Range<Int>] {
    var (ranges, start, end) = ([Range<Int>](), 0, 0)
    func finish() { if start < end { ranges.append(start..<end) } }
    for scalar in text.unicodeScalars {
      if scalar.properties.isWhitespace {
        finish()
        start = end + 1
      } else if isAlone(scalar) {
        finish()
        ranges.append(end..<end + 1)
        start = end + 1
      }
      end += 1
    }
    finish()
    return ranges
  }

  private static func isAlone(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return !scalar.properties.isAlphabetic && !("0"..."9").contains(scalar) }
    if scalar.properties.isIdeographic { return true }
    return switch scalar.properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation, .mathSymbol, .currencySymbol, .otherSymbol:
      true
    default: false
    }
  }

  /// The words themselves.
  var strings: [String] {
    let scalars = Array(text.unicodeScalars)
    return ranges.map { String(String.UnicodeScalarView(scalars[$0])) }
  }
}

extension TextRow {
  /// The tokens that the data have; `nil` for a row that is a text.
  ///
  /// - Throws: `GraftError` when they are no list of strings.
  func tokens() throws -> [String]? {
    guard let value = fields["tokens"], value != .null else { return nil }
    if let text = value.string { return text.split(separator: " ").map(String.init) }
    let items = value.array?.map(\.string)
    guard let items, !items.contains(nil) else {
      throw GraftError(
        .malformed, "wrong tokens", expected: "a list of strings",
        found: items == nil ? value.kind : "a list with other things in it"
      ).inRow(self)
    }
    return items.compactMap { $0 }
  }
}
