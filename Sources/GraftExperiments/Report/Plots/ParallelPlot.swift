import Foundation
import GraftKit

/// Parallel coordinates: an axis for each option of a search and one for the score, a line for each point.
///
/// Inselberg, "The plane with parallel coordinates", The Visual Computer 1, 1985.
enum ParallelPlot {
  private static let (height, top, bottom) = (280.0, 46.0, 16.0)
  /// The most room for the name and the values of an axis, in pixels.
  private static let widest = 110.0
  private static let least = 420.0
  /// A text axis shows no more values than can be told apart.
  private static let mostTicks = 12

  /// - Returns: `nil` when no point has a score.
  static func draw(_ search: OptionSearchResults) -> Plot? {
    let trials = search.trials.filter { $0.score != nil }
    guard let best = search.bestTrial, !trials.isEmpty else { return nil }
    let (start, end) = (height - bottom, top)
    var scales = names(search.options).enumerated().map { index, name in
      Scale(name, trials.map { $0.values[index] }, from: start, to: end)
    }
    if let rungs = search.rungs {
      scales.append(Scale(rungs.name, trials.map { rungs.values[$0.round] }, from: start, to: end))
    }
    let score = Axis(
      trials.compactMap(\.score), from: start, to: end,
      isShare: TestMetric(named: search.metric).isShare)
    let metric = search.spelledMetric
    // Each axis has its values to its left, and its name above.
    let rooms = scales.map { scale in
      14 + max(TextWidth.largest(of: scale.ticks.map(\.label)), TextWidth.of(scale.shownName, isBold: true))
    }
    let scoreRoom =
      14
      + max(
        TextWidth.largest(of: score.ticks.map(score.label)),
        TextWidth.of(TextWidth.fitted(metric, to: widest, isBold: true), isBold: true))
    let needed = (rooms + [scoreRoom]).reduce(8, +)
    let extra = max(0, least - needed) / Double(rooms.count)
    var places: [Double] = []
    var x = 0.0
    for room in rooms + [scoreRoom] {
      x += room + (places.isEmpty ? 0 : extra)
      places.append(x)
    }
    let width = x + 8
    let title = "Points of the search"
    var content: Markup = "<text class=\"p-strong p-name\" x=\"0\" y=\"12\">\(title)</text>"
    for trial in trials where trial != best { content += line(trial, search, scales, score, places) }
    content += line(best, search, scales, score, places, isBest: true)
    for (scale, place) in zip(scales, places) {
      content += axis(scale.shownName, place, start, end, scale.ticks)
    }
    content += axis(
      TextWidth.fitted(metric, to: widest, isBold: true), places[places.count - 1], start, end,
      score.ticks.map { (score.label($0), score.place($0)) })
    return Plot(width: width, height: height, title: title, content: content)
  }

  /// The names of options, without that of the stage where all are of one: `learning-rate` for `tune.learning-rate`.
  private static func names(_ options: [String]) -> [String] {
    let parts = options.map { $0.split(separator: ".", maxSplits: 1) }
    guard Set(parts.map(\.first)).count == 1, parts.allSatisfy({ $0.count == 2 }) else { return options }
    return parts.map { String($0[1]) }
  }

  private static func axis(
    _ name: String, _ x: Double, _ start: Double, _ end: Double, _ ticks: [(label: String, place: Double)]
  ) -> Markup {
    var content: Markup = """
      <line class="p-axis" x1="\(x)" x2="\(x)" y1="\(start)" y2="\(end)"/>\
      <text class="p-strong p-name" x="\(x + 4)" y="\(end - 12)" text-anchor="end">\(name)</text>
      """
    for tick in ticks {
      content += """
        <line class="p-axis" x1="\(x - 3)" x2="\(x)" y1="\(tick.place)" y2="\(tick.place)"/>\
        <text class="p-halo" x="\(x - 6)" y="\(tick.place + 4)" text-anchor="end">\(tick.label)</text>
        """
    }
    return content
  }

  private static func line(
    _ trial: OptionSearchResults.Trial, _ search: OptionSearchResults, _ scales: [Scale], _ score: Axis,
    _ places: [Double],
    isBest: Bool = false
  ) -> Markup {
    let values = trial.values + (search.rungs.map { [$0.values[trial.round]] } ?? [])
    let heights = zip(scales, values).map { $0.place($1) } + [score.place(trial.score ?? 0)]
    let path = zip(places, heights).enumerated().map { index, point -> Markup in
      "\(index == 0 ? "M" : "L")\(point.0) \(point.1)"
    }.joined
    let value = trial.score.map(search.text) ?? ""
    return
      "<path class=\"p-line \(isBest ? "l0" : "p-seed p-whisker l1")\" d=\"\(path)\"><title>point \(trial.point): \(search.spelled(trial)); \(value)</title></path>"
  }

  /// Where the values of an option are: numbers by size, by their logarithms where they span more than a factor of
  /// 20; anything else in the order in which it comes.
  private struct Scale {
    let shownName: String
    let ticks: [(label: String, place: Double)]
    private let places: [String: Double]

    init(_ name: String, _ values: [String], from start: Double, to end: Double) {
      shownName = TextWidth.fitted(name, to: widest, isBold: true)
      var distinct: [String] = []
      for value in values where !distinct.contains(value) { distinct.append(value) }
      let numbers = distinct.compactMap { Double($0) }.filter(\.isFinite)
      guard numbers.count == distinct.count, distinct.count > 1 else {
        let step = (end - start) / Double(max(1, distinct.count - 1))
        let own = distinct.enumerated().map { index, value in
          (value, distinct.count > 1 ? start + step * Double(index) : (start + end) / 2)
        }
        places = Dictionary(own, uniquingKeysWith: { first, _ in first })
        ticks = Self.thinned(own).map { (TextWidth.fitted($0.0, to: widest), $0.1) }
        return
      }
      let (low, high) = (numbers.min() ?? 0, numbers.max() ?? 1)
      let isLogarithmic = low > 0 && high / low > 20
      func place(_ number: Double) -> Double {
        let share =
          isLogarithmic ? log(number / low) / log(high / low) : (number - low) / (high - low)
        return start + share * (end - start)
      }
      places = Dictionary(zip(distinct, numbers.map(place)), uniquingKeysWith: { first, _ in first })
      // The values themselves where they are few; else the ends, and round numbers between them.
      if distinct.count <= 6 {
        ticks = zip(distinct, numbers).map { (TextWidth.fitted($0, to: widest), place($1)) }
      } else if isLogarithmic {
        let powers = Int(log10(low).rounded(.up))...Int(log10(high).rounded(.down) + 1)
        let decades = powers.flatMap { power in [1.0, 3].map { $0 * pow(10, Double(power)) } }
          .filter { low...high ~= $0 }
        ticks = Self.thinned(decades.map { (NumberText.number($0), place($0)) })
      } else {
        let axis = Axis(numbers, from: start, to: end, padding: 0)
        ticks = axis.ticks.map { (axis.label($0), axis.place($0)) }
      }
    }

    func place(_ value: String) -> Double { places[value] ?? 0 }

    private static func thinned(_ ticks: [(String, Double)]) -> [(String, Double)] {
      let step = (ticks.count - 1) / mostTicks + 1
      return stride(from: 0, to: ticks.count, by: max(1, step)).map { ticks[$0] }
    }
  }
}
