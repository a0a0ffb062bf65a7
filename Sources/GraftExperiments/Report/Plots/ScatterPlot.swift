import GraftKit

/// The values of a regression: what was predicted, or how far off that was, against what is right.
enum ScatterPlot {
  enum Kind: String, CaseIterable {
    case values, residuals
  }

  private static let (width, height) = (420.0, 300.0)
  private static let (top, bottom, right) = (34.0, 38.0, 22.0)
  /// More points are thinned evenly.
  private static let mostPoints = 1500

  /// - Parameters:
  ///   - test: The predictions of one seed.
  ///   - output: Which value of several.
  ///   - arm: The name of the arm.
  ///   - series: The look of the arm.
  /// - Returns: `nil` when the predictions are no values, or none of them is a number.
  static func draw(_ test: TestPredictions, output: Int, _ kind: Kind, arm: String, series: Int) -> Plot? {
    var points: [(x: Double, y: Double)] = []
    for case .values(let label, let prediction) in test.rows.lazy.map(\.answer)
    where output < label.count && prediction[output].isFinite {
      let y = kind == .values ? prediction[output] : prediction[output] - label[output]
      points.append((label[output], y))
    }
    guard !points.isEmpty else { return nil }
    let step = (points.count - 1) / mostPoints + 1
    let shown = stride(from: 0, to: points.count, by: step).map { points[$0] }
    let all = kind == .values ? points.flatMap { [$0.x, $0.y] } : points.map(\.x)
    let y = Axis(
      kind == .values ? all : points.map(\.y) + [0], from: height - bottom, to: top)
    let left = max(40, 8 + TextWidth.largest(of: y.ticks.map(y.label)))
    let x = Axis(all, from: left, to: width - right, count: 5)
    let name = test.names.count > 1 ? "\(arm), \(test.names[output])" : arm
    let title = "\(name): \(kind == .values ? "predicted and actual" : "residuals")"
    var content: Markup =
      "<text class=\"p-strong p-name\" x=\"0\" y=\"12\">\(TextWidth.fitted(title, to: width, isBold: true))</text>"
    for tick in y.ticks {
      let isZero = kind == .residuals && abs(y.place(tick) - y.place(0)) < 1e-6
      content += """
        <line class="\(isZero ? "p-zero" : "p-grid")" x1="\(x.start)" x2="\(x.end)" y1="\(y.place(tick))" y2="\(y.place(tick))"/>\
        <text x="\(x.start - 6)" y="\(y.place(tick) + 4)" text-anchor="end">\(y.label(tick))</text>
        """
    }
    for tick in x.ticks {
      content += """
        <line class="p-grid" x1="\(x.place(tick))" x2="\(x.place(tick))" y1="\(y.start)" y2="\(y.end)"/>\
        <text x="\(x.place(tick))" y="\(y.start + 16)" text-anchor="middle">\(x.label(tick))</text>
        """
    }
    if kind == .values {
      // Both axes have one range: here predictions are right.
      content +=
        "<line class=\"p-zero\" x1=\"\(x.start)\" y1=\"\(y.start)\" x2=\"\(x.end)\" y2=\"\(y.end)\"/>"
    }
    for point in shown {
      content +=
        "<circle class=\"f\(series)\" opacity=\".5\" r=\"3\" cx=\"\(x.place(point.x))\" cy=\"\(y.place(point.y))\"/>"
    }
    content += """
      <text x="\((x.start + x.end) / 2)" y="\(y.start + 32)" text-anchor="middle">actual</text>\
      <text x="0" y="\(top - 8)">\(kind == .values ? "predicted" : "predicted − actual")</text>
      """
    return Plot(width: width, height: height, title: title, content: content)
  }
}
