import GraftKit

/// Values of a few rows on one axis: a dot for each seed, with the mean or an interval.
enum StripPlot {
  private static let width = 420.0
  private static let (top, rowHeight, bottom) = (24.0, 38.0, 34.0)
  /// The most room for the names of rows, in pixels.
  private static let longestName = 160.0

  /// The scores of all arms: a dot for each seed and a bar at the mean.
  static func scores(_ arms: [RunResults.Arm], series: (String) -> Int) -> Plot? {
    guard let metric = arms.compactMap(\.metric).first else { return nil }
    let rows = arms.compactMap { arm in arm.metric == metric ? arm.score.map { (arm.name, $0) } : nil }
    guard !rows.isEmpty else { return nil }
    return draw(
      "\(metric.name.capitalizedFirst) on the test \(metric.units)", rows.map(\.0),
      values: rows.flatMap { $0.1.values }, isShare: metric.isShare
    ) { index, y, x in
      let (name, summary) = rows[index]
      let look = series(name)
      let dots = summary.values.map { value -> Markup in
        "<circle class=\"f\(look)\" opacity=\".55\" r=\"4.5\" cx=\"\(x.place(value))\" cy=\"\(y)\"/>"
      }
      let place = x.place(summary.mean)
      return dots.joined
        + """
        <line class="p-line p-whisker l\(look)" x1="\(place)" x2="\(place)" y1="\(y - 9)" y2="\(y + 9)"/>\
        <text class="p-strong p-halo" x="\(place)" y="\(y - 12)" text-anchor="middle">\(metric.text(summary.mean))</text>
        """
    }
  }

  /// The differences of all comparisons with their intervals, against no difference.
  static func differences(_ comparisons: [Comparison], series: (String) -> Int) -> Plot? {
    let rows = comparisons.compactMap { comparison -> (Comparison, PairedBootstrap)? in
      comparison.result.map { (comparison, $0.bootstrap) }
    }
    guard let metric = comparisons.compactMap(\.result?.metric).first else { return nil }
    // Of shares, in points.
    let scale = metric.isShare ? 100.0 : 1
    let values = rows.flatMap { _, bootstrap -> [Double] in
      [bootstrap.interval.lowerBound, bootstrap.interval.upperBound, 0].map { $0 * scale }
    }
    return draw(
      "Difference of \(metric.name)\(metric.isShare ? " in points" : ""), with its interval",
      rows.map { "\($0.0.second) − \($0.0.first)" }, values: values, isShare: false
    ) { index, y, x in
      let (comparison, bootstrap) = rows[index]
      let look = series(comparison.second)
      let ends = [bootstrap.interval.lowerBound, bootstrap.interval.upperBound].map { x.place($0 * scale) }
      let place = x.place(bootstrap.difference * scale)
      return """
        <line class="p-line p-whisker l\(look)" x1="\(ends[0])" x2="\(ends[1])" y1="\(y)" y2="\(y)"/>\
        <circle class="f\(look)" r="4.5" cx="\(place)" cy="\(y)"/>\
        <text class="p-strong p-halo" x="\(place)" y="\(y - 9)" text-anchor="middle">\(metric.difference(bootstrap.difference))</text>
        """
    }
  }

  private static func draw(
    _ title: String, _ names: [String], values: [Double], isShare: Bool,
    row: (Int, Double, Axis) -> Markup
  ) -> Plot {
    let shown = names.map { TextWidth.fitted($0, to: longestName) }
    let left = 24 + TextWidth.largest(of: shown)
    let floor = top + rowHeight * Double(names.count) + 8
    let x = Axis(values, from: left, to: width - 28, isShare: isShare, padding: 0.12, count: 4)
    var content: Markup = "<text class=\"p-strong p-name\" x=\"0\" y=\"12\">\(title)</text>"
    for tick in x.ticks {
      content += """
        <line class="\(abs(tick) < 1e-12 ? "p-zero" : "p-grid")" x1="\(x.place(tick))" x2="\(x.place(tick))" y1="\(top)" y2="\(floor)"/>\
        <text x="\(x.place(tick))" y="\(floor + 15)" text-anchor="middle">\(x.label(tick))</text>
        """
    }
    for index in names.indices {
      let y = top + rowHeight * (Double(index) + 0.68)
      content +=
        "<text class=\"p-strong\" x=\"\(left - 20)\" y=\"\(y + 4)\" text-anchor=\"end\">\(shown[index])</text>"
      content += row(index, y, x)
    }
    return Plot(width: width, height: floor + bottom - 12, title: title, content: content)
  }
}
