import Foundation
import GraftCore
import GraftKit

/// The report as one HTML page that needs nothing else: style and plots are inside, and nothing is fetched.
enum HTMLReport {
  static func render(_ content: ReportContent) -> String {
    let answer = content.verdicts.count == 1 ? content.verdicts[0].answer.rawValue : "several"
    let page: Markup = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width, initial-scale=1"/>
      <meta name="color-scheme" content="light dark"/>
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
      <title>\(content.title)</title>
      <style>\(PlotStyle.variables)\(PlotStyle.rules)\(style)</style>
      </head>
      <body>
      <main>
      <header>
      <h1>\(content.title)</h1>
      <p class="verdict \(answer)">\(content.verdict.withFixedSpaces)</p>
      <p class="soft">\(content.subtitle)</p>
      </header>
      \(content.blocks.map(block))</main>
      </body>
      </html>

      """
    return page.text
  }

  private static func block(_ block: ReportContent.Block) -> Markup {
    switch block {
    case .heading(let title): "<h2>\(title)</h2>\n"
    case .text(let text): "<p>\(text.withFixedSpaces)</p>\n"
    case .table(let table): HTMLReport.table(table)
    case .plots(let plots):
      "<div class=\"plots\">\(plots.map { "<figure>\($0.plot.element)</figure>" as Markup })</div>\n"
    case .quotes(let quotes): "<ul class=\"quotes\">\(quotes.map(quote))</ul>\n"
    case .code(let code): "<pre>\(code)</pre>\n"
    }
  }

  private static func table(_ table: TextTable) -> Markup {
    func look(_ column: Int) -> Markup { column < table.words ? "" : " class=\"n\"" }
    let header = table.header.enumerated().map { column, name -> Markup in
      "<th scope=\"col\"\(look(column))>\(name)</th>"
    }
    let rows = table.rows.map { row -> Markup in
      let cells = row.enumerated().map { column, cell -> Markup in
        if column == 0 { return "<th scope=\"row\" dir=\"auto\">\(cell)</th>" }
        if cell.hasLongWord { return "<td class=\"w\" dir=\"auto\">\(cell)</td>" }
        return "<td\(look(column)) dir=\"auto\">\(cell)</td>"
      }
      return "<tr>\(cells)</tr>\n"
    }
    return """
      <div class="scroll" tabindex="0"><table>
      <thead><tr>\(header)</tr></thead>
      <tbody>
      \(rows)</tbody>
      </table></div>

      """
  }

  private static func quote(_ quote: ReportContent.Quote) -> Markup {
    let facts = quote.facts.map { "<span>\($0)</span>" as Markup }
    return "<li><p dir=\"auto\">\(quote.text)</p><p class=\"facts\">\(facts)</p></li>\n"
  }

  private static let style = Markup(
    verbatim: """
      *{box-sizing:border-box}\
      body{margin:0;background:var(--ground);color:var(--ink);\
      font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}\
      main{max-width:66rem;margin:0 auto;padding:2.5rem 1.5rem 4rem}\
      h1{font-size:1.05rem;font-weight:600;margin:0 0 .75rem;color:var(--soft);overflow-wrap:anywhere}\
      h2{font-size:1.2rem;margin:3rem 0 .75rem;padding-top:1rem;border-top:1px solid var(--rule);\
      overflow-wrap:anywhere}\
      p{margin:.75rem 0;max-width:46rem;overflow-wrap:anywhere}\
      .verdict{font-size:1.55rem;line-height:1.35;font-weight:600;margin:0 0 1rem;padding-left:1rem;\
      border-left:5px solid var(--soft);max-width:none}\
      .better{border-color:var(--s2)}.worse{border-color:var(--s1)}.soft{color:var(--soft)}\
      .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1.75rem;\
      margin:1.25rem 0;align-items:start}\
      figure{margin:0;min-width:0}figure svg{display:block;width:100%;max-width:34rem;height:auto}\
      .scroll{overflow-x:auto;margin:1rem 0}\
      table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}\
      th,td{padding:.4rem .9rem .4rem 0;border-bottom:1px solid var(--rule);text-align:left;\
      vertical-align:top;min-width:4rem}\
      thead th{color:var(--soft);font-weight:500;vertical-align:bottom}tbody th{font-weight:600}\
      .n{text-align:right;white-space:nowrap}thead .n{white-space:normal}\
      .w{overflow-wrap:anywhere;min-width:17rem;max-width:24rem}\
      .quotes{list-style:none;margin:1rem 0;padding:0}\
      .quotes li{padding:.75rem 0;border-bottom:1px solid var(--rule);break-inside:avoid}\
      .quotes p{margin:0;max-width:52rem}.quotes .facts{font-size:.85rem;color:var(--soft);margin-top:.3rem;\
      display:flex;flex-wrap:wrap;gap:.15rem 1.25rem}\
      pre{font:.8rem/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;\
      white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid var(--rule);border-radius:6px;padding:1rem}\
      @media(max-width:40rem){main{padding:1.5rem 1rem 3rem}.verdict{font-size:1.25rem}}\
      @media print{body{font-size:10pt}main{max-width:none;padding:0}h2{break-after:avoid}\
      figure,tr{break-inside:avoid}.scroll{overflow:visible}.plots{grid-template-columns:1fr 1fr}\
      table{font-size:8pt}.verdict{font-size:15pt}}
      """)
}

extension String {
  /// A number and its sign stay on one line.
  fileprivate var withFixedSpaces: String { replacingOccurrences(of: " %", with: "\u{A0}%") }

  /// Whether a word, such as a checksum, has to be broken to fit a narrow column.
  fileprivate var hasLongWord: Bool { split(separator: " ").contains { $0.count > 28 } }
}
