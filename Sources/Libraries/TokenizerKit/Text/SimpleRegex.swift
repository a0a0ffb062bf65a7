import GraftTensors

/// A regular expression of the kind that can be matched in linear time without further thought: alternatives, each of
/// which is a character or a class of them, once or repeated.
///
///     ` {2,}`   `\s+`   `\s{2,}|[\n\r\t]`   `[^\p{L}\p{N}]`   `\p{N}{1,3}`
///
/// The first alternative that matches at a place counts, and takes as much as it can. Classes are those of Oniguruma,
/// which `tokenizers` uses.
public struct SimpleRegex: TextPattern {
  private struct Class: Sendable {
    var ranges: [ClosedRange<UInt32>] = []
    var flags: ScalarFlags = []
    /// Flags of which a scalar must have none: `\S` in a class.
    var withoutFlags: [ScalarFlags] = []
    var isNegated = false

    func contains(_ scalar: UInt32) -> Bool {
      let own = UnicodeProperties.shared.flags(of: scalar)
      let isIn =
        !own.isDisjoint(with: flags) || withoutFlags.contains { own.isDisjoint(with: $0) }
        || ranges.contains { $0.contains(scalar) }
      return isIn != isNegated
    }
  }

  private struct Alternative: Sendable {
    var scalars: Class
    var minimum: Int
    var maximum: Int
  }

  /// The most that a repetition may demand: that much is looked at again at each place.
  private static let largestMinimum = 64
  /// The most alternatives, and the most ranges and classes in all of them: each place is compared with every one.
  private static let mostAlternatives = 32
  private static let mostItems = 256

  private var alternatives: [Alternative] = []

  /// - Returns: `nil` for an expression of another kind.
  public init?(_ text: String) {
    var parser = Parser(Array(text.unicodeScalars.map(\.value)))
    repeat {
      guard let scalars = parser.scalars(), let (minimum, maximum) = parser.repetition() else { return nil }
      alternatives.append(Alternative(scalars: scalars, minimum: minimum, maximum: maximum))
    } while parser.take("|")
    let itemCount = alternatives.reduce(0) { $0 + $1.scalars.ranges.count + $1.scalars.withoutFlags.count }
    guard parser.isAtEnd, alternatives.count <= Self.mostAlternatives, itemCount <= Self.mostItems else {
      return nil
    }
  }

  /// A character that is repeated.
  public init(repeating scalar: Unicode.Scalar, atLeast minimum: Int) {
    alternatives = [
      Alternative(scalars: Class(ranges: [scalar.value...scalar.value]), minimum: minimum, maximum: .max)
    ]
  }

  public func forEachMatch(in text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void) {
    var index = 0
    while index < text.count {
      if let end = endOfMatch(at: index, in: text) {
        body(index..<end)
        index = end
      } else {
        _ = decodeScalar(text, &index, end: text.count)
      }
    }
  }

  private func endOfMatch(at start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int? {
    for alternative in alternatives {
      var (index, count) = (start, 0)
      while index < text.count, count < alternative.maximum {
        var next = index
        guard alternative.scalars.contains(decodeScalar(text, &next, end: text.count)) else { break }
        (index, count) = (next, count + 1)
      }
      if count >= alternative.minimum { return index }
    }
    return nil
  }

  private struct Parser {
    private let text: [UInt32]
    private var index = 0

    init(_ text: [UInt32]) { self.text = text }

    var isAtEnd: Bool { index == text.count }

    private var next: Unicode.Scalar? { isAtEnd ? nil : Unicode.Scalar(text[index]) }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
      guard next == scalar else { return false }
      index += 1
      return true
    }

    /// A character or a class.
    mutating func scalars() -> Class? {
      guard let first = next else { return nil }
      if first == "[" { return brackets() }
      guard !"()*+?|^$.{}]".unicodeScalars.contains(first) else { return nil }
      var result = Class()
      return item(&result) == nil ? nil : result
    }

    private mutating func brackets() -> Class? {
      index += 1
      var result = Class()
      result.isNegated = take("^")
      repeat {
        guard let first = next, first != "[", first != "&", let low = item(&result) else { return nil }
        guard next == "-", index + 1 < text.count, text[index + 1] != 0x5D else { continue }
        index += 1
        guard low >= 0, let high = item(&result), high >= low else { return nil }
        result.ranges.append(UInt32(low)...UInt32(high))
      } while !take("]")
      return result
    }

    /// A character, which is returned, or a class of them, for which that is -1; `nil` for something else.
    private mutating func item(_ result: inout Class) -> Int? {
      guard let first = next else { return nil }
      index += 1
      guard first == "\\" else { return character(first.value, &result) }
      guard let escaped = next else { return nil }
      index += 1
      switch escaped {
      case "s": result.flags.insert(.whitespace)
      case "d": result.flags.insert(.digit)
      case "S": result.withoutFlags.append(.whitespace)
      case "D": result.withoutFlags.append(.digit)
      case "n": return character(0x0A, &result)
      case "r": return character(0x0D, &result)
      case "t": return character(0x09, &result)
      case "p", "P":
        guard take("{"), let name = next, name == "L" || name == "N" else { return nil }
        index += 1
        guard take("}") else { return nil }
        let flag: ScalarFlags = name == "L" ? .letter : .number
        if escaped == "p" { result.flags.insert(flag) } else { result.withoutFlags.append(flag) }
      default:
        guard escaped.isASCII, !escaped.properties.isAlphabetic, escaped.properties.numericType == nil else {
          return nil
        }
        return character(escaped.value, &result)
      }
      return -1
    }

    private func character(_ scalar: UInt32, _ result: inout Class) -> Int {
      result.ranges.append(scalar...scalar)
      return Int(scalar)
    }

    /// How often it is repeated: nothing, `+`, `{m}`, `{m,}` or `{m,n}`.
    mutating func repetition() -> (minimum: Int, maximum: Int)? {
      if take("+") { return next == "?" || next == "+" ? nil : (1, Int.max) }
      guard take("{") else { return (1, 1) }
      guard let minimum = number(), 1...SimpleRegex.largestMinimum ~= minimum else { return nil }
      var maximum = minimum
      if take(",") {
        if next == "}" {
          maximum = Int.max
        } else {
          guard let number = number(), number >= minimum else { return nil }
          maximum = number
        }
      }
      guard take("}"), next != "?", next != "+" else { return nil }
      return (minimum, maximum)
    }

    private mutating func number() -> Int? {
      var digits = ""
      while let scalar = next, "0"..."9" ~= scalar, digits.utf8.count < 10 {
        digits.unicodeScalars.append(scalar)
        index += 1
      }
      return Int(digits)
    }
  }
}
