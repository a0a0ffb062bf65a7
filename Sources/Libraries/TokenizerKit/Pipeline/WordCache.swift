import Foundation
import Synchronization

/// What became of words, so that most of a text need not be tokenized.
///
/// A word takes a slot of a hash table and a record, so that finding one costs two looks at memory.
struct WordCache: Sendable {
  private struct Slot {
    /// A part of the hash; its low bits say where the slot is looked for.
    var tag: UInt32 = 0
    /// Where the record begins; 0 for a free slot.
    var record: UInt32 = 0
  }

  private struct Token {
    var id: Int32
    /// Its place in the word, in scalars.
    var start: UInt16
    var end: UInt16
  }

  /// How many words there may be; then all are forgotten.
  private static let capacity = 3 << 15
  private static let mostSlots = 1 << 17
  /// Longer words, in bytes, are seldom seen twice.
  static let longestWord = 64

  /// Their number is a power of two and grows with the words, so that few words take little memory.
  private var slots = [Slot](repeating: Slot(), count: 1 << 11)
  /// By word: its length in bytes (16 bits), how many scalars it has (16) and how many tokens (32), its bytes, eight by
  /// eight, and its tokens. The first element is none of them.
  private var records: [UInt64] = [0]
  private var count = 0
  /// Differs from cache to cache, so that no text can be made whose words all collide.
  private let seed = UInt64.random(in: 1...UInt64.max)

  /// What text may be cut beside, and what it may not be.
  private var edges = PieceTable(capacity: edgeCapacity)
  private static let edgeCapacity = 1 << 12
  private var edgeCount = 0
  /// By ASCII character, the same.
  private var asciiEdges = [Bool?](repeating: nil, count: 0x80)

  /// Appends the tokens of a word. It mutates nothing; a cache that is only read would be copied for each word.
  ///
  /// - Parameters:
  ///   - word: Its bytes, behind which ``PieceTable/padding`` more can be read.
  ///   - scalar: What its first scalar is counted as.
  /// - Returns: How many scalars it has; `nil` when it is not known.
  @inline(__always)
  mutating func append(_ word: UnsafePointer<UInt8>, _ length: Int, at scalar: Int, to pieces: inout Pieces)
    -> Int?
  {
    slots.withUnsafeBufferPointer { slots in
      records.withUnsafeBufferPointer { records in
        let tag = tag(of: word, length)
        var index = Int(tag) & (slots.count - 1)
        while true {
          let slot = slots[index]
          if slot.record == 0 { return nil }
          if slot.tag == tag, let start = Self.tokens(of: word, length, in: slot, records) {
            let counts = records[Int(slot.record)]
            for place in start..<start + Int(counts >> 32) {
              let token = unsafeBitCast(records[place], to: Token.self)
              pieces.append(token.id, scalar + Int(token.start)..<scalar + Int(token.end))
            }
            return Int(counts >> 16 & 0xFFFF)
          }
          index = (index + 1) & (slots.count - 1)
        }
      }
    }
  }

  @inline(__always)
  private func tag(of word: UnsafePointer<UInt8>, _ length: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: PieceTable.hash(word, length, seed: seed) >> 32)
  }

  /// Where the tokens of a record begin; `nil` when it is another word's.
  @inline(__always)
  private static func tokens(
    of word: UnsafePointer<UInt8>, _ length: Int, in slot: Slot, _ records: UnsafeBufferPointer<UInt64>
  ) -> Int? {
    guard records[Int(slot.record)] & 0xFFFF == length else { return nil }
    var place = Int(slot.record) + 1
    for offset in stride(from: 0, to: length, by: 8) {
      guard records[place] == PieceTable.head(word + offset, length - offset) else { return nil }
      place += 1
    }
    return place
  }

  /// Remembers the last pieces as those of a word that is not known.
  ///
  /// - Parameter first: The first of these pieces.
  mutating func insert(
    _ word: UnsafePointer<UInt8>, _ length: Int, scalarCount: Int, at scalar: Int, _ pieces: Pieces,
    from first: Int
  ) {
    if count == Self.capacity || records.count > 8 * Self.capacity {
      for index in slots.indices { slots[index].record = 0 }
      records.removeSubrange(1...)
      count = 0
    }
    count += 1
    if count * 2 > slots.count, slots.count < Self.mostSlots {
      let taken = slots
      slots = Array(repeating: Slot(), count: slots.count * 2)
      for slot in taken where slot.record != 0 { take(slot) }
    }
    take(Slot(tag: tag(of: word, length), record: UInt32(records.count)))
    records.append(UInt64(pieces.ids.count - first) << 32 | UInt64(scalarCount) << 16 | UInt64(length))
    for offset in stride(from: 0, to: length, by: 8) {
      records.append(PieceTable.head(word + offset, length - offset))
    }
    for index in first..<pieces.ids.count {
      let place = pieces.offsets[index]
      let token = Token(
        id: pieces.ids[index], start: UInt16(clamping: place.lowerBound - scalar),
        end: UInt16(clamping: place.upperBound - scalar))
      records.append(unsafeBitCast(token, to: UInt64.self))
    }
  }

  private mutating func take(_ slot: Slot) {
    var index = Int(slot.tag) & (slots.count - 1)
    while slots[index].record != 0 { index = (index + 1) & (slots.count - 1) }
    slots[index] = slot
  }

  /// Whether text may be cut beside a character.
  ///
  /// - Parameters:
  ///   - character: Its UTF-8, at most ``longestWord`` bytes.
  ///   - answer: Asked for a character that was not asked for before.
  @inline(__always)
  mutating func isEdge(_ character: Slice<UnsafeBufferPointer<UInt8>>, _ answer: () -> Bool) -> Bool {
    guard character.count == 1, let first = character.first else { return isLongEdge(character, answer) }
    if let known = asciiEdges[Int(first)] { return known }
    let isEdge = answer()
    asciiEdges[Int(first)] = isEdge
    return isEdge
  }

  private mutating func isLongEdge(_ character: Slice<UnsafeBufferPointer<UInt8>>, _ answer: () -> Bool)
    -> Bool
  {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: character.count + PieceTable.padding) { copy in
      copy.initialize(repeating: 0)
      for (index, byte) in character.enumerated() { copy[index] = byte }
      guard let start = copy.baseAddress else { return false }
      let bytes = UnsafePointer(start)
      if let known = edges.find(bytes, character.count) { return known != 0 }
      if edgeCount == Self.edgeCapacity {
        edges.removeAll()
        edgeCount = 0
      }
      let isEdge = answer()
      edges.append(bytes, character.count, id: isEdge ? 1 : 0)
      edgeCount += 1
      return isEdge
    }
  }
}

/// Caches that calls on several threads use one after the other.
///
/// Each thread finds the one that it had before, which its core has near, and no other thread's. Nothing is shared that
/// threads would wait for.
final class WordCaches: Sendable {
  private final class Shelf: Sendable {
    /// None until it is asked for; then one.
    let caches = Mutex<[WordCache]>([])
  }

  /// Beyond as many threads at a time, some begin with nothing.
  private let shelves = (0..<64).map { _ in Shelf() }

  /// Lends a cache to a body.
  func withCache(_ body: (inout WordCache) -> Void) {
    let first = pthread_self().hashValue & (shelves.count - 1)
    for index in shelves.indices {
      let isLent: Void? = shelves[first ^ index].caches.withLockIfAvailable { caches in
        if caches.isEmpty { caches.append(WordCache()) }
        body(&caches[0])
      }
      if isLent != nil { return }
    }
    var cache = WordCache()
    body(&cache)
  }
}
