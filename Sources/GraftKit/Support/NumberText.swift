import Foundation
import GraftTensors

/// Numbers as the report spells them.
package enum NumberText {
  /// `1 seed`, `7,600 test texts`
  ///
  /// - Parameter plural: The word for several; `nil` adds an `s`.
  package static func count(_ number: Int, _ noun: String, plural: String? = nil) -> String {
    "\(grouped(number)) \(number == 1 ? noun : plural ?? noun + "s")"
  }

  /// `good 30, bad 10`: how many there are of each, the most frequent first; of more than twelve the first six and the last
  /// three.
  package static func balance(_ names: [String], _ counts: [Int]) -> String {
    let sorted = zip(names, counts).sorted { $0.1 > $1.1 }
    let shown = sorted.count <= 12 ? sorted[...] : sorted[..<6] + sorted[(sorted.count - 3)...]
    let list = shown.map { name, count in
      "\(String(name.map { $0.isNewline ? " " : $0 }.prefix(40))) \(grouped(count))"
    }
    return list.joined(separator: ", ") + (sorted.count > shown.count ? " (and others)" : "")
  }

  /// `109,482,240`
  package static func grouped(_ number: Int) -> String { number.grouped }

  /// `4.2 GB`, in powers of 1000 as disks are sold.
  package static func bytes(_ count: Int) -> String {
    var (value, unit) = (Double(count), "B")
    for next in ["kB", "MB", "GB", "TB"] where value >= 1000 { (value, unit) = (value / 1000, next) }
    return unit == "B" ? "\(count) B" : String(format: value < 10 ? "%.1f %@" : "%.0f %@", value, unit)
  }

  /// A share: `86.8 %`.
  package static func percent(_ share: Double) -> String { String(format: "%.1f %%", share * 100) }

  /// A difference of shares in percentage points: `+1.7`, `−0.4`.
  package static func signed(_ difference: Double) -> String {
    let text = String(format: "%.1f", abs(difference) * 100)
    return (text == "0.0" ? "" : difference < 0 ? "−" : "+") + text
  }

  /// `+1.7 points`
  package static func points(_ difference: Double) -> String { signed(difference) + " points" }

  /// A probability: `0.021`, `< 0.001`.
  package static func probability(_ p: Double) -> String { p < 0.001 ? "< 0.001" : String(format: "%.3f", p) }

  /// Four significant digits: `0.3616`, `12.34`.
  package static func number(_ value: Double) -> String { String(format: "%.4g", value) }

  /// Four decimals: `0.3616`, `-0.0005`; of a million or more six digits: `3.49537e+16`.
  package static func decimals(_ value: Double) -> String {
    String(format: abs(value) < 1e6 ? "%.4f" : "%.6g", value)
  }

  /// Without zeros that say nothing: `95`, `97.5`.
  package static func trimmed(_ value: Double) -> String { String(format: "%.10g", value) }

  /// `1 h 02 min`, `2 min 05 s`, `4.3 s`
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
    if seconds < 60 { return String(format: "%.1f s", seconds) }
    let whole = Int(seconds.rounded())
    return whole < 3600
      ? "\(whole / 60) min \(String(format: "%02d", whole % 60)) s"
      : "\(whole / 3600) h \(String(format: "%02d", whole / 60 % 60)) min"
  }

  /// The start of a long text.
  package static func shortened(_ text: String, to limit: Int) -> String {
    text.count > limit ? text.prefix(limit - 1) + "…" : text
  }
}
