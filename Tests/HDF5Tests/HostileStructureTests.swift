import TestSupport
import Foundation
import GraftTensors
import Testing

@testable import HDF5

/// Structures put together by hand, each wrong in one place, and what a person reads about it.
@Suite struct HostileStructureTests {
  /// A file of 8 KB: a superblock, the root group's header at 48, and what else is put into it.
  struct FileBytes {
    var bytes = [UInt8](repeating: 0, count: 8192)

    init(root: [(Int, [UInt8])]) {
      put(File.signature + [2, 8, 8, 0], at: 0)
      for (place, value) in [(12, 0), (20, -1), (28, 8192), (36, 48)] { put(Self.number(value), at: place) }
      put(Self.header(root), at: 48)
      seal(&bytes)
    }

    mutating func put(_ content: [UInt8], at place: Int) {
      bytes.replaceSubrange(place..<(place + content.count), with: content)
    }

    static func number(_ value: Int) -> [UInt8] { withUnsafeBytes(of: Int64(value).littleEndian, Array.init) }
    static func short(_ value: Int) -> [UInt8] { withUnsafeBytes(of: UInt16(value).littleEndian, Array.init) }
    static func word(_ value: Int) -> [UInt8] { withUnsafeBytes(of: UInt32(value).littleEndian, Array.init) }

    /// A header of version 1.
    static func header(_ messages: [(Int, [UInt8])]) -> [UInt8] {
      let body = messages.flatMap { kind, body in
        let padded = body + [UInt8](repeating: 0, count: -body.count & 7)
        return short(kind) + short(padded.count) + [0, 0, 0, 0] + padded
      }
      return [1, 0] + short(messages.count) + word(1) + word(body.count) + [0, 0, 0, 0] + body
    }

    /// A link message.
    static func link(_ name: String, _ address: Int) -> (Int, [UInt8]) {
      (ObjectHeader.Kind.link, [1, 0, UInt8(name.utf8.count)] + Array(name.utf8) + number(address))
    }

    /// A file with one dataset `a`, float32, at 1024.
    static func dataset(_ shape: [Int], _ others: [(Int, [UInt8])]) -> FileBytes {
      var file = FileBytes(root: [link("a", 1024)])
      file.put(
        header(
          [
            (ObjectHeader.Kind.dataspace, HDF5Message.dataspace(shape)),
            (ObjectHeader.Kind.datatype, HDF5Message.datatype(.float32)),
          ] + others), at: 1024)
      return file
    }

    /// A layout of chunks whose tree is at 2048.
    static func chunks(_ shape: [Int]) -> (Int, [UInt8]) {
      (
        ObjectHeader.Kind.layout,
        [3, 2, UInt8(shape.count + 1)] + number(2048) + shape.flatMap(word) + word(4)
      )
    }

    /// A leaf of a tree of chunks of one extent: sizes, offsets and addresses.
    mutating func putLeaf(_ chunks: [(size: Int, offset: Int, address: Int)], level: UInt8 = 0) {
      let entries = chunks.flatMap { chunk in
        Self.word(chunk.size) + Self.word(0) + Self.number(chunk.offset) + Self.number(0)
          + Self.number(chunk.address)
      }
      put(
        Array("TREE".utf8) + [1, level] + Self.short(chunks.count) + Self.number(-1) + Self.number(-1)
          + entries,
        at: 2048)
    }

    /// A group of the first kind whose tree is at 1024 and whose names are at 2048.
    static func symbols(_ tree: [UInt8], heap: [UInt8] = heap("a\0")) -> FileBytes {
      var file = FileBytes(root: [(ObjectHeader.Kind.symbolTable, number(1024) + number(2048))])
      file.put(tree, at: 1024)
      file.put(heap, at: 2048)
      return file
    }

    static func heap(_ names: String) -> [UInt8] {
      Array("HEAP".utf8) + [0, 0, 0, 0] + number(names.utf8.count) + number(0) + number(2080)
        + Array(names.utf8)
    }

    /// A leaf of a group's tree.
    static func symbol(name: Int, header: Int) -> [UInt8] {
      Array("SNOD".utf8) + [1, 0, 1, 0] + number(name) + number(header) + [UInt8](repeating: 0, count: 24)
    }
  }

  typealias Case = Refusal<FileBytes>

  private static let again = " Copy or download it again."
  private typealias Bytes = FileBytes

  static let cases: [Case] = [
    Case(
      "a header that continues in itself",
      Bytes(root: [(ObjectHeader.Kind.continuation, Bytes.number(64) + Bytes.number(32))]),
      "the header of a group or dataset continues in itself."),
    Case(
      "a header beyond any",
      Bytes(root: [(ObjectHeader.Kind.continuation, Bytes.number(1024) + Bytes.number(1 << 40))]),
      "the header of a group or dataset is too large; expected at most 16777216 bytes."),
    Case(
      "hundreds of continuations of no bytes",
      Bytes(
        root: (0..<300).map {
          (ObjectHeader.Kind.continuation, Bytes.number(1024 + $0) + Bytes.number(0))
        }),
      "the header of a group or dataset continues where no message can be; "
        + "expected at least 8 bytes, found 0."),
    Case(
      "a continuation behind the end",
      Bytes(root: [(ObjectHeader.Kind.continuation, Bytes.number(.max) + Bytes.number(64))]),
      "truncated: a part of the file is behind its end; found 8192." + again),
    Case(
      "a link behind the end", Bytes(root: [Bytes.link("a", .max)]),
      "'a': truncated: a part of the file is behind its end; found 8192." + again),
    Case(
      "a link to nothing", Bytes(root: [Bytes.link("a", 4096)]),
      "'a': a group or dataset has no header where one should be."),
    Case("a link that leads nowhere", Bytes(root: [Bytes.link("a", -1)]), "link 'a': leads nowhere."),
    Case(
      "a name that is a path", Bytes(root: [Bytes.link("a/b", 48)]), "a link has no proper name; found 'a/b'."
    ),
    Case(
      "a group in itself", Bytes(root: [Bytes.link("a", 48)]),
      "'a': a group that is reached by two paths, or contains itself."),
    Case(
      "a tree of names in a circle",
      Bytes.symbols(
        Array("TREE".utf8) + [0, 1, 1, 0] + [UInt8](repeating: 0xFF, count: 16) + Bytes.number(0)
          + Bytes.number(1024)),
      "the tree of a group's names runs in a circle."),
    Case(
      "a name outside its heap", Bytes.symbols(Bytes.symbol(name: 2, header: 48)),
      "a name is outside the group's heap."),
    Case(
      "a heap that is none", Bytes.symbols(Bytes.symbol(name: 0, header: 48), heap: Array("HEAT".utf8)),
      "a part of the file's structure is damaged; expected 'HEAP', found 'HEAT'."),
    Case(
      "a heap beyond any",
      Bytes.symbols(
        Bytes.symbol(name: 0, header: 48),
        heap: Array("HEAP".utf8) + [0, 0, 0, 0] + Bytes.number(1 << 40) + Bytes.number(0) + Bytes.number(2080)
      ),
      "a part of the file's structure is too large; expected at most 16777216 bytes, found 1099511627776."),
    Case(
      "data behind the end",
      Bytes.dataset([2], [(ObjectHeader.Kind.layout, [3, 1] + Bytes.number(8190) + Bytes.number(8))]),
      "'a': truncated: a part of the file is behind its end; expected at least 8198 bytes, found 8192."
        + again),
    Case(
      "data of another length",
      Bytes.dataset([2], [(ObjectHeader.Kind.layout, [3, 1] + Bytes.number(4096) + Bytes.number(12))]),
      "'a': the data does not have the length of float32 [2]; expected 8 bytes, found 12."),
    Case(
      "a shape beyond any file", Bytes.dataset([1 << 40, 1 << 40], [Bytes.chunks([1, 1])]),
      "'a': the shape [1099511627776, 1099511627776] is larger than any file."),
    Case(
      "more chunks than bytes", Bytes.dataset([1 << 40], [Bytes.chunks([1])]),
      "'a': more chunks than the file can hold; found [1099511627776]."),
    Case(
      "chunks without extent", Bytes.dataset([8], [Bytes.chunks([0])]),
      "'a': chunks of a shape that is not possible; found [0]."),
    Case(
      "chunks of another rank", Bytes.dataset([8], [Bytes.chunks([4, 1])]),
      "'a': chunks of another rank than float32 [8]."),
    Case(
      "a chunk given twice", chunks: [(16, 0, 4096), (16, 0, 4112)], "a chunk is given twice; found [0]."),
    Case("a chunk that is not there", chunks: [(16, 0, 4096)], "a chunk was never written."),
    Case(
      "a chunk between the chunks", chunks: [(16, 2, 4096)],
      "a chunk at a place that the shape does not have; found [2]."),
    Case(
      "a chunk behind the shape", chunks: [(16, 8, 4096)],
      "a chunk at a place that the shape does not have; found [8]."),
    Case(
      "a chunk that is too short", chunks: [(15, 0, 4096), (16, 4, 4112)],
      "a chunk is shorter than its shape; expected 16 bytes, found 15."),
    Case(
      "a chunk behind the end", chunks: [(16, 0, 8190), (16, 4, 4112)],
      "truncated: a part of the file is behind its end; expected at least 8206 bytes, found 8192." + again),
    Case(
      "a tree of chunks in a circle", chunks: [(16, 0, 2048)], level: 1,
      "the tree of chunks runs in a circle."),
    Case(
      "a chunk that deflate cannot make so large", chunks: [(100, 0, 4096)], filter: true,
      "a chunk is shorter than its shape; expected 400000 bytes, found 100."),
  ]

  @Test(arguments: cases) func isRefused(_ item: Case) throws {
    let message = try errorMessage(reading: item.input.bytes, as: "model.h5") {
      _ = try HDF5Format().open($0)
    }
    #expect(message == item.message)
  }

  /// The control: the same pieces put together right.
  @Test func isAllowed() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.h5")
      var file = FileBytes.dataset([7], [FileBytes.chunks([4])])
      file.putLeaf([(16, 0, 4096), (16, 4, 4112)])
      file.put(
        (0..<8).flatMap { withUnsafeBytes(of: Float($0).bitPattern.littleEndian, Array.init) }, at: 4096)
      try Data(file.bytes).write(to: url)
      #expect(try HDF5Format().open(url)["a"]?.floats() == [0, 1, 2, 3, 4, 5, 6])
    }
  }

  @Test func continuationsAreReadInTheirOrder() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.h5")
      let places = (0..<100).map { 3000 + 40 * $0 }
      var file = FileBytes(
        root: places.map { (ObjectHeader.Kind.continuation, FileBytes.number($0) + FileBytes.number(40)) })
      for (index, place) in places.enumerated() {
        let header = FileBytes.header([FileBytes.link("\(index + 100)", 7500)])
        file.put(Array(header.dropFirst(16)), at: place)
      }
      try Data(file.bytes).write(to: url)
      let content = try File(RandomAccessFile(url))
      let links = try Group.links(of: ObjectHeader(content, at: content.root), in: content)
      #expect(links.map(\.name) == (100..<200).map { "\($0)" })
    }
  }

  /// One dataset under so many names that all are many times the file.
  @Test func namesOfOneDatasetAreBounded() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.h5")
      var file = FileBytes(root: (10..<90).map { FileBytes.link("\($0)", 4096) })
      file.put(FileBytes.number(8192 + 65_536), at: 28)
      file.put(
        FileBytes.header([
          (ObjectHeader.Kind.dataspace, HDF5Message.dataspace([16_384])),
          (ObjectHeader.Kind.datatype, HDF5Message.datatype(.float32)),
          (ObjectHeader.Kind.layout, [3, 1] + FileBytes.number(8192) + FileBytes.number(65_536)),
        ]), at: 4096)
      seal(&file.bytes)
      try Data(file.bytes + [UInt8](repeating: 0, count: 65_536)).write(to: url)
      let error = #expect(throws: GraftError.self) { try HDF5Format().open(url) }
      #expect(
        error?.description
          == "\(url.path): tensor '74': the tensors repeat the same bytes to many times their size; "
          + "expected at most 64 times 65536 bytes in all, found float32 [16384].")
    }
  }

  @Test func damagedChunksAreFoundWhenRead() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.h5")
      var file = FileBytes.dataset(
        [8], [FileBytes.chunks([8]), (ObjectHeader.Kind.filters, [2, 1, 1, 0, 0, 0, 0, 0])])
      file.putLeaf([(64, 0, 4096)])
      try Data(file.bytes).write(to: url)
      let tensor = try #require(try HDF5Format().open(url)["a"])
      let error = #expect(throws: GraftError.self) { try tensor.bytes() }
      #expect(
        error?.description
          == "\(url.path): tensor 'a': a compressed chunk is damaged (zlib status -3).\(Self.again)")
    }
  }

  /// Links to one header over and over cost nothing; to one that is read anew each time they are refused.
  @Test func structureIsNotReadOverAndOver() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.h5")
      var links = (0..<200).map { FileBytes.link("\($0)", 5000) }
      links.append((ObjectHeader.Kind.groupInfo, []))
      var file = FileBytes(root: links)
      // A header of 3 KB that is neither group nor dataset.
      file.put(FileBytes.header([(0, [UInt8](repeating: 0, count: 3000))]), at: 5000)
      try Data(file.bytes).write(to: url)
      let error = #expect(throws: GraftError.self) { try HDF5Format().open(url) }
      #expect(error?.problem == "the file's structure refers to the same bytes over and over")
    }
  }
}

extension Refusal where Input == HostileStructureTests.FileBytes {
  /// A dataset `a` of chunks in one leaf.
  init(
    _ name: String, chunks: [(size: Int, offset: Int, address: Int)], filter: Bool = false,
    level: UInt8 = 0, _ message: String
  ) {
    var file = Input.dataset(
      [8],
      [Input.chunks([filter ? 100_000 : 4])]
        + (filter ? [(ObjectHeader.Kind.filters, [2, 1, 1, 0, 0, 0, 0, 0])] : []))
    file.putLeaf(chunks, level: level)
    self.init(name, file, "'a': " + message)
  }
}
