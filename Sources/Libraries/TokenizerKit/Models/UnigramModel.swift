import GraftTensors

/// The unigram model: of all ways to make a piece of tokens, the one whose scores have the largest sum.
///
/// Reference: Kudo, "Subword Regularization", 2018; `unigram_model.cc` in google/sentencepiece.
public final class UnigramModel: TokenModel {
  public static let kind = "Unigram"

  /// How much worse than the worst token an unknown character is.
  private static let unknownPenalty = 10.0

  public let unknown: Int32?
  private let unknownID: Int32
  private let unknownScore: Double
  /// By id.
  private let scores: [Double]
  private let trie: ByteTrie
  private let vocabulary: PieceTable
  /// By byte: the token that stands for it; empty where no bytes stand for unknown characters.
  private let byteTokens: [Int32?]

  public init(_ file: TokenizerDocument, _ vocabulary: Vocabulary) throws {
    let reader = ComponentReader(modelOf: file)
    guard let scores = file.modelScores, !scores.isEmpty else {
      throw GraftError(.malformed, "the vocabulary is empty", subject: "key 'model.vocab'")
    }
    // A text may have a character that is in no token.
    guard let id = reader.json["unk_id"]?.int, scores.indices.contains(id) else {
      throw GraftError(
        .malformed, "no unknown token", subject: "key 'model.unk_id'",
        expected: "a whole number below \(scores.count)", found: reader.json["unk_id"]?.kind ?? "nothing")
    }
    unknownID = Int32(id)
    unknown = unknownID
    self.scores = scores
    unknownScore = (scores.min() ?? 0) - Self.unknownPenalty
    trie = try ByteTrie(file.entries)
    self.vocabulary = vocabulary.model
    byteTokens =
      try reader.flag("byte_fallback") == true
      ? (0...UInt8.max).map {
        vocabulary.model.find(String(decoding: ByteFallbackDecoder.token(of: $0), as: UTF8.self))
      } : []
  }

  /// The best way to make the text up to a place.
  private struct Node {
    var score: Double
    /// Where its last token begins; -1 while there is no way. Then, in the best way of all, where the next token ends, -1
    /// for the last one.
    var link: Int32
    var id: Int32
  }

  public func split(_ piece: UnsafeBufferPointer<UInt8>, into pieces: inout Pieces) {
    // So much text is of no language.
    guard piece.count < Int32.max else { return pieces.append(unknownID, 0..<piece.count) }
    withUnsafeTemporaryAllocation(of: Node.self, capacity: piece.count + 1) { nodes in
      nodes.initialize(repeating: Node(score: 0, link: -1, id: 0))
      scores.withUnsafeBufferPointer { fill(nodes, piece, $0) }
      collect(nodes, piece, into: &pieces)
    }
  }

  private func fill(
    _ nodes: UnsafeMutableBufferPointer<Node>, _ piece: UnsafeBufferPointer<UInt8>,
    _ scores: UnsafeBufferPointer<Double>
  ) {
    trie.withReader { reader in
      var start = 0
      while start < piece.count {
        var next = start
        _ = decodeScalar(piece, &next, end: piece.count)
        let score = nodes[start].score
        var isKnown = false
        reader.forEachPrefix(of: piece, from: start) { end, id in
          offer(score + scores[Int(id)], id, from: start, &nodes[end])
          if end == next { isKnown = true }
        }
        if !isKnown { offer(score + unknownScore, unknownID, from: start, &nodes[next]) }
        start = next
      }
    }
  }

  @inline(__always)
  private func offer(_ score: Double, _ id: Int32, from start: Int, _ node: inout Node) {
    guard node.link < 0 || score > node.score else { return }
    node = Node(score: score, link: Int32(truncatingIfNeeded: start), id: id)
  }

  /// Appends the tokens of the best way. Unknown ones that follow each other are one.
  private func collect(
    _ nodes: UnsafeMutableBufferPointer<Node>, _ piece: UnsafeBufferPointer<UInt8>, into pieces: inout Pieces
  ) {
    // The links lead back; they are turned round.
    var (end, following) = (piece.count, -1)
    while end > 0 {
      let start = Int(nodes[end].link)
      nodes[end].link = Int32(truncatingIfNeeded: following)
      (following, end) = (end, start)
    }
    var start = 0
    while following >= 0 {
      let node = nodes[following]
      var end = following
      following = Int(node.link)
      if node.id == unknownID {
        while following >= 0, nodes[following].id == unknownID {
          (end, following) = (following, Int(nodes[following].link))
        }
        appendUnknown(start..<end, of: piece, into: &pieces)
      } else {
        pieces.append(node.id, start..<end)
      }
      start = end
    }
  }

  /// Appends what stands for unknown text.
  private func appendUnknown(
    _ range: Range<Int>, of piece: UnsafeBufferPointer<UInt8>, into pieces: inout Pieces
  ) {
    // Characters that are unknown each by itself may be a token together.
    if let base = piece.baseAddress, range.count <= vocabulary.maximumLength,
      let id = vocabulary.find(base + range.lowerBound, range.count)
    {
      return pieces.append(id, range)
    }
    if !byteTokens.isEmpty, piece[range].allSatisfy({ byteTokens[Int($0)] != nil }) {
      for byte in piece[range] { pieces.append(byteTokens[Int(byte)] ?? unknownID, range) }
    } else {
      pieces.append(unknownID, range)
    }
  }
}
