import Foundation
import GraftCore
import GraftTensors

extension SequenceClassification {
  /// More classes than this are rather something else.
  private static let mostClasses = 1000
  /// Whole numbers of more values than this are not clearly classes.
  private static let mostNumbers = 100
  /// Fewer labels than this are not taken for combinations of others.
  private static let leastCombinations = 6

  /// The labels of data, sorted, and what they mean: one or several of each row, or values.
  public static func inferredLabels(
    of rows: [TextRow], _ given: ProblemType?
  ) throws -> InferredLabels {
    let labelled = rows.filter { $0.label != nil }
    let written = labelled.compactMap(\.label)
    guard !written.isEmpty else {
      throw GraftError(
        .missing, "the data have no labels", advice: "Say which column has them: \(option: "label-column").")
    }
    for row in labelled { try row.refuseLabelsOfWords() }
    if let columns = written.compactMap(\.columns).first {
      return InferredLabels(columns.map(\.name), try given ?? problemType(ofColumnsIn: labelled))
    }
    let items = written.map { $0.items(named: []) }
    if given == nil { try requireLabels(zip(labelled, items)) }
    let width = items[0].count
    let isNumeric = items.allSatisfy { $0.allSatisfy { Double(decimal: LabelColumn.trimmed($0)) != nil } }
    if given == .regression
      || given == nil && isNumeric && items.contains(where: { $0.contains(where: \.isFraction) }),
      !items.allSatisfy({ $0.count > 1 && $0.allSatisfy { $0.indicator != nil } })
    {
      let width = max(1, width)
      for (row, own) in zip(labelled, items) where own.count != width || !own.allSatisfy({ $0.value != nil })
      {
        throw GraftError(
          .mismatch, "the labels are not numbers that a regression can learn",
          expected: width == 1 ? "a number in each row" : "\(width) numbers in each row",
          found: own.isEmpty ? "nothing" : "'\(own.joined(separator: "|").prefix(60))'",
          advice: "Check \(option: "label-column") and \(option: "problem-type")."
        ).inRow(row)
      }
      return InferredLabels(Configuration.numberedLabels(width), .regression)
    }
    if given == nil { try requireNames(zip(labelled, items)) }
    let haveOne =
      items.allSatisfy { $0.count == 1 } && Set(items.joined().map(LabelColumn.canonical)).count > 1
    let areLists = written.contains(where: \.isList)
    let type =
      given ?? (items.contains { $0.count > 1 } || areLists && !haveOne ? .multiLabel : .singleLabel)
    if type == .multiLabel, width > 1,
      items.allSatisfy({ $0.count == width && $0.allSatisfy { $0.indicator != nil } })
    {
      return InferredLabels(Configuration.numberedLabels(width), .multiLabel)
    }
    let values = Set(
      (type == .singleLabel ? written.compactMap { $0.single(named: []) } : items.flatMap { $0 }).map(
        LabelColumn.canonical)
    )
    .subtracting([""])
    let areWhole = values.allSatisfy { Int($0) != nil }
    if type == .singleLabel, let only = values.first, values.count == 1 {
      throw GraftError(
        .mismatch, "every row has the same label", expected: "2 different ones or more",
        found: "'\(only.prefix(60))' in \(rows.count) rows",
        advice: "Check \(option: "label-column"), or name the labels of other data too: \(option: "labels").")
    }
    guard values.count <= (areWhole && given == nil ? mostNumbers : mostClasses),
      values.count >= (type == .singleLabel ? 2 : 1)
    else {
      throw GraftError(
        .mismatch, "the labels are not clearly classes",
        expected: "2 to \(areWhole ? mostNumbers : mostClasses) different ones",
        found: "\(values.count) in \(rows.count) rows",
        advice: "Check \(option: "label-column"), or set \(option: "problem-type").")
    }
    return InferredLabels(LabelColumn.sorted(values), type, areSingle: given == nil && areLists && haveOne)
  }

  /// Whether columns of labels have 0 and 1, or values. Rows where all of them are blank have no label.
  private static func problemType(ofColumnsIn rows: [TextRow]) throws -> ProblemType {
    let cells = rows.flatMap { row in
      let columns = row.label?.columns ?? []
      return columns.allSatisfy { $0.text.isBlank } ? [] : columns.map { (row: row, column: $0) }
    }
    guard let odd = cells.first(where: { $0.column.text.indicator == nil }) else { return .multiLabel }
    let count = cells.count { [0, 1].contains($0.column.text.indicator) }
    let areMostlyIndicators = count * 2 > cells.count
    let other = areMostlyIndicators ? odd : cells.first { $0.column.text.value == nil }
    guard let (row, column) = other else { return .regression }
    throw GraftError(
      .mismatch,
      areMostlyIndicators
        ? "columns of 0 and 1 for each label have something else" : "columns of labels have no number",
      expected: areMostlyIndicators
        ? "0 or 1 in the column '\(column.name)', as \(count) of \(cells.count) cells have"
        : "0 or 1, or a number, in the column '\(column.name)'",
      found: column.text.isBlank ? "nothing" : "'\(column.text.prefix(60))'",
      advice: areMostlyIndicators
        ? "Correct the data, or set \(option: "problem-type") to regression when they are values."
        : "Correct the data, or check \(option: "label-column")."
    ).inRow(row)
  }

  /// Refuses labels that are missing as tables write it, before anything else is made of them.
  private static func requireLabels(_ rows: Zip2Sequence<[TextRow], [[String]]>) throws {
    for (row, own) in rows {
      guard let missing = own.map(LabelColumn.trimmed).first(where: { $0.lowercased() == "nan" }) else {
        continue
      }
      throw GraftError(
        .missing, "a label is missing; 'nan' is how tables write that", expected: "a label in each row",
        found: "'\(missing)'",
        advice: "Leave out such rows, or set \(option: "problem-type") when it is a name."
      ).inRow(row)
    }
  }

  /// Refuses labels that are rather numbers of which some are not read as such.
  private static func requireNames(_ rows: Zip2Sequence<[TextRow], [[String]]>) throws {
    let values = rows.flatMap { row, own in own.map { (row: row, text: LabelColumn.trimmed($0)) } }
    let (count, numbers) = (values.count, values.count { Double(decimal: $0.text) != nil })
    if numbers * 2 > count, numbers < count, values.contains(where: { $0.text.isFraction }),
      let other = values.first(where: { Double(decimal: $0.text) == nil })
    {
      throw GraftError(
        .mismatch, "the labels are neither all numbers nor all names",
        expected: "numbers, as \(numbers) of \(count) labels are", found: "'\(other.text.prefix(60))'",
        advice: "Correct the data, or set \(option: "problem-type") when they are names."
      ).inRow(other.row)
    }
    if let first = values.first(where: { $0.text.contains(",") }),
      values.allSatisfy({ Double(decimal: $0.text.replacing(",", with: ".", maxReplacements: 1)) != nil })
    {
      throw GraftError(
        .mismatch, "the labels look like numbers with commas", expected: "numbers with points, such as 1.5",
        found: "'\(first.text)'",
        advice: "Write them with points, or set \(option: "problem-type") when they are names."
      ).inRow(first.row)
    }
    // Labels that others are made of are no classes, and neither are as many combinations as there are here.
    let distinct = Set(values.map(\.text))
    for separator in [";", ","] {
      let lists = distinct.map { text in
        text.components(separatedBy: separator).map(LabelColumn.trimmed).filter { !$0.isEmpty }
      }
      let parts = Set(lists.joined())
      let areMost =
        distinct.count >= leastCombinations && parts.count * 2 <= distinct.count
        && lists.count(where: { $0.count > 1 }) * 2 > distinct.count
      guard areMost || lists.contains(where: { Set($0).count > 1 && distinct.isSuperset(of: $0) }),
        let first = values.first(where: { $0.text.contains(separator) })
      else { continue }
      throw GraftError(
        .mismatch, "rows seem to have several labels, with '\(separator)' between them",
        expected: "'|' between labels, or lists of them",
        found: "\(distinct.count) labels made of \(parts.count), such as '\(first.text.prefix(60))'",
        advice:
          "Say what stands between labels: \(option: "label-delimiter") \("'\(separator)'"). Or set \(option: "problem-type") to single-label when each is one label."
      ).inRow(first.row)
    }
  }
}

extension String {
  /// Whether it is a number that is not whole.
  fileprivate var isFraction: Bool {
    Double(decimal: LabelColumn.trimmed(self)).map { $0.isFinite && $0 != $0.rounded() } ?? false
  }
}

extension WrittenLabel {
  /// A text that is no list.
  fileprivate var text: String? {
    if case .text(let text) = self { text } else { nil }
  }
}
