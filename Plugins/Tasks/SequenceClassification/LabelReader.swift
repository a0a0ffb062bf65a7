import GraftCore
import Foundation
import GraftTensors

/// Turns a column of labels into what a head learns. How it is read is decided once for all rows.
///
/// - One label per text: the label's name, or its number; a list of one is that one, as predictions have it.
/// - Any number of labels: names or numbers separated by `|`, or a JSON list of them. Where every row has as many
///   entries as the head has labels, and each is 0, 1, a decimal between them or a truth value, they are indicators: what
///   each label is, as `transformers` wants it. Or a column of its own for each label, with indicators.
/// - Regression: a number, or a JSON list or columns with one for each output.
public struct LabelReader: Sendable {
  /// The head's labels, in the order of its outputs.
  public let labels: [String]
  /// What the labels mean.
  public let problemType: ProblemType
  /// Whether rows of several labels have a number for each label of the head.
  private let areIndicators: Bool
  private let column: LabelColumn

  /// - Parameters:
  ///   - labels: The head's labels, in the order of its outputs.
  ///   - problemType: What the labels mean.
  ///   - base: The number of the first label, when the data number theirs; whole numbers are then no indicators.
  ///   - rows: All rows of the column.
  public init(labels: [String], problemType: ProblemType, base: Int? = nil, rows: [TextRow]) {
    self.labels = labels
    self.problemType = problemType
    let written = rows.lazy.compactMap(\.label)
    switch problemType {
    case .regression:
      areIndicators = false
      column = LabelColumn(labels: labels, base: base, column: [])
    case .singleLabel:
      areIndicators = false
      column = LabelColumn(
        labels: labels, base: base,
        column: written.compactMap { $0.single(named: labels) }.filter { !$0.isBlank })
    case .multiLabel:
      let items = written.filter { $0.columns == nil }.map { $0.items(named: labels) }.filter { !$0.isEmpty }
      let isDecimal = items.allSatisfy { $0.allSatisfy { $0.contains(".") } }
      areIndicators =
        (base == nil || isDecimal) && !items.isEmpty
        && items.allSatisfy { $0.count == labels.count && $0.allSatisfy { $0.indicator != nil } }
      column = LabelColumn(labels: labels, base: base, column: areIndicators ? [] : items.flatMap { $0 })
    }
  }

  /// How the column is read, where that is not plain.
  public var note: Advice? {
    guard areIndicators else { return column.note }
    return
      "labels read as 0 or 1 for each of \(column.list); for numbers of labels set \(option: "label-base")"
  }

  /// Refuses a base that was given for labels which are not counted, and the column of one of several labels.
  public func check(_ reading: LabelReading, of rows: [TextRow]) throws {
    try checkColumn(reading, of: rows)
    if problemType == .regression {
      try reading.refuseBase("labels of a regression are values, which are not counted", of: rows)
    } else if areIndicators || rows.contains(where: { $0.label?.columns != nil }) {
      try reading.refuseBase("labels of 0 and 1 for each of \(column.list) are not counted", of: rows)
    } else if let name = column.uncountedValue {
      try reading.refuseBase("the labels are names, which are not counted", found: name, of: rows)
    }
  }

  /// Refuses a column of 0 and 1 that has the name of one of the head's labels: it says of that label whether it is there,
  /// and read as numbers it would say that the first or second label is. Of two labels that exclude each other the second's
  /// column has the numbers.
  private func checkColumn(_ reading: LabelReading, of rows: [TextRow]) throws {
    guard let name = reading.column.map(LabelColumn.canonical), problemType != .regression, labels.count > 1,
      let place = labels.map(LabelColumn.canonical).firstIndex(of: name),
      !(problemType == .singleLabel && labels.count == 2 && place == 1),
      reading.base == nil || !reading.isBaseGiven
    else { return }
    let written = rows.compactMap(\.label)
    let texts = written.compactMap { if case .text(let text) = $0 { text } else { nil } }
    guard texts.count == written.count, texts.contains(where: { !$0.isBlank }),
      texts.allSatisfy({ $0.isBlank || $0.indicator != nil })
    else { return }
    throw GraftError(
      .mismatch, "the column '\(name)' says of one label whether it is there, and the head has several",
      file: rows.first?.place.file, option: "label-column",
      expected: "the columns of all labels: \(column.list)",
      found: "one",
      advice: problemType == .multiLabel
        ? "Name them all with \(option: "label-column")."
        : "Name a column with the label of each row with \(option: "label-column").")
  }

  /// What a row's label means.
  ///
  /// - Throws: ``GraftError`` naming file and row: no label, an unknown one (with the known ones), a number
  ///   that is out of range.
  public func label(of row: TextRow) throws -> any ExampleLabel {
    guard let label = try labelIfThere(of: row) else { throw noLabel.inRow(row) }
    return label
  }

  /// What the labels of rows mean.
  ///
  /// - Throws: As ``label(of:)``; where only some rows have no label, they are counted.
  public func labels(of rows: [TextRow]) throws -> [any ExampleLabel] {
    try rows.requiring("label", orThrow: noLabel, labelIfThere)
  }

  /// - Returns: `nil` for a row without a label.
  private func labelIfThere(of row: TextRow) throws -> (any ExampleLabel)? {
    do {
      guard let written = row.label else { return nil }
      try row.refuseLabelsOfWords()
      switch problemType {
      case .singleLabel:
        guard let text = written.single(named: labels) else { throw wrong("one label", written) }
        guard !text.isBlank else { return nil }
        if column[text] == nil, written.items(named: labels).count > 1 { throw wrong("one label", written) }
        return ClassLabel(Int32(try column.index(of: text)))
      case .multiLabel: return ValuesLabel(try multiHot(written))
      case .regression: return try numbers(written).map { ValuesLabel($0) }
      }
    } catch let error as GraftError {
      throw error.inRow(row)
    }
  }

  private func multiHot(_ written: WrittenLabel) throws -> [Float] {
    if let columns = written.columns {
      return try inOrder(columns).map { name, text in
        guard let value = text.indicator else {
          throw GraftError(
            .mismatch, "wrong label", expected: "0 or 1 in the column '\(name)'",
            found: text.isBlank ? "nothing" : "'\(text.prefix(60))'")
        }
        return value
      }
    }
    let items = written.items(named: labels)
    var values = [Float](repeating: 0, count: labels.count)
    guard !areIndicators else { return items.isEmpty ? values : items.map { $0.indicator ?? 0 } }
    for item in items {
      let index = try index(of: item)
      guard values[index] == 0 else {
        throw GraftError(
          .mismatch, "a row names a label twice",
          expected: "each label once, or in every row 0 or 1 for each of \(labels.count) labels",
          found: items.joined(separator: "|"))
      }
      values[index] = 1
    }
    return values
  }

  /// The number of a label. For what are rather several the advice says how they are told apart.
  private func index(of item: String) throws -> Int {
    do {
      return try column.index(of: item)
    } catch var error as GraftError {
      let names = Set(labels.map(LabelColumn.canonical))
      for separator in [";", ",", "/", " "] {
        let parts = item.components(separatedBy: separator).map(LabelColumn.canonical)
        guard parts.count > 1, parts.allSatisfy(names.contains) else { continue }
        error.advice =
          "Say that this stands between labels: \(option: "label-delimiter") \("'\(separator)'")."
        break
      }
      throw error
    }
  }

  private func numbers(_ written: WrittenLabel) throws -> [Float]? {
    let columns = try written.columns.map { try inOrder($0) }
    let items = columns?.map(\.text) ?? written.items(named: [])
    if items.allSatisfy(\.isBlank) { return nil }
    let values = items.compactMap(\.value)
    if let odd = columns?.first(where: { $0.text.value == nil }) {
      throw GraftError(
        .mismatch, "wrong label", expected: "a number in the column '\(odd.name)'",
        found: odd.text.isBlank ? "nothing" : "'\(odd.text.prefix(60))'")
    }
    guard values.count == items.count, values.count == labels.count else {
      throw wrong(labels.count == 1 ? "a number" : "a JSON list of \(labels.count) numbers", written)
    }
    return values
  }

  /// The texts of columns in the order of the head's labels: by their names, or by their places where they have none.
  private func inOrder(_ columns: [WrittenLabel.Column]) throws -> [(name: String, text: String)] {
    let own = labels.map(LabelColumn.canonical)
    let isNumbered = columns.allSatisfy { Int($0.name) != nil }
    if isNumbered, columns.count == own.count, Set(columns.map(\.name)) != Set(own) {
      return zip(labels, columns).map { ($0, $1.text) }
    }
    let ordered = own.compactMap { name in columns.first { LabelColumn.canonical($0.name) == name } }
    guard ordered.count == own.count, columns.count == own.count else {
      throw GraftError(
        .mismatch, "the columns of labels are not those of the head", expected: column.list,
        found: columns.map(\.name).joined(separator: ", "),
        advice:
          "Check \(option: "label-column"), or give the head these labels: \(action: LabelColumn.swap(to: "NAME", labels: columns.map(\.name)))."
      )
    }
    return ordered.map { ($0.name, $0.text) }
  }

  private var noLabel: GraftError {
    GraftError(
      .missing, "there is no label",
      expected: problemType == .regression ? "a number" : "one of \(column.list)",
      advice: "Say which column has it: \(option: "label-column").")
  }

  private func wrong(_ expected: String, _ written: WrittenLabel) -> GraftError {
    GraftError(
      .mismatch, "wrong label", expected: expected, found: written.description,
      advice: problemType == .singleLabel
        ? "A head for any number of labels takes them: \(action: .swapHeadForData(to: "NAME"))."
        : nil)
  }
}

extension WrittenLabel {
  /// The columns of labels with a column each.
  var columns: [Column]? {
    if case .columns(let columns) = self { columns } else { nil }
  }

  /// The label where a row has one alone: a text, or the one of a list; blank for an empty list. `nil` for a list of
  /// several, and for columns.
  ///
  /// - Parameter labels: A text that is one of these is no list.
  func single(named labels: [String]) -> String? {
    switch self {
    case .text(let text):
      if !labels.contains(text), let items = Self.items(inCell: text), items.count == 1 { return items[0] }
      return text
    case .list:
      let items = items(named: labels)
      return items.count > 1 ? nil : items.first ?? ""
    case .columns: return nil
    }
  }

  /// Whether it is a list, or a text that is one as JSON or Python write it.
  var isList: Bool {
    switch self {
    case .list: true
    case .columns: false
    case .text(let text): Self.items(inCell: text) != nil
    }
  }

  /// The parts of a list; of a text those of a JSON or Python list, or what stands between `|`. Blank ones are none.
  ///
  /// - Parameter labels: A text that is one of these is not cut.
  func items(named labels: [String]) -> [String] {
    switch self {
    case .list(let items): items.filter { !$0.isBlank }
    case .columns(let columns): columns.map(\.text)
    case .text(let text):
      (Self.items(inCell: text)
        ?? (labels.contains(text) ? [text] : text.split(separator: "|").map(String.init)))
        .filter { !$0.isBlank }
    }
  }
}

extension TextRow {
  /// Refuses a label for each word of a sentence, as files in columns have them.
  func refuseLabelsOfWords() throws {
    guard case .list(let labels) = label, let words = fields["tokens"]?.array, words.count == labels.count
    else { return }
    throw GraftError(
      .mismatch, "these are labels of words, and the head labels texts", expected: "a label for each text",
      found: "\(labels.count) for \(words.count) words",
      advice:
        "A head that labels words learns from them: \(action: .swapHead(to: "NAME")); \(action: .listPlugins) has the names."
    ).inRow(self)
  }
}

extension String {
  /// A number that a regression can learn, in single precision.
  var value: Float? { Float(decimal: LabelColumn.trimmed(self)).flatMap { $0.isFinite ? $0 : nil } }

  /// A number from 0 to 1, or a truth value.
  var indicator: Float? {
    let text = LabelColumn.trimmed(self)
    if let truth = LabelColumn.truth(text) { return truth ? 1 : 0 }
    return Float(decimal: text).flatMap { (0...1).contains($0) ? $0 : nil }
  }
}
