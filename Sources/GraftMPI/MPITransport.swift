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

  func allToAll(_ sent: UnsafeRawPointer, to received: UnsafeMutableRawPointer, blockSize: Int) throws {
    (received + rank * blockSize).copyMemory(from: sent + rank * blockSize, byteCount: blockSize)
    try exchange(blockSize, sent: { sent + $0 * blockSize }, received: { received + $0 * blockSize })
  }

  func allGather(_ sent: UnsafeRawPointer, to received: UnsafeMutableRawPointer, blockSize: Int) throws {
    (received + rank * blockSize).copyMemory(from: sent, byteCount: blockSize)
    try exchange(blockSize, sent: { _ in sent }, received: { received + $0 * blockSize })
  }

  private func exchange(
    _ count: Int, sent: (Int) -> UnsafeRawPointer, received: (Int) -> UnsafeMutableRawPointer
  ) throws {
    guard count > 0 else { return }
    var pending: [Pending] = []
    // Each rank begins with its neighbours, so that no rank has to serve all others at once.
    for distance in 1..<max(1, size) {
      let source = (rank - distance + size) % size
      pending.append(try begin(library.receive, received(source), count, source))
    }
    for distance in 1..<max(1, size) {
      let target = (rank + distance) % size
      pending.append(try begin(library.send, UnsafeMutableRawPointer(mutating: sent(target)), count, target))
    }
    try wait(for: pending)
  }

  /// Down a tree: rank 0 sends to half of the ranks away from it first.
  func broadcast(_ memory: UnsafeMutableRawPointer, count: Int) throws {
    let part = 1 << 26
    for start in stride(from: 0, to: count, by: part) {
      let (memory, count) = (memory + start, min(part, count - start))
      var width = 1
      while width < size { width *= 2 }
      while width > 1 {
        let half = width / 2
        if rank % width == 0, rank + half < size {
          try wait(for: [try begin(library.send, memory, count, rank + half)])
        } else if rank % width == half {
          try wait(for: [try begin(library.receive, memory, count, rank - half)])
        }
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

  private func begin(
    _ transfer: MPILibrary.Transfer, _ memory: UnsafeMutableRawPointer, _ count: Int, _ other: Int
  ) throws -> Pending {
    guard let length = Int32(exactly: count) else {
      throw GraftError(
        .unsupported, "too much for one message", expected: "at most \(Int32.max) bytes", found: "\(count)")
    }
    var request: MPILibrary.Handle = 0
    try library.check(transfer(memory, length, library.byte, Int32(other), 1, library.world, &request))
    return Pending(request: request, rank: other)
  }

  private func wait(for messages: [Pending]) throws {
    var (pending, rounds) = (messages, 0)
    let start = ContinuousClock.now
    while true {
      var isOver: Int32 = 0
      for index in pending.indices.reversed() {
        try library.check(library.test(&pending[index].request, &isOver, library.noStatus))
        if isOver != 0 {
          pending.remove(at: index)
          rounds = 0
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
      guard rounds % 1000 == 0, start.duration(to: .now) > .seconds(timeLimit) else { continue }
      throw MissingRanks(Set(pending.map(\.rank)).sorted(), seconds: timeLimit)
    }
  }
}
