import GraftCore
import GraftTensors

/// What stands around and between the sequences: `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]` for BERT.
public struct PostProcessor: Sendable, Equatable {
  public enum Element: Sendable, Equatable {
    case special(id: Int32, type: Int32)
    case sequence(isPair: Bool, type: Int32)
  }

  /// How byte-level tokenizers take the space that begins a word out of its token's offsets.
  public struct Trimming: Sendable, Equatable {
    /// Whether the first token may begin with a space that is not in the text.
    public var addsPrefixSpace: Bool

    public init(addsPrefixSpace: Bool) { self.addsPrefixSpace = addsPrefixSpace }

    /// - Parameters:
    ///   - index: The token's place in its sequence, cut as it is.
    ///   - margin: The spaces that the token begins and ends with.
    func trim(_ offset: inout Range<Int>, index: Int, _ margin: Pieces.Margin) {
      var (start, end) = (offset.lowerBound, offset.upperBound)
      let isAdded = addsPrefixSpace && margin.leading == 1 && (index == 0 || start == 0)
      if !isAdded { start = min(start + Int(margin.leading), end) }
      if end >= margin.trailing { end = max(end - Int(margin.trailing), start) }
      offset = start..<end
    }
  }

  public var single: [Element]
  public var pair: [Element]
  /// What is done to offsets, in this order.
  public var trimmings: [Trimming]

  public init(single: [Element], pair: [Element], trimmings: [Trimming] = []) {
    self.single = single
    self.pair = pair
    self.trimmings = trimmings
  }

  /// Adds nothing.
  public static let none = PostProcessor(
    single: [.sequence(isPair: false, type: 0)],
    pair: [.sequence(isPair: false, type: 0), .sequence(isPair: true, type: 1)])

  /// `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`.
  public static func bert(classification: Int32, separator: Int32) -> PostProcessor {
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

  /// `<s> A </s>` and `<s> A </s> </s> B </s>`, all of type 0.
  public static func roberta(
    classification: Int32, separator: Int32, trimmings: [Trimming]
  ) -> PostProcessor {
    let single: [Element] = [
      .special(id: classification, type: 0), .sequence(isPair: false, type: 0),
      .special(id: separator, type: 0),
    ]
    return PostProcessor(
      single: single,
      pair: single + [
        .special(id: separator, type: 0), .sequence(isPair: true, type: 0), .special(id: separator, type: 0),
      ],
      trimmings: trimmings)
  }

  /// The same with the type 0 for all tokens.
  var withoutTypes: PostProcessor {
    func zeroed(_ elements: [Element]) -> [Element] {
      elements.map { element in
        switch element {
        case .special(let id, _): .special(id: id, type: 0)
        case .sequence(let isPair, _): .sequence(isPair: isPair, type: 0)
        }
      }
    }
    return PostProcessor(single: zeroed(single), pair: zeroed(pair), trimmings: trimmings)
  }

  /// How many special tokens are added.
  func addedCount(hasPair: Bool) -> Int {
    (hasPair ? pair : single).count { if case .special = $0 { true } else { false } }
  }

  /// Joins one sequence or two.
  ///
  /// - Parameters:
  ///   - kept: Which pieces of the sequences stay.
  ///   - isSpecial: Whether a token of the text has a role, by id.
  ///   - margins: By id, the spaces that tokens begin and end with; asked only where offsets are trimmed.
  func join(
    _ first: Pieces, _ second: Pieces?, kept: (first: Range<Int>, second: Range<Int>),
    addSpecialTokens: Bool, isSpecial: [Bool], margins: [Pieces.Margin]
  ) -> Encoding {
    let hasPair = second != nil
    let total = kept.first.count + kept.second.count + (addSpecialTokens ? addedCount(hasPair: hasPair) : 0)
    var result = Encoding(
      ids: [], tokenTypes: [], offsets: [], isSpecial: [],
      sequences: Array(repeating: 0..<0, count: hasPair ? 2 : 1))
    result.ids.reserveCapacity(total)
    result.tokenTypes.reserveCapacity(total)
    result.offsets.reserveCapacity(total)
    result.isSpecial.reserveCapacity(total)
    for element in hasPair ? pair : single {
      switch element {
      case .special(let id, let type):
        if addSpecialTokens { result.append(id: id, type: type) }
      case .sequence(let isPair, let type):
        guard let pieces = isPair ? second : first else { continue }
        let kept = isPair ? kept.second : kept.first
        let start = result.ids.count
        result.sequences[isPair ? 1 : 0] = start..<start + kept.count
        result.ids += pieces.ids[kept]
        result.offsets += pieces.offsets[kept]
        result.tokenTypes += repeatElement(type, count: kept.count)
        result.isSpecial += pieces.ids[kept].lazy.map { isSpecial[Int($0)] }
        for trimming in trimmings {
          result.offsets.withUnsafeMutableBufferPointer { offsets in
            for (index, place) in kept.enumerated() {
              let taken = pieces.margins.isEmpty ? nil : pieces.margins[place]
              let margin = taken ?? margins[Int(pieces.ids[place])]
              if margin != Pieces.Margin() { trimming.trim(&offsets[start + index], index: index, margin) }
            }
          }
        }
      }
    }
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

  /// Cuts the end off, special tokens included.
  mutating func truncate(to count: Int) {
    guard ids.count > count else { return }
    ids.removeLast(ids.count - count)
    tokenTypes.removeLast(tokenTypes.count - count)
    offsets.removeLast(offsets.count - count)
    isSpecial.removeLast(isSpecial.count - count)
    sequences = sequences.map { $0.clamped(to: 0..<count) }
  }
}
