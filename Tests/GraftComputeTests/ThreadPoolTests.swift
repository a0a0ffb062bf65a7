import Foundation
import Synchronization
import Testing

@testable import GraftCompute

@Suite struct ThreadPoolTests {
  @Test(arguments: [1, 2, 3, 8], [0, 1, 2, 7, 1000])
  func everyPieceRunsOnce(threads: Int, pieces: Int) {
    let pool = ThreadPool(count: threads)
    let runs = Mutex([Int](repeating: 0, count: pieces))
    pool.run(pieces) { piece in runs.withLock { $0[piece] += 1 } }
    #expect(runs.withLock { $0 } == [Int](repeating: 1, count: pieces))
  }

  @Test func noTwoPiecesShareAWorkerNumber() {
    let pool = ThreadPool(count: 4)
    let busy = Mutex([Bool](repeating: false, count: 4))
    let clashes = Atomic<Int>(0)
    pool.run(400) { _, worker in
      if busy.withLock({ busy in
        defer { busy[worker] = true }
        return busy[worker]
      }) {
        clashes.add(1, ordering: .relaxed)
      }
      usleep(20)
      busy.withLock { $0[worker] = false }
    }
    #expect(clashes.load(ordering: .relaxed) == 0)
  }

  @Test func loopsFollowEachOther() {
    let pool = ThreadPool(count: 3)
    let sum = Atomic<Int>(0)
    for round in 0..<3000 {
      pool.run(1 + round % 5) { piece in sum.add(piece + 1, ordering: .relaxed) }
      // Now and then long enough for the threads to fall asleep.
      if round % 1000 == 999 { usleep(2000) }
    }
    #expect(sum.load(ordering: .relaxed) == 600 * (1 + 3 + 6 + 10 + 15))
  }

  @Test func aLoopInsideALoopAndFromAnotherThread() {
    let pool = ThreadPool(count: 2)
    let sum = Atomic<Int>(0)
    let callers = ThreadPool(count: 2)
    callers.run(200) { _ in
      pool.run(4) { _ in
        pool.run(3) { _ in sum.add(1, ordering: .relaxed) }
      }
    }
    #expect(sum.load(ordering: .relaxed) == 200 * 12)
  }

  @Test func blocksCoverEverything() {
    let pool = ThreadPool(count: 2)
    for (size, count) in [(4, 10), (10, 10), (11, 10), (1, 3), (5, 0), (0, 2)] {
      let blocks = Mutex([Range<Int>]())
      pool.forEachBlock(of: size, in: count) { block in blocks.withLock { $0.append(block) } }
      let sorted = blocks.withLock { $0 }.sorted { $0.lowerBound < $1.lowerBound }
      #expect(sorted.flatMap { Array($0) } == Array(0..<count))
      #expect(sorted.dropLast().allSatisfy { $0.count == max(1, size) })
    }
  }

  @Test func threadsEndWithThePool() {
    // Each thread holds on to the team until it ends.
    weak var team: Team?
    do {
      let pool = ThreadPool(count: 3)
      team = pool.team
      pool.run(100) { _ in usleep(10) }
      withExtendedLifetime(pool) { #expect(team != nil) }
    }
    for _ in 0..<2000 where team != nil { usleep(5000) }
    #expect(team == nil)
  }
}

@Suite struct TilesTests {
  @Test("a product that is worth several threads is cut into several pieces")
  func largeProductsAreCut() {
    for (m, n, k) in [
      (392, 384, 384), (392, 1536, 384), (392, 3072, 768), (768, 768, 392), (58, 30_522, 768),
    ] {
      #expect(Tiles(MatrixProduct(m: m, n: n, k: k)).count >= 4, "\(m) \(n) \(k)")
    }
    #expect(Tiles(MatrixProduct(m: 8, n: 4, k: 384)).count == 1)
  }

  @Test(arguments: [
    (1, 1, 1), (392, 3072, 768), (392, 768, 3072), (3072, 768, 392), (30522, 768, 60), (60, 30522, 768),
    (2, 100_000, 768), (5000, 5000, 17), (0, 4, 4), (4, 4, 0),
  ])
  func tilesCoverTheResultOnce(m: Int, n: Int, k: Int) {
    let tiles = Tiles(MatrixProduct(m: m, n: n, k: k))
    var (area, corners) = (0, Set<[Int]>())
    for index in 0..<tiles.count {
      let (rows, columns) = (tiles[index].rows, tiles[index].columns)
      #expect(!rows.isEmpty && !columns.isEmpty && rows.upperBound <= m && columns.upperBound <= n)
      area += rows.count * columns.count
      corners.insert([rows.lowerBound, columns.lowerBound])
    }
    #expect(area == m * n)
    #expect(corners.count == tiles.count)
  }
}
