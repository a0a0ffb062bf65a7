import Foundation
import GraftKit
import GraftTensors

/// Messages on their way between this rank and others.
///
/// They are not waited for in the library: this rank looks again and again, with pauses in which the machine computes, and
/// gives up after a time, naming those that did not answer.
final class MPIMessages: PendingExchange {
  /// How many bytes go at once: so few that a slow network brings them within the time limit.
  static let longest = 1 << 26
  private let library: MPILibrary
  private let timeLimit: Int
  private let isAbandoned: @Sendable () -> Bool
  private var pending: [(request: MPILibrary.Handle, rank: Int)] = []

  /// - Parameters:
  ///   - timeLimit: How long others are waited for, in seconds.
  ///   - isAbandoned: Says that nobody wants them any more.
  init(_ library: MPILibrary, timeLimit: Int, isAbandoned: @escaping @Sendable () -> Bool) {
    (self.library, self.timeLimit, self.isAbandoned) = (library, timeLimit, isAbandoned)
  }

  func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws {
    try begin(library.send, UnsafeMutableRawBufferPointer(mutating: bytes), rank)
  }

  func receive(_ room: UnsafeMutableRawBufferPointer, from rank: Int) throws {
    try begin(library.receive, room, rank)
  }

  private func begin(
    _ transfer: MPILibrary.Transfer, _ memory: UnsafeMutableRawBufferPointer, _ other: Int
  ) throws {
    guard let start = memory.baseAddress else { return }
    for first in stride(from: 0, to: memory.count, by: Self.longest) {
      var request: MPILibrary.Handle = 0
      try library.check(
        transfer(
          start + first, Int32(min(Self.longest, memory.count - first)), library.byte, Int32(other), 1,
          library.world, &request))
      pending.append((request, other))
    }
  }

  func wait() throws {
    var rounds = 0
    // Of the last message that came or went.
    var last = ContinuousClock.now
    while true {
      var isOver: Int32 = 0
      for index in pending.indices.reversed() {
        try library.check(library.test(&pending[index].request, &isOver, library.noStatus))
        if isOver != 0 {
          pending.remove(at: index)
          (rounds, last) = (0, .now)
        }
      }
      if pending.isEmpty { return }
      rounds += 1
      if rounds < 50 {
        sched_yield()
        continue
      }
      usleep(50)
      if isAbandoned() { throw CancellationError() }
      guard rounds % 1000 == 0, last.duration(to: .now) > .seconds(timeLimit) else { continue }
      throw MissingRanks(Set(pending.map(\.rank)).sorted(), seconds: timeLimit)
    }
  }
}
