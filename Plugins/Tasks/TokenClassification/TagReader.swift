import GraftCore
import GraftTensors
import OrderedCollections

/// The labels of a row's words, with the words that they are of.
struct RowLabels: ExampleLabel, Equatable {
  let words: Words
  /// A label's number for each word.
  let classes: [Int32]
  /// The words that entities begin or end within, as `Lo|velace`.
  var cutWords: [String] = []

  var json: JSON { .array(classes.map { JSON(Int($0)) }) }
}

/// Turns what a row says about its words into labels: a list of tags, or entities by their places.
///
/// - `tags`, or the label's column: a list with a tag for each of the `tokens`, or for each part of the text between
///   white space; names, or numbers. In a cell of a table they stand between spaces, or are a list as JSON or Python writes
///   it.
/// - `entities` or `spans`, of a row without `tokens`: a list of `{"start": 0, "end": 12, "label": "PER"}`, places in the
///   text in Unicode scalars, as Python counts characters. Tags beside them are not read.
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
      if let spans = Self.spans(of: row) { return try labels(ofSpans: spans, in: row.text) }
      guard let tags = try Self.tags(of: row).get() else { return nil }
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

  /// Whether a row says something about its words.
  static func hasLabels(_ row: TextRow) -> Bool { spans(of: row) != nil || !writtenTags(of: row).isEmpty }

  /// Whether a row has a list of words and one of tags, or something that has a place in its text.
  static func recognizes(_ row: TextRow) -> Bool {
    if let spans = spans(of: row)?.array {
      return spans.contains { $0.array?.count == 3 || $0["start"] != nil && $0["end"] != nil }
    }
    guard row.fields["tokens"]?.array != nil else { return false }
    switch row.label {
    case .list: return true
    case .text(let text) where text.inBrackets != nil: return true
    default: return row.fields["tags"]?.array != nil
    }
  }

  /// What is said of labels that are rather slips.
  static func remarks(on labels: [(any ExampleLabel)?], of rows: [TextRow]) -> [String] {
    let cut = zip(labels, rows).flatMap { label, row in
      ((label as? RowLabels)?.cutWords ?? []).map { (word: $0, row: row) }
    }
    var remarks: [String] = []
    if let first = cut.first {
      let example = "'\(first.word.prefix(60))' in \(first.row.name(among: rows))"
      remarks.append(
        cut.count == 1
          ? "1 word is cut where an entity begins or ends within it: \(example)"
          : "\(cut.count) words are cut where an entity begins or ends within them, the first is \(example)")
    }
    let both = rows.filter { row in
      spans(of: row) != nil && (row.fields["tags"] ?? .null) != .null
    }
    if let first = both.first {
      remarks.append(
        "\(both.count) of \(rows.count) rows \(both.count == 1 ? "has" : "have") both entities and 'tags', and the tags are not read: \(both.count == 1 ? "" : "the first is ")\(first.name(among: rows))"
      )
    }
    let counts = labels.map { ($0 as? RowLabels)?.words.ranges.count ?? .max }
    let single = counts.count { $0 == 1 }
    if single > 1, counts.allSatisfy({ $0 <= 1 }) {
      remarks.append(
        "each of \(single) rows is one word, and is read alone: words of sentences are written as CoNLL's columns, with a blank line behind each sentence"
      )
    }
    return remarks
  }

  // MARK: Tags

  /// The tags of a row as they are written; `nil` for a row without any, and an error for what is no list of them.
  private static func tags(of row: TextRow) -> Result<[String]?, GraftError> {
    let (names, found): ([String]?, String)
    switch (row.fields["tags"] ?? .null, row.label) {
    case (.null, .list(let tags)): return .success(tags)
    case (.null, .columns), (.null, nil): return .success(nil)
    case (.string(let text), _), (.null, .text(let text)):
      (names, found) = (Self.names(inCell: text), "'\(text.prefix(60))'")
    case (let value, _):
      (names, found) = (
        Self.names(value), value.array == nil ? value.kind : "a list with other things in it"
      )
    }
    guard let tags = names else {
      return .failure(
        GraftError(.malformed, "wrong tags", expected: "a list of names or numbers", found: found))
    }
    return .success(tags)
  }

  /// The tags of a list, or those between spaces; `nil` for brackets around anything else.
  private static func names(inCell text: String) -> [String]? {
    WrittenLabel.items(inCell: text)
      ?? (text.inBrackets == nil ? text.split(separator: " ").map(String.init) : nil)
  }

  /// The tags of a list; `nil` for anything else.
  private static func names(_ value: JSON) -> [String]? {
    let names = value.array?.map { $0.string ?? $0.int.map(String.init) }
    return names?.contains(nil) == false ? names?.compactMap { $0 } : nil
  }

  private func classes(_ tags: [String]) throws -> [Int32] {
    guard let scheme = head.dataScheme, let own = head.scheme, scheme.prefixes != own.prefixes else {
      return try tags.enumerated().map { place, name in
        if column.readsNumbers { return Int32(try column.index(of: name)) }
        guard let index = column[name] else { throw unknown("'\(name.prefix(60))' at word \(place + 1)") }
        return Int32(index)
      }
    }
    let read = try tags.map { name in
      guard let tag = WordTag(name), scheme.prefixes.contains(tag.prefix) else {
        throw GraftError(
          .mismatch, "a tag is not of the scheme \(scheme.rawValue)",
          expected: "one that begins with \(scheme.prefixes.map(String.init).joined(separator: ", "))",
          found: "'\(name.prefix(60))'",
          advice: head.scheme(of: differentTags, otherThan: scheme).map(Self.advice))
      }
      return tag
    }
    return try classes(of: read.entities(scheme), count: tags.count)
  }

  /// The tags of a row as they are written; none where it has no list of them, or entities by their places.
  static func writtenTags(of row: TextRow) -> [String] {
    guard spans(of: row) == nil, case .success(let tags?) = tags(of: row) else { return [] }
    return tags
  }

  /// The types of a row's entities that are given by their places.
  static func writtenTypes(of row: TextRow) -> [String] {
    (spans(of: row)?.array ?? []).compactMap { ($0.array?.last ?? $0["label"])?.string }
  }

  /// Makes sure that a row's entities, or its tags, are written as they have to be.
  ///
  /// - Throws: `GraftError` naming file and row.
  static func check(_ row: TextRow) throws {
    do {
      if let spans = spans(of: row) {
        _ = try self.spans(spans, in: row.text)
      } else {
        _ = try tags(of: row).get()
      }
    } catch let error as GraftError {
      throw error.inRow(row)
    }
  }

  /// The labels of entities, which are in their order.
  private func classes(of entities: [WordEntity], count: Int) throws -> [Int32] {
    guard let scheme = head.scheme else { throw notTags }
    return try [WordTag](entities, count: count, scheme).map { tag in
      guard let index = head[tag] else {
        throw unknown(tag == .outside ? "'O', for words of no entity" : "'\(tag.prefix)-\(tag.type)'")
      }
      return index
    }
  }

  private var notTags: GraftError {
    GraftError(
      .mismatch, "the head's labels are no tags of entities", expected: "O, B-PER, I-PER, …",
      found: head.labels.prefix(5).joined(separator: ", "), advice: adviceOnLabels)
  }

  /// A label that the head does not have.
  private func unknown(_ found: String, among known: [String]? = nil) -> GraftError {
    GraftError(
      .mismatch, "unknown label",
      expected: "one of \((known ?? head.labels).prefix(40).joined(separator: ", "))",
      found: found, advice: adviceOnLabels)
  }

  /// What to do about labels that the head does not have: to say the scheme that they are in; or to give it those of the data,
  /// in their order, behind its own where they are of a kind. Where the data are in another scheme, only types can be missing:
  /// their tags are turned into those of the head's scheme.
  private var adviceOnLabels: Advice {
    let tags = differentTags
    let isSaid = head.dataScheme.map { $0.prefixes != head.scheme?.prefixes } ?? false
    let scheme = isSaid ? nil : head.scheme.flatMap { head.scheme(of: tags, otherThan: $0) }
    let isOtherScheme = isSaid || scheme != nil
    let found = isOtherScheme ? tags.compactMap { WordTag($0) }.filter { $0 != .outside }.map(\.type) : []
    let types = OrderedSet(found + rows.lazy.flatMap(Self.writtenTypes))
    let labels = OrderedSet(
      (isOtherScheme ? [] : tags) + (types.isEmpty ? [] : ["O"]) + types.flatMap { head.labels(ofType: $0) })
    let missing = labels.filter { head[$0] == nil }
    guard !missing.isEmpty else {
      return scheme.map(Self.advice) ?? "Correct the data, or check \(option: "label-column")."
    }
    func areTags(_ labels: some Sequence<String>) -> Bool { labels.allSatisfy { WordTag($0) != nil } }
    let isNamed = head.labels != Configuration.numberedLabels(head.labels.count)
    let keepsOwn = isNamed && areTags(head.labels) == areTags(labels)
    let swap = LabelColumn.swap(
      to: TokenClassification.name, labels: keepsOwn ? head.labels + missing : Array(labels))
    let isNew = !keepsOwn || swap == .swapHeadForData(to: TokenClassification.name)
    if let name = scheme?.rawValue {
      return
        "The tags of the data seem to be in the scheme \(name), and the head lacks types of theirs. Give it these: \(action: swap); then say the scheme: \(option: "tag-scheme") \(name)."
    }
    return "Give the head the labels of the data\(isNew ? "" : " too"): \(action: swap)."
  }

  /// That tags are in another scheme than is expected.
  private static func advice(onScheme scheme: TagScheme) -> Advice {
    "The tags of the data seem to be in the scheme \(scheme.rawValue): say so by \(option: "tag-scheme") \(scheme.rawValue)."
  }

  /// The tags of the data that are names, in their order.
  private var differentTags: [String] {
    Array(OrderedSet(rows.lazy.flatMap(Self.writtenTags))).filter { Int($0) == nil }
  }

  // MARK: Spans

  /// The entities of a row by their places; `nil` for a row without any, or with tokens, which have tags.
  private static func spans(of row: TextRow) -> JSON? {
    guard (row.fields["tokens"] ?? .null) == .null, let value = row.fields["entities"] ?? row.fields["spans"],
      value != .null, value != .string("")
    else { return nil }
    return value
  }

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
    guard head.scheme != nil else { throw notTags }
    for span in spans where !head.types.contains(span.type) {
      var error = unknown("\(span)", among: head.types)
      if let tag = WordTag(span.type), head.types.contains(tag.type) {
        error.advice = "An entity has a type without the letter of a tag: '\(tag.type)'."
      }
      throw error
    }
    let (words, cut) = Words(in: text).ending(
      at: Set(spans.flatMap { [$0.range.lowerBound, $0.range.upperBound] }))
    var next = 0
    let entities = try spans.map { span in
      while next < words.ranges.count, words.ranges[next].lowerBound < span.range.lowerBound { next += 1 }
      let first = next
      while next < words.ranges.count, words.ranges[next].upperBound <= span.range.upperBound { next += 1 }
      guard first < next else {
        throw GraftError(
          .mismatch, "an entity of white space alone", expected: "an entity with something to read",
          found: "\(span)")
      }
      return WordEntity(type: span.type, words: first..<next)
    }
    return RowLabels(
      words: words, classes: try classes(of: entities, count: words.ranges.count), cutWords: cut)
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
