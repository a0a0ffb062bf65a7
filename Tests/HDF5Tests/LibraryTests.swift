import Foundation
import GraftTensors
import Safetensors
import TestSupport
import Testing

@testable import HDF5

/// Files that Graft's own reader does not know: what libhdf5 reads in its process is what h5py reads.
@Suite(.enabled(if: Library.isInstalled, "libhdf5 is not installed: apt-get install libhdf5-103-1"))
struct LibraryTests {
  private static let folder = fixtures.appendingPathComponent("hdf5/library")
  static let versions = ["earliest", "v108", "v110", "v112", "v114", "latest"].flatMap {
    ["\($0)-plain", "\($0)-ordered"]
  }
  /// What HDF5 2.0 writes of its own is not known to libraries before it.
  private static func isTooNew(_ name: String) throws -> Bool {
    guard let version = try Library.version().split(separator: ".").first.flatMap({ Int($0) }) else {
      return false
    }
    return version < 2 && (name.hasPrefix("latest") || name.hasPrefix("new-"))
  }

  /// Every `libver`, layout, index and filter, with the order of creation tracked or not.
  @Test(arguments: versions) func readsEveryVersion(_ name: String) throws {
    let url = Self.folder.appendingPathComponent("\(name).h5")
    guard try !Self.isTooNew(name) else { return try expectTooNew(url) }
    let weights = try HDF5Format().open(url)
    let expected = try SafetensorsFormat().open(Self.folder.appendingPathComponent("tensors.safetensors"))
    #expect(try weights.differences(from: expected) == [])
    var texts = Dictionary(uniqueKeysWithValues: (0..<12).map { ("text \($0)", "größe \($0)") })
    texts["fixed"] = "of a fixed size"
    texts["strings"] = "text"
    #expect(weights.metadata == texts)
    #expect(weights.notes.count == 1)
  }

  @Test(arguments: [
    ("virtual.h5", "a layout that only HDF5 1.10 and later write"),
    ("virtual-names.h5", "a layout that only HDF5 1.10 and later write"),
    ("latest-chunks.h5", "a layout that only HDF5 1.10 and later write"),
    ("many-links.h5", "a group in the form that HDF5 1.8 has for many links"),
    ("committed-type.h5", "its description is shared with other objects (a committed datatype)"),
    ("user-block.h5", "512 bytes of something else before the HDF5 file"),
    ("lzf.h5", "compressed by a filter that is not available: number 32000, lzf"),
    ("scale-offset.h5", "compressed by a filter that is not available: number 6, scaleoffset"),
    ("references.h5", "unsupported elements: reference"),
    ("short-addresses.h5", "addresses of 4 and lengths of 4 bytes"),
    ("matlab.mat", "512 bytes of something else before the HDF5 file"),
    ("newest.keras", "a layout that only HDF5 1.10 and later write"),
    ("tf_model.h5", "attributes in the form that HDF5 1.8 has for many"),
  ])
  func readsOthers(_ item: (file: String, reason: String)) throws {
    let url = Self.folder.appendingPathComponent(item.file)
    let weights = try HDF5Format().open(url)
    let expected = try SafetensorsFormat().open(
      url.deletingPathExtension().appendingPathExtension("safetensors"))
    #expect(try weights.differences(from: expected) == [])
    #expect(weights.notes == ["\(item.file) is read by libhdf5 \(try Library.version()): \(item.reason)"])
  }

  @Test func referencesAreNoTensors() throws {
    let weights = try HDF5Format().open(Self.folder.appendingPathComponent("references.h5"))
    #expect(weights.metadata == ["references": "object, region"])
  }

  @Test(arguments: ["new-references", "new-types"]) func readsTheNewest(_ name: String) throws {
    let url = Self.folder.appendingPathComponent("\(name).h5")
    guard try !Self.isTooNew(name) else { return try expectTooNew(url) }
    let expected = try SafetensorsFormat().open(Self.folder.appendingPathComponent("\(name).safetensors"))
    #expect(try HDF5Format().open(url).differences(from: expected) == [])
  }

  private func expectTooNew(_ url: URL) throws {
    let error = #expect(throws: GraftError.self) { try HDF5Format().open(url) }
    #expect(error?.file == url.path)
    #expect(error?.subject != nil)
    #expect(
      error?.problem.hasPrefix("libhdf5 \(try Library.version()) cannot read it (bad version number for")
        == true)
    #expect(
      error?.advice?.description
        == "Copy or download it again, write it anew with h5repack, or install a newer libhdf5.")
  }

  /// Keras saves in structures that Graft knows: only the archive is new.
  @Test func readsKerasArchives() throws {
    let weights = try HDF5Format().open(Self.folder.appendingPathComponent("model.keras"))
    let expected = try SafetensorsFormat().open(Self.folder.appendingPathComponent("model.safetensors"))
    #expect(try weights.differences(from: expected) == [])
    #expect(weights.notes == [])
  }

  // MARK: Both readers

  /// Files that both read, and what they refuse: the library is an oracle of Graft's own reader.
  @Test(arguments: try Library.files()) func bothReadTheSame(_ path: String) throws {
    let url = fixtures.appendingPathComponent(path)
    let file = try RandomAccessFile(url)
    let own = Result { try Tree(File(file), in: file).weights }
    if case .failure(let error) = own, error is UnknownStructure { return }
    let others = Result {
      try LibraryFile.weights(of: file, since: GraftError(.unsupported, "asked for"))
    }
    switch (own, others) {
    case (.success(let own), .success(let others)):
      #expect(try others.differences(from: own) == [])
      // Where a group keeps no order, libhdf5 goes by name, and Graft by the places in the file.
      let (names, inFile) = (Array(others.tensors.keys), Array(own.tensors.keys))
      #expect(names == inFile || names == inFile.sorted())
      #expect(others.metadata == own.metadata)
      // One dataset under two names is one for both.
      for (name, tensor) in own.tensors {
        for (other, its) in own.tensors where others[name]?.origin == others[other]?.origin {
          #expect(tensor.spec.byteCount == 0 || tensor.origin == its.origin, "\(name), \(other)")
        }
      }
    case (.failure(let own as GraftError), .failure(let others as GraftError)):
      #expect(others.inFile(url.path).description == own.inFile(url.path).description)
    default: Issue.record("\(path): \(own), \(others)")
    }
  }

  // MARK: What is refused

  @Test(arguments: [
    ("virtual", "'a': its data stands in another file."),
    ("virtual-never-written", "'b': a part of the virtual dataset was never written."),
    ("external-link-latest", "link '0': leads to another file. Copy what it leads to into this file."),
    ("external-data-latest", "'0': its data stands in another file."),
    ("chunk-never-written-latest", "'a': a chunk was never written."),
  ])
  func isRefused(_ item: (name: String, message: String)) throws {
    let url = fixtures.appendingPathComponent("hdf5/refused/\(item.name).h5")
    let error = #expect(throws: GraftError.self) { try HDF5Format().open(url) }
    #expect(error?.description == "\(url.path): \(item.message)")
  }

  /// What was there when the file was opened, and is damaged.
  @Test func damagedChunksAreFound() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.h5")
      var bytes = Array(try Data(contentsOf: Self.folder.appendingPathComponent("v110-plain.h5")))
      let whole = try #require(
        try HDF5Format().open(Self.folder.appendingPathComponent("v110-plain.h5"))["filter/all"])
      // The first of its chunks begins as zlib's streams do.
      let start = try #require(bytes.indices.first { bytes[$0...].starts(with: [0x78, 0xDA]) })
      bytes[start + 20] ^= 1
      try Data(bytes).write(to: url)
      let damaged = try #require(try HDF5Format().open(url)["filter/all"])
      let error = #expect(throws: GraftError.self) { try damaged.bytes() }
      #expect(error?.file == url.path)
      #expect(error?.subject == "tensor 'filter/all'")
      #expect(error?.problem.contains("cannot read it") == true)
      // The rest is still read.
      #expect(try whole.bytes().count == whole.spec.byteCount)
      #expect(try HDF5Format().open(url)["filter/gzip"]?.bytes().count == whole.spec.byteCount)
    }
  }
}

/// What tests ask of the library that is installed.
enum Library {
  private static func open() throws -> LibraryProcess {
    let file = try RandomAccessFile(fixtures.appendingPathComponent("hdf5/library/lzf.h5"))
    return try LibraryProcess(file, window: 1, seconds: 30)
  }

  static let isInstalled: Bool = {
    do {
      return try !open().version.isEmpty
    } catch {
      return false
    }
  }()

  static func version() throws -> String { try open().version }

  /// Every HDF5 file among the fixtures.
  static func files() throws -> [String] {
    let folder = fixtures
    let files = try #require(FileManager.default.enumerator(atPath: folder.path))
    return files.compactMap { $0 as? String }.filter { $0.hasSuffix(".h5") }.sorted()
  }
}
