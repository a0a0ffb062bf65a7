import Foundation
import GraftCore
import GraftKit
import Testing

@Suite struct ExportTests {
  @Test("a model that needs shards is not written to one file, nor beside it")
  func shardsNeedADirectory() throws {
    try Support.withTemporaryDirectory { directory in
      let output = directory.appending(path: "model.safetensors")
      let (source, registry) = (Support.fixture("base"), try Support.registry())
      let error = try #require(throws: GraftError.self) {
        try exportModel(source, to: output, options: OutputOptions(shardLimit: 50_000), registry: registry)
      }
      #expect(error.kind == .refused)
      #expect(error.file == output.path)
      #expect(error.advice?.contains("--max-shard-size") == true)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)

      // The same limit for a directory, and no limit for the file.
      let shards = directory.appending(path: "shards")
      try exportModel(source, to: shards, options: OutputOptions(shardLimit: 50_000), registry: registry)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: shards.path).count { $0.contains("-of-") } > 1)
      try exportModel(source, to: output, options: OutputOptions(), registry: registry)
      let (whole, index) = (try registry.openWeights(output), try registry.open(shards))
      #expect(Set(whole.weights.tensors.keys) == Set(index.stored.tensors.keys))
    }
  }
}
