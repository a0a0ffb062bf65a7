/// Some ranks did not take part for so long that this one gave up.
public struct MissingRanks: Error, Equatable {
  public let ranks: [Int]
  public let seconds: Int

  public init(_ ranks: [Int], seconds: Int) { (self.ranks, self.seconds) = (ranks, seconds) }
}

/// What connects the processes of a ``ConnectedGroup``: MPI, or whatever brings bytes from one to another.
///
/// It is made and used on one thread. Every function waits until this rank has what it is to receive, and throws
/// ``MissingRanks`` where others do not come.
public protocol Transport: AnyObject {
  var rank: Int { get }
  var size: Int { get }
  /// The name of this rank's machine.
  var host: String { get }
  /// Says, while something is waited for, whether it is of no use any more; what waits then throws.
  var isAbandoned: @Sendable () -> Bool { get set }

  /// Sends each rank the block of its number, and receives one from each.
  ///
  /// - Parameters:
  ///   - sent: A block for each rank.
  ///   - received: Room for as many.
  ///   - blockSize: In bytes.
  func allToAll(_ sent: UnsafeRawPointer, to received: UnsafeMutableRawPointer, blockSize: Int) throws

  /// Sends every rank the same block, and receives one from each.
  func allGather(_ sent: UnsafeRawPointer, to received: UnsafeMutableRawPointer, blockSize: Int) throws

  /// Overwrites memory with that of rank 0.
  func broadcast(_ memory: UnsafeMutableRawPointer, count: Int) throws

  /// Takes leave of the others.
  func close() throws

  /// Ends the processes of all ranks.
  func abort(code: Int32)
}
