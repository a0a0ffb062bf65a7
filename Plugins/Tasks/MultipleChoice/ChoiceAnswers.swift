import GraftCore
import GraftTensors

/// How the answers of a column say which choice is right. It is decided once for all rows.
///
/// What the data call the choices wins where every answer is such a name. Else an answer is a number, a letter or a
/// choice's text, whichever every row can be. Where rows can be read in two ways that differ, nothing is guessed.
struct ChoiceAnswers {
  private enum Reading: CaseIterable {
    case names, numbers, letters, texts
  }

  /// A question with what the row says is its answer.
  private struct Answer {
    let question: ChoiceQuestion
    let text: String
    let row: TextRow
  }

  /// The number of the right choice of each row, counted from 0; `nil` where a row does not say.
  let indices: [Int32?]
  /// An answer of rows whose answers are no numbers; `nil` where they are.
  let uncountedAnswer: String?

  /// - Parameters:
  ///   - rows: All rows.
  ///   - base: The number of the first choice, when the data number theirs: whole numbers are then no texts.
  /// - Throws: `GraftError` naming the row: no question, an answer that is none of the choices, or one that may be two.
  init(_ rows: [TextRow], base: Int?) throws {
    let answers = try rows.map { row -> Answer? in
      let question = try ChoiceQuestion(row)
      return try Self.written(row).map { Answer(question: question, text: $0, row: row) }
    }
    let given = answers.compactMap { $0 }
    let reading = try Self.reading(given, base: base)
    uncountedAnswer = reading == .numbers ? nil : given.first?.text
    indices = try answers.map { answer in
      guard let answer else { return nil }
      guard let index = reading.flatMap({ Self.index(answer, as: $0, base: base) }) else {
        throw Self.noChoice(answer, as: given.count > 1 ? reading : nil, base: base)
      }
      return Int32(index)
    }
  }

  /// The reading that fits all answers; of several the first, if they agree. Where none does, the one that fits most, and
  /// `nil` where none fits any.
  private static func reading(_ answers: [Answer], base: Int?) throws -> Reading? {
    let found = Reading.allCases.map { reading in answers.map { index($0, as: reading, base: base) } }
    let fitting = zip(Reading.allCases, found).filter { !$0.1.contains(nil) }
    guard let (first, indices) = fitting.first else {
      let counts = found.map { indices in indices.count { $0 != nil } }
      guard let most = counts.max(), most > 0 else { return nil }
      return zip(Reading.allCases, counts).first { $0.1 == most }?.0
    }
    guard first != .names, !(first == .numbers && base != nil) else { return first }
    for (other, others) in fitting.dropFirst() {
      guard let place = indices.indices.first(where: { indices[$0] != others[$0] }) else { continue }
      let answer = answers[place]
      throw GraftError(
        .mismatch, "the answer matches two choices",
        expected: "answers that can be read in one way",
        found:
          "'\(answer.text.prefix(60))', which is \(description(first, of: answer, at: indices[place])) and \(description(other, of: answer, at: others[place]))",
        advice: first == .numbers
          ? "Set \(option: "label-base") when the answers are numbers of choices; else write their letters, A, B, …."
          : "Write the numbers of the choices, and set \(option: "label-base")."
      ).inRow(answer.row)
    }
    return first
  }

  private static func description(_ reading: Reading, of answer: Answer, at index: Int?) -> String {
    let kind =
      switch reading {
      case .names: "the name"
      case .numbers: "the number"
      case .letters: "the letter"
      case .texts: "the text"
      }
    return "\(kind) of '\(index.map { String(answer.question.choices[$0].prefix(30)) } ?? "none")'"
  }

  private static func index(_ answer: Answer, as reading: Reading, base: Int?) -> Int? {
    let choices = answer.question.choices
    switch reading {
    case .names: return answer.question.names.flatMap { unique(answer.text, in: $0) }
    case .numbers:
      guard let number = Int(LabelColumn.canonical(answer.text)) else { return nil }
      let (index, overflow) = number.subtractingReportingOverflow(base ?? 0)
      return !overflow && choices.indices.contains(index) ? index : nil
    case .letters:
      guard answer.text.utf8.count == 1, let letter = answer.text.uppercased().utf8.first,
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(letter)
      else { return nil }
      let index = Int(letter - UInt8(ascii: "A"))
      return choices.indices.contains(index) ? index : nil
    case .texts: return unique(answer.text, in: choices)
    }
  }

  /// The place of a text that is there once; `1.0` is `1`.
  private static func unique(_ text: String, in texts: [String]) -> Int? {
    let same = texts.indices.filter { LabelColumn.trimmed(texts[$0]) == text }
    if let first = same.first { return same.count == 1 ? first : nil }
    let canonical = LabelColumn.canonical(text)
    let equal = texts.indices.filter { LabelColumn.canonical(texts[$0]) == canonical }
    return equal.count == 1 ? equal[0] : nil
  }

  private static func noChoice(_ answer: Answer, as reading: Reading?, base: Int?) -> GraftError {
    let (count, base) = (answer.question.choices.count, base ?? 0)
    // A base may be any number, and no message overflows.
    let numbers = "\(base) to \(base &+ count &- 1)"
    let last = Character(UnicodeScalar(UInt8(ascii: "A") + UInt8(min(count, 26) - 1)))
    let (letters, texts) = ("A to \(last)", "the text of one of the choices")
    let expected =
      switch reading {
      case .names?:
        answer.question.names.map { "one of \($0.joined(separator: ", "))" }
          ?? "the name of one of the choices"
      case .numbers?: numbers
      case .letters?: letters
      case .texts?: texts
      case nil: "\(numbers), \(letters), or \(texts)"
      }
    return GraftError(
      .mismatch, "an answer that is none of the choices",
      expected: reading == nil ? expected : "\(expected), as other rows have it",
      found: "'\(answer.text.prefix(60))'",
      advice: "Check \(option: "label-column") and \(option: "label-base")."
    ).inRow(answer.row)
  }

  /// What a row says is its answer; `nil` where it says nothing.
  private static func written(_ row: TextRow) throws -> String? {
    func wrong(_ found: String) -> GraftError {
      GraftError(.malformed, "wrong answer", expected: "a number, a letter or a text", found: found).inRow(
        row)
    }
    switch row.label {
    case .text(let text):
      let text = LabelColumn.trimmed(text)
      return text.isEmpty ? nil : text
    case .some(let other): throw wrong(other.description)
    case nil: break
    }
    for name in ["answer", "answerKey"] {
      guard let value = row.fields[name], value != .null, value != .string("") else { continue }
      switch value {
      case .string(let text), .number(let text): return LabelColumn.trimmed(text)
      default: throw wrong(value.kind)
      }
    }
    return nil
  }
}
