import TestSupport
import Foundation
import NumPy
import Testing
import Zip

/// Mutations of real files. What opens also reads.
@Suite struct FuzzTests {
  /// Pieces that mean something to an archive or a header, which random bytes hardly ever form.
  static let pieces: [[UInt8]] = [
    "{", "}", "(", ")", ",", ":", "'", "\"", "L", "-", "0", "9223372036854775807", "True", "False", "'descr'",
    "'shape'",
    "'>f8'", "'<i2'", "'|O'", "[", "\\", " ", "\n", "PK\u{3}\u{4}", "PK\u{1}\u{2}", "PK\u{5}\u{6}",
    "PK\u{6}\u{6}",
    "PK\u{6}\u{7}", "\u{1}\0\u{10}\0", "../", ".npy", "\u{7F}\u{7F}\u{7F}\u{7F}", "\0\0\0\0",
  ].map { Array($0.utf8) }

  @Test func mutationsNeverCrash() throws {
    let folder = fixtures.appendingPathComponent("numpy")
    let files = try ["versions", "types", "deflated", "orders"].map {
      try Array(Data(contentsOf: folder.appendingPathComponent("\($0).npz")))
    }
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.npz")
      let run = try Fuzzing(seed: 5) { round, generator in
        if round.isMultiple(of: 2) {
          try Data(mutate(files[round / 2 % files.count], Self.pieces, &generator)).write(to: url)
        } else {
          // A sound archive of a broken array.
          let header = Self.headers[round / 2 % Self.headers.count]
          let array = mutate(HostileFileTests.array(header, data: 24), Self.pieces, &generator)
          try ZipWriter.write(url) { try $0.append("w.npy", array) }
        }
        for tensor in try NPZFormat().open(url).tensors.values where tensor.spec.byteCount < 1 << 16 {
          #expect(try tensor.bytes().count == tensor.spec.byteCount)
        }
      } refused: { error in
        #expect(error.file == url.path)
      }
      // Both have to happen, or the mutations test nothing.
      #expect(run.opened > 20 && run.refused > 300)
    }
  }

  static let headers = [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }       \n",
    "{'descr': '>f8', 'fortran_order': True, 'shape': (3, 1), }       \n",
    "{'descr': '|u1', 'fortran_order': True, 'shape': (2L, 3L, 4L), }       \n",
  ]
}
