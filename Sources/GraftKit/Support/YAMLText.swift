import GraftTensors

/// Data as YAML text: a block for each object and each list of objects, everything else on its line.
///
/// https://yaml.org/spec/1.2.2
package enum YAMLText {
  /// - Returns: Lines, each with its line feed.
  package static func render(_ json: JSON) -> String {
    lines(json).map { $0 + "\n" }.joined()
  }

  private static func lines(_ json: JSON) -> [String] {
    switch json {
    case .object(let members) where !members.isEmpty:
      members.flatMap { key, value -> [String] in
        let key = scalar(.string(key))
        guard isBlock(value) else { return ["\(key): \(flow(value))"] }
        // The items of a list stand where its key stands, as the Hub writes them.
        let indent = value.array == nil ? "  " : ""
        return ["\(key):"] + lines(value).map { indent + $0 }
      }
    case .array(let elements) where isBlock(json):
      elements.flatMap { element in
        let block = isBlock(element) ? lines(element) : [flow(element)]
        return zip(block.indices, block).map { $0 == 0 ? "- \($1)" : "  \($1)" }
      }
    default: [flow(json)]
    }
  }

  /// Whether a value takes lines of its own.
  private static func isBlock(_ json: JSON) -> Bool {
    switch json {
    case .object(let members): !members.isEmpty
    case .array(let elements): elements.contains(where: isBlock)
    default: false
    }
  }

  private static func flow(_ json: JSON) -> String {
    switch json {
    case .array(let elements): "[\(elements.map(flow).joined(separator: ", "))]"
    case .object: "{}"
    default: scalar(json)
    }
  }

  /// A text, without quotes where it cannot be mistaken for anything else. JSON's quotes are valid YAML.
  private static func scalar(_ json: JSON) -> String {
    guard let text = json.string else { return json.text() }
    let words = ["true", "false", "yes", "no", "on", "off", "null", "nan", "inf", "y", "n"]
    let isPlain =
      text.first.map { $0.isASCII && $0.isLetter } == true && !words.contains(text.lowercased())
      && text.last != " "
      && text.unicodeScalars.allSatisfy { scalar in
        scalar.isASCII
          && (scalar.properties.isAlphabetic || "0123456789 _-./+".unicodeScalars.contains(scalar))
      }
    return isPlain ? text : quoted(text)
  }

  /// JSON leaves some line breaks and control characters as they are, which YAML folds or forbids.
  private static func quoted(_ text: String) -> String {
    JSON.string(text).text().unicodeScalars.map { scalar in
      switch scalar {
      case "\u{7F}"..<"\u{A0}", "\u{2028}", "\u{2029}", "\u{FEFF}", "\u{FFFE}", "\u{FFFF}":
        let hex = String(scalar.value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: return String(scalar)
      }
    }.joined()
  }
}
