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
  /// - Throws: `GraftError` naming the ranks that did not come.
  func gather(_ bytes: [UInt8]) throws -> [[UInt8]]

  /// Overwrites memory with that of rank 0, which has as much.
  ///
  /// - Throws: as ``gather(_:)``.
  func broadcast(_ memory: UnsafeMutableRawBufferPointer) throws

  /// Begins to add up numbers of all ranks, and returns at once. Sums that were begun are done one after another.
  func start(_ sum: RankSum) -> PendingSum

  /// Ends the processes of all ranks.
  func abort(code: Int32)
}

/// One process that works alone.
public struct SingleProcess: ProcessGroup {
  public init() {}

  public var rank: Int { 0 }
  public var size: Int { 1 }
  public var hosts: [String] { [""] }

  public func gather(_ bytes: [UInt8]) -> [[UInt8]] { [bytes] }
  public func broadcast(_ memory: UnsafeMutableRawBufferPointer) {}
  public func abort(code: Int32) {}

  public func start(_ sum: RankSum) -> PendingSum {
    let pending = PendingSum()
    var numbers = [Float](repeating: 0, count: sum.count)
    numbers.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      sum.read(start)
      sum.write(start)
    }
    pending.end(with: .success(()))
    return pending
  }
}

extension ProcessGroup {
  /// Whether this is the rank that reads and writes for all.
  public var leads: Bool { rank == 0 }

  /// A rank as people know it: `rank 3 on node-2`.
  public func name(ofRank rank: Int) -> String {
    hosts.indices.contains(rank) && !hosts[rank].isEmpty ? "rank \(rank) on \(hosts[rank])" : "rank \(rank)"
  }

  /// Sums over all ranks, added up in the order of ranks.
  package func sum(_ numbers: [Double]) throws -> [Double] {
    guard size > 1 else { return numbers }
    let all = try gather(numbers.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) })
    return all.reduce(numbers.map { _ in 0 }) { sums, bytes in
      sums.indices.map { sums[$0] + Double(bitPattern: bytes.word(at: 8 * $0)) }
    }
  }

  /// Whether any rank says so.
  package func any(_ isSo: Bool) throws -> Bool {
    size == 1 ? isSo : try gather([isSo ? 1 : 0]).contains([1])
  }

  /// What rank 0 finds, on every rank; when it throws, all do.
  package func fromLeader(_ find: () throws -> String) throws -> String {
    guard size > 1 else { return try find() }
    let found = leads ? Result { try find() } : .success("")
    let message: [UInt8] =
      switch found {
      case .success(let text): leads ? [1] + Array(text.utf8) : []
      case .failure: [0]
      }
    let first = try gather(message)[0]
    guard first.first == 1 else {
      _ = try found.get()
      throw GraftError.endedElsewhere(name(ofRank: 0))
    }
    return String(decoding: first.dropFirst(), as: UTF8.self)
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
