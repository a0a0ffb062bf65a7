import Foundation
import GraftKit

/// Ranks that are threads of this process.
final class Meeting: @unchecked Sendable {
  private let condition = NSCondition()
  private let size: Int
  private let patience: Double
  private var gathering: [Int: [[UInt8]]] = [:]
  private var gathered: [[[UInt8]]] = []
  private var round = 0
  private var isOver = false

  init(_ size: Int, patience: Double = 60) { (self.size, self.patience) = (size, patience) }

  /// - Parameter bytes: What a rank has for each.
  /// - Returns: What each rank has for each.
  func exchange(_ bytes: [[UInt8]], from rank: Int) throws -> [[[UInt8]]] {
    condition.lock()
    defer { condition.unlock() }
    let mine = round
    gathering[rank] = bytes
    if gathering.count == size {
      gathered = gathering.sorted { $0.key < $1.key }.map(\.value)
      gathering = [:]
      round += 1
      condition.broadcast()
    }
    let end = Date(timeIntervalSinceNow: patience)
    while round == mine, !isOver {
      guard condition.wait(until: end) else { break }
    }
    guard round > mine else {
      throw MissingRanks((0..<size).filter { gathering[$0] == nil }, seconds: Int(patience))
    }
    return gathered
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
    var host: String { "thread" }
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
      let (sent, received) = ((0..<size).map(sent), (0..<size).map(received))
      return Exchange { [self] in
        for (other, bytes) in try meeting.exchange(sent.map { Array($0) }, from: rank).enumerated()
        where other != rank {
          received[other].copyBytes(from: bytes[rank])
        }
      }
    }

    private struct Exchange: PendingExchange {
      let end: () throws -> Void
      func wait() throws { try end() }
    }

    func broadcast(_ memory: UnsafeMutableRawPointer, count: Int) throws {
      let own = rank == 0 ? Array(UnsafeRawBufferPointer(start: memory, count: count)) : []
      let bytes = try meeting.exchange([own], from: rank)[0][0]
      UnsafeMutableRawBufferPointer(start: memory, count: count).copyBytes(from: bytes)
    }

    func close() {}
    func abort(code: Int32) { meeting.end() }
  }
}
