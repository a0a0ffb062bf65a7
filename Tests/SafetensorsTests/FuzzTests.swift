import TestSupport
import Foundation
import GraftCompute
import Safetensors
import Testing

/// Mutated files. What opens also reads.
@Suite struct FuzzTests {
  @Test func mutationsNeverCrash() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.safetensors")
      let run = try Fuzzing(seed: 2) { round, generator in
        let bytes = mutate(Self.seeds[round % Self.seeds.count], &generator)
        try Data(bytes).write(to: url)
        let weights = try SafetensorsFormat().open(url)
        #expect(weights.byteCount <= bytes.count)
        for tensor in weights.tensors.values { #expect(try tensor.bytes().count == tensor.spec.byteCount) }
      } refused: { error in
        #expect(error.file == url.path)
      }
      // Both have to happen, or the mutations test nothing.
      #expect(run.opened > 20 && run.refused > 500)
    }
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
  static let pieces: [[UInt8]] = [
    "{", "}", "[", "]", ",", ":", "\"", "\\u", "\\ud800", "-", "0", "1", "8", "9223372036854775807",
    "18446744073709551616", "1e9", ".5", "null", "true", "NaN", "\"a\"", "\"dtype\":\"F64\"", "\"shape\":[]",
    "[0,0]", "\"__metadata__\":", "\u{301}", " ", "\n",
  ].map { Array($0.utf8) }

  func mutate(_ seed: [UInt8], _ generator: inout Philox) -> [UInt8] {
    var header = Array(seed.dropFirst(8))
    let data = header.lastIndex(of: UInt8(ascii: "}")).map { header.count - $0 - 1 } ?? 0
    header = TestSupport.mutate(header, Self.pieces, &generator)
    // Mostly the length that fits, so that the mutation gets past it.
    let fitting = UInt64(max(0, header.count - data))
    switch generator.nextWord() % 8 {
    case 0: return length(fitting &+ UInt64(generator.nextWord() % 9) &- 4) + header
    case 1: return length(generator.next()) + header
    default: return length(fitting) + header
    }
  }
}
