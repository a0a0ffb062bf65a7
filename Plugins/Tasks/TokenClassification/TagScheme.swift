/// How tags say where entities begin and end: by a letter before the type.
///
/// Entities are read as `seqeval` 1.2.2 reads them in its strict mode, `IO` as `IOB1` without `B`.
/// https://github.com/chakki-works/seqeval/blob/v1.2.2/seqeval/scheme.py
public enum TagScheme: String, CaseIterable, Sendable {
  /// `I` for every word of an entity.
  case io = "IO"
  /// `B` begins an entity only where one of the same type ends right before it.
  case iob1 = "IOB1"
  /// `B` begins every entity.
  case iob2 = "IOB2"
  /// `E` ends an entity only where one of the same type begins right behind it.
  case ioe1 = "IOE1"
  /// `E` ends every entity.
  case ioe2 = "IOE2"
  /// `B` begins, `E` ends, `S` is an entity of one word.
  case iobes = "IOBES"
  /// `B` begins, `L` ends, `U` is an entity of one word.
  case bilou = "BILOU"

  /// - Parameter name: In any case; IOB2 is also called BIO, IOBES BIOES, and BILOU BILUO.
  init?(named name: String) {
    let name = name.uppercased()
    self.init(rawValue: ["BIO": "IOB2", "BIOES": "IOBES", "BILUO": "BILOU"][name] ?? name)
  }

  /// The letters that its tags begin with.
  var prefixes: String {
    switch self {
    case .io: "OI"
    case .iob1, .iob2: "OIB"
    case .ioe1, .ioe2: "OIE"
    case .iobes: "OIBES"
    case .bilou: "OIBLU"
    }
  }

  /// Whether an entity begins with a tag.
  func begins(_ tag: WordTag, after last: WordTag) -> Bool {
    let isSame = tag.type == last.type
    return switch (self, last.prefix, tag.prefix) {
    case (.io, "O", "I"), (.iob1, "O", "I"), (.iob1, "B", "I"): true
    case (.io, "I", "I"), (.iob1, "I", "I"): !isSame
    case (.iob1, "I", "B"), (.iob1, "B", "B"): isSame
    case (.iob2, _, "B"), (.iobes, _, "B"), (.iobes, _, "S"), (.bilou, _, "B"), (.bilou, _, "U"): true
    case (.ioe1, "O", "I"), (.ioe1, "E", "I"): true
    case (.ioe1, "I", "I"): !isSame
    case (.ioe1, "E", "E"): isSame
    case (.ioe2, "O", "I"), (.ioe2, "O", "E"), (.ioe2, "E", "I"), (.ioe2, "E", "E"): true
    case (.ioe2, "I", "I"), (.ioe2, "I", "E"): !isSame
    default: false
    }
  }

  /// Whether a tag goes on with the entity of the tag before it.
  func goesOn(_ tag: WordTag, after last: WordTag) -> Bool {
    guard tag.type == last.type else { return false }
    return switch (self, last.prefix, tag.prefix) {
    case (.io, "I", "I"): true
    case (.iob1, "B", "I"), (.iob1, "I", "I"), (.iob2, "B", "I"), (.iob2, "I", "I"): true
    case (.ioe1, "I", "I"), (.ioe1, "I", "E"), (.ioe2, "I", "I"), (.ioe2, "I", "E"): true
    case (.iobes, "B", "I"), (.iobes, "B", "E"), (.iobes, "I", "I"), (.iobes, "I", "E"): true
    case (.bilou, "B", "I"), (.bilou, "B", "L"), (.bilou, "I", "I"), (.bilou, "I", "L"): true
    default: false
    }
  }

  /// Whether the entity of the last tag is whole when a tag follows it.
  func ends(_ last: WordTag, before tag: WordTag) -> Bool {
    let isSame = tag.type == last.type
    return switch (self, last.prefix, tag.prefix) {
    case (.io, "I", "O"): true
    case (.io, "I", "I"): !isSame
    case (.iob1, "I", "I"), (.iob1, "B", "I"): !isSame
    case (.iob1, "I", "O"), (.iob1, "I", "B"), (.iob1, "B", "O"): true
    case (.iob1, "B", "B"): isSame
    case (.iob2, "I", "O"), (.iob2, "I", "B"), (.iob2, "B", "O"), (.iob2, "B", "B"): true
    case (.iob2, "I", "I"), (.iob2, "B", "I"): !isSame
    case (.ioe1, "I", "O"): true
    case (.ioe1, "I", "I"), (.ioe1, "I", "E"): !isSame
    case (.ioe1, "E", "I"), (.ioe1, "E", "E"): isSame
    case (.ioe2, "E", _), (.iobes, "S", _), (.iobes, "E", _), (.bilou, "U", _), (.bilou, "L", _): true
    default: false
    }
  }

  /// The tag of each word of an entity.
  ///
  /// - Parameters:
  ///   - range: The words of the entity.
  ///   - type: Its type.
  ///   - follows: Whether an entity of the same type ends right before it.
  ///   - isFollowed: Whether an entity of the same type begins right behind it.
  func tags(_ range: Range<Int>, _ type: String, follows: Bool, isFollowed: Bool) -> [WordTag] {
    range.map { word in
      let (isFirst, isLast) = (word == range.lowerBound, word == range.upperBound - 1)
      let prefix: Character =
        switch self {
        case .io: "I"
        case .iob1: isFirst && follows ? "B" : "I"
        case .iob2: isFirst ? "B" : "I"
        case .ioe1: isLast && isFollowed ? "E" : "I"
        case .ioe2: isLast ? "E" : "I"
        case .iobes: isFirst && isLast ? "S" : isFirst ? "B" : isLast ? "E" : "I"
        case .bilou: isFirst && isLast ? "U" : isFirst ? "B" : isLast ? "L" : "I"
        }
      return WordTag(prefix: prefix, type: type)
    }
  }
}

/// A label as its parts: `B-PER` is the letter `B` and the type `PER`.
struct WordTag: Hashable {
  /// `O` for a word of no entity.
  let prefix: Character
  let type: String

  /// Outside of all entities. Its type is that of a tag without one, as `seqeval` has it.
  static let outside = WordTag(prefix: "O", type: "_")

  init(prefix: Character, type: String) {
    self.prefix = prefix
    self.type = type
  }

  /// The tag that a label spells, or `nil` for a label that is none, such as `NOUN`.
  init?(_ label: String) {
    guard label != "O" else {
      self = .outside
      return
    }
    guard let prefix = label.first, "BIESLU".contains(prefix) else { return nil }
    guard label.count > 1 else {
      self.init(prefix: prefix, type: "_")
      return
    }
    guard label.dropFirst().first == "-" else { return nil }
    let type = label.dropFirst(2)
    self.init(prefix: prefix, type: type.isEmpty ? "_" : String(type))
  }
}

/// Words that belong together.
struct WordEntity: Hashable {
  let type: String
  let words: Range<Int>
}

extension Array where Element == WordTag {
  /// The entities of a text.
  ///
  /// - Parameter scheme: `nil` reads whatever tags there are as the CoNLL-2000 evaluation script does, `seqeval`'s
  ///   default: an `I` without a `B` begins an entity.
  func entities(_ scheme: TagScheme?) -> [WordEntity] {
    guard let scheme else { return looseEntities }
    var (found, start) = ([WordEntity](), 0)
    func tag(_ index: Int) -> WordTag { indices.contains(index) ? self[index] : .outside }
    while start < count {
      guard scheme.begins(tag(start), after: tag(start - 1)) else {
        start += 1
        continue
      }
      var end = start + 1
      while end < count, scheme.goesOn(tag(end), after: tag(end - 1)) { end += 1 }
      if scheme.ends(tag(end - 1), before: tag(end)) {
        found.append(WordEntity(type: tag(start).type, words: start..<end))
      }
      start = end
    }
    return found
  }

  /// As `seqeval.metrics.sequence_labeling.get_entities`.
  private var looseEntities: [WordEntity] {
    var (found, last, start) = ([WordEntity](), WordTag.outside, 0)
    for (index, tag) in (self + [.outside]).enumerated() {
      let isOther = last.type != tag.type
      let ends =
        switch (last.prefix, tag.prefix) {
        case ("E", _), ("S", _), ("B", "B"), ("B", "S"), ("B", "O"), ("I", "B"), ("I", "S"), ("I", "O"): true
        default: last.prefix != "O" && isOther
        }
      if ends { found.append(WordEntity(type: last.type, words: start..<index)) }
      let begins =
        switch (last.prefix, tag.prefix) {
        case (_, "B"), (_, "S"), ("E", "E"), ("E", "I"), ("S", "E"), ("S", "I"), ("O", "E"), ("O", "I"): true
        default: tag.prefix != "O" && isOther
        }
      if begins { start = index }
      last = tag
    }
    return found
  }

  /// How many tags go on with an entity that has not begun, such as an `I` without a `B` before it.
  func countOfBroken(_ scheme: TagScheme) -> Int {
    guard scheme.prefixes.contains("B"), scheme != .iob1 else { return 0 }
    return indices.count { index in
      "IEL".contains(self[index].prefix)
        && !scheme.goesOn(self[index], after: index > 0 ? self[index - 1] : .outside)
    }
  }

  /// The tags of entities, which do not overlap and are in their order.
  init(_ entities: [WordEntity], count: Int, _ scheme: TagScheme) {
    self.init(repeating: .outside, count: count)
    for (index, entity) in entities.enumerated() {
      func isSame(_ other: Int, _ touches: (WordEntity) -> Bool) -> Bool {
        entities.indices.contains(other) && entities[other].type == entity.type && touches(entities[other])
      }
      let follows = isSame(index - 1) { $0.words.upperBound == entity.words.lowerBound }
      let isFollowed = isSame(index + 1) { $0.words.lowerBound == entity.words.upperBound }
      replaceSubrange(
        entity.words, with: scheme.tags(entity.words, entity.type, follows: follows, isFollowed: isFollowed))
    }
  }
}
