import GraftCore
import GraftTensors

/// Turns labels as they are written in a file into what a head learns.
///
/// - One label per text: the label's name, or its number.
/// - Any number of labels: names or numbers separated by `|`, or a JSON list of them; a JSON list of decimals,
///   one for each label (`[0.0, 1.0, 1.0]`), says 0 or 1 for each, as `transformers` wants it.
/// - Regression: a number, or a JSON list with one for each output.
public struct LabelReader: Sendable {
  /// The head's labels, in the order of its outputs.
  public let labels: [String]
  /// What the labels mean.
  public let problemType: ProblemType
  /// The number of the first label. `nil` means 0, and that a name which looks like a number is a name.
  public let base: Int?
  private let indices: [String: Int]

  /// - Parameters:
  ///   - labels: The head's labels, in the order of its outputs.
  ///   - problemType: What the labels mean.
  ///   - base: The number of the first label, when the data number theirs.
  public init(labels: [String], problemType: ProblemType, base: Int? = nil) {
    self.labels = labels
    self.problemType = problemType
    self.base = base
    indices = Dictionary(labels.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// What a row's label means.
  ///
  /// - Throws: ``GraftError`` naming file and row: no label, an unknown one (with the known ones), a number
  ///   that is out of range.
  public func label(of row: TextRow) throws -> any ExampleLabel {
    do {
      guard let written = row.label else { throw noLabel }
      switch problemType {
      case .singleLabel:
        guard case .text(let text) = written else { throw wrong("one label", written) }
        return ClassLabel(Int32(try index(text)))
      case .multiLabel: return ValuesLabel(try multiHot(written))
      case .regression: return ValuesLabel(try numbers(written))
      }
    } catch let error as GraftError {
      throw error.inRow(row)
    }
  }

  private func index(_ written: String) throws -> Int {
    let text = written.trimmed
    guard !text.isEmpty else { throw noLabel }
    if base == nil, let index = indices[text] { return index }
    // Tables that went through a spreadsheet say 3.0 for 3.
    if let number = Int(text) ?? Double(text).flatMap(Int.init(exactly:)) {
      let first = base ?? 0
      let (index, overflow) = number.subtractingReportingOverflow(first)
      guard !overflow, labels.indices.contains(index) else {
        throw GraftError(
          .mismatch,
          "the label number is out of range",
          expected: "\(first) to \(first + labels.count - 1) for the labels \(list)",
          found: text,
          advice: base == nil && number == labels.count
            ? "Set \(option: "label-base") to 1 when classes are counted from 1."
            : "Choose a head with more labels, or check \(option: "label-column") and \(option: "label-base")."
        )
      }
      return index
    }
    if let index = indices[text] { return index }
    throw GraftError(
      .mismatch,
      "unknown label",
      expected: "one of \(list)",
      found: "'\(text.prefix(60))'",
      advice:
        "Check \(option: "label-column"), or give the head these labels: \(action: .swapHead(to: "NAME", labels: "A,B"))."
    )
  }

  private func multiHot(_ written: WrittenLabel) throws -> [Float] {
    var items: [String]
    switch written {
    case .list(let list): items = list
    case .text(let text):
      if let list = text.jsonList {
        items = list
      } else {
        items = text.split(separator: "|").map(String.init)
      }
    }
    if items.count == labels.count, items.allSatisfy({ $0.contains(".") }) {
      let values = items.compactMap { Float($0.trimmed) }
      if values.count == items.count, values.allSatisfy({ (0...1).contains($0) }) { return values }
    }
    items.removeAll { $0.trimmed.isEmpty }
    var values = [Float](repeating: 0, count: labels.count)
    for item in items { values[try index(item)] = 1 }
    return values
  }

  private func numbers(_ written: WrittenLabel) throws -> [Float] {
    let items: [String] =
      switch written {
      case .list(let list): list
      case .text(let text): text.jsonList ?? [text]
      }
    if items.count == 1, items[0].trimmed.isEmpty { throw noLabel }
    let values = items.compactMap { Float($0.trimmed) }.filter(\.isFinite)
    guard values.count == items.count, values.count == labels.count else {
      throw wrong(labels.count == 1 ? "a number" : "a JSON list of \(labels.count) numbers", written)
    }
    return values
  }

  private var noLabel: GraftError {
    GraftError(
      .missing,
      "there is no label",
      expected: expectation,
      advice: "Say which column has it: \(option: "label-column")."
    )
  }

  private var expectation: String {
    problemType == .regression ? "a number" : "one of \(list)"
  }

  private var list: String {
    let shown = labels.prefix(20).joined(separator: ", ")
    return labels.count > 20 ? "\(shown), … (\(labels.count) labels)" : shown
  }

  private func wrong(_ expected: String, _ written: WrittenLabel) -> GraftError {
    GraftError(.mismatch, "wrong label", expected: expected, found: written.description)
  }
}

extension String {
  /// The text without white space around it.
  fileprivate var trimmed: String {
    guard first?.isWhitespace == true || last?.isWhitespace == true else { return self }
    let start = drop(while: \.isWhitespace)
    return String(
      start.prefix(
        upTo: start.lastIndex { !$0.isWhitespace }.map { start.index(after: $0) } ?? start.startIndex
      )
    )
  }

  /// The elements of a JSON list of strings or numbers, when the text is one.
  fileprivate var jsonList: [String]? {
    guard first(where: { !$0.isWhitespace }) == "[", let json = try? JSON(parsing: Array(utf8)) else {
      return nil
    }
    let items = json.array?.map { item -> String? in
      switch item {
      case .string(let text), .number(let text): text
      default: nil
      }
    }
    guard let items, !items.contains(nil) else { return nil }
    return items.compactMap { $0 }
  }
}
