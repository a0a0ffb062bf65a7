import Testing

@testable import GraftCompute

@Suite struct MemoryPoolTests {
  @Test func gapsJoinWhateverTheOrderTheyComeBackIn() {
    for order in [[0, 1, 2], [2, 1, 0], [0, 2, 1], [1, 0, 2]] {
      let pool = MemoryPool()
      let blocks = (0..<3).map { _ in pool.take(32) }
      for index in order { pool.giveBack(blocks[index]) }
      // All three together make room for one.
      let whole = pool.take(96)
      #expect(whole.pointer == blocks[0].pointer, "\(order)")
      #expect(pool.capacity == 96)
      pool.giveBack(whole)
    }
  }

  @Test func theFirstGapThatIsLargeEnoughIsTaken() {
    let pool = MemoryPool()
    let blocks = [64, 16, 32, 16].map(pool.take)
    pool.giveBack(blocks[0])
    pool.giveBack(blocks[2])
    #expect(pool.take(20).pointer == blocks[0].pointer)
    #expect(pool.take(32).pointer == blocks[0].pointer + 32)
    #expect(pool.take(32).pointer == blocks[2].pointer)
    #expect(pool.capacity == 128)
  }

  @Test func blocksNeverOverlap() {
    let pool = MemoryPool()
    var generator = RandomKey(seed: 3).generator
    var blocks: [MemoryPool.Block] = []
    for _ in 0..<2000 {
      if blocks.count > 20 || !blocks.isEmpty && Bool.random(using: &generator) {
        pool.giveBack(blocks.remove(at: Int.random(in: blocks.indices, using: &generator)))
      } else {
        let new = pool.take(Int.random(in: 0...500, using: &generator))
        for old in blocks {
          #expect(new.pointer + new.capacity <= old.pointer || old.pointer + old.capacity <= new.pointer)
        }
        #expect(UInt(bitPattern: new.pointer) % 64 == 0)
        blocks.append(new)
      }
    }
    for block in blocks { pool.giveBack(block) }
    #expect(pool.capacity <= 21 * 512)
  }

  @Test func aRequestBeyondARegionHasOneOfItsOwn() {
    let pool = MemoryPool()
    let small = pool.take(16)
    let large = pool.take(1 << 27)
    #expect(large.capacity == 1 << 27)
    pool.giveBack(large)
    pool.giveBack(small)
    #expect(pool.capacity == 16 + 1 << 27)
  }
}
