/// Pairs of tokens with their counts, and the words in which they have come up since somebody asked.
struct PairCounts {
  /// Two tokens: the left one in the upper half.
  typealias Pair = UInt64

  /// By number.
  private(set) var pairs: [Pair] = []
  private(set) var counts: [Int] = []
  private var words: [[Int32]] = []
  /// The numbers of pairs that have words.
  private var touched: [Int32] = []
  /// The number of a pair and 1; 0 for a free slot.
  private var slots = [Int32](repeating: 0, count: 1 << 12)
  /// Differs from table to table, so that no text can be made whose pairs all collide.
  private let seed = UInt64.random(in: 1...UInt64.max)

  static func pair(_ left: Int32, _ right: Int32) -> Pair {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  static func left(_ pair: Pair) -> Int32 { Int32(truncatingIfNeeded: pair >> 32) }
  static func right(_ pair: Pair) -> Int32 { Int32(truncatingIfNeeded: pair) }

  /// Changes the count of a pair.
  ///
  /// - Parameter word: Where it has come up; `nil` where it has gone.
  mutating func add(_ count: Int, _ left: Int32, _ right: Int32, in word: Int32?) {
    let number = number(of: Self.pair(left, right))
    counts[number] += count
    guard let word else { return }
    if words[number].isEmpty { touched.append(Int32(number)) }
    // Words come one after the other.
    if words[number].last != word { words[number].append(word) }
  }

  /// Gives the numbers of the pairs that have come up, each with its words, to `body`; they are forgotten then.
  mutating func takeWords(_ body: (_ number: Int, _ pair: Pair, _ count: Int, _ words: [Int32]) -> Void) {
    for number in touched.lazy.map({ Int($0) }) {
      body(number, pairs[number], counts[number], words[number])
      words[number] = []
    }
    touched.removeAll(keepingCapacity: true)
  }

  private mutating func number(of pair: Pair) -> Int {
    if pairs.count * 2 >= slots.count { grow() }
    let mask = slots.count - 1
    var place = hash(pair) & mask
    while slots[place] != 0 {
      let number = Int(slots[place]) - 1
      if pairs[number] == pair { return number }
      place = (place + 1) & mask
    }
    pairs.append(pair)
    counts.append(0)
    words.append([])
    slots[place] = Int32(pairs.count)
    return pairs.count - 1
  }

  private mutating func grow() {
    slots = [Int32](repeating: 0, count: slots.count * 4)
    let mask = slots.count - 1
    for (number, pair) in pairs.enumerated() {
      var place = hash(pair) & mask
      while slots[place] != 0 { place = (place + 1) & mask }
      slots[place] = Int32(number + 1)
    }
  }

  private func hash(_ pair: Pair) -> Int {
    let product = (pair ^ seed).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return Int(truncatingIfNeeded: product.high ^ product.low)
  }
}
