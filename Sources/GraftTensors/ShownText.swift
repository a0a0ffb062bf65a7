extension String {
  /// The text with every character that could steer a terminal as its code, as JSON spells it: `\u001b`.
  ///
  /// Those are the control characters, and what changes the direction of writing; of white space, line feeds and tabs stay.
  public var withoutControls: String { escaping { $0.isControl && $0 != "\n" && $0 != "\t" } }

  /// A text from outside as it may stand in a line: on one line, and no longer than a person reads.
  ///
  /// - Parameter limit: The most characters; the end of a longer text is left out.
  public func shown(limit: Int = 400) -> String {
    let text = escaping(\.isControl)
    return text.unicodeScalars.count > limit ? String(text.prefix(limit)) + "…" : text
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
  /// Whether it steers a terminal or the order of letters instead of showing something; all have four digits.
  fileprivate var isControl: Bool {
    switch value {
    case 0..<0x20, 0x7F..<0xA0, 0x61C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}

extension GraftError {
  /// The error with what came from outside as it may be shown.
  var shown: GraftError {
    var error = self
    error.file = file?.shown(limit: 4096)
    error.subject = subject?.shown()
    error.expected = expected?.shown(limit: 2000)
    error.found = found?.shown(limit: 2000)
    error.problem = problem.withoutControls
    return error
  }
}
