import GraftCore
import GraftKit

/// A confusion matrix as a grid: the darker, the larger the share of the actual class.
enum ConfusionPlot {
  /// Larger ones cannot be read.
  static let mostClasses = 20
  private static let cell = (width: 62.0, height: 34.0)
  private static let top = 60.0
  /// The most room for the name of a class beside its row, in pixels.
  private static let longestName = 100.0

  /// - Returns: `nil` for more classes than can be read.
  static func draw(_ matrix: ConfusionMatrix, labels: [String], arm: String) -> Plot? {
    guard matrix.classes <= mostClasses, matrix.classes > 0 else { return nil }
    let names = labels.prefix(matrix.classes).map { TextWidth.fitted($0, to: longestName) }
    let left = 10 + TextWidth.largest(of: names + ["actual"])
    let count = Double(names.count)
    let width = max(left + cell.width * count + 2, 160)
    let title = "\(arm): actual and predicted class"
    var content: Markup = """
      <text class="p-strong p-name" x="0" y="12">\(TextWidth.fitted(arm, to: width, isBold: true))</text>\
      <text x="\(left + cell.width * count / 2)" y="32" text-anchor="middle">predicted</text>\
      <text x="\(left - 8)" y="32" text-anchor="end">actual</text>
      """
    for (row, counts) in matrix.rows.enumerated() {
      let y = top + cell.height * Double(row)
      let total = counts.reduce(0, +)
      content +=
        "<text class=\"p-strong\" x=\"\(left - 8)\" y=\"\(y + 21)\" text-anchor=\"end\">\(names[row])</text>"
      content +=
        "<text class=\"p-strong\" x=\"\(left + cell.width * (Double(row) + 0.5))\" y=\"50\" text-anchor=\"middle\">\(TextWidth.fitted(labels[row], to: cell.width - 4))</text>"
      for (column, count) in counts.enumerated() {
        let x = left + cell.width * Double(column)
        let share = total > 0 ? Double(count) / Double(total) : 0
        content += """
          <rect class="p-cell p-shade" fill-opacity="\(0.05 + 0.9 * share)" x="\(x)" y="\(y)" width="\(cell.width)" height="\(cell.height)">\
          <title>\(labels[row]) taken for \(labels[column]): \(count) of \(total)</title></rect>\
          <text class="\(share > 0.6 ? "p-on-shade" : "p-strong")" x="\(x + cell.width / 2)" y="\(y + 21)" text-anchor="middle">\(NumberText.grouped(count))</text>
          """
      }
    }
    return Plot(
      width: width, height: top + cell.height * count + 2, title: title,
      content: content)
  }
}
