import Foundation
import GraftKit
import GraftTensors

/// MPI between the ranks of a group.
///
/// Everything is sent from one rank to another; see ``MPIMessages``.
final class MPITransport: Transport {
  let rank: Int
  let size: Int
  let host: String
  var isAbandoned: @Sendable () -> Bool = { false }
  var isAwaited: @Sendable () -> Bool = { true }
  var description: TransportLibrary { library.description }
  let library: MPILibrary
  let timeLimit: Int

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

  func begin(
    sent: (Int) -> UnsafeRawBufferPointer, received: (Int) -> UnsafeMutableRawBufferPointer
  ) throws -> any PendingExchange {
    let messages = MPIMessages(self)
    // Each rank begins with its neighbours, so that no rank has to serve all others at once.
    for distance in 1..<max(1, size) {
      let source = (rank - distance + size) % size
      try messages.receive(received(source), from: source)
    }
    for distance in 1..<max(1, size) {
      let target = (rank + distance) % size
      try messages.send(sent(target), to: target)
    }
    return messages
  }

  /// Down a tree: rank 0 sends to half of the ranks away from it first.
  func broadcast(_ memory: UnsafeMutableRawPointer, count: Int) throws {
    let part = MPIMessages.longest
    for start in stride(from: 0, to: count, by: part) {
      let memory = UnsafeMutableRawBufferPointer(start: memory + start, count: min(part, count - start))
      var width = 1
      while width < size { width *= 2 }
      while width > 1 {
        let half = width / 2
        let messages = MPIMessages(self)
        if rank % width == 0, rank + half < size {
          try messages.send(UnsafeRawBufferPointer(memory), to: rank + half)
        } else if rank % width == half {
          try messages.receive(memory, from: rank - half)
        }
        try messages.wait()
        width = half
      }
    }
  }
}
