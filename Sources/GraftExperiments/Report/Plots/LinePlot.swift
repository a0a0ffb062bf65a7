import GraftKit

/// Lines over a common axis, each named at its end.
enum LinePlot {
  private static let (width, height) = (420.0, 260.0)
  private static let (top, bottom) = (30.0, 38.0)
  private static let lineHeight = 13.0
  /// The most room for the names of arms, in pixels.
  private static let longestName = 125.0

  /// Draws a group of curves: a thin line for each seed, a thick one for the mean of an arm.
  ///
  /// - Parameter series: Which look an arm has.
  static func draw(_ group: CurveGroup, series: (String) -> Int) -> Plot {
    let means = group.means.filter { !$0.points.isEmpty }
    let names = means.map {
      TextWidth.fitted($0.arms.joined(separator: ", "), to: longestName, isBold: true)
    }
    let right = 10 + TextWidth.largest(of: names, isBold: true)
    let points = group.curves.flatMap(\.points)
    let y = Axis(points.map(\.y), from: height - bottom, to: top, isShare: group.isShare)
    let left = max(40, 8 + TextWidth.largest(of: y.ticks.map(y.label)))
    // From the beginning, so that an evaluation after a single epoch has an axis.
    let x = Axis([0] + points.map(\.x), from: left, to: width - right, padding: 0, count: 5)

    var content = frame(x, y, title: group.title, axis: group.axis)
    let isSeveral = group.curves.count > means.count
    for curve in isSeveral ? group.curves : [] {
      content +=
        "<path class=\"p-line p-seed l\(series(curve.arms[0]))\" d=\"\(path(curve, x, y))\"><title>\(curve.arms.joined(separator: ", ")), seed \(String(curve.seed))</title></path>"
    }
    // A single point is no line.
    for curve in isSeveral ? group.curves.filter({ $0.points.count == 1 }) : [] {
      content +=
        "<circle class=\"f\(series(curve.arms[0]))\" opacity=\".4\" r=\"2\" cx=\"\(x.place(curve.points[0].x))\" cy=\"\(y.place(curve.points[0].y))\"/>"
    }
    for mean in means {
      content += "<path class=\"p-line l\(series(mean.arms[0]))\" d=\"\(path(mean, x, y))\"/>"
      // A line of few points shows them, and a single point is no line.
      for point in mean.points.count <= 12 ? mean.points : [] {
        content +=
          "<circle class=\"f\(series(mean.arms[0]))\" r=\"2.8\" cx=\"\(x.place(point.x))\" cy=\"\(y.place(point.y))\"/>"
      }
    }
    let ends = spread(means.map { y.place($0.points.last?.y ?? 0) }, within: top...(height - bottom))
    for (index, mean) in means.enumerated() {
      content +=
        "<text class=\"p-name t\(series(mean.arms[0]))\" x=\"\(width - right + 8)\" y=\"\(ends[index] + 4)\">\(names[index])</text>"
    }
    return Plot(width: width, height: height, title: group.title, content: content)
  }

  private static func frame(_ x: Axis, _ y: Axis, title: String, axis: String) -> Markup {
    var content: Markup =
      "<text class=\"p-strong p-name\" x=\"0\" y=\"12\">\(TextWidth.fitted(title, to: width, isBold: true))</text>"
    for tick in y.ticks {
      content += """
        <line class="p-grid" x1="\(x.start)" x2="\(x.end)" y1="\(y.place(tick))" y2="\(y.place(tick))"/>\
        <text x="\(x.start - 6)" y="\(y.place(tick) + 4)" text-anchor="end">\(y.label(tick))</text>
        """
    }
    for tick in x.ticks {
      content += """
        <line class="p-axis" x1="\(x.place(tick))" x2="\(x.place(tick))" y1="\(y.start)" y2="\(y.start + 4)"/>\
        <text x="\(x.place(tick))" y="\(y.start + 16)" text-anchor="middle">\(x.label(tick))</text>
        """
    }
    content += """
      <line class="p-axis" x1="\(x.start)" x2="\(x.end)" y1="\(y.start)" y2="\(y.start)"/>\
      <text x="\((x.start + x.end) / 2)" y="\(y.start + 32)" text-anchor="middle">\(axis)</text>
      """
    return content
  }

  private static func path(_ curve: CurveGroup.Curve, _ x: Axis, _ y: Axis) -> Markup {
    curve.points.enumerated().map { index, point -> Markup in
      "\(index == 0 ? "M" : "L")\(x.place(point.x)) \(y.place(point.y))"
    }.joined
  }

  /// Moves names apart, as little as is needed for none to overlap another.
  private static func spread(_ places: [Double], within range: ClosedRange<Double>) -> [Double] {
    let order = places.indices.sorted { (places[$0], $0) < (places[$1], $1) }
    var moved = places
    for (above, index) in zip(order, order.dropFirst()) {
      moved[index] = max(moved[index], moved[above] + lineHeight)
    }
    var limit = range.upperBound
    for index in order.reversed() {
      moved[index] = min(moved[index], limit)
      limit = moved[index] - lineHeight
    }
    return moved
  }
}
