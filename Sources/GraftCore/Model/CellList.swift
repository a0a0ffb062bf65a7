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

  /// A list that Python prints, as JSON has it: strings in double quotes, `True` and `False` in small letters.
  private static func spelling(ofPython text: String) -> String {
    var (json, quote, isEscaped) = ("", Unicode.Scalar?.none, false)
    for scalar in text.unicodeScalars {
      if quote == nil {
        if scalar == "'" || scalar == "\"" { quote = scalar }
        json += scalar == "'" ? "\"" : scalar.properties.lowercaseMapping
      } else if isEscaped {
        json += scalar == "'" ? "'" : "\\\(scalar)"
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
