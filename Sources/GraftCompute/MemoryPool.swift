#if os(Linux)
  import Glibc
#endif

/// Memory that is used again from one step to the next, so that a training step faults in no new pages.
///
/// An arena: a request takes the first gap that is large enough, and neighbouring gaps are one. Activations,
/// their gradients and those of the weights therefore share memory as they come and go, in batches of any size,
/// and the pool holds little more than its largest step used. Used by one thread at a time.
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

    /// A piece of memory that is somebody else's.
    init(_ pointer: UnsafeMutablePointer<Float>, capacity: Int) {
      self.pointer = pointer
      self.capacity = capacity
    }
  }

  /// Memory from the system, whose pages are allocated when they are first used.
  private struct Region {
    let memory: Block
    /// In rising order, with something in use between any two.
    var gaps: [Range<Int>]
    /// How much of it, from its start, was ever in use.
    var reached = 0

    /// At least a quarter of a gigabyte.
    init(holding count: Int) {
      memory = Block(capacity: max(count, 1 << 26))
      gaps = [0..<memory.capacity]
    }

    mutating func take(_ count: Int) -> Block? {
      guard let index = gaps.firstIndex(where: { $0.count >= count }) else { return nil }
      let start = gaps[index].lowerBound
      let rest = start + count..<gaps[index].upperBound
      if rest.isEmpty { gaps.remove(at: index) } else { gaps[index] = rest }
      reached = max(reached, start + count)
      return Block(memory.pointer + start, capacity: count)
    }

    mutating func giveBack(_ block: Block) {
      let start = block.pointer - memory.pointer
      var gap = start..<start + block.capacity
      var index = gaps.firstIndex { $0.lowerBound > start } ?? gaps.count
      if index < gaps.count, gaps[index].lowerBound == gap.upperBound {
        gap = gap.lowerBound..<gaps.remove(at: index).upperBound
      }
      if index > 0, gaps[index - 1].upperBound == gap.lowerBound {
        index -= 1
        gap = gaps.remove(at: index).lowerBound..<gap.upperBound
      }
      gaps.insert(gap, at: index)
    }

    func contains(_ block: Block) -> Bool {
      (memory.pointer..<memory.pointer + memory.capacity).contains(block.pointer)
    }
  }

  private var regions: [Region] = []
  private var parts: [MemoryPool] = []

  public init() {}

  deinit {
    for region in regions { region.memory.pointer.deallocate() }
  }

  /// The elements that were ever in use: what the pool costs.
  public var capacity: Int {
    regions.reduce(0) { $0 + $1.reached } + parts.reduce(0) { $0 + $1.capacity }
  }

  /// A pool for the thread of a number, kept as long as this one. Call this before the threads start.
  func part(_ number: Int) -> MemoryPool {
    while parts.count <= number { parts.append(MemoryPool()) }
    return parts[number]
  }

  func take(_ count: Int) -> Block {
    // Blocks start at cache lines.
    let wanted = (max(1, count) + 15) / 16 * 16
    for index in regions.indices {
      if let block = regions[index].take(wanted) { return block }
    }
    var region = Region(holding: wanted)
    let block = region.take(wanted)
    regions.append(region)
    return block ?? Block(capacity: wanted)
  }

  func giveBack(_ block: Block) {
    guard let index = regions.firstIndex(where: { $0.contains(block) }) else {
      return block.pointer.deallocate()
    }
    regions[index].giveBack(block)
  }
}
