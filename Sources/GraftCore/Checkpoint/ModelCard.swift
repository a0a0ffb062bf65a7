/// A checkpoint's `README.md`: metadata as YAML between two lines of `---`, and text for people.
///
/// What is not changed keeps its spelling: metadata are lines under their top-level keys, and nothing else of
/// YAML is read. https://huggingface.co/docs/hub/model-cards
public struct ModelCard: Sendable, Equatable {
  public static let fileName = "README.md"
  /// Larger ones are no cards.
  static let largest = 1 << 20

  /// Lines by key, those before the first key under an empty one.
  private var metadata: [(key: String, lines: [Substring])] = []
  /// The text below the metadata.
  public var body = ""

  /// A card without anything.
  public init() {}

  /// A card from its text.
  public init(parsing text: String) {
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    func isFence(_ line: Substring) -> Bool { line.trimmingSuffix(while: \.isWhitespace) == "---" }
    guard let first = lines.first, isFence(first), let end = lines.dropFirst().firstIndex(where: isFence)
    else {
      body = text
      return
    }
    body = lines[(end + 1)...].joined(separator: "\n")
    for line in lines[1..<end] {
      let key = ModelCard.key(of: line)
      if key != nil || metadata.isEmpty { metadata.append((key ?? "", [])) }
      metadata[metadata.count - 1].lines.append(line)
    }
  }

  /// The key that begins at the start of a line; values, items and comments have none.
  private static func key(of line: Substring) -> String? {
    guard let first = line.first, !first.isWhitespace, !"-#".contains(first),
      let colon = line.firstIndex(of: ":")
    else { return nil }
    return line[..<colon].trimmingCharacters(["\"", "'", " "])
  }

  /// The lines of a top-level key, the key included; `nil` for none.
  public subscript(key: String) -> String? {
    get { metadata.first { $0.key == key }?.lines.joined(separator: "\n") }
    set {
      let entry = newValue.map {
        (key: key, lines: $0.split(separator: "\n", omittingEmptySubsequences: true))
      }
      let place = metadata.firstIndex { $0.key == key } ?? metadata.endIndex
      metadata.removeAll { $0.key == key }
      if let entry { metadata.insert(entry, at: min(place, metadata.endIndex)) }
    }
  }

  /// Takes out what is about tasks that the model no longer does: their tags, examples to try and results; and the tags of
  /// sentence-transformers, where it is no model of that library.
  ///
  /// - Parameters:
  ///   - tag: The task as the Hub calls it.
  ///   - others: Tasks of other heads, as the Hub calls them.
  ///   - library: What the model is used with.
  package mutating func removeOtherTasks(than tag: String?, _ others: [String], library: String?) {
    let encoding = ModelCard.tasksOfEncoders
    let former = self["pipeline_tag"].map { ModelCard.value($0) }
    // The Hub has several names for what an encoder without a head does.
    let isEncoder = tag.map(encoding.contains) == true
    if let former, former != tag, !(isEncoder && encoding.contains(former)) {
      for key in ["widget", "model-index", "metrics", "mask_token", "train-eval-index"] { self[key] = nil }
    }
    let tasks = Set([former].compactMap { $0 } + others)
    let unwanted =
      isEncoder
      ? tasks.subtracting(encoding) : tasks.union(encoding).subtracting([tag ?? ""])
    // Elsewhere words such as "sparse" mean something else.
    let isOfOtherLibrary =
      library != ModelCard.sentenceLibrary && self["tags"]?.contains(ModelCard.sentenceLibrary) == true
    removeTags { item in
      unwanted.contains(item)
        || isOfOtherLibrary
          && (ModelCard.tagsOfSentenceLibrary.contains(item)
            || ModelCard.prefixesOfSentenceLibrary.contains(where: item.hasPrefix))
    }
  }

  package static let sentenceLibrary = "sentence-transformers"
  /// What that library and its users tag models with, beside their tasks.
  private static let tagsOfSentenceLibrary: Set<String> = [
    sentenceLibrary, "cross-encoder", "reranker", "sparse-encoder", "sparse", "splade", "asymmetric", "dense",
    "mteb",
  ]
  private static let prefixesOfSentenceLibrary = ["loss:", "dataset_size:"]

  /// Whether the card names a task, or another name that the Hub has for what an encoder without a head does.
  package func names(task tag: String) -> Bool {
    guard let former = self["pipeline_tag"].map({ ModelCard.value($0) }) else { return false }
    return former == tag || [former, tag].allSatisfy(ModelCard.tasksOfEncoders.contains)
  }

  /// What encoders are for, beside the tasks of plugins.
  private static let tasksOfEncoders = [
    "feature-extraction", "sentence-similarity", "zero-shot-classification",
  ]

  /// Takes items out of the list of tags, whichever way it is written.
  private mutating func removeTags(where isUnwanted: (String) -> Bool) {
    guard let tags = self["tags"] else { return }
    let lines = tags.split(separator: "\n")
    let value = ModelCard.value(lines[0])
    if value.hasPrefix("["), value.hasSuffix("]") {
      let all = value.dropFirst().dropLast().split(separator: ",").map {
        $0.trimmingCharacters(ModelCard.around)
      }
      let kept = all.filter { !isUnwanted($0) }
      if kept.count < all.count {
        self["tags"] = kept.isEmpty ? nil : "tags: [\(kept.joined(separator: ", "))]"
      }
    } else if !value.isEmpty {
      if isUnwanted(value) { self["tags"] = nil }
    } else {
      let kept = lines.dropFirst().filter { line in
        let item = line.trimmingCharacters([" "])
        return !item.hasPrefix("-") || !isUnwanted(item.dropFirst().trimmingCharacters(ModelCard.around))
      }
      if kept.count < lines.count - 1 {
        self["tags"] = kept.isEmpty ? nil : (lines[..<1] + kept).joined(separator: "\n")
      }
    }
  }

  /// What stands around a scalar.
  private static let around: Set<Character> = [" ", "\"", "'"]

  /// What stands behind a key on its line.
  private static func value(_ line: some StringProtocol) -> String {
    guard let colon = line.firstIndex(of: ":") else { return "" }
    return Substring(line[line.index(after: colon)...]).trimmingCharacters(around)
  }

  /// The whole card.
  public var text: String {
    let lines = metadata.flatMap(\.lines)
    return (lines.isEmpty ? "" : "---\n\(lines.joined(separator: "\n"))\n---\n") + body
  }

  public static func == (left: ModelCard, right: ModelCard) -> Bool { left.text == right.text }

  // MARK: The generated part

  private static let marks = ("<!-- graft: begin -->", "<!-- graft: end -->")

  /// The part of the body between two marks, with them.
  private func part(_ marks: (begin: String, end: String)) -> Range<String.Index>? {
    guard let start = body.firstRange(of: marks.begin),
      let stop = body[start.upperBound...].firstRange(of: marks.end)
    else { return nil }
    return start.lowerBound..<stop.upperBound
  }

  private static func marks(of section: String) -> (begin: String, end: String) {
    ("<!-- graft: begin \(section) -->", "<!-- graft: end \(section) -->")
  }

  /// Puts a section between marks of its own: in the place of the one that stands there, or else behind the generated text,
  /// or before all other text.
  ///
  /// - Parameters:
  ///   - name: What the marks call it.
  ///   - text: `nil` takes it out.
  package mutating func setSection(_ name: String, _ text: String?) {
    let marks = ModelCard.marks(of: name)
    let own = part(marks)
    guard let text else {
      if let own {
        let rest = body[own.upperBound...].drop { $0 == "\n" }
        body = String(body[..<own.lowerBound].trimmingSuffix { $0 == "\n" }) + "\n\n" + rest
      }
      return
    }
    let section = "\(marks.begin)\n\(text)\n\(marks.end)"
    if let own {
      body.replaceSubrange(own, with: section)
    } else if let generated = part(ModelCard.marks) {
      body.insert(contentsOf: "\n\n\(section)", at: generated.upperBound)
    } else {
      body = "\n\(section)\n\n" + body.drop(while: \.isWhitespace)
    }
  }

  /// Puts a text between two marks: in the place of the one that stands between them, or else before all other
  /// text, which stays.
  ///
  /// - Parameters:
  ///   - text: The card's text.
  ///   - rest: What introduces other text, where there is some.
  public mutating func setGenerated(_ text: String, rest: String) {
    let (begin, end) = ModelCard.marks
    let generated = "\(begin)\n\(text)\n\(end)"
    if let own = part(ModelCard.marks) {
      body.replaceSubrange(own, with: generated)
    } else {
      let other = body.drop(while: \.isWhitespace)
      body = "\n\(generated)\n" + (other.isEmpty ? "" : "\n\(rest)\n\n\(other)")
    }
  }
}

extension Substring {
  fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
    var rest = self
    while let last = rest.last, predicate(last) { rest.removeLast() }
    return rest
  }

  fileprivate func trimmingCharacters(_ characters: Set<Character>) -> String {
    String(drop(while: characters.contains).trimmingSuffix(while: characters.contains))
  }
}

extension Checkpoint {
  /// What the checkpoint is used with where a dialect writes it; `nil` where that is not known.
  package func library(in dialect: Dialect) -> String? {
    let library = dialect.files.library
    // What it adds stands beside the files of transformers.
    let isForSentences = activeHead?.readsSentenceVectors ?? (sentences != nil && library == "transformers")
    return isForSentences || scoresPairs ? ModelCard.sentenceLibrary : library
  }
}
