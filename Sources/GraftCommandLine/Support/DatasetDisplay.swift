import GraftCore
import GraftKit
import GraftTensors

extension DatasetFacts {
  /// What a person should know before a run: how many texts are cut, which rows are left out or are rather slips.
  var sentences: [String] {
    var sentences = [
      excessiveLength.map { Self.excess($0, over: maximumLength) }, CutTexts(self).sentence,
    ].compactMap(\.self)
    if !skipped.isEmpty {
      let places = skipped.prefix(5).map { String($0.row) }.joined(separator: ", ")
      let more = skipped.count > 5 ? ", …" : ""
      sentences.append(
        "\(Format.count(skipped.count, "row")) without any token to learn from \(skipped.count == 1 ? "is" : "are") "
          + "left out (\(skipped.count == 1 ? "row" : "rows") \(places)\(more))")
    }
    return sentences + remarks
  }

  /// For each row the most tokens that are read, where it has more.
  var limits: [Int?] {
    var limits = [Int?](repeating: nil, count: rows)
    for row in truncatedRows { limits[row] = maximumLength }
    return limits
  }

  /// That more tokens were asked for than a model takes.
  static func excess(_ length: Int, over limit: Int) -> String {
    "texts of \(Format.grouped(length)) tokens were asked for, and the model takes \(Format.grouped(limit)) at most"
  }

  /// How labels are read, and that long texts become windows, for people.
  var notes: [String] { [labelNote?.commandLineText].compactMap { $0 } + exampleNotes }

  /// That long texts become windows, or texts pieces.
  var exampleNotes: [String] {
    let isCut = !isPacked && examples > rows - skipped.count
    return [
      isCut
        ? "\(Format.count(rows, "text")) in \(Format.count(examples, "window")) of at most \(Format.grouped(maximumLength)) tokens"
        : nil,
      isPacked
        ? "\(Format.count(rows, "text")) in \(Format.count(examples, "piece")) of \(Format.grouped(maximumLength)) tokens"
        : nil,
    ].compactMap { $0 }
  }

  /// The same for programs.
  var members: [(String, JSON)] {
    [
      ("rows", JSON(rows)), ("examples", JSON(examples)), ("max_length", JSON(maximumLength)),
      ("truncated", JSON(truncated)), ("skipped", JSON(skipped.count)),
    ] + (labelNote.map { [("labels", .string($0.commandLineText))] } ?? [])
      + (remarks.isEmpty ? [] : [("remarks", .list(remarks))])
  }
}

/// How many texts were cut, of all windows together.
struct CutTexts {
  private(set) var count = 0
  private var texts = 0
  private var length = 0

  init() {}

  init(_ facts: DatasetFacts) {
    (count, texts, length) = (facts.truncated, facts.rows, facts.maximumLength)
  }

  /// - Parameter limit: The most tokens that were read of a text, where it has more.
  mutating func add(_ limit: Int?) {
    texts += 1
    guard let limit else { return }
    (count, length) = (count + 1, limit)
  }

  /// What a person should know; `nil` when no text was cut.
  var sentence: String? {
    count > 0 ? DatasetFacts.sentence(ofCut: count, of: texts, longerThan: length) : nil
  }
}
