import TestSupport
import Foundation
import GraftTensors
import Safetensors
import Testing

@testable import HDF5

/// Files written by h5py, Keras and transformers: what is read is what h5py reads.
@Suite struct FixtureTests {
  static let files: [(String, String)] =
    [
      ("hdf5/stored.h5", "hdf5/tensors.safetensors"),
      ("keras-hub/backbone/model.weights.h5", "keras-hub/backbone/tensors.safetensors"),
      ("keras-hub/classifier-one-file/model.weights.h5", "keras-hub/classifier-one-file/tensors.safetensors"),
    ]
    + ["base", "masked-lm", "pretraining", "sequence-classification"].map {
      ("tensorflow/h5/\($0)/tf_model.h5", "tensorflow/h5/\($0)/tensors.safetensors")
    }

  @Test(arguments: files) func readsIdenticalBytes(_ item: (file: String, tensors: String)) throws {
    let expected = try SafetensorsFormat().open(fixtures.appendingPathComponent(item.tensors))
    #expect(
      try HDF5Format().open(fixtures.appendingPathComponent(item.file)).differences(from: expected) == [])
  }

  @Test(arguments: files) func writesWhatItReads(_ item: (file: String, tensors: String)) throws {
    let weights = try HDF5Format().open(fixtures.appendingPathComponent(item.file))
    try withTemporaryDirectory { directory in
      let copy = directory.appendingPathComponent("copy.h5")
      try HDF5Format().write(weights, to: copy)
      let again = try HDF5Format().open(copy)
      #expect(try again.differences(from: weights) == [])
      var metadata = weights.metadata
      metadata["strings"] = nil
      #expect(again.metadata == metadata)
    }
  }

  /// `get_offset()` and `get_storage_size()` of h5py's datasets; of those that are not contiguous and have no offset, the
  /// address of the header, `h5py.h5o.get_info(…).addr`.
  @Test(
    "where a dataset is, and how many bytes it has there",
    arguments: [
      ("contiguous", 6144, 988), ("another name", 6144, 988), ("groups/in/groups", 7132, 52),
      ("scalar", 7184, 8), ("little-endian/f4", 64810, 156), ("big-endian/f4", 64654, 156),
      ("chunked", 11496, 1440), ("gzip", 16432, 1131), ("gzip-shuffle", 19648, 1235),
      ("shuffle", 24584, 1216),
      ("fletcher32", 27472, 1476), ("all", 32408, 1271), ("one-chunk", 37344, 983),
      ("many-chunks", 40560, 1064),
      ("compact", 11032, 12),
    ])
  func places(_ name: String, _ offset: Int, _ byteCount: Int) throws {
    let stored = try HDF5Format().open(fixtures.appendingPathComponent("hdf5/stored.h5"))
    let tensor = try #require(stored[name])
    #expect(tensor.origin.byteCount == byteCount)
    #expect(tensor.origin.offset == offset)
    // One dataset has two names; all others are datasets of their own, whatever they hold.
    for (other, its) in stored.tensors where other != name {
      let isSame = Set([name, other]) == ["contiguous", "another name"]
      #expect((tensor.origin == its.origin) == isSame, "\(other)")
    }
  }

  @Test func readsAttributes() throws {
    let stored = try HDF5Format().open(fixtures.appendingPathComponent("hdf5/stored.h5"))
    #expect(
      stored.metadata == ["fixed": "of a fixed size", "variable": "of any size: größe", "strings": "text"])
    let keras = try HDF5Format().open(fixtures.appendingPathComponent("hdf5/keras.h5"))
    #expect(keras.metadata == ["keras_version": "2.16.0"])
    #expect(keras.tensors.keys.map { $0 } == (0..<4).map { "bert/weights/\($0):0" })
  }

  /// Keras 2 looks for the variables of a model itself, of which there are none, in a group that has to be there.
  @Test(arguments: [(["a/vars/0"], 2), (["a/vars/0", "vars/0"], 2), (["a/kernel:0"], 0)])
  func numberedVariablesHaveAGroupAtTheRoot(_ names: [String], _ groups: Int) throws {
    var weights = Weights()
    for name in names { weights[name] = LazyTensor(zeros: TensorSpec(.float32, [2])) }
    try withTemporaryDirectory { directory in
      let file = directory.appendingPathComponent("numbered.h5")
      try HDF5Format().write(weights, to: file)
      #expect(try HDF5Format().open(file).tensors.keys.sorted() == names)
      // Each group is linked once, by its name.
      let bytes = try Data(contentsOf: file)
      var (found, start) = (0, bytes.startIndex)
      while let range = bytes.range(of: Data("vars".utf8), in: start..<bytes.endIndex) {
        (found, start) = (found + 1, range.upperBound)
      }
      #expect(found == groups)
    }
  }

  /// More names than fit one attribute, and lists that say what is there.
  @Test func longListsAreDivided() throws {
    var weights = Weights(metadata: ["keras_version": "2.16.0", "backend": "tensorflow"])
    for index in 0..<2000 {
      weights["layer/\(String(repeating: "scope", count: 10))/weight_\(index):0"] = LazyTensor(
        [Float(1)], shape: [1])
    }
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.h5")
      try HDF5Format().write(weights, to: url)
      #expect(try HDF5Format().open(url).differences(from: weights) == [])
      let file = try File(RandomAccessFile(url))
      let root = try ObjectHeader(file, at: file.root)
      #expect(try Attributes(root, file).list("layer_names") == ["layer"])
      let layer = try ObjectHeader(file, at: try #require(Group.links(of: root, in: file).first?.address))
      #expect(try Attributes(layer, file)["weight_names"] == nil)
      #expect(
        try Attributes(layer, file).list("weight_names")
          == weights.tensors.keys.map { String($0.dropFirst(6)) })
    }
  }

  /// `H5_checksum_fletcher32` as H5checksum.c has it: its sums are folded, never divided.
  @Test(
    arguments: [
      [], [0], [0, 0, 0, 0], [1], [0xFF, 0xFF], [0xFF, 0xFE, 0, 1], [UInt8](repeating: 0xFF, count: 6),
      [UInt8](repeating: 0xFF, count: 4097), (0..<2000).map { UInt8(truncatingIfNeeded: $0 * $0) },
    ] as [[UInt8]])
  func fletcher32(_ bytes: [UInt8]) {
    var (first, second): (UInt32, UInt32) = (0, 0)
    func fold() {
      first = (first & 0xFFFF) + (first >> 16)
      second = (second & 0xFFFF) + (second >> 16)
    }
    let words = bytes.count / 2
    for word in 0..<words {
      first += UInt32(bytes[2 * word]) << 8 | UInt32(bytes[2 * word + 1])
      second += first
      if word % 360 == 359 || word == words - 1 { fold() }
    }
    if bytes.count % 2 == 1, let last = bytes.last {
      first += UInt32(last) << 8
      second += first
      fold()
    }
    fold()
    #expect(Filters.fletcher32(bytes) == second << 16 | first)
  }

  /// Values of `H5_checksum_lookup3`, which is `hashlittle` of http://burtleburtle.net/bob/c/lookup3.c.
  @Test func checksums() {
    #expect(checksum([]) == 0xDEAD_BEEF)
    #expect(checksum(Array("Four score and seven years ago".utf8)) == 0x1777_0551)
  }
}
