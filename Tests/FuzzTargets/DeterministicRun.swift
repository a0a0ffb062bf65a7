import Foundation
import GraftCompute

/// Inputs of a target that are the same each time: its seeds, each changed a little over and over.
public struct DeterministicRun {
  public private(set) var inputs = 0
  public private(set) var read = 0
  public private(set) var refused = 0

  /// - Parameters:
  ///   - target: What reads them.
  ///   - seconds: How long to go on.
  ///   - seed: Of the randomness.
  /// - Throws: ``Fault`` with the input, in base 64.
  public init(_ target: FuzzTarget, seconds: Double, seed: UInt64 = 1) throws {
    let end = ContinuousClock.now + .seconds(seconds)
    let seeds = try Corpus.files(in: target.corpus.seeds).map(\.bytes)
    let pieces = try target.corpus.dictionary()
    for (_, bytes) in try Corpus.files(in: target.corpus.found) { try add(bytes, target) }
    for bytes in seeds { try add(bytes, target) }
    var generator = RandomKey(seed: seed).generator
    while ContinuousClock.now < end, !seeds.isEmpty {
      var own = RandomKey(seed: generator.next()).generator
      let bytes = Structure.changed(seeds[inputs % seeds.count], &generator) { changed($0, pieces, &own) }
      try add(bytes, target)
    }
  }

  private mutating func add(_ bytes: [UInt8], _ target: FuzzTarget) throws {
    inputs += 1
    do {
      switch try target.read(bytes) {
      case .read: read += 1
      case .refused: refused += 1
      case .notRecognized: break
      }
    } catch {
      throw Fault("\(error), of \(Data(bytes).base64EncodedString())")
    }
  }
}

/// Up to three changes: a byte, a bit, a number, a piece put in, some bytes taken out, some doubled.
private func changed(_ seed: [UInt8], _ pieces: [[UInt8]], _ generator: inout Philox) -> [UInt8] {
  var bytes = seed
  for _ in 0...Int.random(in: 0...2, using: &generator) {
    // Files begin with what says how they are read.
    let most = generator.nextWord() % 2 == 0 ? bytes.count : min(bytes.count, 4096)
    let position = Int.random(in: 0...most, using: &generator)
    switch Int.random(in: 0..<6, using: &generator) {
    case 0 where position < bytes.count: bytes[position] = UInt8(truncatingIfNeeded: generator.nextWord())
    case 1 where position < bytes.count: bytes[position] ^= 1 << UInt8(generator.nextWord() % 8)
    case 2: bytes.insert(contentsOf: pieces.randomElement(using: &generator) ?? [], at: position)
    case 3: bytes.removeSubrange(position..<min(bytes.count, position + Int(generator.nextWord() % 9)))
    case 4:
      // A number, small or as large as they come.
      let value = [0, 1, .max, .max - 1, 1 << 63, UInt64(bytes.count), 1 << 32].randomElement(
        using: &generator)
      let width = min([1, 2, 4, 8][Int(generator.nextWord() % 4)], bytes.count - position)
      bytes.replaceSubrange(
        position..<(position + width), with: Structure.littleEndian(value ?? 0).prefix(width))
    default:
      let end = min(bytes.count, position + Int(generator.nextWord() % 30))
      bytes.insert(contentsOf: bytes[position..<end], at: position)
    }
  }
  return bytes
}
