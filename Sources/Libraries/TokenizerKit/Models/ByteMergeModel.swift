import GraftTensors

/// The byte-pair model: the bytes of a word become tokens, and pairs of tokens become one, the pair that was
/// learnt first before the others and from the left.
///
/// Reference: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016; Radford et al.,
/// "Language Models are Unsupervised Multitask Learners", 2019, section 2.2.
public struct ByteMergeModel: Sendable {
  /// What stands for bytes that the vocabulary does not have.
  public struct Unknown: Sendable {
    var id: Int32
    /// Whether one token stands for all that follow each other.
    var isFused: Bool

    public init(id: Int32, isFused: Bool) {
      self.id = id
      self.isFused = isFused
    }
  }

  /// By byte: its token, or `nil` when the vocabulary has none.
  private let byteTokens: [Int32?]
  /// By byte: how long it is where tokens are laid out for offsets.
  private let lengths: [Int]
  private let merges: MergeTable
  private let unknown: Unknown?
  /// The vocabulary, where words that are in it are not split.
  private let wholeWords: PieceTable?

  /// - Parameters:
  ///   - vocabulary: Has the tokens in ``ByteLevelAlphabet``.
  ///   - merges: The pairs in the order in which they were learnt. Of equal pairs the last counts.
  ///   - keepsWholeWords: Whether a word that the vocabulary has is not split.
  /// - Throws: ``GraftError`` for a merge of or into something that the vocabulary does not have.
  public init(
    _ vocabulary: Vocabulary, merges: [TokenizerDocument.Merge], unknown: Unknown?, keepsWholeWords: Bool
  ) throws {
    self.init(
      vocabulary.model, try MergeTable(merges, vocabulary), unknown: unknown, keepsWholeWords: keepsWholeWords
    )
  }

  init(_ vocabulary: PieceTable, _ merges: MergeTable, unknown: Unknown?, keepsWholeWords: Bool) {
    self.merges = merges
    byteTokens = (0...UInt8.max).map { byte in
      vocabulary.find(String(decoding: ByteLevelAlphabet.token(of: [byte]), as: UTF8.self))
    }
    // A byte without a token is left out, and what follows it moves up: in `tokenizers` by as much as the byte's
    // spelling takes in UTF-8.
    let isComplete = unknown != nil || !byteTokens.contains(nil)
    lengths = (0...UInt8.max).map { isComplete ? 1 : ByteLevelAlphabet.token(of: [$0]).count }
    self.unknown = unknown
    wholeWords = keepsWholeWords ? vocabulary : nil
  }

  /// Whether there is a token for each byte.
  var isComplete: Bool { !byteTokens.contains(nil) }

  /// Memory that one word after the other uses again.
  public struct Workspace {
    /// Which scalars of the text the bytes of the word belong to.
    var origins: [Int] = []

    public init() {}
  }

  /// Appends the tokens of a word.
  ///
  /// - Parameters:
  ///   - word: Any bytes.
  ///   - workspace: With the origins of the bytes.
  func split(
    _ word: Slice<UnsafeBufferPointer<UInt8>>, into pieces: inout Pieces, _ workspace: inout Workspace
  ) {
    if let wholeWords, let id = find(word, wholeWords), let first = workspace.origins.first,
      let last = workspace.origins.last
    {
      return pieces.append(id, first..<last + 1)
    }
    spreadOrigins(of: word, &workspace)
    workspace.origins.withUnsafeBufferPointer { origins in
      merges.merge(capacity: word.count, layOut: { layOut(word, &$0) }) { id, place in
        pieces.append(id, origins[place.lowerBound]..<origins[place.upperBound - 1] + 1)
      }
    }
  }

  private func find(_ word: Slice<UnsafeBufferPointer<UInt8>>, _ table: PieceTable) -> Int32? {
    guard word.count <= table.maximumLength else { return nil }
    let spelling = ByteLevelAlphabet.token(of: word) + Array(repeating: 0, count: PieceTable.padding)
    return spelling.withUnsafeBufferPointer { spelling in
      spelling.baseAddress.flatMap { table.find($0, spelling.count - PieceTable.padding) }
    }
  }

  /// Makes a symbol of each byte.
  @inline(__always)
  private func layOut(_ word: Slice<UnsafeBufferPointer<UInt8>>, _ symbols: inout MergeTable.Word) {
    var unknownLength = 0
    for byte in word {
      let length = lengths[Int(byte)]
      if let id = byteTokens[Int(byte)] {
        if let unknown, unknownLength > 0 { symbols.append(unknown.id, length: unknownLength) }
        unknownLength = 0
        symbols.append(id, length: length)
      } else if let unknown {
        if unknownLength > 0, !unknown.isFused {
          symbols.append(unknown.id, length: unknownLength)
          unknownLength = 0
        }
        unknownLength += length
      }
    }
    if let unknown, unknownLength > 0 { symbols.append(unknown.id, length: unknownLength) }
  }

  /// Lays the origins out as the bytes are.
  private func spreadOrigins(of word: Slice<UnsafeBufferPointer<UInt8>>, _ workspace: inout Workspace) {
    guard lengths[0] != 1 || lengths[0x20] != 1 else { return }
    workspace.origins = zip(word, workspace.origins).flatMap { byte, origin in
      repeatElement(origin, count: lengths[Int(byte)])
    }
  }
}
