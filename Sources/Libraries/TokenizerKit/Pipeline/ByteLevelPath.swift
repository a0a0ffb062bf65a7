/// A fast path for byte-level BPE: words go from the bytes of the text to the merges.
public struct ByteLevelPath: Sendable {
  private let model: ByteMergeModel
  private let addsPrefixSpace: Bool
  private let splitsWords: Bool
  /// What text must not have, because normalizers would change it.
  private let affected: ScalarFlags

  /// - Parameters:
  ///   - addsPrefixSpace: Whether text that does not begin with a space gets one.
  ///   - splitsWords: Whether text is split into words; otherwise it is one.
  public init(_ model: ByteMergeModel, addsPrefixSpace: Bool, splitsWords: Bool) {
    self.model = model
    self.addsPrefixSpace = addsPrefixSpace
    self.splitsWords = splitsWords
    affected = []
  }

  /// - Returns: `nil` when the components are other ones.
  public init?(_ normalizers: [any Normalizer], _ preTokenizer: (any PreTokenizer)?, _ model: any TokenModel)
  {
    guard let preTokenizer = preTokenizer as? ByteLevelPreTokenizer,
      let model = (model as? BPEModel)?.ofBytes
    else { return nil }
    self.model = model
    addsPrefixSpace = preTokenizer.addsPrefixSpace
    splitsWords = preTokenizer.splitsWords
    var affected: ScalarFlags = []
    for normalizer in normalizers {
      guard let flags = normalizer.affected else { return nil }
      affected.formUnion(flags)
    }
    self.affected = affected
  }

  /// Appends the pieces of a part of a text.
  ///
  /// - Parameters:
  ///   - part: UTF-8 that begins and ends between scalars, without verbatim added tokens.
  ///   - firstScalar: What its first scalar is counted as.
  ///   - added: The added tokens that are looked for in normalized text.
  /// - Returns: Whether it could; where not, nothing is appended.
  public func split(
    _ part: Slice<UnsafeBufferPointer<UInt8>>, firstScalar: Int, at added: AddedTokenMatcher,
    into pieces: inout Pieces, _ workspace: inout ByteMergeModel.Workspace
  ) -> Bool {
    guard affected.isEmpty || !UnicodeProperties.shared.contains(affected, in: part) else { return false }
    guard !added.isEmpty else {
      splitPart(part, firstScalar: firstScalar, into: &pieces, &workspace)
      return true
    }
    TokenizerCore.split(part, firstScalar: firstScalar, at: added, into: &pieces) {
      splitPart($0, firstScalar: $1, into: &$2, &workspace)
    }
    return true
  }

  /// Splits text without added tokens.
  private func splitPart(
    _ part: Slice<UnsafeBufferPointer<UInt8>>, firstScalar: Int, into pieces: inout Pieces,
    _ workspace: inout ByteMergeModel.Workspace
  ) {
    if addsPrefixSpace, part.first != 0x20 {
      // The space that is not in the text has the place of the scalar behind it.
      ([0x20] + part).withUnsafeBufferPointer {
        splitWords($0, firstScalar: firstScalar, hasPrefix: true, into: &pieces, &workspace)
      }
    } else {
      splitWords(
        UnsafeBufferPointer(rebasing: part), firstScalar: firstScalar, hasPrefix: false, into: &pieces,
        &workspace)
    }
  }

  private func splitWords(
    _ text: UnsafeBufferPointer<UInt8>, firstScalar: Int, hasPrefix: Bool, into pieces: inout Pieces,
    _ workspace: inout ByteMergeModel.Workspace
  ) {
    // The number of the scalar that the next byte is the first of.
    var scalar = firstScalar
    var index = 0
    while index < text.count, !pieces.isFull {
      let end = splitsWords ? GPT2Pattern.endOfWord(at: index, in: text) : text.count
      workspace.origins.removeAll(keepingCapacity: true)
      for place in index..<end {
        if text[place] & 0xC0 != 0x80, !(place == 1 && hasPrefix) { scalar += 1 }
        workspace.origins.append(scalar - 1)
      }
      model.split(text[index..<end], into: &pieces, &workspace)
      index = end
    }
  }
}
