import GraftCompute

/// The pieces that learning a unigram model begins with: every character, and every substring of the words that comes up
/// more than once and is followed by different characters, with how often it does times its length as its weight.
///
/// These substrings are the inner nodes of the suffix tree of all words, one after another with boundaries between. They
/// are found as the intervals of suffixes, in their order, that share a prefix.
///
/// Reference: `Trainer::MakeSeedSentencePieces` in google/sentencepiece, unigram_model_trainer.cc; Abouelhoda et al.,
/// "Replacing suffix trees with enhanced suffix arrays", 2004, section 3.
struct SeedPieces {
  /// The pieces in UTF-8: the characters from the most frequent to the rarest, then the substrings from the heaviest to
  /// the lightest.
  private(set) var pieces: [[UInt8]] = []
  /// The weights.
  private(set) var weights: [Double] = []
  /// By place in ``pieces``, the characters.
  private(set) var characters: [UInt32] = []
  /// Whether a word has the character U+0000, which no piece has: here it is the boundary between words.
  private(set) var hasNull = false

  /// All words as ranks of their characters, 0 behind each.
  private var text: [UInt32] = []
  /// By rank, from 1.
  private var scalars: [UInt32] = [0]

  /// A place in the text where a suffix begins, and the suffix's first characters.
  private struct Suffix {
    var key: UInt64
    var start: Int32
  }

  private struct Substring {
    var weight: Int
    /// The place of its first suffix among all, which has the order of substrings.
    var first: Int
    var length: Int
    var start: Int32
  }

  /// - Parameters:
  ///   - maximumLength: Of a piece, in characters.
  ///   - limit: The most pieces.
  init(_ words: [WordCounter.Word], maximumLength: Int, limit: Int, threads: ThreadPool) {
    fill(words)
    let substrings = Self.substrings(text, scalars.count, maximumLength, threads).sorted { first, second in
      if first.weight != second.weight { return first.weight > second.weight }
      if first.first != second.first { return first.first > second.first }
      return first.length > second.length
    }
    for substring in substrings.prefix(max(0, limit - pieces.count)) {
      var bytes: [UInt8] = []
      let start = Int(substring.start)
      for rank in text[start..<start + substring.length] { appendScalar(scalars[Int(rank)], to: &bytes) }
      pieces.append(bytes)
      weights.append(Double(substring.weight))
    }
  }

  /// Makes the text, and takes the characters.
  private mutating func fill(_ words: [WordCounter.Word]) {
    var counts: [UInt32: Int] = [:]
    for word in words {
      word.bytes.withUnsafeBufferPointer { bytes in
        var index = 0
        while index < bytes.count {
          let scalar = decodeScalar(bytes, &index, end: bytes.count)
          text.append(scalar)
          counts[scalar, default: 0] += word.count
        }
      }
      text.append(0)
    }
    hasNull = counts.removeValue(forKey: 0) != nil
    scalars += counts.keys.sorted()
    var ranks: [UInt32: UInt32] = [0: 0]
    for (rank, scalar) in scalars.enumerated() { ranks[scalar] = UInt32(rank) }
    for index in text.indices { text[index] = ranks[text[index]] ?? 0 }
    for (scalar, count) in counts.sorted(by: { $0.value == $1.value ? $0.key > $1.key : $0.value > $1.value })
    {
      var bytes: [UInt8] = []
      appendScalar(scalar, to: &bytes)
      pieces.append(bytes)
      weights.append(Double(count))
      characters.append(scalar)
    }
  }

  private static func substrings(
    _ text: [UInt32], _ alphabet: Int, _ maximumLength: Int, _ threads: ThreadPool
  ) -> [Substring] {
    // By first character, so that threads sort and compare by themselves.
    var starts = [Int](repeating: 0, count: alphabet + 1)
    for rank in text { starts[Int(rank) + 1] += 1 }
    for rank in 1...alphabet { starts[rank] += starts[rank - 1] }
    let bits = max(1, Int.bitWidth - (alphabet - 1).leadingZeroBitCount)
    let packed = 64 / bits
    var suffixes = [Suffix](repeating: Suffix(key: 0, start: 0), count: text.count)
    var next = starts
    text.withUnsafeBufferPointer { text in
      for (start, rank) in text.enumerated() {
        var key: UInt64 = 0
        var place = start
        for _ in 0..<packed {
          let symbol = place < text.count ? text[place] : 0
          key = key << UInt64(bits) | UInt64(symbol)
          if symbol != 0 { place += 1 }
        }
        suffixes[next[Int(rank)]] = Suffix(key: key, start: Int32(start))
        next[Int(rank)] += 1
      }
    }
    var found = [[Substring]](repeating: [], count: alphabet)
    suffixes.withUnsafeMutableBufferPointer { suffixes in
      found.withUnsafeMutableBufferPointer { found in
        text.withUnsafeBufferPointer { text in
          // Suffixes of rank 0 begin with a boundary.
          threads.run(alphabet) { rank in
            guard rank > 0 else { return }
            let range = starts[rank]..<starts[rank + 1]
            let part = UnsafeMutableBufferPointer(rebasing: suffixes[range])
            let finder = IntervalFinder(text: text, packed: packed, maximumLength: maximumLength)
            finder.sort(part)
            finder.forEachInterval(part) { first, length, count in
              found[rank].append(
                Substring(
                  weight: count * length, first: range.lowerBound + first, length: length,
                  start: part[first].start))
            }
          }
        }
      }
    }
    return found.flatMap(\.self)
  }

  /// Works on the suffixes that begin with the same character.
  private struct IntervalFinder {
    let text: UnsafeBufferPointer<UInt32>
    /// How many characters a key has.
    let packed: Int
    let maximumLength: Int

    /// Sorts by as many characters as a piece may have and one more. Behind a boundary, all suffixes are equal.
    func sort(_ suffixes: UnsafeMutableBufferPointer<Suffix>) {
      var suffixes = suffixes
      suffixes.sort { first, second in
        if first.key != second.key { return first.key < second.key }
        let shared = sharedLength(first, second)
        guard shared <= maximumLength else { return first.start < second.start }
        return text[Int(first.start) + shared] < text[Int(second.start) + shared]
      }
    }

    /// How many characters two suffixes begin with alike; more than a piece may have where they are alike up to a
    /// boundary, or as far as it matters.
    func sharedLength(_ first: Suffix, _ second: Suffix) -> Int {
      var length = 0
      while length <= maximumLength {
        let symbol = text[Int(first.start) + length]
        guard symbol == text[Int(second.start) + length] else { return length }
        if symbol == 0 { return maximumLength + 1 }
        length += 1
      }
      return length
    }

    /// Gives each run of suffixes that begin alike, and not all longer than that, to `body`.
    func forEachInterval(
      _ suffixes: UnsafeMutableBufferPointer<Suffix>,
      _ body: (_ first: Int, _ length: Int, _ count: Int) -> Void
    ) {
      var open: [(length: Int, first: Int)] = []
      for index in 1..<suffixes.count + 1 {
        let length = index < suffixes.count ? sharedLength(suffixes[index - 1], suffixes[index]) : 0
        var first = index - 1
        while let last = open.last, last.length > length {
          open.removeLast()
          first = last.first
          if last.length > 1, last.length <= maximumLength { body(first, last.length, index - first) }
        }
        if open.last?.length ?? 0 < length { open.append((length, first)) }
      }
    }
  }
}
