import TestSupport
import Foundation
import GraftCompute
import GraftTensors
import Testing

@testable import ONNX

/// What opens also reads, or is refused.
@Suite struct FuzzTests {
  @Test func mutationsNeverCrash() throws {
    let seeds = try [
      "types/types.onnx", "dynamo/base/model.onnx", "dynamo/pretraining/model.onnx",
      "script/untied-decoder/model.onnx",
    ].map { Array(try Data(contentsOf: fixtures.appending(path: "onnx/\($0)"))) }
    let messages = seeds.map { Message($0[...]) }
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.onnx")
      for name in ["types.bin", "model.onnx.data"] {
        try Data(count: 120_000).write(to: directory.appending(path: name))
      }
      let run = try Fuzzing(seed: 2) { round, generator in
        let bytes = mutated(round % seeds.count, &generator)
        try Data(bytes).write(to: url)
        for tensor in try ONNXFormat().open(url).weights.tensors.values {
          // What is shown to an element stands in a file; only a list of small numbers grows, by 8.
          #expect(tensor.spec.byteCount <= 8 * bytes.count + 120_000)
          do { _ = try tensor.bytes() } catch is GraftError {}
        }
      } refused: { error in
        #expect(error.file?.hasPrefix(directory.path) == true, "\(error)")
      }
      // Both have to happen, or the mutations test nothing.
      #expect(run.opened > 100 && run.refused > 100)
    }

    func mutated(_ seed: Int, _ generator: inout Philox) -> [UInt8] {
      if generator.nextWord() % 4 == 0 {
        var bytes = seeds[seed]
        for _ in 0...(generator.nextWord() % 3) { change(&bytes, &generator) }
        return bytes
      }
      var message = messages[seed]
      for _ in 0...(generator.nextWord() % 2) { message.mutate(&generator, change) }
      return message.encoded
    }
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
