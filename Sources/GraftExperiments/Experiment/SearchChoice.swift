import Foundation
import GraftKit

/// The values that an option may have in a search: a list, or a range to draw from.
enum SearchChoice {
  case list([YAMLValue])
  /// From one bound to the other, both included for whole numbers.
  case range(from: Double, to: Double, Scale, isWhole: Bool, place: YAMLValue.Place)

  enum Scale: String, CaseIterable, OptionValue {
    case linear
    /// Every ratio of two values is as likely as any other of the same size.
    case log
  }

  /// - Returns: `nil` when it is neither, which is then among the diagnostics.
  init?(_ value: YAMLValue, _ diagnostics: Diagnostics) {
    switch value.content {
    case .scalar: self = .list([value])
    case .list(let items):
      guard !items.isEmpty else {
        diagnostics.add(value.place, "the list of values is empty")
        return nil
      }
      let texts = items.map(\.spelled)
      guard Set(texts).count == texts.count else {
        diagnostics.add(value.place, "a value is given twice")
        return nil
      }
      self = .list(items)
    case .mapping:
      let keys = MappingReader(value, "a range", diagnostics)
      let scale: Scale = keys.read("scale") ?? .linear
      let ends = ["from", "to"].map { key -> Double? in
        guard keys.required(key) != nil else { return nil }
        return keys.read(key)
      }
      keys.finish()
      guard let from = ends[0], let to = ends[1] else { return nil }
      guard from < to else {
        diagnostics.add(value.place, "a range goes from a number to a larger one")
        return nil
      }
      guard scale == .linear || from > 0 else {
        diagnostics.add(keys.place(of: "from"), "a range with 'scale: log' has to be above 0")
        return nil
      }
      // Numbers beyond 2^53 are drawn as decimals are.
      let isWhole = ["from", "to"].allSatisfy {
        keys[$0]?.text.flatMap { Int($0) }.map { $0.magnitude <= 1 << 53 } == true
      }
      self = .range(from: from, to: to, scale, isWhole: isWhole, place: value.place)
    }
  }

  /// How many values there are; `nil` for a range.
  var count: Int? {
    if case .list(let items) = self { items.count } else { nil }
  }

  /// All combinations of lists, the last changing fastest.
  static func combinations(_ choices: [SearchChoice]) -> [[YAMLValue]] {
    choices.reduce([[]]) { points, choice in
      guard case .list(let items) = choice else { return points }
      return points.flatMap { point in items.map { point + [$0] } }
    }
  }

  /// Points that are drawn, no two alike. There are fewer when so many are hard to find.
  static func drawn(_ choices: [SearchChoice], count: Int, seed: UInt64) -> [[YAMLValue]] {
    var draw = Draw(seed: seed)
    var known: Set<[String]> = []
    var points: [[YAMLValue]] = []
    for _ in 0..<(count * 100) where points.count < count {
      let point = choices.map { $0.value(&draw) }
      if known.insert(point.map(\.spelled)).inserted { points.append(point) }
    }
    return points
  }

  private func value(_ draw: inout Draw) -> YAMLValue {
    switch self {
    case .list(let items): return items[draw(below: items.count)]
    case .range(let from, let to, let scale, let isWhole, let place):
      // A whole number stands for everything up to the next.
      let end = isWhole ? to + 1 : to
      let share = draw.share()
      let number =
        scale == .linear ? from + share * (end - from) : from * pow(end / from, share)
      let text = isWhole ? String(Int(min(number.rounded(.down), to))) : Self.text(number, from, to)
      return YAMLValue(content: .scalar(text), place: place)
    }
  }

  /// To three digits, which is as much as an option's effect depends on; inside the range.
  private static func text(_ number: Double, _ from: Double, _ to: Double) -> String {
    let rounded = Double(String(format: "%.3g", number)) ?? number
    return rounded < from || rounded > to ? "\(number)" : "\(rounded)"
  }
}
