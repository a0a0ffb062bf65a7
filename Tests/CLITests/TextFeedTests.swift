import GraftCore
import GraftKit
import Testing

@testable import GraftCommandLine

/// How many texts a window has.
@Suite struct TextFeedTests {
  /// The first of some processes; the others are not there.
  private struct First: ProcessGroup {
    let rank = 0
    let size: Int
    var hosts: [String] { [String](repeating: "", count: size) }

    func gather(_ bytes: [UInt8], for purpose: GatheringPurpose) -> [[UInt8]] { [bytes] }
    func broadcast(_ memory: UnsafeMutableRawBufferPointer) {}
    func exchange(
      sent: (Int) -> UnsafeRawBufferPointer, received: (Int) -> UnsafeMutableRawBufferPointer
    ) {}
    func start(_ sum: RankSum) -> PendingSum { SingleProcess().start(sum) }
    func start(_ spread: RankSpread) -> PendingSum { SingleProcess().start(spread) }
    func abort(code: Int32) {}
  }

  private func windows(ranks: Int, batchSize: Int? = nil, beginsSmall: Bool = true) throws -> [Int] {
    try GraftTool.$group.withValue(First(size: ranks)) {
      let rows = (0..<5000).map { TextRow("\($0)") }
      let feed = TextFeed(
        rows, "reading", batchSize: batchSize, beginsSmall: beginsSmall, console: Console(isQuiet: true))
      var sizes: [Int] = []
      while let rows = try feed.next() { sizes.append(rows.count) }
      return sizes
    }
  }

  @Test func windowsGrowToAsManyTextsForEachRank() throws {
    #expect(
      try windows(ranks: 1) == [32, 64, 128, 256, 512, 1024, 1024, 1024, 936])
    #expect(try windows(ranks: 3) == [32, 64, 128, 256, 512, 1024, 2048, 936])
    #expect(try windows(ranks: 3, batchSize: 100) == [100, 200, 400, 800, 1600, 1900])
    #expect(try windows(ranks: 1, batchSize: 2000) == [2000, 2000, 1000])
  }

  @Test func whatIsShownAtTheEndBeginsWithAllThatAWindowHas() throws {
    #expect(try windows(ranks: 1, beginsSmall: false) == [1024, 1024, 1024, 1024, 904])
    #expect(try windows(ranks: 3, beginsSmall: false) == [3072, 1928])
    #expect(try windows(ranks: 1, batchSize: 2000, beginsSmall: false) == [2000, 2000, 1000])
  }
}
