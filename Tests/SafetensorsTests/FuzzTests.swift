import Foundation
import GraftCore
import Safetensors
import Testing

/// Mutated files: each opens or throws ``GraftError``, and nothing else. What opens also reads.
///
/// A run is as long as `GRAFT_FUZZ_SECONDS` says, 1000 files otherwise; they are the same ones each time.
@Suite struct FuzzTests {
  @Test func mutationsNeverCrash() throws {
    let environment = ProcessInfo.processInfo.environment
    let seconds = environment["GRAFT_FUZZ_SECONDS"].flatMap(Double.init)
    let rounds = seconds == nil ? 1000 : Int.max
    let end = seconds.map { Date(timeIntervalSinceNow: $0) } ?? .distantFuture
    var (opened, refused) = (0, 0)
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.safetensors")
      var generator = RandomKey(seed: 2).generator
      var round = 0
      while round < rounds, Date() < end {
        round += 1
        let bytes = mutate(Self.seeds[round % Self.seeds.count], &generator)
        try Data(bytes).write(to: url)
        do {
          let weights = try SafetensorsFormat().open(url)
          #expect(weights.byteCount <= bytes.count)
          for tensor in weights.tensors.values { #expect(try tensor.bytes().count == tensor.spec.byteCount) }
          opened += 1
        } catch let error as GraftError {
          #expect(error.file == url.path)
          refused += 1
        }
      }
    }
    // Both have to happen, or the mutations test nothing.
    #expect(opened > 20)
    #expect(refused > 500)
  }

  static let seeds: [[UInt8]] = [
    file("{}"),
    file(#"{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}"#, data: 8),
    file(
      #"{"__metadata__":{"format":"pt"},"a.b":{"dtype":"BF16","shape":[],"data_offsets":[0,2]},"#
        + #""\u00e9":{"dtype":"I64","shape":[1,0],"data_offsets":[2,2]},"c":{"dtype":"BOOL","shape":[3],"#
        + #""data_offsets":[2,5]}}   "#,
      data: 5
    ),
  ]

  /// Pieces that mean something to a parser, which random bytes hardly ever form.
  static let pieces: [String] = [
    "{", "}", "[", "]", ",", ":", "\"", "\\u", "\\ud800", "-", "0", "1", "8", "9223372036854775807",
    "18446744073709551616", "1e9", ".5", "null", "true", "NaN", "\"a\"", "\"dtype\":\"F64\"", "\"shape\":[]",
    "[0,0]", "\"__metadata__\":", "\u{301}", " ", "\n",
  ]

  func mutate(_ seed: [UInt8], _ generator: inout Philox) -> [UInt8] {
    var header = Array(seed.dropFirst(8))
    let data = header.lastIndex(of: UInt8(ascii: "}")).map { header.count - $0 - 1 } ?? 0
    for _ in 0...Int.random(in: 0...2, using: &generator) {
      let position = Int.random(in: 0...header.count, using: &generator)
      switch Int.random(in: 0..<5, using: &generator) {
      case 0 where position < header.count:
        header[position] = UInt8(truncatingIfNeeded: generator.nextWord())
      case 1 where position < header.count: header[position] ^= 1 << UInt8(generator.nextWord() % 8)
      case 2:
        header.insert(contentsOf: Self.pieces.randomElement(using: &generator)!.utf8, at: position)
      case 3: header.removeSubrange(position..<min(header.count, position + Int(generator.nextWord() % 9)))
      default:
        let end = min(header.count, position + Int(generator.nextWord() % 30))
        header.insert(contentsOf: header[position..<end], at: position)
      }
    }
    // Mostly the length that fits, so that the mutation gets past it.
    let fitting = UInt64(max(0, header.count - data))
    switch generator.nextWord() % 8 {
    case 0: return length(fitting &+ UInt64(generator.nextWord() % 9) &- 4) + header
    case 1: return length(generator.next()) + header
    default: return length(fitting) + header
    }
  }
}
