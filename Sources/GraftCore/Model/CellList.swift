import GraftTensors

extension JSON {
  /// The list that a cell of a table holds, as JSON or Python writes it, or a tuple or set that Python does; `nil` for a text
  /// that is none. A tuple has a comma, as it has in Python, also where it has one element.
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
      let set = LabelColumn.trimmed(python)
      if value == nil, set.first == "{", set.last == "}" { value = parsed("[\(set.dropFirst().dropLast())]") }
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

  /// The list of words in a cell of the column of the text, in which a text may stand as well; `nil` for a text.
  ///
  /// - Parameter isTagged: Whether words are wanted for their tags: a list of strings that cannot be read is refused then.
  /// - Throws: As ``list(inCell:)``.
  package static func words(inCell text: String, isTagged: Bool) throws -> JSON? {
    guard let list = JSON(listInCell: text), let items = list.array else {
      guard isTagged, text.isBrokenListOfWords else { return nil }
      throw unreadable(text)
    }
    // Numbers in brackets are a text, and so is one word in braces.
    guard items.isEmpty || items.contains(where: { $0.string != nil }) else { return nil }
    return items.count < 2 && LabelColumn.trimmed(text).first == "{" ? nil : list
  }

  /// The list or the object in a cell of a column in which such stand; `nil` for a text that is none.
  ///
  /// - Throws: As ``list(inCell:)``.
  package static func value(inCell text: String) throws -> JSON? {
    if let value = JSON(inCell: text) { return value }
    guard text.isBrokenList else { return nil }
    throw unreadable(text)
  }

  /// The error of a list that cannot be read, with what is to be done about it.
  private static func unreadable(_ text: String) -> GraftError {
    let outside = spelling(ofPython: text, emptyingStrings: true)
    return GraftError(
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
  /// letters. Brackets that do not belong together, and round ones that are not a tuple's, stay what JSON has not.
  ///
  /// - Parameter emptiesStrings: Whether of strings the quotes alone are wanted.
  fileprivate static func spelling(
    ofPython text: String, emptyingStrings emptiesStrings: Bool = false
  ) -> String {
    var (json, quote, isEscaped) = ("", Unicode.Scalar?.none, false)
    var brackets: [(end: Unicode.Scalar, hasComma: Bool)] = []
    var scalars = text.unicodeScalars.makeIterator()
    while let scalar = scalars.next() {
      if quote == nil {
        switch scalar {
        case "'", "\"":
          quote = scalar
          json += "\""
        case "(", "[", "{":
          brackets.append((scalar == "(" ? ")" : scalar == "[" ? "]" : "}", false))
          json += scalar == "{" ? "{" : "["
        case ",":
          if !brackets.isEmpty { brackets[brackets.count - 1].hasComma = true }
          json += ","
        case ")", "]", "}":
          let last = json.lastIndex { !$0.isWhitespace }
          let isEmpty = last.map { json[$0] == "[" } ?? false
          // Python has a comma behind the last element of some.
          if let last, json[last] == ",", let element = json[..<last].last(where: { !$0.isWhitespace }),
            !"[{,".contains(element)
          {
            json.remove(at: last)
          }
          let bracket = brackets.popLast()
          let isOne = bracket?.end == scalar && (scalar != ")" || isEmpty || bracket?.hasComma == true)
          json += !isOne ? ")" : scalar == "}" ? "}" : "]"
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

  /// Whether a text that is no list has strings in brackets and nothing else, but for what is written where one is missing:
  /// `['he' 'can']` of NumPy, and not `[He said 'no']`.
  fileprivate var isBrokenListOfWords: Bool {
    if LabelColumn.trimmed(self).hasPrefix("array([") { return true }
    guard let inner = JSON.spelling(ofPython: self, emptyingStrings: true).inBrackets else { return false }
    let others = inner.replacing("\"\"", with: " ").split { $0.isWhitespace || ",[]()".contains($0) }
    return inner.contains("\"\"") && others.allSatisfy { ["none", "nan", "...", "np.str_"].contains($0) }
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
