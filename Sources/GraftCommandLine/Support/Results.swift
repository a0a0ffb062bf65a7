import GraftTensors

/// Numbers by name, such as `eval_accuracy`, as evaluations and runs end in.
enum Results {
  /// One line each, aligned.
  static func text(_ results: [String: Double]) -> String {
    Format.table(results.sorted { $0.key < $1.key }.map { [$0.key, value($0.key, $0.value)] })
  }

  static func json(_ results: [String: Double]) -> JSON {
    .object(
      results.sorted { $0.key < $1.key }.map { name, number in
        (name, isCount(name) ? JSON(count: number) : JSON(number))
      })
  }

  private static func value(_ name: String, _ number: Double) -> String {
    guard isCount(name), let count = Int(exactly: number) else { return Format.number(number) }
    return Format.grouped(count)
  }

  private static func isCount(_ name: String) -> Bool {
    name.hasSuffix("_samples") || name.hasSuffix("_windows") || name == "step"
  }
}
