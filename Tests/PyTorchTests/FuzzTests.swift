import TestSupport
import Foundation
import GraftCompute
import GraftTensors
import PyTorch
import Testing
import Zip

/// Mutations of real files. What opens also reads.
@Suite struct FuzzTests {
  /// Bytes that mean something to a pickle, which random ones hardly ever form.
  static let pieces: [[UInt8]] =
    [
      "(", ")", ".", "0", "1", "2", "}", "]", "t", "R", "Q", "s", "u", "a", "e", "b", "N", "\u{80}\u{2}",
      "\u{81}",
      "\u{85}", "\u{86}", "\u{87}", "\u{88}", "\u{89}", "\u{93}", "\u{94}", "K\u{0}", "K\u{FF}",
      "J\u{FF}\u{FF}\u{FF}\u{FF}",
      "M\u{0}\u{80}", "\u{8A}\u{8}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{7F}", "h\u{0}", "q\u{0}",
      "X\u{1}\u{0}\u{0}\u{0}0",
      "ccollections\nOrderedDict\n", "ctorch\nFloatStorage\n", "ctorch\nfloat64\n",
      "ctorch.storage\nUntypedStorage\n",
      "ctorch._utils\n_rebuild_tensor_v2\n", "ctorch._tensor\n_rebuild_from_type_v2\n", "U\u{7}storage",
      "I01\n", "L1L\n",
      "\u{95}\u{8}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}",
      "\u{8D}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}",
    ].map(bytes)

  @Test func mutationsNeverCrash() throws {
    let seeds = try Self.seeds()
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.pt")
      let run = try Fuzzing(seed: 4) { round, generator in
        try seeds[round % seeds.count].mutated(&generator).write(to: url)
        for tensor in try PyTorchFormat().open(url).tensors.values where tensor.spec.byteCount < 1 << 16 {
          #expect(try tensor.bytes().count == tensor.spec.byteCount)
        }
      } refused: { error in
        #expect(error.file == url.path)
      }
      // Both have to happen, or the mutations test nothing.
      #expect(run.opened > 20 && run.refused > 300)
    }
  }

  /// A real file, as a whole or as the entries of its archive.
  enum Seed {
    case file([UInt8])
    case archive([(name: String, content: [UInt8])], pickle: Int)

    func mutated(_ generator: inout Philox) throws -> Data {
      switch self {
      case .file(let content): return Data(mutate(content, FuzzTests.pieces, &generator))
      case .archive(var entries, let pickle):
        entries[pickle].content = mutate(entries[pickle].content, FuzzTests.pieces, &generator)
        // Assembled anew, so that sizes and checksums fit and the mutation gets past them.
        return try withTemporaryDirectory { directory in
          let url = directory.appendingPathComponent("a.zip")
          try ZipWriter.write(url) { zip in for (name, content) in entries { try zip.append(name, content) } }
          return try Data(contentsOf: url)
        }
      }
    }
  }

  static func seeds() throws -> [Seed] {
    let folder = fixtures.appendingPathComponent("pytorch")
    let names = ["types", "views", "module", "training", "protocol4", "big-endian", "deflated"]
    return try names.flatMap { name -> [Seed] in
      let url = folder.appendingPathComponent("\(name).pt")
      let archive = try ZipArchive(RandomAccessFile(url))
      let entries = try archive.entries.values.map { ($0.name, try archive.bytes(of: $0, limit: 1 << 20)) }
      let pickle = try #require(entries.firstIndex { $0.0.hasSuffix("data.pkl") })
      return [.archive(entries, pickle: pickle), .file(try Array(Data(contentsOf: url)))]
    }
      + ["types-stream", "views-stream", "module-stream", "stream-protocol4"].map {
        .file(try Array(Data(contentsOf: folder.appendingPathComponent("\($0).pt"))))
      }
  }
}
