import GraftCore

/// What stands around and between the sequences: `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]` for BERT.
struct PostProcessor: Sendable, Equatable {
  enum Element: Sendable, Equatable {
    case special(id: Int32, type: Int32)
    case sequence(isPair: Bool, type: Int32)
  }

  var single: [Element]
  var pair: [Element]

  /// Adds nothing.
  static let none = PostProcessor(
    single: [.sequence(isPair: false, type: 0)],
    pair: [.sequence(isPair: false, type: 0), .sequence(isPair: true, type: 1)])

  /// The template of BERT.
  static func bert(classification: Int32, separator: Int32) -> PostProcessor {
    PostProcessor(
      single: [
        .special(id: classification, type: 0), .sequence(isPair: false, type: 0),
        .special(id: separator, type: 0),
      ],
      pair: [
        .special(id: classification, type: 0), .sequence(isPair: false, type: 0),
        .special(id: separator, type: 0),
        .sequence(isPair: true, type: 1), .special(id: separator, type: 1),
      ])
  }

  /// Joins one sequence or two.
  ///
  /// - Parameters:
  ///   - maximumLength: The most ids in the result. The longer sequence is cut first, from its end; a length
  ///     that does not even hold the special tokens keeps the first of these.
  ///   - isSpecial: Whether a token of the text has a role, by id.
  func join(
    _ first: Pieces, _ second: Pieces?, maximumLength: Int?, addSpecialTokens: Bool, isSpecial: [Bool]
  ) -> Encoding {
    let template = second == nil ? single : pair
    let added = addSpecialTokens ? template.reduce(0) { if case .special = $1 { $0 + 1 } else { $0 } } : 0
    var lengths = (first.ids.count, second?.ids.count ?? 0)
    if let maximumLength {
      lengths = PostProcessor.longestFirst(lengths, maximum: max(0, maximumLength - added))
    }
    let total = lengths.0 + lengths.1 + added
    var result = Encoding(ids: [], tokenTypes: [], offsets: [], isSpecial: [])
    result.ids.reserveCapacity(total)
    result.tokenTypes.reserveCapacity(total)
    result.offsets.reserveCapacity(total)
    result.isSpecial.reserveCapacity(total)
    for element in template {
      switch element {
      case .special(let id, let type):
        if addSpecialTokens { result.append(id: id, type: type) }
      case .sequence(let isPair, let type):
        guard let pieces = isPair ? second : first else { continue }
        let count = isPair ? lengths.1 : lengths.0
        result.ids += pieces.ids[..<count]
        result.offsets += pieces.offsets[..<count]
        result.tokenTypes += repeatElement(type, count: count)
        for id in pieces.ids[..<count] { result.isSpecial.append(isSpecial[Int(id)]) }
      }
    }
    if let maximumLength { result.truncate(to: max(0, maximumLength)) }
    return result
  }

  /// How much of two sequences stays: the shorter is cut only when each would be longer than half.
  static func longestFirst(_ lengths: (Int, Int), maximum: Int) -> (Int, Int) {
    guard lengths.0 + lengths.1 > maximum else { return lengths }
    let shorter = min(lengths.0, lengths.1)
    // An odd place goes to the longer one, and to the second of two that are equally long.
    let (few, many) =
      2 * shorter > maximum ? (maximum / 2, maximum - maximum / 2) : (shorter, maximum - shorter)
    return lengths.0 > lengths.1 ? (many, few) : (few, many)
  }
}

extension Encoding {
  fileprivate mutating func append(id: Int32, type: Int32) {
    ids.append(id)
    tokenTypes.append(type)
    offsets.append(0..<0)
    isSpecial.append(true)
  }

  fileprivate mutating func truncate(to count: Int) {
    guard ids.count > count else { return }
    ids.removeLast(ids.count - count)
    tokenTypes.removeLast(tokenTypes.count - count)
    offsets.removeLast(offsets.count - count)
    isSpecial.removeLast(isSpecial.count - count)
  }
}
