import GraftKit

/// HTML or SVG text. What is interpolated into it is escaped, unless it is markup itself, so that no text from
/// data or from a file can become markup.
///
///     let cell: Markup = "<td>\(row.text)</td>"
///
/// Elements are closed as XML asks, so that the result parses as both.
struct Markup: ExpressibleByStringInterpolation, ExpressibleByStringLiteral {
  private(set) var text: String

  init(stringLiteral value: String) { text = value }

  /// Markup that is known to be well-formed.
  init(verbatim text: String) { self.text = text }

  init(stringInterpolation: Interpolation) { text = stringInterpolation.text }

  struct Interpolation: StringInterpolationProtocol {
    fileprivate var text = ""

    init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }

    mutating func appendLiteral(_ literal: String) { text += literal }
    mutating func appendInterpolation(_ markup: Markup) { text += markup.text }
    mutating func appendInterpolation(_ parts: [Markup]) { for part in parts { text += part.text } }
    mutating func appendInterpolation(_ string: String) { text += Markup.escaped(string) }
    mutating func appendInterpolation(_ number: Int) { text += String(number) }
    /// A coordinate, to a hundredth.
    mutating func appendInterpolation(_ number: Double) {
      text += NumberText.trimmed((number * 100).rounded() / 100)
    }
  }

  static func + (left: Markup, right: Markup) -> Markup { Markup(verbatim: left.text + right.text) }
  static func += (left: inout Markup, right: Markup) { left.text += right.text }

  /// A text as it stands in an element or an attribute in double quotes. Characters that XML does not have are
  /// replaced.
  private static func escaped(_ string: String) -> String {
    var result = ""
    result.reserveCapacity(string.utf8.count)
    for scalar in string.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\t", "\n": result.unicodeScalars.append(scalar)
      case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension Sequence<Markup> {
  /// One after another.
  var joined: Markup { Markup(verbatim: map(\.text).joined()) }
}
