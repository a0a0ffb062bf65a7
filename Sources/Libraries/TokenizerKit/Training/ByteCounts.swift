/// Counts byte strings: a hash table that keeps their bytes one after another and allocates nothing for one that it
/// knows.
struct ByteCounts: Sendable {
  /// One that was counted.
  private struct Entry {
    var start: Int
    var length: Int32
    var count: Int
  }

  private var bytes: [UInt8] = []
  private var entries: [Entry] = []
  /// The number of an entry and 1 in the lower half, part of its hash in the upper; 0 for a free slot.
  private var slots = [UInt64](repeating: 0, count: 1024)
  /// Differs from table to table, so that no text can be made whose words all collide.
  private let seed = UInt64.random(in: 1...UInt64.max)

  /// How many differ.
  var count: Int { entries.count }

  /// Counts a byte string.
  ///
  /// - Parameter times: How often it occurs.
  mutating func add(_ text: UnsafeBufferPointer<UInt8>, times: Int = 1) {
    guard let start = text.baseAddress, text.count <= Int32.max else { return }
    if entries.count * 2 >= slots.count { grow() }
    let hash = hash(start, text.count)
    let mask = slots.count - 1
    var place = Int(truncatingIfNeeded: hash) & mask
    while slots[place] != 0 {
      let slot = slots[place]
      if (slot ^ hash) >> 32 == 0 {
        let index = Int(truncatingIfNeeded: slot & 0xFFFF_FFFF) - 1
        if isEqual(entries[index], start, text.count) {
          entries[index].count += times
          return
        }
      }
      place = (place + 1) & mask
    }
    entries.append(Entry(start: bytes.count, length: Int32(text.count), count: times))
    bytes += text
    slots[place] = hash & ~0xFFFF_FFFF | UInt64(entries.count)
  }

  /// Adds the counts of another table.
  mutating func merge(_ other: ByteCounts) { other.forEach { add($0, times: $1) } }

  /// Gives each byte string with its count to `body`, in the order in which they came.
  func forEach(_ body: (UnsafeBufferPointer<UInt8>, _ count: Int) -> Void) {
    forEach(in: 0..<entries.count, body)
  }

  /// Gives those of some places in the order in which they came to `body`.
  func forEach(in range: Range<Int>, _ body: (UnsafeBufferPointer<UInt8>, _ count: Int) -> Void) {
    bytes.withUnsafeBufferPointer { bytes in
      for entry in entries[range] {
        body(
          UnsafeBufferPointer(rebasing: bytes[entry.start..<entry.start + Int(entry.length)]), entry.count)
      }
    }
  }

  /// All of them in the order of their bytes, which no order of texts and no number of threads changes.
  func sorted() -> [(bytes: [UInt8], count: Int)] {
    var result: [(bytes: [UInt8], count: Int)] = []
    result.reserveCapacity(entries.count)
    forEach { result.append((Array($0), $1)) }
    return result.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
  }

  private func isEqual(_ entry: Entry, _ text: UnsafePointer<UInt8>, _ length: Int) -> Bool {
    guard entry.length == length else { return false }
    return bytes.withUnsafeBufferPointer { bytes in
      for offset in 0..<length where bytes[entry.start + offset] != text[offset] { return false }
      return true
    }
  }

  private mutating func grow() {
    var larger = [UInt64](repeating: 0, count: slots.count * 4)
    let mask = larger.count - 1
    bytes.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return }
      for (index, entry) in entries.enumerated() {
        let hash = hash(base + entry.start, Int(entry.length))
        var place = Int(truncatingIfNeeded: hash) & mask
        while larger[place] != 0 { place = (place + 1) & mask }
        larger[place] = hash & ~0xFFFF_FFFF | UInt64(index + 1)
      }
    }
    slots = larger
  }

  /// Products of eight bytes at a time, both halves folded.
  private func hash(_ start: UnsafePointer<UInt8>, _ length: Int) -> UInt64 {
    var state = UInt64(length) &+ seed
    var offset = 0
    func fold(_ word: UInt64) {
      let product = (state ^ word).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
      state = product.high ^ product.low
    }
    while offset + 8 <= length {
      fold(UnsafeRawPointer(start + offset).loadUnaligned(as: UInt64.self))
      offset += 8
    }
    var rest: UInt64 = 0
    while offset < length {
      rest = rest << 8 | UInt64(start[offset])
      offset += 1
    }
    fold(rest)
    return state ^ state >> 29
  }
}
