import TokenizerKit

/// Splits text into words as `BertPreTokenizer` does after `BertNormalizer`, and words into pieces.
///
/// Words of ASCII letters and digits go straight from the text's bytes to the model. What lies between ASCII
/// white space and punctuation and has anything else in it takes the long way over ``NormalizedText``.
struct WordSplitter: Sendable {
  /// What a byte is to the splitter.
  private enum Kind: UInt8 {
    case letter, space, punctuation
    /// It has to be normalized: a control character, or a part of a scalar beyond ASCII.
    case other

    var isWithinWord: Bool { self == .letter || self == .other }
  }

  private struct Rule {
    var kind: Kind
    var lowered: UInt8
  }

  let options: BertNormalizer
  let model: WordPieceModel
  /// By byte.
  private let rules: [Rule]

  init(options: BertNormalizer, model: WordPieceModel) {
    self.options = options
    self.model = model
    rules = (0...UInt8.max).map { byte in
      guard byte < 0x80 else { return Rule(kind: .other, lowered: byte) }
      let flags = UnicodeProperties.shared.flags(of: UInt32(byte))
      let isRemoved = options.cleanText && flags.contains(.removed)
      let isUpper = UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
      return Rule(
        kind: isRemoved
          ? .other
          : flags.contains(.whitespace) ? .space : flags.contains(.punctuation) ? .punctuation : .letter,
        lowered: options.lowercase && isUpper ? byte + 0x20 : byte)
    }
  }

  /// Memory that one call of ``split(_:firstScalar:into:_:)`` after the other uses again.
  struct Workspace {
    var normalized = NormalizedText()
    fileprivate var word: [UInt8] = []
    fileprivate var origins: [Int] = []
  }

  /// Appends the pieces of a text.
  ///
  /// - Parameters:
  ///   - text: UTF-8 that begins and ends between scalars.
  ///   - firstScalar: What the first scalar of `text` is counted as.
  func split(
    _ text: Slice<UnsafeBufferPointer<UInt8>>, firstScalar: Int, into pieces: inout Pieces,
    _ workspace: inout Workspace
  ) {
    let capacity = min(model.maximumWordLength, text.count) + PieceTable.padding
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { word in
      word.initialize(repeating: 0)
      rules.withUnsafeBufferPointer { rules in
        split(text, firstScalar: firstScalar, into: &pieces, &workspace, word: word, rules: rules)
      }
    }
  }

  private func split(
    _ text: Slice<UnsafeBufferPointer<UInt8>>, firstScalar: Int, into pieces: inout Pieces,
    _ workspace: inout Workspace, word: UnsafeMutableBufferPointer<UInt8>, rules: UnsafeBufferPointer<Rule>
  ) {
    let bytes = text.base
    let end = text.endIndex
    // The scalar at byte i of an ASCII stretch is number i + shift.
    var shift = firstScalar - text.startIndex
    var index = text.startIndex
    while index < end, !pieces.isFull {
      let start = index
      while index < end, rules[Int(bytes[index])].kind == .letter { index += 1 }
      if index < end {
        let kind = rules[Int(bytes[index])].kind
        if kind == .other {
          while index < end, rules[Int(bytes[index])].kind.isWithinWord { index += 1 }
          let next = splitLong(bytes[start..<index], firstScalar: start + shift, into: &pieces, &workspace)
          shift = next - index
          continue
        }
        if index == start {
          index += 1
          if kind == .space { continue }
        }
      }
      let count = index - start
      if count > model.maximumWordLength {
        pieces.append(model.unknownID, start + shift..<index + shift)
        continue
      }
      for offset in 0..<count { word[offset] = rules[Int(bytes[start + offset])].lowered }
      let first = pieces.ids.count
      model.splitWord(UnsafeBufferPointer(rebasing: word[..<count]), into: &pieces)
      pieces.relocate(from: first) { $0.lowerBound + start + shift..<$0.upperBound + start + shift }
    }
  }

  /// Takes the long way with text between ASCII white space and punctuation.
  ///
  /// - Returns: What the scalar after the last is counted as.
  private func splitLong(
    _ text: Slice<UnsafeBufferPointer<UInt8>>, firstScalar: Int, into pieces: inout Pieces,
    _ workspace: inout Workspace
  ) -> Int {
    workspace.normalized.normalize(text, firstOrigin: firstScalar, with: options)
    split(0..<workspace.normalized.scalars.count, of: &workspace, into: &pieces)
    return firstScalar + countScalars(text)
  }

  /// Appends the pieces of a part of the workspace's normalized text.
  func split(_ range: Range<Int>, of workspace: inout Workspace, into pieces: inout Pieces) {
    let properties = UnicodeProperties.shared
    var index = range.lowerBound
    while index < range.upperBound, !pieces.isFull {
      let start = index
      index += 1
      let flags = properties.flags(of: workspace.normalized.scalars[start])
      if flags.contains(.whitespace) { continue }
      if !flags.contains(.punctuation) {
        while index < range.upperBound {
          let flags = properties.flags(of: workspace.normalized.scalars[index])
          if !flags.isDisjoint(with: [.whitespace, .punctuation]) { break }
          index += 1
        }
      }
      appendWord(start..<index, &workspace, &pieces)
    }
  }

  private func appendWord(_ range: Range<Int>, _ workspace: inout Workspace, _ pieces: inout Pieces) {
    guard range.count <= model.maximumWordLength else {
      let origins = workspace.normalized.origins
      return pieces.append(model.unknownID, origins[range.lowerBound]..<origins[range.upperBound - 1] + 1)
    }
    workspace.word.removeAll(keepingCapacity: true)
    workspace.origins.removeAll(keepingCapacity: true)
    for index in range {
      appendScalar(workspace.normalized.scalars[index], to: &workspace.word)
      let origin = workspace.normalized.origins[index]
      while workspace.origins.count < workspace.word.count { workspace.origins.append(origin) }
    }
    let count = workspace.word.count
    for _ in 0..<PieceTable.padding { workspace.word.append(0) }
    let first = pieces.ids.count
    workspace.word.withUnsafeBufferPointer {
      model.splitWord(UnsafeBufferPointer(rebasing: $0[..<count]), into: &pieces)
    }
    let origins = workspace.origins
    pieces.relocate(from: first) { origins[$0.lowerBound]..<origins[$0.upperBound - 1] + 1 }
  }
}
