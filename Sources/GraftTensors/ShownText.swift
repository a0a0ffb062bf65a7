extension String {
  /// The text with every character that could steer a terminal as its code, as JSON spells it: `\u001b`.
  ///
  /// Those are the control characters, and what turns the direction of writing; of white space, line feeds and tabs stay.
  public var withoutControls: String { escaping { $0.isControl && $0 != "\n" && $0 != "\t" } }

  /// A text from outside as it may stand in a line: on one line, and no longer than a person reads.
  ///
  /// - Parameter limit: The most code points; the end of a longer text is left out.
  public func shown(limit: Int) -> String {
    let text = escaping(\.isControl)
    let scalars = text.unicodeScalars
    return scalars.count > limit ? String(String.UnicodeScalarView(scalars.prefix(limit))) + "…" : text
  }

  fileprivate func escaping(_ isEscaped: (Unicode.Scalar) -> Bool) -> String {
    guard utf8.contains(where: { $0 < 0x20 || $0 >= 0x7F }), unicodeScalars.contains(where: isEscaped) else {
      return self
    }
    var text = ""
    for scalar in unicodeScalars {
      if isEscaped(scalar) {
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}

extension Unicode.Scalar {
  /// Whether it steers a terminal, breaks a line, or turns the order of all letters that follow, instead of showing
  /// something; all have four digits. The marks that texts of right-to-left scripts are written with have no reach.
  fileprivate var isControl: Bool {
    switch value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}

extension GraftError {
  /// The error with what came from outside as it may be shown.
  var shown: GraftError {
    var error = self
    error.file = file?.shown(limit: 4096)
    error.subject = subject?.shown(limit: 400)
    error.expected = expected?.shown(limit: 2000)
    error.found = found?.shown(limit: 2000)
    error.problem = problem.withoutControls
    return error
  }
}
