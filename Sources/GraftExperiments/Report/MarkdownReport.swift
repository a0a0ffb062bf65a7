import GraftCore
import GraftKit

/// The report as Markdown, with the plots as images beside it.
package enum MarkdownReport {
  package static func render(_ content: ReportContent) -> String {
    var text = """
      # \(Markdown.escaped(content.title))

      **\(Markdown.escaped(content.verdict))**

      \(Markdown.escaped(content.subtitle))

      """
    for block in content.blocks { text += "\n\(render(block))\n" }
    return text
  }

  private static func render(_ block: ReportContent.Block) -> String {
    switch block {
    case .heading(let title): "## \(Markdown.escaped(title))"
    case .text(let text): Markdown.escaped(text)
    case .table(let table): Markdown.table(table)
    case .plots(let plots):
      plots.map { "![\(Markdown.escaped($0.plot.title))](\(WrittenReport.plotPath($0)))" }.joined(
        separator: "\n")
    case .quotes(let quotes):
      quotes.map { quote in
        "- \(Markdown.escaped(quote.text))\n  - \(quote.facts.map(Markdown.escaped).joined(separator: "; "))"
      }.joined(separator: "\n")
    case .code(let code): fenced(code)
    }
  }

  /// A block of code, between fences longer than any inside.
  private static func fenced(_ code: String) -> String {
    let longest = code.split(whereSeparator: { $0 != "`" }).map(\.count).max() ?? 0
    let fence = String(repeating: "`", count: max(3, longest + 1))
    return "\(fence)\n\(code)\n\(fence)"
  }
}
