import Foundation
import Synchronization

/// What one opened file may take: of memory, and of bytes that pass by when all that it holds is read once.
///
/// Every reader draws on it, so that a small file cannot ask for much, whatever its format lets it say. Both limits
/// are multiples of the file's size, and more than a sound file needs.
public final class FileBudget: Sendable {
  /// More than text is compressed, or any model repeats a layer.
  static let factor = 128
  /// What any file may take, however small.
  static let leastMemory = 1 << 28
  static let leastWork = 1 << 32

  /// The most bytes that are in memory because of the file.
  public let memory: Int
  /// The most bytes that are read and unpacked to read each of its parts once.
  public let work: Int
  private let path: String
  private let isPipe: Bool
  private let taken = Atomic<Int>(0)
  /// The bytes that are in memory now.
  package var bytesTaken: Int { taken.load(ordering: .relaxed) }

  /// - Parameters:
  ///   - size: The file's size in bytes; `nil` of a pipe, which may fill half of this machine's memory.
  ///   - path: What messages call it.
  public init(size: Int?, path: String) {
    self.path = path
    isPipe = size == nil
    guard let size else {
      (memory, work) = (Int(clamping: ProcessInfo.processInfo.physicalMemory / 2), .max)
      return
    }
    let (scaled, overflow) = size.multipliedReportingOverflow(by: Self.factor)
    let most = overflow ? Int.max : scaled
    (memory, work) = (max(most, Self.leastMemory), max(most, Self.leastWork))
  }

  /// Takes memory that is kept as long as what was read.
  ///
  /// - Parameters:
  ///   - count: How many bytes.
  ///   - what: What they hold, for the message: "the rows".
  /// - Throws: ``GraftError`` when it is more than the file justifies.
  public func take(_ count: Int, for what: String) throws {
    let (_, all) = taken.add(count, ordering: .relaxed)
    guard all > memory else { return }
    taken.subtract(count, ordering: .relaxed)
    let most = "at most \(memory >> 20) MiB"
    throw isPipe
      ? GraftError(
        .refused, "\(what) would take more than half of this machine's memory", file: path, expected: most,
        advice: "Send less at once.")
      : GraftError(
        .refused, "\(what) would take more memory than a file of this size should", file: path,
        expected: most,
        advice: "Unpack the file and write it again: the limit grows with its size.")
  }

  /// Takes memory while `body` runs.
  ///
  /// - Throws: as ``take(_:for:)``, and what `body` throws.
  public func holding<Result>(_ count: Int, for what: String, _ body: () throws -> Result) throws -> Result {
    try take(count, for: what)
    defer { taken.subtract(count, ordering: .relaxed) }
    return try body()
  }
}
