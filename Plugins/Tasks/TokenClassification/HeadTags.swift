import GraftCore
import GraftTensors

/// A head's labels as tags.
struct HeadTags: Sendable {
  /// The names of the outputs, in their order.
  let labels: [String]
  /// The tag of each label; `nil` for labels that are no tags, such as parts of speech.
  let tags: [WordTag]?
  /// What the tags' letters speak for, or what the configuration says; `nil` without tags.
  let scheme: TagScheme?
  /// The scheme that the data's tags are in, when the configuration says so.
  let dataScheme: TagScheme?
  /// The label of a word of no entity.
  let outside: Int32?
  /// By label: that of a word's further tokens, where they have one. `B-PER` goes on as `I-PER`.
  let continuing: [Int32]
  private let indices: [String: Int32]
  private let spelled: [WordTag: Int32]

  /// The configuration's key for the data's scheme.
  static let schemeKey = "tag_scheme"

  /// - Throws: `GraftError` when `tag_scheme` is no scheme, or the labels are no tags.
  init(_ configuration: Configuration) throws {
    let labels = try configuration.labels()
    let numbered = Dictionary(
      labels.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
    let tags = Self.tags(labels)
    let own = tags.map { Self.scheme(Set($0.map(\.prefix))) }
    self.labels = labels
    self.tags = tags
    indices = numbered
    outside = numbered["O"]
    spelled = Dictionary(
      (tags ?? []).enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
    continuing = labels.indices.map { index in
      guard let tag = tags?[index], "BSU".contains(tag.prefix) else { return Int32(index) }
      return numbered["I-\(tag.type)"] ?? Int32(index)
    }
    guard let value = configuration[Self.schemeKey] else {
      (dataScheme, scheme) = (nil, own)
      return
    }
    guard let data = value.string.flatMap(TagScheme.init(named:)) else {
      throw GraftError(
        .malformed, "wrong value", file: "config.json", subject: "key '\(Self.schemeKey)'",
        expected: "one of \(TagScheme.allCases.map(\.rawValue).joined(separator: ", "))",
        found: value.string.map { "'\($0)'" } ?? value.kind)
    }
    guard let own else {
      throw GraftError(
        .mismatch, "the head's labels are no tags of entities, and have no scheme",
        expected: "O, B-PER, I-PER, …",
        found: labels.prefix(5).joined(separator: ", "))
    }
    // IOB1 and IOB2 have the same letters: then the head learns what the data have.
    (dataScheme, scheme) = (data, data.prefixes == own.prefixes ? data : own)
  }

  /// The scheme to read entities by: strictly where the configuration says one.
  var strictScheme: TagScheme? { dataScheme == nil ? nil : scheme }

  /// The types of entities, in the order of the labels.
  var types: [String] {
    var seen: Set<String> = []
    return (tags ?? []).filter { $0 != .outside && seen.insert($0.type).inserted }.map(\.type)
  }

  /// The labels of entities of a type, in the head's scheme: IOB2 where it has none.
  func labels(ofType type: String) -> [String] {
    if tags != nil, labels.contains(where: { WordTag($0) == nil }) { return [type] }
    return (scheme ?? .iob2).prefixes.filter { $0 != "O" }.sorted().map { "\($0)-\(type)" }
  }

  /// The scheme of the data's tags, where these begin with letters that another scheme has not; `nil` otherwise.
  func scheme(of labels: [String], otherThan known: TagScheme) -> TagScheme? {
    let found = labels.compactMap { WordTag($0) }
    guard found.count == labels.count, !found.isEmpty else { return nil }
    let letters = Set(found.map(\.prefix))
    return letters.isSubset(of: known.prefixes) ? nil : Self.scheme(letters)
  }

  /// What is said of data that have tags, none of which begins an entity in the scheme that the configuration says.
  func remark(on labels: [(any ExampleLabel)?], of rows: [TextRow]) -> String? {
    guard let scheme = strictScheme, let dataScheme else { return nil }
    let hasEntity = labels.contains { label in
      let found = ((label as? RowLabels)?.classes ?? []).compactMap { tags?[Int($0)] }
      return zip(found, [WordTag.outside] + found).contains { scheme.begins($0, after: $1) }
    }
    guard !hasEntity else { return nil }
    // Tags of another scheme than the head's become labels by their entities. Without any, all labels are O, and the tags
    // themselves tell.
    let tagged = zip(labels, rows).count { label, row in
      ((label as? RowLabels)?.classes ?? []).contains { $0 != outside }
        || TagReader.writtenTags(of: row).contains { WordTag($0).map { $0 != .outside } ?? false }
    }
    guard tagged > 0 else { return nil }
    return
      "no tag begins an entity as the scheme \(dataScheme.rawValue) has it, and \(tagged) of \(rows.count) rows "
      + "\(tagged == 1 ? "has" : "have") tags other than O: these may be in another scheme"
  }

  /// The number of a label.
  subscript(label: String) -> Int32? { indices[label] }

  /// The number of the label that spells a tag.
  subscript(tag: WordTag) -> Int32? { spelled[tag] }

  /// The tags of labels. Names without letters, beside an `O`, are types, each word of which has the same.
  private static func tags(_ labels: [String]) -> [WordTag]? {
    let tags = labels.map { WordTag($0) }
    if !tags.contains(nil), tags.contains(where: { $0 != .outside }) { return tags.compactMap { $0 } }
    guard labels.contains("O"), labels.count > 1 else { return nil }
    return labels.map { $0 == "O" ? .outside : WordTag(prefix: "I", type: $0) }
  }

  /// The scheme that letters speak for.
  private static func scheme(_ letters: Set<Character>) -> TagScheme {
    if letters.contains("U") || letters.contains("L") { return .bilou }
    if letters.contains("S") || letters.isSuperset(of: "BE") { return .iobes }
    return letters.contains("B") ? .iob2 : letters.contains("E") ? .ioe2 : .io
  }
}
