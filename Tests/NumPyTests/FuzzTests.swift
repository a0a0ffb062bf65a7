import Foundation
import GraftCore
import NumPy
import Testing
import Zip

/// Mutations of real files: each opens or throws ``GraftError``, and nothing else. What opens also reads.
///
/// A run is as long as `GRAFT_FUZZ_SECONDS` says, 1000 files otherwise; they are the same ones each time
/// unless `GRAFT_FUZZ_SEED` says others.
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
    let environment = ProcessInfo.processInfo.environment
    let seconds = environment["GRAFT_FUZZ_SECONDS"].flatMap(Double.init)
    let rounds = seconds == nil ? 1000 : Int.max
    let end = seconds.map { Date(timeIntervalSinceNow: $0) } ?? .distantFuture
    var generator = RandomKey(seed: environment["GRAFT_FUZZ_SEED"].flatMap(UInt64.init) ?? 5).generator
    var (opened, refused, round) = (0, 0, 0)
    let folder = fixtures.appendingPathComponent("numpy")
    let files = try ["versions", "types", "deflated", "orders"].map {
      try Array(Data(contentsOf: folder.appendingPathComponent("\($0).npz")))
    }
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.npz")
      while round < rounds, Date() < end {
        if round.isMultiple(of: 2) {
          try Data(mutate(files[round / 2 % files.count], Self.pieces, &generator)).write(to: url)
        } else {
          // A sound archive of a broken array.
          let header = Self.headers[round / 2 % Self.headers.count]
          let array = mutate(HostileFileTests.array(header, data: 24), Self.pieces, &generator)
          try ZipWriter.write(url) { try $0.append("w.npy", array) }
        }
        round += 1
        do {
          for tensor in try NPZFormat().open(url).tensors.values where tensor.spec.byteCount < 1 << 16 {
            #expect(try tensor.bytes().count == tensor.spec.byteCount)
          }
          opened += 1
        } catch let error as GraftError {
          #expect(error.file == url.path)
          refused += 1
        }
      }
    }
    if seconds != nil { print("\(round) files: \(opened) opened, \(refused) refused") }
    // Both have to happen, or the mutations test nothing.
    #expect(opened > 20)
    #expect(refused > 300)
  }

  static let headers = [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }       \n",
    "{'descr': '>f8', 'fortran_order': True, 'shape': (3, 1), }       \n",
    "{'descr': '|u1', 'fortran_order': True, 'shape': (2L, 3L, 4L), }       \n",
  ]
}
