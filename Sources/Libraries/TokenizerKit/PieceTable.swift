/// A hash table from the bytes of tokens to their ids that is asked without allocating.
///
/// The first eight bytes of a token are kept in its slot, so that most comparisons are of two integers.
public struct PieceTable: Sendable {
  @usableFromInline
  struct Slot: Sendable {
    @usableFromInline var head: UInt64 = 0
    /// The length in bytes; 0 for a free slot.
    @usableFromInline var length: UInt32 = 0
    @usableFromInline var id: Int32 = 0

    @usableFromInline
    init(head: UInt64 = 0, length: UInt32 = 0, id: Int32 = 0) {
      self.head = head
      self.length = length
      self.id = id
    }
  }

  @usableFromInline var slots: [Slot]
  /// By slot: where in `bytes` the token begins. Apart, because only long tokens need it.
  @usableFromInline var starts: [Int]
  /// The tokens, and ``padding`` bytes.
  @usableFromInline var bytes: [UInt8]
  /// The length of the longest token, in bytes.
  public private(set) var maximumLength = 0
  /// Differs from table to table, so that no file can be made whose tokens all collide.
  @usableFromInline let seed = UInt64.random(in: 1...UInt64.max)

  /// - Parameter entries: Tokens and their ids. Empty ones are left out; of equal ones the first stays.
  ///   An id that is too large for 32 bits becomes the largest.
  public init(_ entries: [Vocabulary.Entry]) {
    var bytes: [UInt8] = []
    for entry in entries { bytes += entry.token.utf8 }
    bytes += Array(repeating: 0, count: PieceTable.padding)
    self.bytes = bytes
    let slotCount = PieceTable.slotCount(for: entries.count)
    slots = Array(repeating: Slot(), count: slotCount)
    starts = Array(repeating: 0, count: slotCount)
    bytes.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return }
      var start = 0
      for entry in entries {
        let length = entry.token.utf8.count
        if length > 0 { insert(base + start, length, at: start, Int32(clamping: entry.id)) }
        start += length
      }
    }
  }

  /// A table without tokens.
  ///
  /// - Parameter capacity: How many tokens there may be.
  public init(capacity: Int) {
    bytes = Array(repeating: 0, count: PieceTable.padding)
    let slotCount = PieceTable.slotCount(for: capacity)
    slots = Array(repeating: Slot(), count: slotCount)
    starts = Array(repeating: 0, count: slotCount)
  }

  private static func slotCount(for capacity: Int) -> Int {
    var count = 16
    while count < capacity * 2 { count *= 2 }
    return count
  }

  /// Adds a token that the table does not have.
  ///
  /// - Parameters:
  ///   - token: Its bytes, behind which ``padding`` more can be read.
  ///   - length: More than 0.
  public mutating func append(_ token: UnsafePointer<UInt8>, _ length: Int, id: Int32) {
    let start = bytes.count - PieceTable.padding
    bytes.removeLast(PieceTable.padding)
    bytes.append(contentsOf: UnsafeBufferPointer(start: token, count: length))
    bytes.append(contentsOf: repeatElement(0, count: PieceTable.padding))
    insert(token, length, at: start, id)
  }

  /// Takes all tokens out.
  public mutating func removeAll() {
    bytes.removeSubrange(..<(bytes.count - PieceTable.padding))
    for index in slots.indices { slots[index].length = 0 }
  }

  private mutating func insert(_ token: UnsafePointer<UInt8>, _ length: Int, at start: Int, _ id: Int32) {
    guard find(token, length) == nil else { return }
    var index = hash(token, length) & (slots.count - 1)
    while slots[index].length != 0 { index = (index + 1) & (slots.count - 1) }
    slots[index] = Slot(head: PieceTable.head(token, length), length: UInt32(length), id: id)
    starts[index] = start
    maximumLength = max(maximumLength, length)
  }

  /// How many bytes must be readable behind those of a token.
  @inlinable public static var padding: Int { 8 }

  /// The id of a token.
  public func find(_ token: String) -> Int32? {
    let bytes = Array(token.utf8) + Array(repeating: 0, count: PieceTable.padding)
    return bytes.withUnsafeBufferPointer { buffer in
      buffer.baseAddress.flatMap { find($0, buffer.count - PieceTable.padding) }
    }
  }

  /// The id of the token of these bytes, behind which ``padding`` more can be read.
  @inlinable
  public func find(_ start: UnsafePointer<UInt8>, _ length: Int) -> Int32? {
    let head = PieceTable.head(start, length)
    return slots.withUnsafeBufferPointer { slots in
      var index = hash(start, length) & (slots.count - 1)
      while slots[index].length != 0 {
        let slot = slots[index]
        if slot.head == head, slot.length == length, length <= 8 || hasTail(index, start, length) {
          return slot.id
        }
        index = (index + 1) & (slots.count - 1)
      }
      return nil
    }
  }

  /// Whether the token in a slot goes on like these bytes after the first eight.
  @inlinable
  func hasTail(_ index: Int, _ start: UnsafePointer<UInt8>, _ length: Int) -> Bool {
    bytes.withUnsafeBufferPointer { bytes in
      guard let token = bytes.baseAddress.map({ $0 + starts[index] }) else { return false }
      var offset = 8
      while offset < length {
        guard
          PieceTable.head(token + offset, length - offset) == PieceTable.head(start + offset, length - offset)
        else { return false }
        offset += 8
      }
      return true
    }
  }

  /// The first bytes, at most eight, as an integer; reads eight.
  @inlinable @inline(__always)
  static func head(_ start: UnsafePointer<UInt8>, _ length: Int) -> UInt64 {
    let value = UInt64(littleEndian: UnsafeRawPointer(start).loadUnaligned(as: UInt64.self))
    return length < 8 ? value & (1 << UInt64(8 * length) &- 1) : value
  }

  @inlinable @inline(__always)
  func hash(_ start: UnsafePointer<UInt8>, _ length: Int) -> Int {
    PieceTable.hash(start, length, seed: seed)
  }

  @inlinable @inline(__always)
  static func hash(_ start: UnsafePointer<UInt8>, _ length: Int, seed: UInt64) -> Int {
    var state = PieceTable.mix(PieceTable.head(start, length) ^ seed, UInt64(length) &+ 0x9E37_79B9_7F4A_7C15)
    var offset = 8
    while offset < length {
      state = PieceTable.mix(state ^ PieceTable.head(start + offset, length - offset), 0xD6E8_FEB8_6659_FD93)
      offset += 8
    }
    return Int(truncatingIfNeeded: state)
  }

  /// Both halves of a product, folded.
  @inlinable @inline(__always)
  static func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }
}
