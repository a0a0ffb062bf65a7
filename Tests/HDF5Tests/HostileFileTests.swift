import TestSupport
import Foundation
import GraftTensors
import Testing

@testable import HDF5

/// What is not read, and what a person reads about each. The directory is left out.
@Suite struct HostileFileTests {
  private static let again = " Copy or download it again."

  /// Files that h5py writes and Graft refuses.
  @Test(arguments: [
    ("soft-link", "link 'b': a symbolic link. Write the tensor itself under this name."),
    ("external-link", "link 'b': leads to another file. Copy what it leads to into this file."),
    ("cycle", "'a/b/c': a group that is reached by two paths, or contains itself."),
    ("two-paths", "'b': a group that is reached by two paths, or contains itself."),
    ("external-data", "'a': its data stands in another file."),
    ("never-written", "'a': the dataset was never written."),
    ("chunk-never-written", "'a': a chunk was never written."),
    ("compound", "'a': unsupported elements: compound."),
    ("complex", "'a': unsupported elements: compound."),
    ("nothing", "'a': a dataset that holds nothing."),
    ("lost-tensor", "tensor 'bert/b': the file lists it and does not have it." + again),
    ("lost-layer", "layer 'bert': the file lists it and does not have it." + again),
  ])
  func isRefused(_ item: (name: String, message: String)) throws {
    let url = fixtures.appendingPathComponent("hdf5/refused/\(item.name).h5")
    let error = #expect(throws: GraftError.self) { try HDF5Format().open(url) }
    #expect(error?.description == "\(url.path): \(item.message)")
  }

  /// Changes of a file of ours, its checksums right again.
  @Test(
    arguments: [
      ("another signature", 0, [0x88], "not an HDF5 file." + again),
      (
        "an end behind the end", 28, [0xFF, 0xFF, 0xFF, 0x7F],
        "truncated; expected 2147483647 bytes, found 208." + again
      ),
      ("a root that is none", 36, [0], "a group or dataset has no header where one should be."),
      ("no root", 36, [UInt8](repeating: 0xFF, count: 8), "the file has no root group."),
      (
        "a root behind the end", 36, [0xFF, 0xFF, 0, 0],
        "truncated: a part of the file is behind its end; expected at least 65541 bytes, found 208." + again
      ),
    ] as [(String, Int, [UInt8], String)])
  func superblocks(_ item: (name: String, offset: Int, bytes: [UInt8], message: String)) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.h5")
      try HDF5Format().write(Weights(["a": LazyTensor([1, 2] as [Float], shape: [2])]), to: url)
      var bytes = Array(try Data(contentsOf: url))
      bytes.replaceSubrange(item.offset..<(item.offset + item.bytes.count), with: item.bytes)
      seal(&bytes)
      try Data(bytes).write(to: url)
      let error = #expect(throws: GraftError.self) { try HDF5Format().open(url) }
      #expect(error?.description == "\(url.path): \(item.message)")
    }
  }

  @Test func damagedHeadersAreFound() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.h5")
      try HDF5Format().write(Weights(["a": LazyTensor([1, 2] as [Float], shape: [2])]), to: url)
      var bytes = Array(try Data(contentsOf: url))
      bytes[60] ^= 1
      try Data(bytes).write(to: url)
      let error = #expect(throws: GraftError.self) { try HDF5Format().open(url) }
      #expect(error?.problem == "the header of a group or dataset is damaged: its checksum differs")
    }
  }

  @Test(arguments: [
    "", "/", "a/", "/a", "a//b", ".", "a/./b", "a\0b", String(repeating: "a/", count: 64) + "a",
  ])
  func namesThatAreNoPaths(_ name: String) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.h5")
      let error = #expect(throws: GraftError.self) {
        try HDF5Format().write(Weights([name: LazyTensor([Float(1)], shape: [1])]), to: url)
      }
      #expect(error?.subject == "tensor '\(name)'")
      #expect(error?.problem == "HDF5 takes a name for a path, and this is none")
    }
  }

  @Test func moreExtentsThanHDF5Has() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.h5")
      func write(rank: Int) throws {
        let tensor = LazyTensor([Float(1)], shape: [Int](repeating: 1, count: rank))
        try HDF5Format().write(Weights(["a": tensor]), to: url)
      }
      try write(rank: 32)
      #expect(try HDF5Format().open(url)["a"]?.spec.shape.count == 32)
      let error = #expect(throws: GraftError.self) { try write(rank: 33) }
      #expect(
        error?.description
          == "\(url.path): tensor 'a': too many extents for HDF5; expected at most 32, found 33.")
    }
  }

  @Test func namesTooLongForKerassLists() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.h5")
      let part = String(repeating: "x", count: 40_000)
      var weights = Weights(["\(part)/\(part)": LazyTensor([Float(1)], shape: [1])])
      try HDF5Format().write(weights, to: url)
      #expect(try HDF5Format().open(url).differences(from: weights) == [])
      weights.metadata["keras_version"] = "2.16.0"
      let error = #expect(throws: GraftError.self) { try HDF5Format().write(weights, to: url) }
      #expect(
        error?.description
          == "\(url.path): tensor '\(part.prefix(40))…': a name too long for Keras's lists; "
          + "expected at most 64512 bytes, found 80001.")
    }
  }

  @Test(arguments: [["a", "a/b"], ["a/b", "a"]]) func namesInTheWayOfEachOther(_ names: [String]) throws {
    try withTemporaryDirectory { directory in
      var weights = Weights()
      for name in names { weights[name] = LazyTensor([Float(1)], shape: [1]) }
      let error = #expect(throws: GraftError.self) {
        try HDF5Format().write(weights, to: directory.appendingPathComponent("model.h5"))
      }
      #expect(error?.kind == .unsupported && error?.subject == "tensor '\(names[1])'")
    }
  }
}

/// Puts the checksums of a file of ours right.
func seal(_ bytes: inout [UInt8]) {
  func put(_ range: Range<Int>) {
    guard range.lowerBound >= 0, range.upperBound + 4 <= bytes.count else { return }
    let value = checksum(bytes[range])
    withUnsafeBytes(of: value.littleEndian) {
      bytes.replaceSubrange(range.upperBound..<(range.upperBound + 4), with: $0)
    }
  }
  put(0..<44)
  let mark = Array("OHDR".utf8)
  for start in bytes.indices where bytes[start...].starts(with: mark) && start + 10 <= bytes.count {
    let size = bytes[(start + 6)..<(start + 10)].reversed().reduce(0) { $0 << 8 | Int($1) }
    put(start..<(start + 10 + size))
  }
}
