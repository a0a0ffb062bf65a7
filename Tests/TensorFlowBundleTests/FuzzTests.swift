import TestSupport
import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import Testing

@testable import TensorFlowBundle

/// Mutated indexes. What opens also reads, or is damaged.
@Suite struct FuzzTests {
  @Test func mutationsNeverCrash() throws {
    let seeds = try ["google/sharded/bert_model.ckpt", "types/types.ckpt"].map {
      Array(try Data(contentsOf: fixtures.appendingPathComponent("tensorflow/\($0).index")))
    }
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("x.index")
      for shard in 0..<2 {
        for count in 1...2 where shard < count {
          try Data((0..<8000).map { UInt8(truncatingIfNeeded: $0) }).write(
            to: directory.appendingPathComponent("x.data-0000\(shard)-of-0000\(count)"))
        }
      }
      let run = try Fuzzing(seed: 2) { round, generator in
        try Data(try mutate(seeds[round % seeds.count], &generator)).write(to: url)
        for tensor in try TensorFlowBundleFormat().open(url).tensors.values {
          #expect(tensor.spec.byteCount <= 8000)
          do { _ = try tensor.bytes() } catch is GraftError {}
        }
      } refused: { error in
        #expect(error.file?.hasPrefix(directory.path) == true)
      }
      // Both have to happen, or the mutations test nothing.
      #expect(run.opened > 20 && run.refused > 500)
    }
  }

  /// Changes bytes; mostly of the table's content, with checksums that fit again.
  func mutate(_ seed: [UInt8], _ generator: inout Philox) throws -> [UInt8] {
    var bytes = seed
    if generator.nextWord() % 4 == 0 {
      change(&bytes, &generator)
      return bytes
    }
    var entries = try Table.entries(of: seed).map { (key: Array($0.key), value: Array($0.value)) }
    for _ in 0...(generator.nextWord() % 3) {
      let place = Int(generator.nextWord()) % entries.count
      if generator.nextWord() % 4 == 0 {
        change(&entries[place].key, &generator)
      } else {
        change(&entries[place].value, &generator)
      }
    }
    if generator.nextWord() % 2 == 0 { entries.sort { $0.key.lexicographicallyPrecedes($1.key) } }
    return Table.encoded(entries)
  }

  private func change(_ bytes: inout [UInt8], _ generator: inout Philox) {
    let position = Int(generator.nextWord()) % (bytes.count + 1)
    switch generator.nextWord() % 4 {
    case 0 where position < bytes.count: bytes[position] = UInt8(truncatingIfNeeded: generator.nextWord())
    case 1 where position < bytes.count: bytes[position] ^= 1 << UInt8(generator.nextWord() % 8)
    case 2: bytes.removeSubrange(position..<min(bytes.count, position + Int(generator.nextWord() % 5)))
    default:
      bytes.insert(
        contentsOf: [0xFF, 0xFF, 0xFF, UInt8(truncatingIfNeeded: generator.nextWord())].prefix(
          Int(generator.nextWord() % 5)), at: position)
    }
  }
}
