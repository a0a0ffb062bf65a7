import GraftTensors

extension JSON {
  /// The list that a cell of a table holds, as JSON or Python writes it, or a tuple or set that Python does; `nil` for a text
  /// that is none.
  public init?(listInCell text: String) {
    guard let value = JSON(inCell: text), value.array != nil else { return nil }
    self = value
  }

  /// The list or the object that a cell holds; `nil` for a text that is none.
  private init?(inCell text: String) {
    let first = text.first { !$0.isWhitespace }
    // Without anything in quotes, round brackets and braces are those of a text.
    guard first == "[" || first == "(" || first == "{",
      first == "[" || text.utf8.contains(where: { $0 == UInt8(ascii: "'") || $0 == UInt8(ascii: "\"") })
    else { return nil }
    func parsed(_ spelling: String) -> JSON? { try? JSON(parsing: spelling.utf8) }
    var value = parsed(text)
    if value == nil {
      let python = Self.spelling(ofPython: text)
      value = parsed(python)
      if value == nil, first == "{" {
        value = parsed("[\(LabelColumn.trimmed(python).dropFirst().dropLast())]")
      }
    }
    guard let value else { return nil }
    self = value
  }

  /// The list in a cell in which one may stand; `nil` for a text that is none.
  ///
  /// - Throws: `GraftError` for a text with the brackets and quotes of a list that is none, such as an array that NumPy
  ///   prints: `['he' 'can']`.
  public static func list(inCell text: String) throws -> JSON? {
    let value = try self.value(inCell: text)
    return value?.array == nil ? nil : value
  }

  /// The list or the object in a cell of a column in which such stand; `nil` for a text that is none.
  ///
  /// - Throws: As ``list(inCell:)``.
  package static func value(inCell text: String) throws -> JSON? {
    if let value = JSON(inCell: text) { return value }
    guard text.isBrokenList else { return nil }
    let outside = spelling(ofPython: text, emptyingStrings: true)
    throw GraftError(
      .malformed, "a list that cannot be read", expected: "[\"a\", \"b\"] or ['a', 'b']",
      found: String(text.prefix(60)),
      advice: outside.contains("...")
        ? "It is cut where '...' stands: write all of it."
        : ["none", "nan"].contains(where: outside.contains)
          ? "Nothing can be read for None or nan: write a string or a number in its place, or leave such rows out."
          : "Put commas between strings, numbers or objects, as JSON does; an array of NumPy has 'tolist()' for that."
    )
  }

  /// A value that Python prints, as JSON has it: strings in double quotes, tuples as lists, `True` and `False` in small
  /// letters.
  ///
  /// - Parameter emptiesStrings: Whether of strings the quotes alone are wanted.
  private static func spelling(ofPython text: String, emptyingStrings emptiesStrings: Bool = false) -> String
  {
    var (json, quote, isEscaped) = ("", Unicode.Scalar?.none, false)
    var scalars = text.unicodeScalars.makeIterator()
    while let scalar = scalars.next() {
      if quote == nil {
        switch scalar {
        case "'", "\"":
          quote = scalar
          json += "\""
        case "(": json += "["
        case ")", "]", "}":
          // Python has a comma behind the last element of some.
          if let last = json.lastIndex(where: { !$0.isWhitespace }), json[last] == "," {
            json.remove(at: last)
          }
          json += scalar == "}" ? "}" : "]"
        default: json += scalar.properties.lowercaseMapping
        }
      } else if isEscaped {
        isEscaped = false
        if emptiesStrings { continue }
        switch scalar {
        case "'": json += "'"
        case "x": json += "\\u00"
        case "U":
          let digits = (0..<8).compactMap { _ in scalars.next().map(String.init) }.joined()
          let named = UInt32(digits, radix: 16).flatMap { Unicode.Scalar($0) }
          json += named.map { String(JSON.string(String($0)).text().dropFirst().dropLast()) } ?? "\\U"
        default: json += "\\\(scalar)"
        }
      } else if scalar == "\\" {
        isEscaped = true
      } else if scalar == quote {
        quote = nil
        json += "\""
      } else if !emptiesStrings {
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
    guard text.first == "[", text.last == "]", text.count > 1 else { return nil }
    return LabelColumn.trimmed(String(text.dropFirst().dropLast()))
  }

  /// Whether a text that is no list has what only lists have: brackets with quotes at one of them, or with numbers or truth
  /// values alone, as NumPy prints these; or the name that NumPy gives an array.
  fileprivate var isBrokenList: Bool {
    let text = LabelColumn.trimmed(self)
    if text.hasPrefix("array([") || text.first == "{" && text.contains("array([") { return true }
    guard let inner = inBrackets else { return false }
    let end = inner.last == ")" ? inner.dropLast().last : inner.last
    if [inner.first, end].compactMap(\.self).contains(where: "'\"".contains) { return true }
    let parts = inner.split(whereSeparator: \.isWhitespace).map(String.init)
    return parts.count > 1
      && parts.allSatisfy { Double(decimal: $0) != nil || LabelColumn.truth($0) != nil }
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
