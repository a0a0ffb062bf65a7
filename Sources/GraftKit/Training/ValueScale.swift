import GraftCore

/// Where the values lie that a regression is to learn. A new head's answers are near 0, and its weights change little with
/// each step: values far from that are learnt slowly.
public struct ValueScale: Sendable, Equatable {
  /// What the values are called, where there are several outputs.
  public let label: String?
  public let mean: Double
  public let deviation: Double

  /// Values this far from 0, or spread this much or this little, are rather scaled first.
  private static let (farMean, largeDeviation, smallDeviation) = (10.0, 10.0, 0.05)

  /// - Parameters:
  ///   - labels: The values of each row.
  ///   - names: The names of the outputs.
  /// - Returns: `nil` where all values lie near 1, and where they are all alike; else the first output that is far.
  package init?(_ labels: [(any ExampleLabel)?], names: [String]) {
    let rows = labels.compactMap { ($0 as? ValuesLabel)?.values }
    for (output, name) in names.enumerated() {
      let values = rows.compactMap { $0.indices.contains(output) ? Double($0[output]) : nil }
      guard values.count > 1 else { continue }
      let mean = values.reduce(0, +) / Double(values.count)
      let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      let deviation = (squares / Double(values.count)).squareRoot()
      guard deviation > 0, deviation.isFinite,
        abs(mean) > Self.farMean || deviation > Self.largeDeviation || deviation < Self.smallDeviation
      else { continue }
      (label, self.mean, self.deviation) = (names.count > 1 ? name : nil, mean, deviation)
      return
    }
    return nil
  }

  /// What to do, in a sentence without a full stop.
  package var sentence: String {
    let (middle, spread) = (NumberText.number(abs(mean)), NumberText.number(deviation))
    return
      "the labels\(label.map { " of '\($0)'" } ?? "") have the mean \(NumberText.number(mean)) and the standard deviation \(spread): "
      + "a regression begins near 0 and learns such numbers slowly; "
      + "train on (label \(mean < 0 ? "+" : "-") \(middle)) / \(spread), and turn its answers back"
  }
}
