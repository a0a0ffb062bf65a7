import Foundation
import GraftKit
import GraftTensors

/// MPI between the ranks of a group.
///
/// Everything is sent from one rank to another without waiting in the library: this rank looks again and again, with pauses in
/// which the machine computes, and gives up after a time, naming those that did not answer.
final class MPITransport: Transport {
  let rank: Int
  let size: Int
  let host: String
  var isAbandoned: @Sendable () -> Bool = { false }
  var description: TransportLibrary { library.description }
  private let library: MPILibrary
  private let timeLimit: Int

  /// - Parameters:
  ///   - launcher: What started the processes.
  ///   - timeLimit: How long others are waited for, in seconds.
  /// - Throws: `GraftError` when there is no library, or it is another one than the launcher's.
  init(_ launcher: MPILauncher, timeLimit: Int) throws {
    library = try MPILibrary(launcher.interfaces)
    (rank, size, host) = try library.start()
    self.timeLimit = timeLimit
    guard launcher.size.map({ $0 == size }) ?? true else {
      throw GraftError(
        .mismatch, "MPI's library is of another MPI than the launcher", file: library.fileName,
        expected: "\(launcher.size ?? 0) processes, by \(launcher.name)",
        found: "\(size), by \(library.version)",
        advice: "Start it with the mpirun of that library, or install the launcher's.")
    }
  }

  func close() throws { try library.finish() }
  func abort(code: Int32) {
    // The process ends with its own message whether MPI ends the others or not.
    do { try library.abort(code) } catch { return }
  }

  // MARK: Exchanges

  func exchange(
    sent: (Int) -> UnsafeRawBufferPointer, received: (Int) -> UnsafeMutableRawBufferPointer
  ) throws {
    var pending: [Pending] = []
    // Each rank begins with its neighbours, so that no rank has to serve all others at once.
    for distance in 1..<max(1, size) {
      let source = (rank - distance + size) % size
      try begin(library.receive, received(source), source, &pending)
    }
    for distance in 1..<max(1, size) {
      let target = (rank + distance) % size
      try begin(library.send, UnsafeMutableRawBufferPointer(mutating: sent(target)), target, &pending)
    }
    try wait(for: pending)
  }

  /// Down a tree: rank 0 sends to half of the ranks away from it first.
  func broadcast(_ memory: UnsafeMutableRawPointer, count: Int) throws {
    let part = 1 << 26
    for start in stride(from: 0, to: count, by: part) {
      let memory = UnsafeMutableRawBufferPointer(start: memory + start, count: min(part, count - start))
      var width = 1
      while width < size { width *= 2 }
      while width > 1 {
        let half = width / 2
        var pending: [Pending] = []
        if rank % width == 0, rank + half < size {
          try begin(library.send, memory, rank + half, &pending)
        } else if rank % width == half {
          try begin(library.receive, memory, rank - half, &pending)
        }
        try wait(for: pending)
        width = half
      }
    }
  }

  // MARK: Waiting

  /// A message on its way.
  private struct Pending {
    var request: MPILibrary.Handle
    let rank: Int
  }

  /// Begins to send or receive, in as many messages as it takes.
  private func begin(
    _ transfer: MPILibrary.Transfer, _ memory: UnsafeMutableRawBufferPointer, _ other: Int,
    _ pending: inout [Pending]
  ) throws {
    guard let start = memory.baseAddress else { return }
    let part = 1 << 30
    for first in stride(from: 0, to: memory.count, by: part) {
      var request: MPILibrary.Handle = 0
      try library.check(
        transfer(
          start + first, Int32(min(part, memory.count - first)), library.byte, Int32(other), 1, library.world,
          &request))
      pending.append(Pending(request: request, rank: other))
    }
  }

  private func wait(for messages: [Pending]) throws {
    var (pending, rounds) = (messages, 0)
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
