import GraftCore
import GraftTensors

extension SequenceClassification {
  /// More classes than this are rather something else.
  private static let mostClasses = 1000
  /// Whole numbers of more values than this are not clearly classes.
  private static let mostNumbers = 100

  /// The labels of data, sorted, and what they mean: one or several of each row, or values.
  public static func inferredLabels(
    of rows: [TextRow], _ given: ProblemType?
  ) throws -> InferredLabels {
    let written = rows.compactMap(\.label)
    guard !written.isEmpty else {
      throw GraftError(
        .missing, "the data have no labels", advice: "Say which column has them: \(option: "label-column").")
    }
    if let columns = written.compactMap(\.columns).first {
      let areIndicators = written.allSatisfy { $0.columns?.allSatisfy { $0.text.indicator != nil } == true }
      return InferredLabels(columns.map(\.name), given ?? (areIndicators ? .multiLabel : .regression))
    }
    let items = written.map { $0.items(named: []) }
    let width = items[0].count
    let isNumeric = items.allSatisfy { $0.allSatisfy { Double(LabelColumn.trimmed($0)) != nil } }
    if given == .regression
      || given == nil && isNumeric && items.contains(where: { $0.contains(where: \.isFraction) }),
      !items.allSatisfy({ $0.count > 1 && $0.allSatisfy { $0.indicator != nil } })
    {
      guard isNumeric, items.allSatisfy({ $0.count == width }), width > 0 else {
        throw GraftError(
          .mismatch, "the labels are no values of a regression", expected: "equally many numbers in each row",
          advice: "Check \(option: "label-column") and \(option: "problem-type").")
      }
      return InferredLabels(Configuration.numberedLabels(width), .regression)
    }
    // Lists and texts with a separator are of several labels, even where each has one.
    let areLists =
      written.contains { if case .list = $0 { true } else { false } } || items.contains { $0.count > 1 }
    let type = given ?? (areLists ? .multiLabel : .singleLabel)
    if type == .multiLabel, width > 1,
      items.allSatisfy({ $0.count == width && $0.allSatisfy { $0.indicator != nil } })
    {
      return InferredLabels(Configuration.numberedLabels(width), .multiLabel)
    }
    let values = Set(
      (type == .singleLabel ? written.compactMap(\.text) : items.flatMap { $0 }).map(LabelColumn.canonical)
    )
    .subtracting([""])
    let areWhole = values.allSatisfy { Int($0) != nil }
    guard values.count <= (areWhole && given == nil ? mostNumbers : mostClasses),
      values.count >= (type == .singleLabel ? 2 : 1)
    else {
      throw GraftError(
        .mismatch, "the labels are not clearly classes",
        expected: "2 to \(areWhole ? mostNumbers : mostClasses) different ones",
        found: "\(values.count) in \(rows.count) rows",
        advice: "Check \(option: "label-column"), or set \(option: "problem-type").")
    }
    return InferredLabels(LabelColumn.sorted(values), type)
  }
}

extension String {
  /// Whether it is a number that is not whole.
  fileprivate var isFraction: Bool {
    Double(LabelColumn.trimmed(self)).map { $0 != $0.rounded() } ?? false
  }
}

extension WrittenLabel {
  /// A text that is no list.
  fileprivate var text: String? {
    if case .text(let text) = self { text } else { nil }
  }
}
