import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// Learns the pieces of a unigram model and their probabilities: it begins with many, estimates how often each is to be
/// expected, and drops those without which the words are hardly less likely, until few enough are left.
///
/// Pieces are those of the trainer of `tokenizers` 0.23.3. Scores may differ in the last digits, because they are sums in
/// the order of the words, which there is another one in each run; so is the order in which characters that no piece is
/// left of get their scores, which lie 0.0001 apart.
///
/// Reference: Kudo, "Subword Regularization", 2018, section 3.2; `unigram_model_trainer.cc` in google/sentencepiece.
public struct UnigramLearner {
  /// How it learns.
  public struct Settings: Sendable {
    /// How many pieces there are to be, special tokens not included.
    public var pieceCount: Int
    /// How many tokens there are to be; pruning stops at a tenth more than that.
    public var vocabularySize: Int
    /// How often probabilities are estimated between two prunings.
    public var estimations = 2
    /// What share of the pieces a pruning leaves.
    public var shrinkingFactor = 0.75
    /// The most characters in a piece.
    public var maximumLength = 16
    /// The most pieces to begin with.
    public var seedLimit = 1_000_000

    public init(pieceCount: Int, vocabularySize: Int) {
      self.pieceCount = pieceCount
      self.vocabularySize = vocabularySize
    }
  }

  /// A piece and the logarithm of its probability.
  public typealias Piece = (bytes: [UInt8], score: Double)

  private let words: [WordCounter.Word]
  private let settings: Settings
  private let threads: ThreadPool
  private let seeds: SeedPieces
  private let trie: ByteTrie
  private var pieces: UnigramPieces

  /// How many parts of the words are summed by themselves, whatever the number of threads.
  private static let parts = 8
  /// A piece that is expected less often is dropped.
  private static let leastExpected = 0.5

  /// - Throws: `GraftError` when there are more pieces than can be numbered.
  public init(_ words: [WordCounter.Word], _ settings: Settings, threads: ThreadPool) throws {
    self.words = words
    self.settings = settings
    self.threads = threads
    seeds = SeedPieces(
      words, maximumLength: settings.maximumLength, limit: settings.seedLimit, threads: threads)
    trie = try ByteTrie(
      seeds.pieces.enumerated().map { (String(decoding: $0.element, as: UTF8.self), $0.offset) })
    let sum = log(seeds.weights.reduce(0, +))
    pieces = UnigramPieces(
      [-1] + seeds.pieces.indices.map { Int32($0) }, [.nan] + seeds.weights.map { log($0) - sum },
      seedCount: seeds.pieces.count)
  }

  /// The characters of the words, in the order of their code points: all of them become pieces.
  public var alphabet: [UInt32] { (seeds.hasNull ? [0] : []) + seeds.characters.sorted() }

  /// Learns the pieces, the most likely first.
  ///
  /// - Parameter progress: Is told how many rounds of estimating are done, and about how many there are.
  public mutating func learn(progress: (_ done: Int, _ total: Int) -> Void) -> [Piece] {
    let desired = settings.vocabularySize * 11 / 10
    let prunings = log(Double(desired) / Double(pieces.count)) / log(settings.shrinkingFactor)
    let total = (Int(max(0, prunings)) + 1) * settings.estimations
    var done = 0
    while true {
      for _ in 0..<settings.estimations {
        estimate()
        done += 1
        progress(done, max(done, total))
      }
      guard pieces.count > desired else { break }
      prune(to: max(desired, Int(Double(pieces.count) * settings.shrinkingFactor)))
    }
    return chosen()
  }

  // MARK: Estimating

  /// One step of expectation and maximization.
  private mutating func estimate() {
    let expected = sums { lattice, word, count, sums in
      lattice.addExpected(Double(count), to: sums)
    }
    var (kept, counts): ([Int32], [Double]) = ([-1], [.nan])
    var sum = 0.0
    for piece in 1..<pieces.count where expected[piece] >= Self.leastExpected {
      kept.append(pieces.seeds[piece])
      counts.append(expected[piece])
      sum += expected[piece]
    }
    // With the digamma function in place of the logarithm, rare pieces become rarer: a sparse prior, as a Dirichlet
    // process has it.
    let whole = Self.digamma(sum)
    pieces = UnigramPieces(
      kept, counts.map { Self.digamma($0) - whole }, seedCount: seeds.pieces.count)
  }

  /// Sums over all words, by piece.
  private func sums(
    _ body: (
      _ lattice: inout UnigramLattice, _ word: Int, _ count: Int,
      _ sums: UnsafeMutableBufferPointer<Double>
    ) -> Void
  ) -> [Double] {
    let count = pieces.count
    var sums = [Double](repeating: 0, count: count * Self.parts)
    let size = (words.count + Self.parts - 1) / Self.parts
    sums.withUnsafeMutableBufferPointer { sums in
      threads.run(Self.parts) { part in
        let own = UnsafeMutableBufferPointer(rebasing: sums[part * count..<(part + 1) * count])
        var lattice = UnigramLattice()
        trie.withReader { reader in
          for index in min(part * size, words.count)..<min((part + 1) * size, words.count) {
            words[index].bytes.withUnsafeBufferPointer { lattice.fill($0, pieces, reader) }
            body(&lattice, index, words[index].count, own)
          }
        }
      }
      for part in 1..<Self.parts { for piece in 0..<count { sums[piece] += sums[part * count + piece] } }
    }
    return Array(sums[..<count])
  }

  /// The derivative of the logarithm of the gamma function, by its asymptotic series.
  static func digamma(_ value: Double) -> Double {
    var (value, result) = (value, 0.0)
    while value < 7 {
      result -= 1 / value
      value += 1
    }
    value -= 0.5
    let inverse = 1 / value
    let square = inverse * inverse
    let fourth = square * square
    // Rounded as there: pieces that are equally likely but for the last digit should fall on the same side.
    let (first, second) = (1.0 / 24 * square, 7.0 / 960 * fourth)
    let (third, last) = (31.0 / 8064 * fourth * square, 127.0 / 30720 * fourth * fourth)
    return result + (log(value) + first - second + third - last)
  }

  // MARK: Pruning

  /// Drops pieces that are on no best way, and then those without which the words lose the least.
  ///
  /// What the words lose is estimated as if each occurrence of the piece became the next best way to make it.
  private mutating func prune(to limit: Int) {
    let alternatives = alternatives()
    let counts = sums { lattice, _, count, sums in
      for piece in lattice.best()?.pieces ?? [] { sums[Int(piece)] += Double(count) }
    }
    let sum = counts.reduce(0, +)
    let wordSum = Double(words.reduce(0) { $0 + $1.count })
    var kept: [Int32] = [0]
    var candidates: [(piece: Int32, loss: Double)] = []
    for piece in 1..<pieces.count {
      let count = counts[piece]
      switch alternatives[piece] {
      case .worse where count == 0: continue
      case .worse, .none: kept.append(Int32(piece))
      case .better(let others):
        guard count > 0 else { continue }
        // As in SentencePiece and `tokenizers`, by the number of all pieces, where that of the others is meant.
        let newSum = log(sum + count * Double(pieces.count - 1))
        let others = others.reduce(0) { $0 + (log(counts[Int($1)] + count) - newSum) }
        candidates.append((Int32(piece), count / wordSum * (log(count) - log(sum) - others)))
      }
    }
    candidates.sort { $0.loss == $1.loss ? $0.piece < $1.piece : $0.loss > $1.loss }
    kept += candidates.prefix(max(0, limit - kept.count)).map(\.piece)
    pieces = UnigramPieces(
      kept.map { pieces.seeds[Int($0)] }, kept.map { pieces.scores[Int($0)] }, seedCount: seeds.pieces.count)
  }

  /// How a piece's text can be made of other pieces.
  private enum Alternative {
    /// Not at all.
    case none
    /// Better than by the piece, which is on no best way then.
    case worse
    /// Not as well, of these pieces.
    case better([Int32])
  }

  private func alternatives() -> [Alternative] {
    var result = [Alternative](repeating: .none, count: pieces.count)
    let block = 4096
    result.withUnsafeMutableBufferPointer { result in
      threads.forEachBlock(of: block, in: pieces.count) { range in
        var lattice = UnigramLattice()
        trie.withReader { reader in
          for piece in range where piece > 0 {
            seeds.pieces[Int(pieces.seeds[piece])].withUnsafeBufferPointer {
              lattice.fill($0, pieces, reader)
            }
            lattice.removeWhole()
            guard let best = lattice.best() else { continue }
            result[piece] = best.score > pieces.scores[piece] ? .worse : .better(best.pieces)
          }
        }
      }
    }
    return result
  }

  // MARK: The vocabulary

  /// The alphabet, and as many other pieces as there is room for, in the order in which pruning left them.
  private func chosen() -> [Piece] {
    var chosen: [Piece] = []
    var isChosen = Set<Int32>()
    let numbers = Dictionary(uniqueKeysWithValues: seeds.characters.enumerated().map { ($1, $0) })
    var penalty = 0.0
    for scalar in alphabet {
      let seed = numbers[scalar]
      let piece = seed.map { Int(pieces.numbers[$0]) } ?? 0
      if let seed { isChosen.insert(Int32(seed)) }
      var bytes: [UInt8] = []
      appendScalar(scalar, to: &bytes)
      chosen.append((bytes, piece > 0 ? pieces.scores[piece] : pieces.minimum + penalty))
      if piece == 0 { penalty += 0.0001 }
    }
    for piece in 1..<pieces.count where chosen.count < settings.pieceCount {
      let seed = pieces.seeds[piece]
      if !isChosen.contains(seed) { chosen.append((seeds.pieces[Int(seed)], pieces.scores[piece])) }
    }
    return chosen.enumerated().sorted {
      $0.element.score == $1.element.score
        ? $0.offset < $1.offset : $0.element.score > $1.element.score
    }.map(\.element)
  }
}
