import Foundation
import GraftCore
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

/// Opening a checkpoint reads headers, never tensors, whatever is stored twice.
@Suite struct OpeningTests {
  /// A masked language model of 26 MB whose decoder is stored beside the embeddings that it is tied to.
  private static func write(_ format: String, into directory: URL) throws {
    let vocabulary = 200_000
    let registry = try Registry.builtIn()
    let source = fixtures.appending(path: "bert-tiny/masked-lm")
    try FileManager.default.copyItem(at: source, to: directory)
    var weights = try registry.openWeights(source.appending(path: "model.safetensors")).weights
    try FileManager.default.removeItem(at: directory.appending(path: "model.safetensors"))
    func zeros(_ shape: [Int]) -> LazyTensor {
      let spec = TensorSpec(.float32, shape)
      return LazyTensor(spec) { consume in
        let window = [UInt8](repeating: 0, count: min(spec.byteCount, 1 << 20))
        for start in stride(from: 0, to: spec.byteCount, by: window.count) {
          try window.withUnsafeBytes {
            try consume(UnsafeRawBufferPointer(rebasing: $0.prefix(spec.byteCount - start)))
          }
        }
      }
    }
    let (embedding, bias) = (zeros([vocabulary, 32]), zeros([vocabulary]))
    weights["bert.embeddings.word_embeddings.weight"] = embedding
    weights["cls.predictions.decoder.weight"] = embedding
    weights["cls.predictions.bias"] = bias
    weights["cls.predictions.decoder.bias"] = bias
    let writer = try registry.formats.find(format).init()
    try writer.write(weights, to: directory.appending(path: try type(of: writer).fileName()))
    let file = directory.appending(path: "config.json")
    let configuration = try String(contentsOf: file, encoding: .utf8)
    try FileWriter.write(
      file,
      text: configuration.replacing(/"vocab_size": \d+/, with: "\"vocab_size\": \(vocabulary)"))
  }

  @Test(arguments: ["pytorch", "safetensors", "hdf5"]) func inspectingReadsLessThanAMegabyte(_ format: String)
    throws
  {
    try Sandbox.with { sandbox in
      try Self.write(format, into: sandbox.url("model"))
      // What a process and the children that it waited for have read.
      let outcome = try sandbox.shell(
        """
        read_bytes() { while read -r name count; do [ $name = rchar: ] && echo $count; done < /proc/$$/io; }
        before=$(read_bytes)
        $GRAFT inspect model > out || exit 1
        echo $(($(read_bytes) - before))
        """)
      #expect(outcome.code == 0, "\(outcome.stderr)")
      let count = try #require(Int(outcome.stdout.trimmingCharacters(in: .whitespacesAndNewlines)))
      // The binary's own libraries and the tokenizer are in this number; the embeddings have 25.6 MB.
      #expect(count < 1 << 20, "\(count) bytes")
      #expect(try String(contentsOf: sandbox.url("out"), encoding: .utf8).contains("tied copies"))
    }
  }
}
