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

  private static func sent(_ x: Float, _ precision: Precision) -> Float {
    precision == .float32 ? x : Float(BFloat16(x))
  }

  @Test(arguments: [1, 2, 3, 4], Precision.allCases)
  func sumsAreThoseOfTheOrderOfRanks(_ size: Int, _ precision: Precision) throws {
    for count in [1, 5, 64, 1001] {
      // Parts of other lengths, as the last are.
      let lengths = (0..<size).map { max(0, count - $0) }
      let starts = (0...size).map { lengths.prefix($0).reduce(0, +) }
      let results = Meeting(size).run { group in
        let own = Tensor(Self.numbers(group.rank, starts[size]), shape: [starts[size]])
        let part: @Sendable (Int) -> UnsafeMutableBufferPointer<Float> = { rank in
          UnsafeMutableBufferPointer(start: own.pointer + starts[rank], count: lengths[rank])
        }
        let sums = Mutex<[Float]>([])
        try group.start(
          RankSum(in: precision, part) { [rank = group.rank] in sums.withLock { $0 = Array(part(rank)) } }
        ).wait()
        return sums.withLock { $0 }
      }
      for (rank, result) in results.enumerated() {
        let all = (0..<size).map { Self.numbers($0, starts[size]).map { Self.sent($0, precision) } }
        let expected = (starts[rank]..<starts[rank + 1]).map { i in
          (1..<size).reduce(all[0][i]) { $0 + all[$1][i] }
        }
        #expect(try result.get() == expected)
      }
    }
  }

  /// While a sum is on its way, and not when nothing is.
  @Test func theTimeInWhichRanksCommunicateIsCounted() throws {
    let isCounted = DispatchSemaphore(value: 0)
    let results = Meeting(2).run { group in
      let numbers = Tensor(Self.numbers(group.rank, 2), shape: [2])
      func reading() -> Double { group.communication.seconds }
      /// Looks again and again, for as long as a busy machine may need.
      func wait(until holds: () -> Bool) -> Bool {
        let end = Date(timeIntervalSinceNow: 10)
        while !holds() {
          guard Date() < end else { return false }
          Thread.sleep(forTimeInterval: 0.01)
        }
        return true
      }
      // Rank 1 comes when rank 0 has counted that it waits.
      if group.rank == 1 { isCounted.wait() }
      let before = reading()
      let sum = group.start(
        RankSum(in: .float32) { UnsafeMutableBufferPointer(start: numbers.pointer + $0, count: 1) })
      let counts = group.rank == 1 || wait { reading() - before >= 0.05 }
      isCounted.signal()
      try sum.wait()
      var last = -1.0
      let stands = wait {
        let now = reading()
        defer { last = now }
        return last == now
      }
      return counts && stands
    }
    for result in results { #expect(try result.get()) }
  }

  @Test(arguments: [1, 3], Precision.allCases)
  func whatIsSpreadIsThatOfEachRank(_ size: Int, _ precision: Precision) throws {
    for count in [1, 77] {
      let lengths = (0..<size).map { max(0, count - $0) }
      let starts = (0...size).map { lengths.prefix($0).reduce(0, +) }
      let results = Meeting(size).run { group in
        let own = Tensor(Self.numbers(group.rank, starts[size]), shape: [starts[size]])
        let part: @Sendable (Int) -> UnsafeMutableBufferPointer<Float> = { rank in
          UnsafeMutableBufferPointer(start: own.pointer + starts[rank], count: lengths[rank])
        }
        let all = Mutex<[Int: [Float]]>([:])
        try group.start(
          RankSpread(in: precision, part) { rank in all.withLock { $0[rank] = Array(part(rank)) } }
        )
        .wait()
        return all.withLock { $0 }
      }
      let expected = Dictionary(
        uniqueKeysWithValues: (0..<size).map { rank in
          (
            rank,
            Self.numbers(rank, starts[size])[starts[rank]..<starts[rank + 1]].map { Self.sent($0, precision) }
          )
        })
      for result in results { #expect(try result.get() == expected) }
    }
  }

  @Test func messagesMayHaveAnyLength() throws {
    // From a rank to another.
    @Sendable func message(_ from: Int, _ to: Int) -> [UInt8] {
      Array(repeating: UInt8(10 * from + to), count: from * to)
    }
    let results = Meeting(3).run { group in
      let sent = (0..<3).map { UnsafeMutableRawBufferPointer.copy(of: message(group.rank, $0)) }
      let received = (0..<3).map { UnsafeMutableRawBufferPointer.copy(of: message(group.rank, $0)) }
      defer { for memory in sent + received { memory.deallocate() } }
      for memory in received { memory.initializeMemory(as: UInt8.self, repeating: 0) }
      try group.exchange(sent: { UnsafeRawBufferPointer(sent[$0]) }, received: { received[$0] })
      return received.map { Array($0) }
    }
    for (rank, result) in results.enumerated() {
      let received = try result.get()
      for other in 0..<3 where other != rank { #expect(received[other] == message(other, rank)) }
    }
  }

  @Test func whatIsGatheredIsInTheOrderOfRanks() throws {
    for lengths in [[0, 0, 0], [3, 0, 48], [49, 1, 0], [5000, 70, 0]] {
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

  /// Or each thing would be waited for as long as the first.
  @Test func aGroupThatFailedBeginsNothingMore() throws {
    let meeting = Meeting(2, patience: 0.3)
    let results = meeting.run { group in
      guard group.rank == 0 else { return [String]() }
      let shares = RankShares(rank: 0, size: 2)
      let numbers = Tensor(repeating: 1, shape: [20])
      let sums = (0..<10).map { place in
        group.start(
          RankSum(
            in: .float32,
            BucketMemory([(numbers, place..<place + 1)], shares, isCopied: false).numbers))
      }
      let gatherings = (0..<3).map { _ in errorMessage { _ = try group.gather([1]) } ?? "" }
      return sums.map { sum in errorMessage { try sum.wait() } ?? "" } + gatherings
    }
    let messages = try results[0].get()
    #expect(messages.count == 13 && messages.allSatisfy { !$0.isEmpty })
    #expect(messages[0].hasPrefix("rank 1 on thread: it did not answer") && messages[12] == messages[0])
    // Four sums at most were on their way.
    #expect((1...4).contains(meeting.begun[0] - meeting.begun[1]))
  }

  /// What rank 0 does for all may take longer than others are waited for.
  @Test func rankZeroIsWaitedForWhileItWorks() throws {
    let results = Meeting(3, patience: 1).run { group in
      try group.valueFromLeader { () -> [Double] in
        Thread.sleep(forTimeInterval: 2)
        return [0.1, .infinity]
      }
    }
    for result in results { #expect(try result.get() == [0.1, .infinity]) }
  }

  @Test func ranksThatGoDifferentWaysEnd() throws {
    let results = Meeting(3, patience: 1).run { group in
      _ = try group.rank == 2 ? [group.sum([1])] : [[1]].filter { _ in try group.any(false) }
    }
    for result in results {
      let error = #expect(throws: GraftError.self) { try result.get() }
      #expect(
        error?.description.hasPrefix(
          "rank 2 on thread: it does something else than rank 0 on thread; expected flag 2, found sum 2.")
          == true, "\(String(describing: error))")
    }
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
    #expect(try group.size == 1 && group.leads && group.gather([7]) == [[7]])
    #expect(try group.sum([1, 2]) == [1, 2] && group.any(true) && !group.any(false))
    try group.requireSame(["seed": 1])
  }
}

extension UnsafeMutableRawBufferPointer {
  fileprivate static func copy(of bytes: [UInt8]) -> Self {
    let memory = allocate(byteCount: bytes.count, alignment: 1)
    memory.copyBytes(from: bytes)
    return memory
  }
}
