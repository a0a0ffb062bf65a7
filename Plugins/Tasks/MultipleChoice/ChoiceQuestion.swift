import Foundation
import GraftCore
import GraftTensors

/// A question with the texts of which one is the answer.
///
/// The model reads a pair for each choice: the context, and the question with the choice behind it; or, without a
/// context, the question and the choice. That is what the scripts of transformers do with SWAG and RACE:
/// https://github.com/huggingface/transformers/blob/v4.49.0/examples/pytorch/multiple-choice/run_swag.py
struct ChoiceQuestion: Equatable {
  /// The first text of each pair.
  let text: String
  /// What stands before each choice in the second text; `nil` where nothing does.
  let start: String?
  let choices: [String]
  /// What the data call the choices, where they name them: `A`, `B`, ….
  let names: [String]?

  static let columns = [
    TaskColumn("question", replacesText: true), TaskColumn("context", replacesText: true),
    TaskColumn("sent1", replacesText: true), TaskColumn("sent2"), TaskColumn("choices"),
    TaskColumn("options"), TaskColumn("endings"), TaskColumn("choice", isNumbered: true),
    TaskColumn("ending", isNumbered: true), TaskColumn("answer"), TaskColumn("answerKey"),
  ]
  private static let lists = ["choices", "options", "endings"]
  private static let numbered = ["choice", "ending"]

  /// - Throws: `GraftError` naming the row: no question, or not two choices with something to read.
  init(_ row: TextRow) throws {
    do {
      let context = try row.text.isEmpty ? Self.text(row, ["context", "sent1"]) : row.text
      let question = try Self.text(row, ["question", "sent2"])
      guard let first = context ?? question, first.contains(where: { !$0.isWhitespace }) else {
        throw GraftError(
          .missing, "there is no question",
          expected: "'question', 'context' or 'sent1', or the column of the text",
          advice: "Say which column has it: \(option: "text-column").")
      }
      text = first
      start = row.pair ?? (context == nil ? nil : question)
      (choices, names) = try Self.choices(row)
      if let place = choices.firstIndex(where: { $0.allSatisfy(\.isWhitespace) }) {
        throw GraftError(
          .missing, "an empty choice", expected: "texts with something to read",
          found: "choice \(place + 1) of \(choices.count) is empty")
      }
      guard choices.count > 1 else {
        throw GraftError(
          .missing, "there is nothing to choose from", expected: "2 choices or more",
          found: "\(choices.count)",
          advice:
            "They stand in the column 'choices' as a list, or in columns of their own: 'choice0', 'choice1', …."
        )
      }
    } catch let error as GraftError {
      throw error.inRow(row)
    }
  }

  /// The second text of each pair.
  var seconds: [String] { choices.map { choice in start.map { "\($0) \(choice)" } ?? choice } }

  private static func text(_ row: TextRow, _ names: [String]) throws -> String? {
    for name in names {
      guard let value = row.fields[name], value != .null else { continue }
      return try string(value, name)
    }
    return nil
  }

  private static func string(_ value: JSON, _ name: String) throws -> String {
    guard let text = value.string else {
      throw GraftError(.malformed, "wrong \(name)", expected: "a string", found: value.kind)
    }
    return text
  }

  /// The choices of a list, of a list with names as the data sets of the Hub have it, or of columns with numbers.
  private static func choices(_ row: TextRow) throws -> (texts: [String], names: [String]?) {
    for name in lists {
      guard let value = row.fields[name], value != .null, value != .string("") else { continue }
      if let texts = value["text"]?.array {
        let names = value["label"]?.array?.compactMap(\.string)
        return (
          try texts.map { try string($0, name) }, names?.count == texts.count ? names : nil
        )
      }
      guard let texts = value.array else {
        throw GraftError(
          .malformed, "wrong \(name)", expected: "a list of texts",
          found: value.string.map { "'\($0.prefix(60))'" } ?? value.kind,
          advice: "A table has a column for each choice: 'choice0', 'choice1', ….")
      }
      return (try texts.map { try string($0, name) }, nil)
    }
    for name in numbered {
      let columns = row.fields.compactMap { key, value in
        TaskColumn.number(of: key, after: name).map { ($0, key, value) }
      }.sorted { $0.0 < $1.0 }
      guard !columns.isEmpty else { continue }
      var texts = try columns.map { $0.2 == .null ? "" : try string($0.2, $0.1) }
      // A row of a table that has fewer choices than others ends in empty cells.
      while texts.last?.isEmpty == true { texts.removeLast() }
      return (texts, nil)
    }
    return ([], nil)
  }

  // MARK: The answer

  /// The number of the right choice, counted from 0; `nil` where the row does not say.
  ///
  /// - Parameter base: The number of the first choice in the data.
  /// - Throws: `GraftError` naming the row: an answer that is none of the choices.
  func answer(of row: TextRow, base: Int) throws -> Int32? {
    guard let written = try Self.written(row) else { return nil }
    if let index = index(of: written, base: base) { return Int32(index) }
    let last = UnicodeScalar(UInt8(ascii: "A") + UInt8(min(choices.count, 26) - 1))
    throw GraftError(
      .mismatch, "an answer that is none of the choices",
      expected:
        "\(base) to \(base + choices.count - 1), A to \(Character(last)), or the text of one of the choices",
      found: "'\(written.prefix(60))'", advice: "Check \(option: "label-column") and \(option: "label-base")."
    ).inRow(row)
  }

  private func index(of written: String, base: Int) -> Int? {
    if let index = names?.firstIndex(of: written) { return index }
    if let number = Int(written) {
      let (index, overflow) = number.subtractingReportingOverflow(base)
      if !overflow, choices.indices.contains(index) { return index }
    }
    if written.utf8.count == 1, let letter = written.uppercased().utf8.first, letter >= UInt8(ascii: "A") {
      let index = Int(letter - UInt8(ascii: "A"))
      if index < 26, choices.indices.contains(index) { return index }
    }
    let same = choices.indices.filter { choices[$0] == written }
    return same.count == 1 ? same[0] : nil
  }

  private static func written(_ row: TextRow) throws -> String? {
    switch row.label {
    case .text(let text): return text.isEmpty ? nil : text.trimmingCharacters(in: .whitespaces)
    case .some(let other):
      throw GraftError(
        .malformed, "wrong answer", expected: "a number, a letter or a text", found: other.description
      ).inRow(row)
    case nil: break
    }
    for name in ["answer", "answerKey"] {
      guard let value = row.fields[name], value != .null, value != .string("") else { continue }
      guard let text = value.string ?? value.int.map(String.init) else {
        throw GraftError(
          .malformed, "wrong answer", expected: "a number, a letter or a text", found: value.kind
        ).inRow(row)
      }
      return text.trimmingCharacters(in: .whitespaces)
    }
    return nil
  }
}
