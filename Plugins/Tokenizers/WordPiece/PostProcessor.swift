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
  ///   - truncation: What is cut. A length that does not even hold the special tokens keeps the first of these.
  ///   - isSpecial: Whether a token of the text has a role, by id.
  func join(
    _ first: Pieces, _ second: Pieces?, truncation: Truncation?, addSpecialTokens: Bool, isSpecial: [Bool]
  ) -> Encoding {
    let template = second == nil ? single : pair
    let added = addSpecialTokens ? template.reduce(0) { if case .special = $1 { $0 + 1 } else { $0 } } : 0
    var lengths = (first.ids.count, second?.ids.count ?? 0)
    if let truncation { lengths = truncation.lengths(lengths, hasPair: second != nil, added: added) }
    let total = lengths.0 + lengths.1 + added
    var result = Encoding(
      ids: [], tokenTypes: [], offsets: [], isSpecial: [],
      sequences: Array(repeating: 0..<0, count: second == nil ? 1 : 2))
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
        let kept = truncation?.direction == .left ? pieces.ids.count - count..<pieces.ids.count : 0..<count
        result.sequences[isPair ? 1 : 0] = result.ids.count..<result.ids.count + count
        result.ids += pieces.ids[kept]
        result.offsets += pieces.offsets[kept]
        result.tokenTypes += repeatElement(type, count: count)
        for id in pieces.ids[kept] { result.isSpecial.append(isSpecial[Int(id)]) }
      }
    }
    if let truncation { result.truncate(to: max(0, truncation.maximumLength)) }
    return result
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
    sequences = sequences.map { $0.clamped(to: 0..<count) }
  }
}
