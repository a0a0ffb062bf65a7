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
    TaskColumn("sent1", replacesText: true), TaskColumn("sent2"),
    TaskColumn("choices", decidesTask: true, hasLists: true),
    TaskColumn("options", decidesTask: true, hasLists: true),
    TaskColumn("endings", decidesTask: true, hasLists: true),
    TaskColumn("choice", isNumbered: true, decidesTask: true),
    TaskColumn("ending", isNumbered: true, decidesTask: true), TaskColumn("answer"), TaskColumn("answerKey"),
  ]
  private static let lists = ["choices", "options", "endings"]
  private static let numbered = ["choice", "ending"]

  /// - Throws: `GraftError` naming the row: no question, or not two choices with something to read.
  init(_ row: TextRow) throws {
    do {
      let (first, second) = try Self.prompt(row)
      guard let first, first.contains(where: { !$0.isWhitespace }) else {
        throw GraftError(
          .missing, "there is no question",
          expected: "'question', 'context' or 'sent1', or the column of the text",
          advice: "Say which column has it: \(option: "text-column").")
      }
      text = first
      start = second
      (choices, names) = try Self.choices(row)
      if let place = choices.firstIndex(where: \.isBlank) {
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

  /// The first text of each pair, and what stands before each choice in the second.
  ///
  /// The column of the text is the context, or the question where there is none. It is the question beside a column of the
  /// context too, where the row has no other question. Beside both it is neither, unless it was named.
  private static func prompt(_ row: TextRow) throws -> (first: String?, start: String?) {
    let context = try text(row, ["context", "sent1"])
    let question = try text(row, ["question", "sent2"])
    guard !row.text.isEmpty, row.isTextNamed || context == nil || question == nil else {
      return (context ?? question, row.pair ?? (context == nil ? nil : question))
    }
    if let context, context != row.text, question == nil || question == row.text,
      row.pair == nil || row.pair == context
    {
      return (context, row.text)
    }
    return (row.text, row.pair ?? (question == row.text ? nil : question))
  }

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
          advice:
            "A table has a list in the cell, as JSON writes it, or a column for each choice: 'choice0', 'choice1', …."
        )
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
}
