import Foundation
import GraftCore
import Testing

@testable import ONNX

/// Mutated files: each opens or throws ``GraftError``, and nothing else. What opens also reads, or is refused.
///
/// A run is as long as `GRAFT_FUZZ_SECONDS` says, 1000 files otherwise; they are the same ones each time.
@Suite struct FuzzTests {
  @Test func mutationsNeverCrash() throws {
    let seconds = ProcessInfo.processInfo.environment["GRAFT_FUZZ_SECONDS"].flatMap(Double.init)
    let rounds = seconds == nil ? 1000 : Int.max
    let end = seconds.map { Date(timeIntervalSinceNow: $0) } ?? .distantFuture
    let seeds = try [
      "types/types.onnx", "dynamo/base/model.onnx", "dynamo/pretraining/model.onnx",
      "script/untied-decoder/model.onnx",
    ].map { Array(try Data(contentsOf: fixtures.appending(path: "onnx/\($0)"))) }
    let messages = seeds.map { Message($0[...]) }
    var (opened, read, refused) = (0, 0, 0)
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.onnx")
      for name in ["types.bin", "model.onnx.data"] {
        try Data(count: 120_000).write(to: directory.appending(path: name))
      }
      var generator = RandomKey(seed: UInt64(seconds ?? 2)).generator
      var round = 0
      while round < rounds, Date() < end {
        let seed = round % seeds.count
        round += 1
        var bytes = seeds[seed]
        if generator.nextWord() % 4 == 0 {
          for _ in 0...(generator.nextWord() % 3) { change(&bytes, &generator) }
        } else {
          var message = messages[seed]
          for _ in 0...(generator.nextWord() % 2) { message.mutate(&generator, change) }
          bytes = message.encoded
        }
        try Data(bytes).write(to: url)
        do {
          let weights = try ONNXFormat().open(url)
          opened += 1
          for tensor in weights.tensors.values {
            // What is shown to an element stands in a file; only a list of small numbers grows, by 8.
            #expect(tensor.spec.byteCount <= 8 * bytes.count + 120_000)
            do { read += try tensor.bytes().count } catch is GraftError {}
          }
        } catch let error as GraftError {
          #expect(error.file?.hasPrefix(directory.path) == true, "\(error)")
          refused += 1
        }
        _ = try? ONNXFormat().recognizes(RandomAccessFile(url))
      }
    }
    print("ONNX: \(opened) opened, \(refused) refused")
    // Both have to happen, or the mutations test nothing.
    #expect(opened > 100 && refused > 100)
  }

  private func change(_ bytes: inout [UInt8], _ generator: inout Philox) {
    let position = Int(generator.nextWord()) % (bytes.count + 1)
    switch generator.nextWord() % 5 {
    case 0 where position < bytes.count: bytes[position] = UInt8(truncatingIfNeeded: generator.nextWord())
    case 1 where position < bytes.count: bytes[position] ^= 1 << UInt8(generator.nextWord() % 8)
    case 2: bytes.removeSubrange(position..<min(bytes.count, position + Int(generator.nextWord() % 5)))
    case 3: bytes.removeLast(min(bytes.count, Int(generator.nextWord() % 64)))
    default:
      let huge: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]
      bytes.insert(contentsOf: huge.prefix(Int(generator.nextWord() % 10)), at: position)
    }
  }
}
