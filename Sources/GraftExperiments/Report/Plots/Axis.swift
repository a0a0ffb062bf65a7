import Foundation
import GraftKit

/// The mapping of values to a length, with ticks at round numbers.
struct Axis {
  let range: ClosedRange<Double>
  /// Where the axis starts and ends in the drawing; the end may be before the start.
  let (start, end): (Double, Double)
  let ticks: [Double]
  private let format: (Double) -> String

  /// - Parameters:
  ///   - values: What has to fit.
  ///   - start: The place of the smallest value.
  ///   - end: The place of the largest value.
  ///   - isShare: Whether values are shares, spelled in per cent.
  ///   - padding: The room beside the values, as a share of their range.
  ///   - count: About how many ticks.
  init(
    _ values: some Collection<Double>, from start: Double, to end: Double, isShare: Bool = false,
    padding: Double = 0.06, count: Int = 5
  ) {
    // A run that diverged has values that no axis holds.
    let values = values.filter(\.isFinite).map { min(Self.most, max(-Self.most, $0)) }
    var (low, high) = (values.min() ?? 0, values.max() ?? 1)
    // Neither padding nor the room around a single value goes where no value can be.
    let least = low >= 0 ? 0 : isShare && low >= -1 ? -1 : -Double.infinity
    let most = isShare && high <= 1 ? 1 : Double.infinity
    if high - low < 1e-9 * max(1, abs(low)) {
      let room = abs(low) > 0 ? max(abs(low) * 0.1, Self.least) : 1
      (low, high) = (low - room, high + room)
    }
    let room = (high - low) * padding
    let floor = max(least, low - room)
    let ceiling = min(most, high + room)
    range = floor...ceiling
    (self.start, self.end) = (start, end)
    var step = Axis.roundStep((ceiling - floor) / Double(count))
    var places = Axis.multiples(of: step, in: range)
    // One tick alone says nothing about the others.
    if places.count < 2 {
      step = Axis.roundStep(step / 3)
      places = Axis.multiples(of: step, in: range)
    }
    ticks = places
    let shown = isShare ? step * 100 : step
    let digits = Int(max(0, min(12, -log10(shown).rounded(.down))))
    let largest = max(abs(floor), abs(ceiling))
    let isFar = largest >= 1e6 && step >= largest * 1e-3 || largest >= 1e12
    let isTiny = largest < 1e-3 && step < 1e-4
    format = { value in
      if !isShare, isFar || isTiny {
        return NumberText.number(value).replacingOccurrences(of: "-", with: "−")
      }
      let text = String(format: "%.\(digits)f", isShare ? value * 100 : value)
      let isZero = !text.contains { ("1"..."9").contains($0) }
      return
        (isZero
        ? text.replacingOccurrences(of: "-", with: "") : text.replacingOccurrences(of: "-", with: "−"))
        + (isShare ? " %" : "")
    }
  }

  /// The largest number whose distance from its negative, with room beside it, is one.
  private static let most = 1e307
  /// The smallest room beside a value, of which steps are numbers too.
  private static let least = 1e-300

  /// The place of a value in the drawing, or far outside of it; one that is not a number is where the axis begins.
  func place(_ value: Double) -> Double {
    let share = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    return start + (share.isNaN ? 0 : min(1e6, max(-1e6, share))) * (end - start)
  }

  private static func multiples(of step: Double, in range: ClosedRange<Double>) -> [Double] {
    let first = (range.lowerBound / step).rounded(.up)
    let last = (range.upperBound / step + 1e-9).rounded(.down)
    return first <= last ? stride(from: first, through: last, by: 1).map { $0 * step } : []
  }

  /// A tick's number.
  func label(_ value: Double) -> String { format(value) }

  /// The smallest of 1, 2, 5, 10, … times a power of ten that is at least this.
  private static func roundStep(_ rough: Double) -> Double {
    let power = pow(10, log10(rough).rounded(.down))
    return power * ([1, 2, 5].first { $0 * power >= rough * 0.999 } ?? 10)
  }
}
