#if os(Linux)
  import Glibc
#endif

/// Memory that is used again from one step to the next, so that a training step faults in no new pages.
///
/// A request takes the smallest free block that fits, unless more than half of it would lie idle; otherwise a
/// new block replaces the free one that is just too small. Batches of varying size therefore share blocks, and
/// the pool holds little more than its largest step used. Used by one thread at a time.
public final class MemoryPool {
  /// A piece of memory and how many elements it has room for.
  struct Block {
    let pointer: UnsafeMutablePointer<Float>
    let capacity: Int

    /// Memory from the system, aligned to a cache line, or to huge pages, with which reading through large
    /// matrices does not wait for addresses to be translated.
    init(capacity: Int) {
      self.capacity = max(1, capacity)
      let (byteCount, hugePage) = (self.capacity * MemoryLayout<Float>.stride, 2 << 20)
      let isLarge = byteCount >= hugePage
      let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: isLarge ? hugePage : 64)
      #if os(Linux)
        // A request: memory without huge pages serves as well.
        if isLarge { madvise(memory, byteCount, Int32(MADV_HUGEPAGE)) }
      #endif
      pointer = memory.bindMemory(to: Float.self, capacity: self.capacity)
    }
  }

  /// By rising capacity.
  private var free: [Block] = []
  /// How many blocks the system was asked for so far; it stops growing when a loop has found its rhythm.
  public private(set) var allocationCount = 0
  /// The elements of all blocks, free or not.
  public private(set) var capacity = 0

  public init() {}

  deinit {
    for block in free { block.pointer.deallocate() }
  }

  /// A count rounded up by at most an eighth, so that nearly equal sizes are equal.
  private static func rounded(_ count: Int) -> Int {
    let least = max(256, count)
    let step = 1 << max(0, Int.bitWidth - least.leadingZeroBitCount - 4)
    return (least + step - 1) / step * step
  }

  func take(_ count: Int) -> Block {
    let wanted = Self.rounded(count)
    let index = firstIndex(holding: wanted)
    if index < free.count, free[index].capacity <= 2 * wanted { return free.remove(at: index) }
    if index > 0, 2 * free[index - 1].capacity >= wanted {
      let outgrown = free.remove(at: index - 1)
      capacity -= outgrown.capacity
      outgrown.pointer.deallocate()
    }
    allocationCount += 1
    capacity += wanted
    return Block(capacity: wanted)
  }

  func giveBack(_ block: Block) {
    free.insert(block, at: firstIndex(holding: block.capacity))
  }

  /// The first free block of at least this capacity, by bisection.
  private func firstIndex(holding capacity: Int) -> Int {
    var range = 0..<free.count
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      range = free[middle].capacity < capacity ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return range.lowerBound
  }
}
