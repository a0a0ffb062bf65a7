import GraftCore
import GraftTensors

/// Reads questions on paragraphs from a document as SQuAD has it: https://rajpurkar.github.io/SQuAD-explorer.
///
///     {"data": [{"title": …, "paragraphs": [{"context": …, "qas": [
///       {"id": …, "question": …, "answers": [{"text": …, "answer_start": 0}], "is_impossible": false}]}]}]}
///
/// A row has the question as its text, the context as its pair, and the fields `id`, `answers` and `is_impossible`.
enum SQuADReader {
  /// The most bytes of a document; SQuAD 2.0 has 42 MB.
  private static let longest = 1 << 28

  /// How a document begins, or one that has no questions or lacks a level.
  private static let beginnings = [#"{"data":["#, #"{"paragraphs":["#].flatMap { list in
    ["]", "{}", #"{"title":"#, #"{"paragraphs":"#, #"{"context":"#, #"{"qas":"#].map { list + $0 }
  }

  /// Whether the first bytes of a file are such a document's, or those of one that has no questions or lacks a level.
  ///
  /// - Parameter isNamedLines: Whether the file is called as one of JSON Lines is, which has to have questions then.
  static func recognizes(_ head: ArraySlice<UInt8>, inLines isNamedLines: Bool) -> Bool {
    guard isLike(head) else { return false }
    if isNamedLines, !String(decoding: head, as: UTF8.self).contains("\"qas\"") { return false }
    // JSON Lines have an object a line, with lists called so in it.
    let text = head.drop { $0 <= 0x20 }
    let line = text.prefix { $0 != FileLayout.lineFeed }
    return !text[line.endIndex...].contains { $0 > 0x20 } || !JSON.isObject(line)
  }

  private static func isLike(_ head: ArraySlice<UInt8>) -> Bool {
    let start = String(decoding: head.prefix(1 << 16), as: UTF8.self)
    var beginning = String(start.prefix(200).filter { !$0.isWhitespace })
    guard beginning.first == "{" else { return false }
    if beginning.hasPrefix(#"{"version":"#), let comma = beginning.firstIndex(of: ",") {
      beginning = "{" + beginning[comma...].dropFirst()
    }
    return beginnings.contains(where: beginning.hasPrefix)
      || start.contains("\"paragraphs\"") && start.contains("\"data\"")
  }

  /// Calls `body` with each row until it says that it has enough.
  ///
  /// - Throws: `GraftError` naming the question, counted from 1: a member that is missing or of another kind, or the id of
  ///   an earlier question.
  static func read(
    _ window: ByteWindow, path: String, options: DataOptions, _ body: (TextRow) throws -> Bool
  ) throws {
    guard options.textColumns.isEmpty, options.pairColumn == nil, options.labelColumns.isEmpty
    else {
      throw GraftError(
        .unsupported, "a SQuAD document has no columns",
        advice: "Leave out \(option: "text-column"), \(option: "pair-column") and \(option: "label-column").")
    }
    var (count, isWanted) = (0, true)
    var numbers: [String: Int] = [:]
    for article in try array(try document(window), "data", "the document") {
      for paragraph in try array(article, "paragraphs", "article \(count + 1)") {
        let place = "question \(count + 1)"
        let context = try text(paragraph, "context", place)
        for question in try array(paragraph, "qas", place) {
          guard isWanted else { return }
          count += 1
          if let id = question["id"]?.string, let other = numbers.updateValue(count, forKey: id) {
            throw GraftError(
              .mismatch, "two questions have one id, which answers are told apart by",
              subject: "question \(count)", expected: "another id than that of question \(other)",
              found: "'\(id.prefix(60))'")
          }
          var row = TextRow(
            try text(question, "question", "question \(count)"), pair: context,
            place: TextRow.Place(file: path, row: count, kind: .question))
          for name in ["id", "answers", "is_impossible"] { row.fields[name] = question[name] }
          isWanted = try body(row)
        }
      }
    }
    if count == 0 { throw GraftError(.malformed, "the document has no questions") }
  }

  private static func document(_ window: ByteWindow) throws -> JSON {
    var (window, bytes) = (window, [UInt8]())
    let lineFeed = UInt8(ascii: "\n")
    do {
      while try window.take(until: lineFeed, or: lineFeed, or: lineFeed, into: &bytes, limit: longest) != nil
      {
        window.skip(1)
        bytes.append(lineFeed)
      }
    } catch is ByteWindow.RecordTooLong {
      throw GraftError(
        .malformed, "longer than \(longest >> 20) MiB", expected: "a SQuAD document",
        advice: "Write one question a line, as JSON Lines.")
    }
    return try JSON(parsing: bytes)
  }

  private static func array(_ json: JSON, _ key: String, _ place: String) throws -> [JSON] {
    guard let array = json[key]?.array else { throw wrong(key, "a list", place, json[key]) }
    return array
  }

  private static func text(_ json: JSON, _ key: String, _ place: String) throws -> String {
    guard let text = json[key]?.string else { throw wrong(key, "a string", place, json[key]) }
    return text
  }

  private static func wrong(_ key: String, _ kind: String, _ place: String, _ found: JSON?) -> GraftError {
    GraftError(
      .malformed, "not a SQuAD document", subject: "\(place), key '\(key)'", expected: kind,
      found: found?.kind ?? "nothing")
  }
}
