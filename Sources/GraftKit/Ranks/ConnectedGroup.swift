import Foundation
import GraftCompute
import GraftTensors
import Synchronization

/// Ranks that a ``Transport`` connects.
///
/// A thread of its own makes the transport and alone uses it, so that sums go on while the caller computes, and so that the
/// transport need not be safe to use from several threads.
public final class ConnectedGroup: ProcessGroup {
  public let rank: Int
  public let size: Int
  public let hosts: [String]
  public let library: TransportLibrary
  private let worker: Worker

  /// - Parameter open: Makes the transport, on the group's thread.
  /// - Throws: What `open` throws.
  public init(_ open: @escaping @Sendable () throws -> any Transport) throws {
    let worker = Worker(open)
    self.worker = worker
    (rank, size, library) = try worker.run { ($0.rank, $0.size, $0.description) }
    let hosts = try Self.naming([]) { try worker.gather(for: .hosts) { Array($0.host.utf8) } }
    self.hosts = hosts.map { String(decoding: $0, as: UTF8.self) }
  }

  deinit { worker.end() }

  public func gather(_ bytes: [UInt8], for purpose: GatheringPurpose) throws -> [[UInt8]] {
    try naming { try worker.gather(for: purpose) { _ in bytes } }
  }

  public func broadcast(_ memory: UnsafeMutableRawBufferPointer) throws {
    guard let start = memory.baseAddress, !memory.isEmpty else { return }
    // The caller waits.
    nonisolated(unsafe) let target = start
    let count = memory.count
    try naming { try worker.run { try $0.broadcast(target, count: count) } }
  }

  public func exchange(
    sent: (Int) -> UnsafeRawBufferPointer, received: (Int) -> UnsafeMutableRawBufferPointer
  ) throws {
    // The caller waits.
    nonisolated(unsafe) let (sent, received) = ((0..<size).map(sent), (0..<size).map(received))
    try naming { try worker.run { try $0.exchange(sent: { sent[$0] }, received: { received[$0] }) } }
  }

  public func start(_ sum: RankSum) -> PendingSum { begin(.sum) { try $0.begin(sum, over: $1) } }

  public func start(_ spread: RankSpread) -> PendingSum {
    begin(.spread) { try $0.begin(spread, over: $1) }
  }

  private func begin(
    _ kind: Worker.Kind,
    _ work: @escaping @Sendable (SumBuffers, any Transport) throws -> () throws -> Void
  ) -> PendingSum {
    let pending = worker.makePending()
    worker.start(kind) { [self, worker] transport in
      let end = Result { try naming { try work(worker.nextBuffers(), transport) } }
      return { [self] in
        let result = Result { try naming { try end.get()() } }
        pending.end(with: result)
        return result.failure
      }
    } failing: { [self] error in
      pending.end(with: Result { try naming { throw error } })
    }
    return pending
  }

  public func abort(code: Int32) {
    worker.abandon()
    worker.start(.abort) {
      $0.abort(code: code)
      return { nil }
    } failing: { _ in
    }
  }

  public var communication: Profile.Overlap { worker.clock.reading }

  /// Calls the ranks that did not come by their names.
  private func naming<Value>(_ body: () throws -> Value) throws -> Value { try Self.naming(hosts, body) }

  private static func naming<Value>(_ hosts: [String], _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let astray as RanksAstray {
      throw GraftError(
        .system, "it does something else than \(hosts.name(ofRank: 0))",
        subject: hosts.name(ofRank: astray.rank), expected: "\(astray.expected)", found: "\(astray.found)",
        advice: "Start all ranks with the same program and files, on machines of one kind.")
    } catch let missing as MissingRanks {
      throw GraftError(
        .system, "it did not answer for \(NumberText.count(missing.seconds, "second"))",
        subject: missing.ranks.map { hosts.name(ofRank: $0) }.joined(separator: ", "),
        advice: "It may have ended, or the network be broken.")
    }
  }

  /// Takes leave of the other ranks. The group is of no use afterwards.
  public func close() throws { try worker.run { try $0.close() } }
}

/// The thread of a group, and what it has to do.
private final class Worker: @unchecked Sendable {
  // The jobs are guarded by the condition; the buffers are the thread's.
  typealias Job = (kind: Kind, begin: @Sendable (Result<any Transport, any Error>) -> Ending)
  /// Waits for what was begun, and returns why it failed.
  typealias Ending = () -> (any Error)?

  /// Sums and spreads are begun while others of the same kind are on their way, so that no rank waits for another before
  /// each.
  enum Kind { case sum, spread, single, abort }

  private let condition = NSCondition()
  private var jobs: [Job] = []
  private var hasEnded = false
  let clock = CPUClock()
  private let isAbandoned = Atomic(false)
  /// How many threads wait for the group's.
  private let awaiting = Atomic(0)
  private var buffers: [SumBuffers] = []
  private var turn = 0
  /// How often the ranks have brought things together.
  private var gatherings: UInt32 = 0

  init(_ open: @escaping @Sendable () throws -> any Transport) {
    Thread.detachNewThread { [self] in
      // Signals are for the thread that waits for them; those that the transport starts inherit this.
      var all = sigset_t()
      sigfillset(&all)
      pthread_sigmask(SIG_SETMASK, &all, nil)
      clock.follow(pthread_self())
      let transport = Result {
        let transport = try open()
        transport.isAbandoned = { self.isAbandoned.load(ordering: .relaxed) }
        transport.isAwaited = { self.awaiting.load(ordering: .relaxed) > 0 }
        return transport
      }
      if case .success(let transport) = transport {
        buffers = (0..<SumBuffers.exchangesAtOnce(ranks: transport.size)).map { _ in SumBuffers() }
      }
      var begun: [(kind: Kind, end: Ending)] = []
      var failed: Result<any Transport, any Error>?
      // Other ranks may still write where these have them receive.
      var given: [Ending] = []
      while true {
        if let job = next(besides: begun.count, of: begun.last?.kind) {
          if begun.isEmpty { clock.start() }
          // Ranks that have missed each other once are of no use to one another.
          begun.append((job.kind, job.begin(job.kind == .abort ? transport : failed ?? transport)))
        } else if begun.isEmpty {
          return
        } else {
          let end = begun.removeFirst().end
          defer { if begun.isEmpty { clock.stop() } }
          guard let error = end() else { continue }
          failed = failed ?? .failure(error)
          given.append(end)
          abandon()
        }
      }
    }
  }

  /// What may be begun now. Where nothing is on its way, that is waited for.
  private func next(besides count: Int, of kind: Kind?) -> Job? {
    condition.lock()
    defer { condition.unlock() }
    guard let kind else {
      while jobs.isEmpty {
        if hasEnded { return nil }
        condition.wait()
      }
      return jobs.removeFirst()
    }
    guard [.sum, .spread].contains(kind), count < buffers.count, jobs.first?.kind == kind else { return nil }
    return jobs.removeFirst()
  }

  /// Memory that is free for what begins now: what was begun ends in its order.
  func nextBuffers() -> SumBuffers {
    turn += 1
    return buffers[turn % buffers.count]
  }

  /// What a caller waits for.
  func makePending() -> PendingSum {
    PendingSum { [self] in _ = awaiting.add($0 ? 1 : -1, ordering: .relaxed) }
  }

  /// Ends what is waited for.
  func abandon() { isAbandoned.store(true, ordering: .relaxed) }

  func end() {
    condition.lock()
    hasEnded = true
    condition.broadcast()
    condition.unlock()
  }

  /// - Parameter work: Begins something, and returns what ends it.
  func start(
    _ kind: Kind, _ work: @escaping @Sendable (any Transport) -> Ending,
    failing: @escaping @Sendable (any Error) -> Void
  ) {
    condition.lock()
    jobs.append(
      (
        kind,
        { transport in
          switch transport {
          case .success(let transport): return work(transport)
          case .failure(let error):
            failing(error)
            return { nil }
          }
        }
      ))
    condition.signal()
    condition.unlock()
  }

  /// Does some work on the thread, and waits for it.
  func run<Value: Sendable>(_ work: @escaping @Sendable (any Transport) throws -> Value) throws -> Value {
    let done = makePending()
    let place = Place<Value>()
    start(.single) { transport in
      let result = Result { place.value = try work(transport) }
      done.end(with: result)
      return { result.failure }
    } failing: {
      done.end(with: .failure($0))
    }
    try done.wait()
    guard let value = place.value else { preconditionFailure("work without a result") }
    return value
  }

  /// What each rank brings, in the order of ranks.
  func gather(
    for purpose: GatheringPurpose, _ bytes: @escaping @Sendable (any Transport) -> [UInt8]
  ) throws -> [[UInt8]] {
    try run { [self] transport in
      gatherings &+= 1
      return try transport.gather(bytes(transport), purpose, number: gatherings)
    }
  }

  private final class Place<Value>: @unchecked Sendable {
    // Written before the end is told, and read after it.
    var value: Value?
  }
}

extension Result {
  fileprivate var failure: Failure? {
    if case .failure(let error) = self { error } else { nil }
  }
}

/// A rank that has come for something else than rank 0.
private struct RanksAstray: Error {
  let rank: Int
  let expected: String
  let found: String
}

extension Transport {
  /// What each rank brings, in the order of ranks.
  ///
  /// Few bytes need one exchange, more of them two: the ranks then know how long the longest is.
  fileprivate func gather(
    _ bytes: [UInt8], _ purpose: GatheringPurpose, number: UInt32
  ) throws -> [[UInt8]] {
    let room = 48
    var first: [UInt8] = []
    first.append(word: UInt64(purpose.rawValue) << 32 | UInt64(number))
    first.append(word: UInt64(bytes.count))
    first += bytes.prefix(room) + [UInt8](repeating: 0, count: max(0, room - bytes.count))
    let heads = try gather(block: first)
    func label(_ head: [UInt8]) -> String {
      let word = head.word(at: 0)
      let purpose = GatheringPurpose(rawValue: UInt8(truncatingIfNeeded: word >> 32))
      return "\(purpose.map { "\($0)" } ?? "nothing known") \(UInt32(truncatingIfNeeded: word))"
    }
    if let rank = heads.indices.first(where: { heads[$0].word(at: 0) != heads[0].word(at: 0) }) {
      throw RanksAstray(rank: rank, expected: label(heads[0]), found: label(heads[rank]))
    }
    let counts = heads.map { Int(truncatingIfNeeded: $0.word(at: 8)) }
    let longest = counts.max() ?? 0
    guard longest > room else { return zip(heads, counts).map { Array($0[16..<16 + $1]) } }
    let all = try gather(block: bytes + [UInt8](repeating: 0, count: longest - bytes.count))
    return zip(all, counts).map { Array($0.prefix($1)) }
  }

  private func gather(block: [UInt8]) throws -> [[UInt8]] {
    var all = [UInt8](repeating: 0, count: size * block.count)
    try all.withUnsafeMutableBytes { received in
      try block.withUnsafeBytes { sent in
        guard let received = received.baseAddress, let sent = sent.baseAddress else { return }
        (received + rank * block.count).copyMemory(from: sent, byteCount: block.count)
        try allGather(sent, to: received, blockSize: block.count)
      }
    }
    return (0..<size).map { Array(all[$0 * block.count..<($0 + 1) * block.count]) }
  }
}
