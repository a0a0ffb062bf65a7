/// The report as Markdown, with the plots as images beside it.
enum MarkdownReport {
  static func render(_ content: ReportContent) -> String {
    var text = """
      # \(escaped(content.title))

      **\(escaped(content.verdict))**

      \(escaped(content.subtitle))

      """
    for block in content.blocks { text += "\n\(render(block))\n" }
    return text
  }

  private static func render(_ block: ReportContent.Block) -> String {
    switch block {
    case .heading(let title): "## \(escaped(title))"
    case .text(let text): escaped(text)
    case .table(let table): MarkdownReport.table(table)
    case .plots(let plots):
      plots.map { "![\(escaped($0.plot.title))](\(WrittenReport.plotPath($0)))" }.joined(separator: "\n")
    case .quotes(let quotes):
      quotes.map { quote in
        "- \(escaped(quote.text))\n  - \(quote.facts.map(escaped).joined(separator: "; "))"
      }.joined(separator: "\n")
    case .code(let code): fenced(code)
    }
  }

  /// A table; numbers are on the right.
  static func table(_ table: ReportContent.Table) -> String {
    func line(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |" }
    let rule = table.header.indices.map { $0 < table.words ? "---" : "---:" }
    return ([line(table.header.map(escaped)), line(rule)] + table.rows.map { line($0.map(escaped)) })
      .joined(separator: "\n")
  }

  /// A text in one line, in which nothing is markup.
  static func escaped(_ text: String) -> String {
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

  /// A block of code, between fences longer than any inside.
  private static func fenced(_ code: String) -> String {
    let longest = code.split(whereSeparator: { $0 != "`" }).map(\.count).max() ?? 0
    let fence = String(repeating: "`", count: max(3, longest + 1))
    return "\(fence)\n\(code)\n\(fence)"
  }
}
