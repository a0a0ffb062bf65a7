import GraftCore
import GraftTensors

/// The labels of a row's words, with the words that they are of.
struct RowLabels: ExampleLabel, Equatable {
  let words: Words
  /// A label's number for each word.
  let classes: [Int32]

  var json: JSON { .array(classes.map { JSON(Int($0)) }) }
}

/// Turns what a row says about its words into labels: a list of tags, or entities by their places.
///
/// - `tags`, or the label's column: a list with a tag for each of the `tokens`, or for each part of the text between
///   white space; names, or numbers. In a cell of a table they stand between spaces.
/// - `entities` or `spans`: a list of `{"start": 0, "end": 12, "label": "PER"}`, places in the text in Unicode scalars,
///   as Python counts characters.
struct TagReader {
  let head: HeadTags
  /// The number of the first label, when the data number theirs.
  let base: Int?
  /// All rows, for the message about a label that is unknown.
  let rows: [TextRow]
  /// Whether the tags of the data are names or numbers, decided for all of them.
  private let column: LabelColumn

  init(head: HeadTags, base: Int?, rows: [TextRow]) {
    (self.head, self.base, self.rows) = (head, base, rows)
    column = LabelColumn(labels: head.labels, base: base, column: rows.lazy.flatMap(Self.writtenTags))
  }

  /// How tags are read, where that is not plain.
  var note: Advice? { column.note }

  /// Refuses a base that was given for tags which are not counted.
  func checkBase(_ reading: LabelReading) throws {
    guard let name = column.uncountedValue else { return }
    try reading.refuseBase("the labels are names, which are not counted", found: name, of: rows)
  }

  /// - Returns: `nil` for a row without labels.
  /// - Throws: `GraftError` naming file and row.
  func labels(of row: TextRow) throws -> RowLabels? {
    do {
      let tokens = try row.tokens()
      if tokens == nil, let spans = Self.writtenSpans(of: row) {
        return try labels(ofSpans: spans, in: row.text)
      }
      guard let tags = try tags(of: row) else { return nil }
      let words = tokens.map { Words(tokens: $0) } ?? Words(separatedIn: row.text)
      guard tags.count == words.ranges.count else {
        throw GraftError(
          .mismatch, "words and labels are not equally many",
          expected: "a label for each of \(words.ranges.count) words",
          found: "\(tags.count)")
      }
      return RowLabels(words: words, classes: try classes(tags))
    } catch let error as GraftError {
      throw error.inRow(row)
    }
  }

  // MARK: Tags

  private func tags(of row: TextRow) throws -> [String]? {
    guard let value = row.fields["tags"], value != .null else { return Self.names(row.label) }
    guard let names = Self.names(value) else {
      throw GraftError(
        .malformed, "wrong tags", expected: "a list of names or numbers",
        found: value.array == nil ? value.kind : "a list with other things in it")
    }
    return names
  }

  private static func names(_ label: WrittenLabel?) -> [String]? {
    switch label {
    case .list(let names): names
    case .text(let text): text.split(separator: " ").map(String.init)
    case .columns, nil: nil
    }
  }

  /// The tags of a list, or of a text with spaces between them; `nil` for anything else.
  private static func names(_ value: JSON) -> [String]? {
    if let text = value.string { return text.split(separator: " ").map(String.init) }
    let names = value.array?.map { $0.string ?? $0.int.map(String.init) }
    return names?.contains(nil) == false ? names?.compactMap { $0 } : nil
  }

  private func classes(_ tags: [String]) throws -> [Int32] {
    guard let scheme = head.dataScheme, let own = head.scheme, scheme.prefixes != own.prefixes else {
      return try tags.enumerated().map { place, name in
        guard let index = column[name] else { throw unknown("'\(name.prefix(60))' at word \(place + 1)") }
        return Int32(index)
      }
    }
    let read = try tags.map { name in
      guard let tag = WordTag(name), scheme.prefixes.contains(tag.prefix) else {
        throw GraftError(
          .mismatch, "a tag is not of the scheme \(scheme.rawValue)",
          expected: "one that begins with \(scheme.prefixes.map(String.init).joined(separator: ", "))",
          found: "'\(name.prefix(60))'")
      }
      return tag
    }
    return try classes(of: read.entities(scheme), count: tags.count)
  }

  /// The tags of a row as they are written; none where it has no list of them.
  static func writtenTags(of row: TextRow) -> [String] {
    row.fields["tags"].flatMap { names($0) } ?? names(row.label) ?? []
  }

  /// The entities of a row that are given by their places; `nil` where it has none.
  private static func writtenSpans(of row: TextRow) -> JSON? {
    let spans = row.fields["entities"] ?? row.fields["spans"]
    return spans == .null ? nil : spans
  }

  /// The types of a row's entities that are given by their places.
  static func writtenTypes(of row: TextRow) -> [String] {
    (writtenSpans(of: row)?.array ?? []).compactMap { ($0.array?.last ?? $0["label"])?.string }
  }

  /// Makes sure that a row's entities are written as they have to be.
  ///
  /// - Throws: `GraftError` naming file and row.
  static func checkSpans(of row: TextRow) throws {
    guard let spans = writtenSpans(of: row) else { return }
    do { _ = try self.spans(spans, in: row.text) } catch let error as GraftError { throw error.inRow(row) }
  }

  /// The labels of entities, which are in their order.
  private func classes(of entities: [WordEntity], count: Int) throws -> [Int32] {
    guard let scheme = head.scheme else {
      throw GraftError(
        .mismatch, "the head's labels are no tags of entities", expected: "O, B-PER, I-PER, …",
        found: head.labels.prefix(5).joined(separator: ", "))
    }
    return try [WordTag](entities, count: count, scheme).map { tag in
      guard let index = head[tag] else {
        throw unknown(tag == .outside ? "'O', for words of no entity" : "'\(tag.prefix)-\(tag.type)'")
      }
      return index
    }
  }

  /// A label that the head does not have, with those that the data have, in their order.
  private func unknown(_ found: String) -> GraftError {
    var (seen, names) = (Set<String>(), [String]())
    for name in rows.lazy.flatMap(Self.writtenTags) where Int(name) == nil {
      if seen.insert(name).inserted { names.append(name) }
      if names.count == 100 { break }
    }
    // With its own where it has some of them: other files have these.
    if names.contains(where: { $0 != "O" && head.labels.contains($0) }) {
      names = head.labels + names.filter { !head.labels.contains($0) }
    }
    let list = names.isEmpty ? "O,B-PER,I-PER" : names.joined(separator: ",")
    return GraftError(
      .mismatch, "unknown label", expected: "one of \(head.labels.prefix(40).joined(separator: ", "))",
      found: found,
      advice: "Give the head the labels of the data: \(action: .swapHead(to: "NAME", labels: list)).")
  }

  // MARK: Spans

  /// The entities of a text, in their order.
  private static func spans(_ value: JSON, in text: String) throws -> [Span] {
    let count = text.unicodeScalars.count
    guard let items = value.array else {
      throw GraftError(
        .malformed, "wrong entities", expected: "a list of {\"start\": …, \"end\": …, \"label\": …}",
        found: value.kind)
    }
    let spans = try items.map { try Span($0, textLength: count) }.sorted {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    for (first, second) in zip(spans, spans.dropFirst())
    where first.range.upperBound > second.range.lowerBound {
      throw GraftError(
        .mismatch, "two entities overlap", found: "\(first) and \(second)",
        advice: "A word has one label: keep one of them.")
    }
    return spans
  }

  /// The labels of a text's words, by the places of its entities.
  private func labels(ofSpans value: JSON, in text: String) throws -> RowLabels {
    let spans = try Self.spans(value, in: text)
    let words = Words(
      in: text, boundaries: Set(spans.flatMap { [$0.range.lowerBound, $0.range.upperBound] }))
    var next = 0
    let entities = spans.compactMap { span -> WordEntity? in
      while next < words.ranges.count, words.ranges[next].lowerBound < span.range.lowerBound { next += 1 }
      let first = next
      while next < words.ranges.count, words.ranges[next].upperBound <= span.range.upperBound { next += 1 }
      return first < next ? WordEntity(type: span.type, words: first..<next) : nil
    }
    for span in spans where !head.types.contains(span.type) {
      throw GraftError(
        .mismatch, "unknown label", expected: "one of \(head.types.prefix(40).joined(separator: ", "))",
        found: "\(span)")
    }
    return RowLabels(words: words, classes: try classes(of: entities, count: words.ranges.count))
  }

  private struct Span: CustomStringConvertible {
    let range: Range<Int>
    let type: String

    /// - Parameter textLength: In Unicode scalars.
    /// - Throws: `GraftError` when it lacks a member, or lies outside the text.
    init(_ json: JSON, textLength: Int) throws {
      let items = json.array ?? [json["start"] ?? .null, json["end"] ?? .null, json["label"] ?? .null]
      guard items.count == 3, let start = items[0].int, let end = items[1].int, let type = items[2].string
      else {
        throw GraftError(
          .malformed, "not an entity", expected: "{\"start\": 0, \"end\": 12, \"label\": \"PER\"}",
          found: String(json.text().prefix(80)))
      }
      guard start >= 0, start < end, end <= textLength else {
        throw GraftError(
          .mismatch, "an entity is not within its text",
          expected: "0 <= start < end <= \(textLength), counted in Unicode scalars",
          found: "\(start) to \(end)")
      }
      (range, self.type) = (start..<end, type)
    }

    var description: String { "'\(type.prefix(40))' at \(range.lowerBound) to \(range.upperBound)" }
  }
}
