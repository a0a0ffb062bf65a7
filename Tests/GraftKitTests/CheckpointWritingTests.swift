import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

@Suite struct CheckpointWritingTests {
  @Test("a folder of a parked head that cannot be created is an error of Graft's own")
  func parkedHeadInTheWay() throws {
    try withTemporaryDirectory { directory in
      let registry = try Support.registry()
      var checkpoint = try registry.open(Support.fixture("masked-lm")).checkpoint
      checkpoint.activeHead = nil
      try FileWriter.write(directory.appending(path: "heads"), text: "in the way")
      let options = Checkpoint.WriteOptions(
        format: try registry.checkpointFormat("safetensors"),
        dialect: try registry.dialect(of: checkpoint.family))
      let error = try #require(throws: GraftError.self) { try checkpoint.write(into: directory, options) }
      #expect(error.kind == .system)
      #expect(error.file == directory.appending(path: "heads/masked-lm").path)
    }
  }
}
