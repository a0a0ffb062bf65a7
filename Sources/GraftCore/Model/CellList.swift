import GraftTensors

extension JSON {
  /// The list that a cell of a table holds, as JSON or Python writes it; `nil` for a text that is none.
  public init?(listInCell text: String) {
    guard text.first(where: { !$0.isWhitespace }) == "[" else { return nil }
    for spelling in [text, Self.spelling(ofPython: text)] {
      guard let json = try? JSON(parsing: Array(spelling.utf8)) else { continue }
      guard json.array != nil else { return nil }
      self = json
      return
    }
    return nil
  }

  /// The list in a cell of a column in which lists stand; `nil` for a text that is none.
  ///
  /// - Throws: `GraftError` for a text with the brackets and quotes of a list that is none, such as an array that NumPy
  ///   prints: `['he' 'can']`.
  public static func list(inCell text: String) throws -> JSON? {
    if let list = JSON(listInCell: text) { return list }
    guard let inner = text.inBrackets else { return nil }
    let end = inner.last == ")" ? inner.dropLast().last : inner.last
    guard [inner.first, end].compactMap(\.self).contains(where: "'\"".contains) else { return nil }
    throw GraftError(
      .malformed, "a list that cannot be read", expected: "[\"a\", \"b\"] or ['a', 'b']",
      found: String(text.prefix(60)),
      advice:
        "Put commas between strings, numbers or objects, as JSON does; an array of NumPy has 'tolist()' for that."
    )
  }

  /// A list that Python prints, as JSON has it: strings in double quotes, `True` and `False` in small letters.
  private static func spelling(ofPython text: String) -> String {
    var (json, quote, isEscaped) = ("", Unicode.Scalar?.none, false)
    var scalars = text.unicodeScalars.makeIterator()
    while let scalar = scalars.next() {
      if quote == nil {
        if scalar == "'" || scalar == "\"" { quote = scalar }
        json += scalar == "'" ? "\"" : scalar.properties.lowercaseMapping
      } else if isEscaped {
        switch scalar {
        case "'": json += "'"
        case "x": json += "\\u00"
        case "U":
          let digits = (0..<8).compactMap { _ in scalars.next().map(String.init) }.joined()
          let named = UInt32(digits, radix: 16).flatMap { Unicode.Scalar($0) }
          json += named.map { String(JSON.string(String($0)).text().dropFirst().dropLast()) } ?? "\\U"
        default: json += "\\\(scalar)"
        }
        isEscaped = false
      } else if scalar == "\\" {
        isEscaped = true
      } else if scalar == quote {
        quote = nil
        json += "\""
      } else {
        json += scalar == "\"" ? "\\\"" : String(scalar)
      }
    }
    return json
  }
}

extension String {
  /// What stands between the brackets of a text that begins and ends with one; without white space around it.
  package var inBrackets: String? {
    let text = LabelColumn.trimmed(self)
    guard text.count > 1, text.first == "[", text.last == "]" else { return nil }
    return LabelColumn.trimmed(String(text.dropFirst().dropLast()))
  }
}

extension StringProtocol {
  /// Whether there is nothing but white space.
  package var isBlank: Bool { allSatisfy(\.isWhitespace) }
}

extension WrittenLabel {
  /// The elements of a cell that holds a list of names, numbers or truth values, as JSON or Python writes it; `nil` for any
  /// other text.
  public static func items(inCell text: String) -> [String]? {
    let items = JSON(listInCell: text)?.array?.map { item -> String? in
      switch item {
      case .string(let text), .number(let text): text
      case .bool(let value): value ? "true" : "false"
      default: nil
      }
    }
    return items?.contains(nil) == false ? items?.compactMap { $0 } : nil
  }
}
