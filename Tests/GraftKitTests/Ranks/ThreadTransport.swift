import Foundation
import GraftKit

/// Ranks that are threads of this process.
final class Meeting: @unchecked Sendable {
  /// What all ranks send each other at once, where some have not begun yet.
  private struct Round {
    var sent: [Int: [[UInt8]]] = [:]
    var rooms: [Int: [UnsafeMutableRawBufferPointer]] = [:]
  }

  private let condition = NSCondition()
  private let size: Int
  private let patience: Double
  private let isOnOneMachine: Bool
  private var rounds: [Int: Round] = [:]
  /// How many each rank has begun.
  private(set) var begun: [Int]
  private var sentBytes: [Int]
  private var isOver = false

  init(_ size: Int, onOneMachine: Bool = true, patience: Double = 60) {
    (self.size, isOnOneMachine, self.patience) = (size, onOneMachine, patience)
    begun = Array(repeating: 0, count: size)
    sentBytes = begun
  }

  /// Sends, and receives as soon as all have begun, whether anybody waits or not.
  ///
  /// - Parameters:
  ///   - bytes: What a rank has for each.
  ///   - rooms: Where it receives those of each.
  /// - Returns: The round's number.
  func begin(_ bytes: [[UInt8]], into rooms: [UnsafeMutableRawBufferPointer], from rank: Int) -> Int {
    condition.lock()
    defer { condition.unlock() }
    let number = begun[rank]
    begun[rank] += 1
    sentBytes[rank] += bytes.enumerated().reduce(0) { $0 + ($1.offset == rank ? 0 : $1.element.count) }
    var round = rounds[number] ?? Round()
    (round.sent[rank], round.rooms[rank]) = (bytes, rooms)
    rounds[number] = round
    if round.sent.count == size {
      for (source, bytes) in round.sent {
        for (target, rooms) in round.rooms where source != target {
          rooms[source].copyBytes(from: bytes[target])
        }
      }
      rounds[number] = nil
      condition.broadcast()
    }
    return number
  }

  /// How many bytes a rank has sent the others.
  func sentBytes(by rank: Int) -> Int {
    condition.lock()
    defer { condition.unlock() }
    return sentBytes[rank]
  }

  func wait(for number: Int, from rank: Int) throws {
    condition.lock()
    defer { condition.unlock() }
    let end = Date(timeIntervalSinceNow: patience)
    while rounds[number] != nil, !isOver {
      guard condition.wait(until: end) else { break }
    }
    guard let round = rounds[number] else { return }
    rounds[number]?.rooms[rank] = nil
    throw MissingRanks((0..<size).filter { round.sent[$0] == nil }, seconds: Int(patience))
  }

  func end() {
    condition.lock()
    isOver = true
    condition.broadcast()
    condition.unlock()
  }

  /// Runs a body on each rank, each on a thread of its own.
  func run<Value: Sendable>(
    _ body: @escaping @Sendable (any ProcessGroup) throws -> Value
  ) -> [Result<Value, any Error>] {
    onThreads(size) { [self] rank in
      let ranks = try ConnectedGroup { Transport(self, rank, of: self.size) }
      do { return try body(ranks) } catch {
        ranks.abort(code: 1)
        throw error
      }
    }
  }

  /// One thread's part in the meeting.
  private final class Transport: GraftKit.Transport {
    let rank: Int
    let size: Int
    var host: String { meeting.isOnOneMachine ? "thread" : "thread \(rank)" }
    var description: TransportLibrary { TransportLibrary(fileName: "none", version: "threads") }
    var isAbandoned: @Sendable () -> Bool = { false }
    var isAwaited: @Sendable () -> Bool = { true }
    private let meeting: Meeting

    init(_ meeting: Meeting, _ rank: Int, of size: Int) {
      (self.meeting, self.rank, self.size) = (meeting, rank, size)
    }

    func begin(
      sent: (Int) -> UnsafeRawBufferPointer, received: (Int) -> UnsafeMutableRawBufferPointer
    ) throws -> any PendingExchange {
      let number = meeting.begin(
        (0..<size).map { Array(sent($0)) }, into: (0..<size).map(received), from: rank)
      return Exchange { [self] in try meeting.wait(for: number, from: rank) }
    }

    private struct Exchange: PendingExchange {
      let end: () throws -> Void
      func wait() throws { try end() }
    }

    func broadcast(_ memory: UnsafeMutableRawPointer, count: Int) throws {
      let memory = UnsafeMutableRawBufferPointer(start: memory, count: count)
      let none = UnsafeMutableRawBufferPointer(start: nil, count: 0)
      try begin(
        sent: { UnsafeRawBufferPointer(rank == 0 && $0 != 0 ? memory : none) },
        received: { rank != 0 && $0 == 0 ? memory : none }
      ).wait()
    }

    func close() {}
    func abort(code: Int32) { meeting.end() }
  }
}
