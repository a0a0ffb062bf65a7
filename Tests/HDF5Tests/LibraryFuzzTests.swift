import CForkedReader
import Foundation
import FuzzTargets
import GraftCompute
import GraftTensors
import TestSupport
import Testing

@testable import HDF5

/// Mutated files through the process that reads with libhdf5: it may crash, this program may not.
@Suite(.enabled(if: Library.isInstalled, "libhdf5 is not installed: apt-get install libhdf5-103-1"))
struct LibraryFuzzTests {
  @Test func mutationsHarmOnlyTheProcess() throws {
    try LibraryProcess.$start.withValue({ StartForkedReader($0, $1, $2, $3, $4, $5) }) { try readMutations() }
  }

  private func readMutations() throws {
    let names = [
      "v110-ordered", "v112-plain", "v108-ordered", "virtual", "references", "short-addresses", "lzf",
      "latest-chunks", "scale-offset", "new-types", "new-references", "many-links",
    ]
    let seeds = try names.map {
      Array(try Data(contentsOf: fixtures.appendingPathComponent("hdf5/library/\($0).h5")))
    }
    var ends: [String: Int] = [:]
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.h5")
      let run = try Fuzzing(seed: 8, rounds: 200) { round, generator in
        let seed = seeds[round % seeds.count]
        var bytes = mutateStructure(seed, &generator)
        if generator.nextWord() % 8 != 0 { Structure.sealHDF5(&bytes) }
        try Data(bytes).write(to: url)
        let file = try RandomAccessFile(url)
        let weights = try LibraryFile.weights(
          of: file, since: GraftError(.unsupported, "asked for"), seconds: 1)
        // Some of what it has, so that a round does not take long.
        for tensor in weights.tensors.values.shuffled(using: &generator).prefix(6)
        where tensor.spec.byteCount <= 1 << 24 {
          do {
            var count = 0
            try tensor.stream { count += $0.count }
            #expect(count == tensor.spec.byteCount)
          } catch let error as GraftError {
            #expect(error.file == url.path)
            ends[kind(of: error), default: 0] += 1
          }
        }
      } refused: { error in
        #expect(error.file == nil || error.file == url.path)
        ends[kind(of: error), default: 0] += 1
      }
      #expect(run.opened > 20 && run.refused > 20)
    }
    print("libhdf5 on mutated files: \(ends.sorted { $0.key < $1.key })")
  }

  /// What such runs found: changes of virtual.h5, its checksums right again.
  @Test(
    arguments: [
      ("crashed on it (signal 11)", [64: 191]),
      (
        "was stopped: it takes longer than 1 seconds",
        [
          541: 203, 542: 190, 543: 170, 544: 84, 545: 65, 546: 62, 547: 211, 548: 220, 1199: 1, 2582: 0,
          2583: 0,
        ]
      ),
    ] as [(String, [Int: UInt8])])
  func filesThatLibhdf5DoesNotSurvive(_ item: (end: String, changes: [Int: UInt8])) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.h5")
      var bytes = Array(
        try Data(contentsOf: fixtures.appendingPathComponent("hdf5/library/virtual.h5")))
      for (place, byte) in item.changes { bytes[place] = byte }
      Structure.sealHDF5(&bytes)
      try Data(bytes).write(to: url)
      do {
        let weights = try LibraryFile.weights(
          of: RandomAccessFile(url), since: GraftError(.unsupported, "asked for"), seconds: 1)
        for tensor in weights.tensors.values { try tensor.stream { _ in } }
      } catch let error as GraftError {
        #expect(error.file == url.path)
        // Other versions may find the fault.
        if try Library.version() == "1.10.8" {
          #expect(error.problem == "libhdf5 1.10.8 \(item.end)")
        }
      }
    }
  }

  private func kind(of error: GraftError) -> String {
    ["crashed", "longer than", "more memory", "cannot read it"].first { error.problem.contains($0) }
      ?? "other"
  }
}

/// Up to four changes of a file: where bytes are not zero, and mostly at the beginning.
private func mutateStructure(_ seed: [UInt8], _ generator: inout Philox) -> [UInt8] {
  mutate(seed, &generator) { bytes, generator in
    var position = Int(generator.nextWord()) % bytes.count
    if generator.nextWord() % 2 == 0 { position = position % min(4096, bytes.count) }
    for _ in 0..<64 where bytes[position] == 0 { position = (position + 1) % bytes.count }
    return position
  }
}
