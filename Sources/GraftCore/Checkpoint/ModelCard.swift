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

  /// The whole card.
  public var text: String {
    let lines = metadata.flatMap(\.lines)
    return (lines.isEmpty ? "" : "---\n\(lines.joined(separator: "\n"))\n---\n") + body
  }

  public static func == (left: ModelCard, right: ModelCard) -> Bool { left.text == right.text }

  // MARK: The generated part

  private static let marks = ("<!-- graft: begin -->", "<!-- graft: end -->")

  /// Puts a text between two marks: in the place of the one that stands between them, or else before all other
  /// text, which stays.
  ///
  /// - Parameters:
  ///   - text: The card's text.
  ///   - rest: What introduces other text, where there is some.
  public mutating func setGenerated(_ text: String, rest: String) {
    let (begin, end) = ModelCard.marks
    let generated = "\(begin)\n\(text)\n\(end)"
    if let start = body.firstRange(of: begin), let stop = body[start.upperBound...].firstRange(of: end) {
      body.replaceSubrange(start.lowerBound..<stop.upperBound, with: generated)
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
