/// Some ranks did not take part for so long that this one gave up.
public struct MissingRanks: Error, Equatable {
  public let ranks: [Int]
  public let seconds: Int

  public init(_ ranks: [Int], seconds: Int) { (self.ranks, self.seconds) = (ranks, seconds) }
}

/// The library that a ``Transport`` is of.
public struct TransportLibrary: Sendable, Equatable {
  public let fileName: String
  /// Its name and version.
  public let version: String

  public init(fileName: String, version: String) { (self.fileName, self.version) = (fileName, version) }
}

/// What connects the processes of a ``ConnectedGroup``: MPI, or whatever brings bytes from one to another.
///
/// It is made and used on one thread. What waits for other ranks throws ``MissingRanks`` where they do not come.
public protocol Transport: AnyObject {
  var rank: Int { get }
  var size: Int { get }
  var description: TransportLibrary { get }
  /// The name of this rank's machine.
  var host: String { get }
  /// Says, while something is waited for, whether it is of no use any more; what waits then throws.
  var isAbandoned: @Sendable () -> Bool { get set }

  /// Says whether somebody does nothing but wait for what is waited for here; if not, it need not be there at once.
  var isAwaited: @Sendable () -> Bool { get set }

  /// Begins to send some bytes to each other rank, and to receive some from each. How many is known to both sides; it may
  /// be none.
  ///
  /// Several exchanges may be on their way. Every rank begins them in one order, and waits for them in that order.
  ///
  /// - Parameters:
  ///   - sent: What a rank is sent.
  ///   - received: Room for what comes from a rank.
  func begin(
    sent: (Int) -> UnsafeRawBufferPointer, received: (Int) -> UnsafeMutableRawBufferPointer
  ) throws -> any PendingExchange

  /// Overwrites memory with that of rank 0.
  func broadcast(_ memory: UnsafeMutableRawPointer, count: Int) throws

  /// Takes leave of the others.
  func close() throws

  /// Ends the processes of all ranks.
  func abort(code: Int32)
}

/// Bytes on their way.
public protocol PendingExchange {
  /// Waits until all are there, and sent.
  func wait() throws
}

extension Transport {
  /// Sends some bytes to each other rank, and waits for those of each.
  func exchange(
    sent: (Int) -> UnsafeRawBufferPointer, received: (Int) -> UnsafeMutableRawBufferPointer
  ) throws {
    try begin(sent: sent, received: received).wait()
  }

  /// Sends each other rank the block of its number, and receives one from each, in the order of ranks.
  func allToAll(_ sent: UnsafeRawPointer, to received: UnsafeMutableRawPointer, blockSize: Int) throws {
    try exchange(
      sent: { UnsafeRawBufferPointer(start: sent + $0 * blockSize, count: blockSize) },
      received: { UnsafeMutableRawBufferPointer(start: received + $0 * blockSize, count: blockSize) })
  }

  /// Sends every other rank the same block, and receives one from each, in the order of ranks.
  func allGather(_ sent: UnsafeRawPointer, to received: UnsafeMutableRawPointer, blockSize: Int) throws {
    try exchange(
      sent: { _ in UnsafeRawBufferPointer(start: sent, count: blockSize) },
      received: { UnsafeMutableRawBufferPointer(start: received + $0 * blockSize, count: blockSize) })
  }
}
