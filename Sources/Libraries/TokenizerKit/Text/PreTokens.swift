/// Normalized text, and the pieces into which pre-tokenizers have split it.
public struct PreTokens: Sendable {
  public struct Piece: Sendable {
    /// In bytes of ``PreTokens/text``; not empty.
    public var range: Range<Int>
    /// Where the piece begins in the original text.
    public var origin: Int
  }

  public private(set) var text: AlignedText
  public private(set) var pieces: [Piece]

  /// One piece: a part of a text.
  public init(_ text: AlignedText, _ range: Range<Int>) {
    self.text = text
    pieces = range.isEmpty ? [] : [Piece(range: range, origin: Int(text.starts[range.lowerBound]))]
  }

  /// What becomes of a match and of what stands beside it.
  public enum Behavior: String, Sendable, CaseIterable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"
  }

  /// Splits each piece at the matches of a pattern.
  public mutating func split(_ behavior: Behavior, isInverted: Bool = false, at pattern: some TextPattern) {
    var result: [Piece] = []
    result.reserveCapacity(pieces.count * 2)
    let starts = text.starts
    text.bytes.withUnsafeBufferPointer { bytes in
      var parts: [(range: Range<Int>, isMatch: Bool)] = []
      for piece in pieces {
        parts.removeAll(keepingCapacity: true)
        var position = piece.range.lowerBound
        func append(_ range: Range<Int>, _ isMatch: Bool) {
          if !range.isEmpty { parts.append((range, isMatch != isInverted)) }
        }
        pattern.forEachMatch(in: UnsafeBufferPointer(rebasing: bytes[piece.range])) { match in
          let start = piece.range.lowerBound + match.lowerBound
          append(position..<start, false)
          position = piece.range.lowerBound + match.upperBound
          append(start..<position, true)
        }
        append(position..<piece.range.upperBound, false)
        behavior.merge(&parts)
        for part in parts where behavior != .removed || !part.isMatch {
          result.append(Piece(range: part.range, origin: Int(starts[part.range.lowerBound])))
        }
      }
    }
    pieces = result
  }

  /// Puts other text in the place of each piece.
  ///
  /// - Parameter body: Appends the text for a piece to its last argument.
  public mutating func rewrite(_ body: (AlignedText, Piece, inout AlignedText) -> Void) {
    var result = AlignedText(expecting: text.bytes.count * 2, origin: text.origin)
    for index in pieces.indices {
      let start = result.bytes.count
      body(text, pieces[index], &result)
      pieces[index].range = start..<result.bytes.count
    }
    text = result
    pieces.removeAll { $0.range.isEmpty }
  }
}

extension PreTokens.Behavior {
  /// Joins the parts of a piece that stay together.
  fileprivate func merge(_ parts: inout [(range: Range<Int>, isMatch: Bool)]) {
    switch self {
    case .removed, .isolated: break
    case .contiguous:
      parts = parts.reduce(into: []) { merged, part in
        if let last = merged.last, last.isMatch == part.isMatch {
          merged[merged.count - 1].range = last.range.lowerBound..<part.range.upperBound
        } else {
          merged.append(part)
        }
      }
    case .mergedWithPrevious:
      var previous = false
      parts = parts.reduce(into: []) { merged, part in
        if part.isMatch, !previous, let last = merged.last {
          merged[merged.count - 1].range = last.range.lowerBound..<part.range.upperBound
        } else {
          merged.append(part)
        }
        previous = part.isMatch
      }
    case .mergedWithNext:
      var next = false
      var merged: [(range: Range<Int>, isMatch: Bool)] = []
      for part in parts.reversed() {
        if part.isMatch, !next, let last = merged.last {
          merged[merged.count - 1].range = part.range.lowerBound..<last.range.upperBound
        } else {
          merged.append(part)
        }
        next = part.isMatch
      }
      parts = merged.reversed()
    }
  }
}

/// What text is split at or replaced.
public protocol TextPattern: Sendable {
  /// Gives the matches to `body`, from left to right: not empty, apart from each other. The time it takes is linear in
  /// the text.
  func forEachMatch(in text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void)
}

extension TextPattern {
  /// All matches in a text.
  func matches(in text: [UInt8]) -> [Range<Int>] {
    var matches: [Range<Int>] = []
    text.withUnsafeBufferPointer { forEachMatch(in: $0) { matches.append($0) } }
    return matches
  }
}

/// Single scalars with a property.
public struct ScalarPattern: TextPattern {
  private let isMatch: @Sendable (UInt32) -> Bool

  public init(_ isMatch: @escaping @Sendable (UInt32) -> Bool) { self.isMatch = isMatch }

  /// Those with any of some flags.
  public init(_ flags: ScalarFlags) {
    self.init { !UnicodeProperties.shared.flags(of: $0).isDisjoint(with: flags) }
  }

  public func forEachMatch(in text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void) {
    var index = 0
    while index < text.count {
      let start = index
      if isMatch(decodeScalar(text, &index, end: text.count)) { body(start..<index) }
    }
  }
}
