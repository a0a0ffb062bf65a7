import Foundation
import GraftCompute
import GraftTensors

/// A run over mutated files: each opens or throws ``GraftError``, and nothing else.
///
/// It is as long as `GRAFT_FUZZ_SECONDS` says, 1000 files otherwise; they are the same ones each time unless
/// `GRAFT_FUZZ_SEED` says others.
public struct Fuzzing {
  public private(set) var opened = 0
  public private(set) var refused = 0

  /// - Parameters:
  ///   - seed: Of the randomness.
  ///   - rounds: How many files, unless the environment says how long.
  ///   - open: Writes and reads the file of a round.
  ///   - refused: Looks at the error that it was refused with.
  /// - Throws: What is no ``GraftError``.
  public init(
    seed: UInt64, rounds: Int = 1000, open: (_ round: Int, inout Philox) throws -> Void,
    refused look: (GraftError) -> Void
  ) throws {
    let environment = ProcessInfo.processInfo.environment
    let seconds = environment["GRAFT_FUZZ_SECONDS"].flatMap(Double.init)
    let end = seconds.map { Date(timeIntervalSinceNow: $0) } ?? .distantFuture
    var generator = RandomKey(seed: environment["GRAFT_FUZZ_SEED"].flatMap(UInt64.init) ?? seed).generator
    var round = 0
    while round < (seconds == nil ? rounds : .max), Date() < end {
      do {
        try open(round, &generator)
        opened += 1
      } catch let error as GraftError {
        look(error)
        refused += 1
      }
      round += 1
    }
    if seconds != nil { print("\(round) files: \(opened) opened, \(refused) refused") }
  }
}

/// Up to four changes of a file of numbers, lengths and addresses.
///
/// - Parameter place: Where the next change is made.
public func mutate(
  _ seed: [UInt8], _ generator: inout Philox, at place: (_ bytes: [UInt8], inout Philox) -> Int
) -> [UInt8] {
  var bytes = seed
  for _ in 0...(generator.nextWord() % 4) {
    let position = place(bytes, &generator)
    switch generator.nextWord() % 6 {
    case 0: bytes[position] = UInt8(truncatingIfNeeded: generator.nextWord())
    case 1: bytes[position] ^= 1 << UInt8(generator.nextWord() % 8)
    case 2: bytes[position] = bytes[position] &+ 1
    case 3:
      // A number, small or as large as they come.
      let value: UInt64 = [0, 1, .max, .max - 1, 1 << 63, UInt64(bytes.count), 1 << 32][
        Int(generator.nextWord() % 7)]
      let width = min([1, 2, 4, 8][Int(generator.nextWord() % 4)], bytes.count - position)
      withUnsafeBytes(of: value.littleEndian) {
        bytes.replaceSubrange(position..<(position + width), with: $0[..<width])
      }
    case 4:
      // What stands elsewhere, such as a length or an address.
      let other = Int(generator.nextWord()) % bytes.count
      let width = min(8, bytes.count - max(position, other))
      bytes.replaceSubrange(position..<(position + width), with: Array(bytes[other..<(other + width)]))
    default: bytes.removeLast(Int(generator.nextWord()) % min(bytes.count - 1, 64))
    }
  }
  return bytes
}
