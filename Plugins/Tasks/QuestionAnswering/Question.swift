import GraftCore
import GraftTensors

/// A question with the text that its answer is in.
struct Question {
  /// Without white space before it, as transformers' example script reads questions.
  let text: String
  let context: String

  /// - Throws: `GraftError` naming the row: no question, or no context.
  init(_ row: TextRow) throws {
    func field(_ name: String) throws -> String? {
      guard let value = row.fields[name], value != .null else { return nil }
      guard let text = value.string else {
        throw GraftError(.malformed, "wrong \(name)", expected: "a string", found: value.kind).inRow(row)
      }
      return text
    }
    let question = try row.replacement(among: ["question"]).flatMap { try field($0.column) } ?? row.text
    guard !question.isEmpty else {
      throw GraftError(
        .missing, "there is no question", expected: "'question', or the column of the text",
        advice: "Say which column has it: \(option: "text-column")."
      ).inRow(row)
    }
    guard let context = try row.pair ?? field("context") else {
      throw GraftError(
        .missing, "there is no context to find an answer in",
        expected: "'context', or the column of the pair",
        advice: "Say which column has it: \(option: "pair-column")."
      ).inRow(row)
    }
    text = String(question.drop(while: \.isWhitespace))
    self.context = context
  }
}

/// The answers that are right for a question; none for a question that its context does not answer.
struct Answers: ExampleLabel, Equatable {
  var found: [Answer]

  struct Answer: Equatable {
    let text: String
    /// In the context, in Unicode scalars.
    let place: Range<Int>
  }

  var texts: [String] { found.map(\.text) }
  var json: JSON { .array(texts.map { .string($0) }) }

  /// The answers of a row: `{"text": [...], "answer_start": [...]}` as the data sets of the Hub have them, or a list of
  /// `{"text": ..., "answer_start": ...}` as SQuAD's files do. A start counts Unicode scalars, as Python counts
  /// characters.
  ///
  /// - Returns: `nil` when the row does not say.
  /// - Throws: `GraftError` naming the row: answers of another form, or one that is not at its place.
  init?(_ row: TextRow) throws {
    let isImpossible = row.fields["is_impossible"].flatMap { $0.bool ?? $0.string.flatMap(LabelColumn.truth) }
    guard let value = row.fields["answers"], value != .null, value != .string("") else {
      guard isImpossible == true else { return nil }
      found = []
      return
    }
    do {
      let pairs = try Self.pairs(value)
      if let isImpossible, isImpossible != pairs.isEmpty {
        throw GraftError(
          .mismatch, "'is_impossible' and 'answers' contradict each other",
          expected: isImpossible ? "no answers" : "an answer", found: "\(pairs.count)")
      }
      guard !pairs.isEmpty else {
        found = []
        return
      }
      let context = Array(try Question(row).context.unicodeScalars)
      found = try pairs.map { try Answer($0.text, at: $0.start, in: context) }
    } catch let error as GraftError {
      throw error.inRow(row)
    }
  }

  private static func pairs(_ value: JSON) throws -> [(text: String, start: Int)] {
    let wrong = GraftError(
      .malformed, "wrong answers", expected: #"{"text": ["…"], "answer_start": [0]}"#,
      found: String(value.text().prefix(80)))
    if let texts = value["text"]?.array, let starts = value["answer_start"]?.array {
      guard texts.count == starts.count else { throw wrong }
      return try zip(texts, starts).map { text, start in
        guard let text = text.string, let start = start.int else { throw wrong }
        return (text, start)
      }
    }
    guard let items = value.array else { throw wrong }
    return try items.map { item in
      guard let text = item["text"]?.string, let start = item["answer_start"]?.int else { throw wrong }
      return (text, start)
    }
  }
}

extension Answers.Answer {
  /// - Throws: `GraftError` when the text is not at its place.
  fileprivate init(_ text: String, at start: Int, in context: [Unicode.Scalar]) throws {
    let scalars = Array(text.unicodeScalars)
    guard !scalars.isEmpty else {
      throw GraftError(
        .malformed, "an empty answer",
        advice: "Leave the list of answers empty where the context does not answer the question.")
    }
    guard start >= 0, start <= context.count - scalars.count,
      context[start..<start + scalars.count].elementsEqual(scalars)
    else {
      let there = max(0, min(start, context.count))
      let found = String(String.UnicodeScalarView(context[there..<min(context.count, there + scalars.count)]))
      throw GraftError(
        .mismatch, "an answer is not at its place in the context",
        expected: "'\(text.prefix(60))' at \(start), counted in Unicode scalars",
        found: "'\(found.prefix(60))'")
    }
    self.text = text
    place = start..<start + scalars.count
  }
}
