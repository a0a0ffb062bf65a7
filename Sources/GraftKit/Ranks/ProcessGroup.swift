import GraftCompute
import GraftTensors

/// Processes that work on one thing together. Each has a number, its rank; rank 0 leads.
///
/// Every rank calls the same functions in the same order, or those that do wait for those that do not.
public protocol ProcessGroup: Sendable {
  /// From 0.
  var rank: Int { get }
  /// How many ranks there are.
  var size: Int { get }
  /// The names of the machines, by rank.
  var hosts: [String] { get }

  /// What each rank brings, in the order of ranks.
  ///
  /// - Parameters:
  ///   - bytes: Any number of them.
  ///   - purpose: What for, the same on every rank.
  /// - Throws: `GraftError` naming the ranks that did not come, or that came for something else.
  func gather(_ bytes: [UInt8], for purpose: GatheringPurpose) throws -> [[UInt8]]

  /// Overwrites memory with that of rank 0, which has as much.
  ///
  /// - Throws: as ``gather(_:)``.
  func broadcast(_ memory: UnsafeMutableRawBufferPointer) throws

  /// Sends some bytes to each other rank, and receives some from each. How many is known to both sides; it may be none.
  ///
  /// - Parameters:
  ///   - sent: What a rank is sent.
  ///   - received: Room for what comes from a rank.
  /// - Throws: as ``gather(_:)``.
  func exchange(
    sent: (Int) -> UnsafeRawBufferPointer, received: (Int) -> UnsafeMutableRawBufferPointer
  ) throws

  /// Begins to add up numbers of all ranks, and returns at once.
  ///
  /// What is begun ends in its order. Several sums, or several spreads, may be on their way at once: none may touch the memory
  /// of another. A spread begins when the sums before it have ended, and a sum when the spreads before it have.
  func start(_ sum: RankSum) -> PendingSum

  /// Begins to bring each rank's numbers to all, and returns at once; see ``start(_:)-(RankSum)``.
  func start(_ spread: RankSpread) -> PendingSum

  /// What the group's own thread, which communicates while the caller computes, has done since it began.
  var communication: Profile.Overlap { get }

  /// Ends the processes of all ranks.
  func abort(code: Int32)
}

/// What ranks bring something together for. A rank that goes another way than the others is found out by it.
public enum GatheringPurpose: UInt8, Sendable, CaseIterable {
  case anything, hosts, facts, sum, flag, leader, batch, work
}

/// One process that works alone.
public struct SingleProcess: ProcessGroup {
  public init() {}

  public var rank: Int { 0 }
  public var size: Int { 1 }
  public var hosts: [String] { [""] }

  public func gather(_ bytes: [UInt8], for purpose: GatheringPurpose) -> [[UInt8]] { [bytes] }
  public func broadcast(_ memory: UnsafeMutableRawBufferPointer) {}
  public func exchange(
    sent: (Int) -> UnsafeRawBufferPointer, received: (Int) -> UnsafeMutableRawBufferPointer
  ) {}
  public func abort(code: Int32) {}

  public func start(_ sum: RankSum) -> PendingSum {
    sum.done()
    return ended
  }

  public func start(_ spread: RankSpread) -> PendingSum {
    spread.done(0)
    return ended
  }

  private var ended: PendingSum {
    let pending = PendingSum()
    pending.end(with: .success(()))
    return pending
  }
}

extension ProcessGroup {
  public var communication: Profile.Overlap { Profile.Overlap() }

  /// What each rank brings, in the order of ranks.
  ///
  /// - Throws: as ``gather(_:for:)``.
  public func gather(_ bytes: [UInt8]) throws -> [[UInt8]] { try gather(bytes, for: .anything) }

  /// Whether this is the rank that reads and writes for all.
  public var leads: Bool { rank == 0 }

  /// A rank as people know it: `rank 3 on node-2`.
  public func name(ofRank rank: Int) -> String { hosts.name(ofRank: rank) }

  /// Sums over all ranks, added up in the order of ranks.
  package func sum(_ numbers: [Double]) throws -> [Double] {
    guard size > 1 else { return numbers }
    let all = try gather(
      numbers.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }, for: .sum)
    return all.reduce(numbers.map { _ in 0 }) { sums, bytes in
      sums.indices.map { sums[$0] + Double(bitPattern: bytes.word(at: 8 * $0)) }
    }
  }

  /// A number for each place, of which each rank finds those that are its turn.
  package func interleaved(_ count: Int, _ find: (Int) throws -> Int) throws -> [Int] {
    let own = try stride(from: rank, to: count, by: size).map(find)
    guard size > 1 else { return own }
    var bytes: [UInt8] = []
    for number in own { bytes.append(word: UInt64(number)) }
    let all = try gather(bytes, for: .batch)
    return (0..<count).map { Int(all[$0 % size].word(at: $0 / size * 8)) }
  }

  /// Whether any rank says so.
  package func any(_ isSo: Bool) throws -> Bool {
    size == 1 ? isSo : try gather([isSo ? 1 : 0], for: .flag).contains([1])
  }

  /// Waits until every rank is here.
  package func meet() throws { _ = try any(false) }

  /// What rank 0 finds, on every rank; when it throws, all do.
  ///
  /// Others wait for as long as it takes: rank 0 says again and again that it is still at it.
  package func fromLeader(_ find: () throws -> String) throws -> String {
    guard size > 1 else { return try find() }
    guard leads else {
      while true {
        let first = try gather([], for: .leader)[0]
        switch first.first.flatMap(WorkMessage.init) {
        case .working: continue
        case .found:
          var text = [UInt8](repeating: 0, count: Int(truncatingIfNeeded: first.word(at: 1)))
          try text.withUnsafeMutableBytes { try broadcast($0) }
          return String(decoding: text, as: UTF8.self)
        case .failed, nil: throw GraftError.endedElsewhere(name(ofRank: 0))
        }
      }
    }
    let signs = SignsOfLife(self, for: .leader)
    let found = Result { try find() }
    try signs.end()
    switch found {
    case .success(let text):
      var bytes = Array(text.utf8)
      var message = [WorkMessage.found.rawValue]
      message.append(word: UInt64(bytes.count))
      _ = try gather(message, for: .leader)
      try bytes.withUnsafeMutableBytes { try broadcast($0) }
    case .failure: _ = try gather([WorkMessage.failed.rawValue], for: .leader)
    }
    return try found.get()
  }

  /// A value that rank 0 finds, on every rank, with all bits of its numbers.
  package func valueFromLeader<Value: Codable>(_ find: () throws -> Value) throws -> Value {
    guard size > 1 else { return try find() }
    var own: Value?
    let text = try fromLeader {
      let value = try find()
      own = value
      return try String(decoding: Shared.bytes(value), as: UTF8.self)
    }
    return try own ?? Shared.value(Array(text.utf8))
  }

  /// Does what rank 0 does for all.
  package func onLeader(_ work: () throws -> Void) throws {
    _ = try fromLeader {
      try work()
      return ""
    }
  }
}

extension GraftError {
  fileprivate static let elsewhere = "it ended with an error, which says why"

  /// The error of a rank that stops because another one did.
  static func endedElsewhere(_ rank: String) -> GraftError { GraftError(.system, elsewhere, subject: rank) }
}

extension [String] {
  /// A rank, of ranks on these machines.
  func name(ofRank rank: Int) -> String {
    indices.contains(rank) && !self[rank].isEmpty ? "rank \(rank) on \(self[rank])" : "rank \(rank)"
  }
}

extension [UInt8] {
  /// Eight bytes as a number, the lowest first.
  func word(at offset: Int) -> UInt64 {
    self[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Adds a number of eight bytes, the lowest first.
  mutating func append(word: UInt64) {
    Swift.withUnsafeBytes(of: word.littleEndian) { append(contentsOf: $0) }
  }
}
