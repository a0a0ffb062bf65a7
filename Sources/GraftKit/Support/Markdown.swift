/// Markdown for model cards and reports.
package enum Markdown {
  /// A table; numbers are on the right.
  package static func table(_ table: TextTable) -> String {
    func line(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |" }
    let rule = table.header.indices.map { $0 < table.words ? "---" : "---:" }
    return ([line(table.header.map(escaped)), line(rule)] + table.rows.map { line($0.map(escaped)) })
      .joined(separator: "\n")
  }

  /// A text in one line, in which nothing is markup.
  package static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\", "`", "*", "_", "[", "]", "|", "#", "~", "$": result += "\\\(scalar)"
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{2028}", "\u{2029}": result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

/// A table of a report or a model card.
package struct TextTable {
  package let header: [String]
  package let rows: [[String]]
  /// How many columns from the left are words; the others are numbers.
  package let words: Int

  package init(header: [String], rows: [[String]], words: Int = 1) {
    self.header = header
    self.rows = rows
    self.words = words
  }
}
