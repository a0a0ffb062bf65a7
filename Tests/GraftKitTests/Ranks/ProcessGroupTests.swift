import Foundation
import GraftCompute
import GraftTensors
import Synchronization
import TestSupport
import Testing

@testable import GraftKit

/// What a group of processes promises, over threads of this one.
@Suite struct ProcessGroupTests {
  /// Numbers of a rank that float32 has to round when it adds them up.
  private static func numbers(_ rank: Int, _ count: Int) -> [Float] {
    (0..<count).map { Float(sin(Double($0 * 7 + rank * 13 + 1))) * 3.1 }
  }

  /// Adds up in the order of ranks.
  private static func naiveSum(_ size: Int, _ count: Int, _ precision: Precision) -> [Float] {
    func sent(_ x: Float) -> Float { precision == .float32 ? x : Float(BFloat16(x)) }
    return (0..<count).map { i in
      sent((1..<size).reduce(sent(numbers(0, count)[i])) { $0 + sent(numbers($1, count)[i]) })
    }
  }

  @Test(arguments: [1, 2, 3, 4], Precision.allCases)
  func sumsAreThoseOfTheOrderOfRanks(_ size: Int, _ precision: Precision) throws {
    for count in [1, 5, 64, 1001] {
      let results = Meeting(size).run { group in
        let sums = Mutex<[Float]>([])
        let own = Self.numbers(group.rank, count)
        try group.start(
          RankSum(
            count: count, in: precision, read: { $0.update(from: own, count: count) },
            write: { written in
              sums.withLock { $0 = Array(UnsafeBufferPointer(start: written, count: count)) }
            })
        ).wait()
        return sums.withLock { $0 }
      }
      for result in results { #expect(try result.get() == Self.naiveSum(size, count, precision)) }
    }
  }

  @Test func whatIsGatheredIsInTheOrderOfRanks() throws {
    for lengths in [[0, 0, 0], [3, 0, 56], [57, 1, 0], [5000, 70, 0]] {
      let own = lengths.enumerated().map { rank, length in
        (0..<length).map { UInt8(truncatingIfNeeded: $0 * 3 + rank) }
      }
      for result in Meeting(3).run({ try $0.gather(own[$0.rank]) }) { #expect(try result.get() == own) }
    }
  }

  @Test func whatIsBroadcastIsThatOfRankZero() throws {
    let results = Meeting(3).run { group in
      var bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * (group.rank + 1)) }
      try bytes.withUnsafeMutableBytes { try group.broadcast($0) }
      return bytes
    }
    for result in results { #expect(try result.get() == (0..<1000).map { UInt8(truncatingIfNeeded: $0) }) }
  }

  @Test func ranksAgree() throws {
    for result in Meeting(3).run({ try $0.sum([Double($0.rank), 0.5]) }) {
      #expect(try result.get() == [3, 1.5])
    }
    for result in Meeting(3).run({ try $0.any($0.rank == 2) }) { #expect(try result.get()) }
    for result in Meeting(3).run({ try $0.any(false) }) { #expect(try !result.get()) }
    for result in Meeting(3).run({ group in try group.fromLeader { "of \(group.rank)" } }) {
      #expect(try result.get() == "of 0")
    }
  }

  @Test func anErrorOfRankZeroIsThatOfAll() throws {
    let problem = GraftError(.system, "the disk is full", file: "model.safetensors")
    let results = Meeting(2).run { group in try group.onLeader { throw problem } }
    #expect(throws: problem) { try results[0].get() }
    let other = #expect(throws: GraftError.self) { try results[1].get() }
    #expect(other?.description == "rank 0 on thread: it ended with an error, which says why.")
  }

  @Test func aRankThatDoesNotComeIsNamed() throws {
    let results = Meeting(3, patience: 0.5).run { group in
      guard group.rank != 1 else { return }
      _ = try group.gather([1])
    }
    let error = #expect(throws: GraftError.self) { try results[0].get() }
    #expect(error?.description.hasPrefix("rank 1 on thread: it did not answer for 0 seconds.") == true)
  }

  @Test func whatDiffersBetweenRanksIsNamed() throws {
    let results = Meeting(3).run { group in
      try group.requireSame(["seed": JSON(42), "data": JSON(group.rank == 2 ? "8-ab" : "8-cd")])
    }
    for result in results {
      let error = #expect(throws: GraftError.self) { try result.get() }
      #expect(
        error?.description.hasPrefix(
          "rank 2 on thread has another 'data' than rank 0 on thread; expected 8-cd, found 8-ab.") == true)
    }
  }

  @Test func oneProcessIsAGroup() throws {
    let group = SingleProcess()
    #expect(group.size == 1 && group.leads && group.gather([7]) == [[7]])
    #expect(try group.sum([1, 2]) == [1, 2] && group.any(true) && !group.any(false))
    try group.requireSame(["seed": 1])
  }
}
