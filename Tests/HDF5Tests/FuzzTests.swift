import TestSupport
import Foundation
import GraftCompute
import GraftTensors
import Testing

@testable import HDF5

/// Mutated files. What opens also reads, or is damaged.
@Suite struct FuzzTests {
  @Test func mutationsNeverCrash() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.h5")
      let seeds = try seeds(in: directory)
      let run = try Fuzzing(seed: 2) { round, generator in
        let seed = seeds[round % seeds.count]
        var bytes = mutateStructure(seed, &generator)
        if seed[8] == 2, generator.nextWord() % 8 != 0 { seal(&bytes) }
        try Data(bytes).write(to: url)
        for tensor in try open(url).tensors.values {
          #expect(tensor.spec.byteCount <= 1100 * bytes.count)
          do {
            var count = 0
            try tensor.stream { count += $0.count }
            #expect(count == tensor.spec.byteCount)
          } catch let error as GraftError {
            #expect(error.file == url.path)
          }
        }
      } refused: { error in
        #expect(error.file == url.path)
      }
      // Both have to happen, or the mutations test nothing.
      #expect(run.opened > 20 && run.refused > 200)
    }
  }

  /// Opens a file by Graft's own reader.
  private func open(_ url: URL) throws -> Weights {
    let file = try RandomAccessFile(url)
    do {
      guard try file.head(8) == File.signature else { throw try HDF5Format.mismatch(file) }
      return try Tree(File(file), in: file).weights
    } catch let unknown as UnknownStructure {
      throw unknown.error.inFile(url.path)
    } catch let error as GraftError {
      throw error.inFile(url.path)
    }
  }

  /// The structures of HDF5 1.0 by h5py, and those of 1.8 by Graft.
  private func seeds(in directory: URL) throws -> [[UInt8]] {
    let names = ["keras", "stored", "refused/two-paths"]
    let files = names.map { fixtures.appendingPathComponent("hdf5/\($0).h5") }
    let ours = directory.appendingPathComponent("ours.h5")
    try HDF5Format().write(HDF5Format().open(files[0]), to: ours)
    return try (files + [ours, ours]).map { Array(try Data(contentsOf: $0)) }
  }
}

/// Up to four changes of a file: where bytes are not zero, and mostly at the beginning.
func mutateStructure(_ seed: [UInt8], _ generator: inout Philox) -> [UInt8] {
  mutate(seed, &generator) { bytes, generator in
    var position = Int(generator.nextWord()) % bytes.count
    if generator.nextWord() % 2 == 0 { position = position % min(4096, bytes.count) }
    for _ in 0..<64 where bytes[position] == 0 { position = (position + 1) % bytes.count }
    return position
  }
}
