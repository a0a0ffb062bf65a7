import GraftCore
import GraftTensors
import HeapModule

/// Learns which pairs of tokens become one, beginning with characters: the most frequent pair first.
///
/// Tokens, their ids and the merges are those of the BPE and WordPiece trainers of `tokenizers` 0.23.3. Of pairs that
/// are equally frequent, the one with the smaller ids comes first. Ids are given to the special tokens, then to the
/// characters in the order of their code points, then to those within words, where a prefix sets them apart, in the
/// same order (there: in any order), then to what is merged.
///
/// Reference: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016, section 3.2.
public struct PairMerger {
  /// How it learns.
  public struct Settings: Sendable {
    /// How many tokens there are to be.
    public var vocabularySize: Int
    /// How often a pair must occur.
    public var minimumFrequency: Int
    /// The most characters in the alphabet; `nil` for all.
    public var alphabetLimit: Int?
    /// Characters that are in the alphabet whether texts have them or not, as scalars.
    public var initialAlphabet: [UInt32]
    /// What a token within a word begins with.
    public var prefix: String

    public init(
      vocabularySize: Int, minimumFrequency: Int = 0, alphabetLimit: Int? = nil,
      initialAlphabet: [UInt32] = [],
      prefix: String = ""
    ) {
      self.vocabularySize = vocabularySize
      self.minimumFrequency = minimumFrequency
      self.alphabetLimit = alphabetLimit
      self.initialAlphabet = initialAlphabet
      self.prefix = prefix
    }
  }

  private let settings: Settings
  private let prefix: [UInt8]
  /// By id.
  private var tokens: [[UInt8]] = []
  private var ids: [[UInt8]: Int32] = [:]
  /// How many characters the alphabet has, those within words apart.
  public private(set) var alphabetSize = 0
  /// The tokens of all words, one word after another. A word that was merged leaves a gap behind it.
  private var symbols: [Int32] = []
  private var words: [(start: Int, length: Int32, count: Int)] = []
  private var pairs = PairCounts()

  /// A pair that waits to be merged in some words.
  private struct Candidate: Comparable {
    var count: Int
    var pair: PairCounts.Pair
    /// Its number in the table of pairs.
    var number: Int
    var words: [Int32]
    /// When it came up.
    var order: Int

    static func == (first: Candidate, second: Candidate) -> Bool { first.order == second.order }

    static func < (first: Candidate, second: Candidate) -> Bool {
      if first.count != second.count { return first.count < second.count }
      if first.pair != second.pair { return first.pair > second.pair }
      return first.order > second.order
    }
  }

  /// - Parameters:
  ///   - specialTokens: Have the first ids.
  ///   - words: No two are the same.
  /// - Throws: `GraftError` when the vocabulary has no room for the special tokens and the alphabet.
  public init(_ words: [WordCounter.Word], specialTokens: [String], _ settings: Settings) throws {
    self.settings = settings
    prefix = Array(settings.prefix.utf8)
    for token in specialTokens { _ = add(Array(token.utf8)) }
    let alphabet = alphabet(of: words)
    alphabetSize = alphabet.count
    for scalar in alphabet { _ = add(utf8(scalar)) }
    spell(words, Set(alphabet))
    guard tokens.count <= settings.vocabularySize else {
      throw GraftError(
        .mismatch, "the vocabulary has no room for the special tokens and the alphabet",
        expected: "at least \(tokens.count) tokens", found: "\(settings.vocabularySize)",
        advice: settings.alphabetLimit == nil
          ? "Raise \(option: "vocab-size")."
          : "Raise \(option: "vocab-size"), or lower \(option: "limit-alphabet").")
    }
  }

  /// The tokens by id.
  public var vocabulary: [String] { tokens.map { String(decoding: $0, as: UTF8.self) } }

  private func utf8(_ scalar: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    appendScalar(scalar, to: &bytes)
    return bytes
  }

  private mutating func add(_ token: [UInt8]) -> Int32 {
    if let id = ids[token] { return id }
    let id = Int32(tokens.count)
    ids[token] = id
    tokens.append(token)
    return id
  }

  /// The characters that are kept, in the order of their code points.
  private func alphabet(of words: [WordCounter.Word]) -> [UInt32] {
    var counts: [UInt32: Int] = [:]
    for word in words {
      word.bytes.withUnsafeBufferPointer { bytes in
        var index = 0
        while index < bytes.count {
          counts[decodeScalar(bytes, &index, end: bytes.count), default: 0] += word.count
        }
      }
    }
    for scalar in settings.initialAlphabet { counts[scalar] = .max }
    var kept = counts.map { (scalar: $0.key, count: $0.value) }
    if let limit = settings.alphabetLimit, kept.count > limit {
      kept.sort { $0.count == $1.count ? $0.scalar < $1.scalar : $0.count > $1.count }
      kept.removeLast(kept.count - max(0, limit))
    }
    return kept.map(\.scalar).sorted()
  }

  /// Spells the words in characters. One that is not in the alphabet is left out.
  private mutating func spell(_ words: [WordCounter.Word], _ alphabet: Set<UInt32>) {
    var spelled: [(scalars: [UInt32], count: Int)] = []
    spelled.reserveCapacity(words.count)
    var within: Set<UInt32> = []
    for word in words {
      var scalars: [UInt32] = []
      word.bytes.withUnsafeBufferPointer { bytes in
        var index = 0
        while index < bytes.count {
          let isFirst = index == 0
          let scalar = decodeScalar(bytes, &index, end: bytes.count)
          guard alphabet.contains(scalar) else { continue }
          // The upper bit says that it stands within the word, even where what precedes it was left out.
          scalars.append(isFirst ? scalar : scalar | 1 << 31)
          if !isFirst { within.insert(scalar) }
        }
      }
      spelled.append((scalars, word.count))
    }
    var letters: [UInt32: Int32] = [:]
    for scalar in alphabet { letters[scalar] = add(utf8(scalar)) }
    for scalar in within.sorted() { letters[scalar | 1 << 31] = add(prefix + utf8(scalar)) }
    for word in spelled {
      let start = symbols.count
      for scalar in word.scalars { if let id = letters[scalar] { symbols.append(id) } }
      self.words.append((start, Int32(symbols.count - start), word.count))
    }
  }

  // MARK: Merging

  /// Merges pairs until the vocabulary is full, or no pair is frequent enough.
  ///
  /// - Parameter progress: Is told the number of tokens after each merge.
  /// - Returns: The pairs in the order in which a text is merged. A pair that was merged twice, because its tokens came
  ///   up again, stands where it was merged last.
  public mutating func merge(progress: (_ tokens: Int) -> Void) -> [TokenizerDocument.Merge] {
    var queue = Heap<Candidate>()
    var order = 0
    func enqueue(_ pairs: inout PairCounts) {
      var candidates: [Candidate] = []
      pairs.takeWords { number, pair, count, words in
        guard count > 0 else { return }
        order += 1
        candidates.append(Candidate(count: count, pair: pair, number: number, words: words, order: order))
      }
      queue.insert(contentsOf: candidates)
    }
    for (word, place) in words.enumerated() where place.length > 1 {
      for index in place.start..<place.start + Int(place.length) - 1 {
        pairs.add(place.count, symbols[index], symbols[index + 1], in: Int32(word))
      }
    }
    enqueue(&pairs)
    var merges: [PairCounts.Pair] = []
    while tokens.count < settings.vocabularySize, var top = queue.popMax() {
      let count = pairs.counts[top.number]
      guard top.count == count else {
        // Other merges took some of it.
        top.count = count
        queue.insert(top)
        continue
      }
      guard count >= 1, count >= settings.minimumFrequency else { break }
      let (left, right) = (PairCounts.left(top.pair), PairCounts.right(top.pair))
      var tail = tokens[Int(right)][...]
      if !prefix.isEmpty, tail.starts(with: prefix) { tail = tail.dropFirst(prefix.count) }
      let merged = add(tokens[Int(left)] + tail)
      merges.append(top.pair)
      for word in top.words { merge(left, right, into: merged, in: word) }
      enqueue(&pairs)
      progress(tokens.count)
    }
    return spelled(merges)
  }

  /// Merges a pair wherever it stands in a word.
  private mutating func merge(_ left: Int32, _ right: Int32, into merged: Int32, in word: Int32) {
    let (start, length, count) = words[Int(word)]
    let end = start + Int(length)
    var (read, write) = (start, start)
    while read < end {
      guard symbols[read] == left, read + 1 < end, symbols[read + 1] == right else {
        symbols[write] = symbols[read]
        read += 1
        write += 1
        continue
      }
      if write > start {
        pairs.add(-count, symbols[write - 1], left, in: nil)
        pairs.add(count, symbols[write - 1], merged, in: word)
      }
      if read + 2 < end {
        pairs.add(-count, right, symbols[read + 2], in: nil)
        pairs.add(count, merged, symbols[read + 2], in: word)
      }
      symbols[write] = merged
      read += 2
      write += 1
    }
    words[Int(word)].length = Int32(write - start)
  }

  private func spelled(_ merges: [PairCounts.Pair]) -> [TokenizerDocument.Merge] {
    var last: [PairCounts.Pair: Int] = [:]
    for (index, pair) in merges.enumerated() { last[pair] = index }
    return merges.enumerated().filter { last[$0.element] == $0.offset }.map { _, pair in
      TokenizerDocument.Merge(
        left: String(decoding: tokens[Int(PairCounts.left(pair))], as: UTF8.self),
        right: String(decoding: tokens[Int(PairCounts.right(pair))], as: UTF8.self))
    }
  }
}
