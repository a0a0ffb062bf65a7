import Foundation

/// The ways to make a word of pieces, while probabilities of all of them, or the best one, are computed.
///
/// Buffers are kept from word to word.
struct UnigramLattice {
  /// A piece at a place of the word.
  private struct Edge {
    var start: Int32
    var end: Int32
    /// The piece's number; 0 for an unknown character.
    var piece: Int32
    var score: Double
  }

  /// From left to right, at each place the shortest piece first.
  private var edges: [Edge] = []
  /// By place: the logarithm of the probability of all ways to come here, and of all ways on from here.
  private var forward = Places()
  private var backward = Places()
  /// By edge: the score of the best way that ends with it, the edge before it on that way, and the edge before it among
  /// those that end where it ends; -1 for none.
  private var ways: [(score: Double, before: Int32, neighbour: Int32)] = []
  /// By place: the last of the edges that end here.
  private var lastEnding: [Int32] = []
  private var length = 0

  /// Collects the pieces that a word has at its places.
  mutating func fill(_ word: UnsafeBufferPointer<UInt8>, _ pieces: UnigramPieces, _ trie: ByteTrie.Reader) {
    edges.removeAll(keepingCapacity: true)
    length = word.count
    var start = 0
    while start < word.count {
      var next = start
      _ = decodeScalar(word, &next, end: word.count)
      var hasCharacter = false
      trie.forEachPrefix(of: word, from: start) { end, seed in
        let piece = pieces.numbers[Int(seed)]
        guard piece > 0 else { return }
        edges.append(
          Edge(start: Int32(start), end: Int32(end), piece: piece, score: pieces.scores[Int(piece)]))
        if end == next { hasCharacter = true }
      }
      if !hasCharacter {
        edges.append(
          Edge(start: Int32(start), end: Int32(next), piece: 0, score: pieces.unknownScore))
      }
      start = next
    }
  }

  /// Leaves out the piece that is the whole word.
  mutating func removeWhole() { edges.removeAll { $0.start == 0 && Int($0.end) == length } }

  /// Adds how often each piece is to be expected in a word.
  ///
  /// - Parameters:
  ///   - count: How often the word occurs.
  ///   - expected: By piece.
  mutating func addExpected(_ count: Double, to expected: UnsafeMutableBufferPointer<Double>) {
    forward.reset(length, from: 0)
    for edge in edges { forward.add(forward[edge.start] + edge.score, at: edge.end) }
    backward.reset(length, from: length)
    // Edges at a place are gone through in the order that they have.
    var last = edges.count
    while last > 0 {
      let start = edges[last - 1].start
      var first = last - 1
      while first > 0, edges[first - 1].start == start { first -= 1 }
      for edge in edges[first..<last] { backward.add(edge.score + backward[edge.end], at: start) }
      last = first
    }
    let all = forward[Int32(length)]
    for edge in edges {
      let share = forward[edge.start] + edge.score + backward[edge.end] - all
      expected[Int(edge.piece)] += count * exp(share)
    }
  }

  /// The pieces of the best way, and its score; `nil` where there is no way.
  ///
  /// Of ways that are equally good, where sums are rounded, the same is taken as by `tokenizers`: sums are made edge by
  /// edge, and the one that was there first stays.
  mutating func best() -> (pieces: [Int32], score: Double)? {
    ways.removeAll(keepingCapacity: true)
    lastEnding.removeAll(keepingCapacity: true)
    lastEnding.append(contentsOf: repeatElement(-1, count: length + 1))
    for (index, edge) in edges.enumerated() {
      var way = (score: edge.score, before: Int32(-1), neighbour: lastEnding[Int(edge.end)])
      if edge.start > 0 {
        guard let (before, score) = bestWay(to: edge.start, adding: edge.score) else {
          // Nothing leads to where it begins.
          ways.append((-.infinity, -1, -1))
          continue
        }
        way = (score, before, way.neighbour)
      }
      ways.append(way)
      lastEnding[Int(edge.end)] = Int32(index)
    }
    guard let (last, score) = bestWay(to: Int32(length), adding: 0) else { return nil }
    var pieces: [Int32] = []
    var edge = last
    while edge >= 0 {
      pieces.append(edges[Int(edge)].piece)
      edge = ways[Int(edge)].before
    }
    return (pieces.reversed(), score)
  }

  /// The last edge of the best way to a place, and the score of that way with another edge's.
  private func bestWay(to place: Int32, adding score: Double) -> (edge: Int32, score: Double)? {
    var best: (edge: Int32, score: Double)?
    var edge = lastEnding[Int(place)]
    while edge >= 0 {
      let sum = ways[Int(edge)].score + score
      // The edges come from the last to the first.
      if best.map({ sum >= $0.score }) ?? true { best = (edge, sum) }
      edge = ways[Int(edge)].neighbour
    }
    return best
  }
}

/// Logarithms of probabilities by place in a word; minus infinity where nothing leads.
private struct Places {
  private var values: [Double] = []

  /// Begins with certainty at one place.
  mutating func reset(_ length: Int, from start: Int) {
    values.removeAll(keepingCapacity: true)
    values.append(contentsOf: repeatElement(-.infinity, count: length + 1))
    values[start] = 0
  }

  subscript(place: Int32) -> Double { values[Int(place)] }

  /// Adds the probability of another way.
  @inline(__always)
  mutating func add(_ value: Double, at place: Int32) {
    let old = values[Int(place)]
    let (low, high) = value < old ? (value, old) : (old, value)
    // Beyond that, the smaller one does not count; nor does what leads nowhere.
    values[Int(place)] = high > low + 50 || low == -.infinity ? high : high + log(exp(low - high) + 1)
  }
}

/// The pieces of a unigram model that is being learnt: those of the seeds that are left.
struct UnigramPieces {
  /// By piece, which seed it is; -1 for the unknown character, which is piece 0.
  var seeds: [Int32]
  /// By piece. That of the unknown character is no number.
  var scores: [Double]
  /// By seed, which piece it is; 0 for one that is gone.
  private(set) var numbers: [Int32]
  /// The lowest score.
  private(set) var minimum: Double
  /// How much worse than the worst piece an unknown character is.
  private static let unknownPenalty = 10.0

  /// - Parameter seedCount: How many seeds there were.
  init(_ seeds: [Int32], _ scores: [Double], seedCount: Int) {
    self.seeds = seeds
    self.scores = scores
    numbers = [Int32](repeating: 0, count: seedCount)
    minimum = .infinity
    for (piece, seed) in seeds.enumerated().dropFirst() {
      numbers[Int(seed)] = Int32(piece)
      minimum = min(minimum, scores[piece])
    }
  }

  var count: Int { seeds.count }
  var unknownScore: Double { minimum - Self.unknownPenalty }
}
