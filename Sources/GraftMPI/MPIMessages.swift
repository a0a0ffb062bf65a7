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
  /// Microseconds.
  private static let (shortestPause, longestPause) = (useconds_t(50), useconds_t(400))
  private let library: MPILibrary
  private let transport: MPITransport
  private var pending: [(request: MPILibrary.Handle, rank: Int)] = []

  init(_ transport: MPITransport) { (self.transport, library) = (transport, transport.library) }

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
    var (rounds, pause) = (0, Self.shortestPause)
    // Of the last message that came or went.
    var last = ContinuousClock.now
    while true {
      var isOver: Int32 = 0
      for index in pending.indices.reversed() {
        try library.check(library.test(&pending[index].request, &isOver, library.noStatus))
        if isOver != 0 {
          pending.remove(at: index)
          (rounds, pause, last) = (0, Self.shortestPause, .now)
        }
      }
      if pending.isEmpty { return }
      rounds += 1
      if transport.isAwaited() {
        if rounds < 50 {
          sched_yield()
          continue
        }
        pause = Self.shortestPause
      } else {
        // The core is wanted for computing.
        pause = min(2 * pause, Self.longestPause)
      }
      usleep(pause)
      if transport.isAbandoned() { throw CancellationError() }
      guard rounds % 1000 == 0, last.duration(to: .now) > .seconds(transport.timeLimit) else { continue }
      throw MissingRanks(Set(pending.map(\.rank)).sorted(), seconds: transport.timeLimit)
    }
  }
}
