import Checksums
import TestSupport
import Foundation
import GraftCore
import GraftTensors
import Protobuf
import Testing

@testable import TensorFlowBundle

/// Broken checkpoints, and what a person reads about each. The directory is left out.
@Suite struct HostileFileTests {
  /// An index, and how many bytes of data it has.
  struct Bundle { let index: [UInt8], data: Int? }
  typealias Case = Refusal<Bundle>

  static let header = BundleHeader(shardCount: 1).encoded

  /// A float32 `[2]` at the beginning of the data, changed.
  static func entry(_ change: (inout BundleEntry) -> Void = { _ in }) -> [UInt8] {
    var entry = BundleEntry(TensorSpec(.float32, [2]), offset: 0, checksum: 0)
    change(&entry)
    return entry.encoded
  }

  /// A slice of a variable with one axis, as a field of its entry: start and length.
  static func slice(_ extent: [Int]) -> [UInt8] {
    var message: [UInt8] = []
    message.appendField(1, extent[0])
    message.appendField(2, extent[1])
    var slice: [UInt8] = []
    slice.appendField(1, message)
    var field: [UInt8] = []
    field.appendField(7, slice)
    return field
  }

  /// The same slice of `a` under its own key, with numbers below 64.
  static func sliced(_ extent: [Int], shape: [Int]? = nil) -> (key: [UInt8], value: [UInt8]) {
    let shape = shape ?? [extent[1]]
    let key = [0, 0x61, 0, 1, 1, 1] + extent.map { 0x80 ^ UInt8($0) }
    return (
      key,
      entry {
        $0.shape = shape; $0.size = 4 * shape[0]
      }
    )
  }

  /// The key of any slice of `a`, as the reader looks for it.
  static func key(of extent: Range<Int>) -> [UInt8] {
    guard var slice = try? BundleSlice([]) else { return [] }
    slice.extents = [extent]
    return slice.key(of: "a")
  }

  static func index(_ entries: [(String, [UInt8])], header: [UInt8] = header) -> [UInt8] {
    Table.encoded([([], header)] + entries.map { (Array($0.0.utf8), $0.1) })
  }

  /// A table of one block with this content, its checksums right.
  static func table(_ content: [UInt8], compression: UInt8 = 0) -> [UInt8] {
    func block(_ content: [UInt8], _ compression: UInt8) -> [UInt8] {
      var bytes = content + [compression]
      bytes.appendFixed(CRC32C(bytes).masked)
      return bytes
    }
    var file = block(content, compression)
    let handle: [UInt8] = [0, UInt8(content.count)]
    let index = [0, 1, 2, 0x7A] + handle + [0, 0, 0, 0, 1, 0, 0, 0]
    let place = UInt8(file.count)
    file += block(index, 0)
    return file + [0, 0, place, UInt8(index.count)] + [UInt8](repeating: 0, count: 36) + Table.magic
  }

  /// The end of a block with one restart.
  static let restarts: [UInt8] = [0, 0, 0, 0, 1, 0, 0, 0]
  static let copyAgain = " Copy or download it again."

  static let cases: [Case] = [
    Case(
      "nothing", [], "x.index: an empty file, not the index of a TensorFlow checkpoint. Download it again."),
    Case(
      "a byte short", index([("a", entry())]).dropLast(),
      "x.index: truncated: the index does not end with its footer; "
        + "found \(index([("a", entry())]).count - 1) bytes." + copyAgain),
    Case(
      "cut to its beginning", Array(index([("a", entry())]).prefix(20)),
      "x.index: truncated: the index does not end with its footer; found 20 bytes." + copyAgain),
    Case(
      "cut in the middle", Array(index([("a", entry())]).dropFirst(9)),
      "x.index: a block of the index is outside the file." + copyAgain),
    Case(
      "a changed byte", index([("a", entry())]).enumerated().map { $0.offset == 5 ? 0x55 : $0.element },
      "x.index: a block of the index is damaged: its checksum differs." + copyAgain),
    Case(
      "compressed blocks", table([0, 0, 0] + restarts, compression: 1),
      "x.index: the index is compressed (kind 1). Read it with TensorFlow and save it again."),
    Case(
      "a table of restarts larger than the block", table([0xFF, 0, 0, 0]),
      "x.index: a block of the index is smaller than its own table."),
    Case("a block without its end", table([]), "x.index: a number or text is cut off."),
    Case(
      "more shared than there is", table([5, 1, 0, 0x61] + restarts),
      "x.index: a name in the index shares more than the one before has."),
    Case("a name beyond the block", table([0, 99, 0] + restarts), "x.index: a number or text is cut off."),
    Case(
      "a value beyond the block", table([0, 0, 0x80, 0x80, 1] + restarts),
      "x.index: a number or text is cut off."),
    Case(
      "a number without end", table([UInt8](repeating: 0xFF, count: 40) + restarts),
      "x.index: a number has more than 64 bits."),
    Case(
      "no header", table([0, 1, 0, 0x61] + restarts), "x.index: the index does not begin with its header."),
    Case(
      "names out of order", index([("b", entry()), ("a", entry())]),
      "x.index: the names in the index are out of order."),
    Case(
      "one name twice", index([("a", entry()), ("a", entry())]),
      "x.index: the names in the index are out of order."),
    Case(
      "no data files", index([], header: []),
      "x.index: a number of data files out of range; found 0."),
    Case(
      "2⁶³ data files", index([], header: [8] + [UInt8](repeating: 0x80, count: 9) + [1]),
      "x.index: a number of data files out of range; found -9223372036854775808."),
    Case(
      "version 1", index([], header: [1 << 3 | 2, 2, 10, 0]),
      "x.index: a checkpoint in TensorFlow's old form, version 1. "
        + "Load it with TensorFlow and save it with Saver(write_version=SaverDef.V2)."),
    Case(
      "a big-endian machine", index([], header: header + [2 << 3, 1]),
      "x.index: written on a big-endian machine. Write it again on a little-endian one."),
    Case(
      "a missing data file", index([("a", entry())]), data: nil,
      "x.data-00000-of-00001: tensor 'a': this data file of the checkpoint is missing. "
        + "Copy or download all of its files."),
    Case(
      "a data file that is not counted", index([("a", entry { $0.shard = 1 })]),
      "x.index: tensor 'a': in a data file that the checkpoint does not have; expected below 1, found 1."),
    Case(
      "data behind the end", index([("a", entry { $0.offset = 1 })]),
      "x.data-00000-of-00001: tensor 'a': truncated: the tensor ends behind its data file; "
        + "expected at least 9 bytes, found 8, with 0 of 1 tensors whole." + copyAgain),
    Case(
      "an offset that overflows", index([("a", entry { $0.offset = .max - 1 })]),
      "x.data-00000-of-00001: tensor 'a': truncated: the tensor ends behind its data file; "
        + "expected more than 9223372036854775807 bytes, found 8, with 0 of 1 tensors whole." + copyAgain),
    Case(
      "bytes that are repeated",
      index(
        (10..<75).map { name in
          ("\(name)", entry { ($0.shape, $0.size, $0.offset) = ([16_384], 65_536, name == 74 ? 1 : 0) })
        }), data: 65_537,
      "x.index: tensor '74': the tensors repeat the same bytes to many times their size; "
        + "expected at most 64 times 65537 bytes in all, found float32 [16384]."),
    Case(
      "a size that is not the shape's", index([("a", entry { $0.size = 4 })]),
      "x.index: tensor 'a': the data does not have the length of float32 [2]; expected 8 bytes, found 4."),
    Case(
      "a shape beyond any file", index([("a", entry { $0.shape = [1 << 62, 1 << 62] })]),
      "x.index: tensor 'a': the shape [4611686018427387904, 4611686018427387904] is larger than any file."),
    Case(
      "too many extents", index([("a", entry { $0.shape = Array(repeating: 1, count: 65) })]),
      "x.index: tensor 'a': the shape has more than 64 extents."),
    Case(
      "complex numbers", index([("a", entry { $0.type = 8 })]),
      "x.index: tensor 'a': unsupported type of elements (number 8 in TensorFlow's DataType)."),
    Case(
      "a slice that is not there", index([("a", entry() + slice([0, 2]))]),
      "x.index: tensor 'a': one of its slices is not in the index." + copyAgain),
    Case(
      "slices that leave something out",
      Table.encoded([([], header), sliced([0, 1]), (Array("a".utf8), entry() + slice([0, 1]))]),
      "x.index: tensor 'a': slices that do not divide it along its rows or its columns; expected float32 [2]. "
        + "Save the checkpoint again without a partitioner."),
    Case(
      "a slice that is larger than anything",
      Table.encoded([
        ([], header), (key(of: 0..<1 << 62), entry()), (Array("a".utf8), entry() + slice([0, 1 << 62])),
      ]),
      "x.index: tensor 'a': slices that do not divide it along its rows or its columns; expected float32 [2]. "
        + "Save the checkpoint again without a partitioner."),
    Case(
      "a slice of another shape than it says",
      Table.encoded([([], header), sliced([0, 2], shape: [1]), (Array("a".utf8), entry() + slice([0, 2]))]),
      "x.index: tensor 'a': slices that do not divide it along its rows or its columns; expected float32 [2]. "
        + "Save the checkpoint again without a partitioner."),
    Case(
      "a slice of a number",
      index([
        (
          "a",
          entry {
            $0.shape = []; $0.size = 4
          } + [7 << 3 | 2, 0]
        )
      ]),
      "x.index: tensor 'a': one of its slices is not in the index." + copyAgain),
    Case(
      "a slice out of range", index([("a", entry() + slice([-1, 2]))]),
      "x.index: tensor 'a': a slice is out of range; found 2 from -1."),
    Case(
      "an object graph that is damaged",
      index([
        (
          "_CHECKPOINTABLE_OBJECT_GRAPH",
          entry {
            $0.type = 7; $0.shape = []; $0.size = 8
          }
        )
      ]),
      "x.index: tensor '_CHECKPOINTABLE_OBJECT_GRAPH': damaged: its checksum differs." + copyAgain),
    Case(
      "an object graph that is a list",
      index([("_CHECKPOINTABLE_OBJECT_GRAPH", entry { $0.type = 7 })]),
      "x.index: tensor '_CHECKPOINTABLE_OBJECT_GRAPH': not one text within its data file."
        + copyAgain),
    Case(
      "a field of an unknown kind", index([("a", entry() + [0x0B])]),
      "x.index: tensor 'a': a message has a field of unknown kind 3."),
    Case(
      "a name that is not UTF-8", Table.encoded([([], header), ([0xFF], entry())]),
      "x.index: a tensor's name is not UTF-8; found \u{FFFD}."),
    Case(
      "one name in two encodings", index([("e\u{301}", entry()), ("\u{E9}", entry())]),
      "x.index: tensor '\u{E9}': another tensor's name has the same characters in another encoding."),
  ]

  @Test(arguments: cases) func isRefused(_ item: Case) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("x.index")
      try Data(item.input.index).write(to: url)
      if let count = item.input.data {
        try Data(count: count).write(to: directory.appendingPathComponent("x.data-00000-of-00001"))
      }
      let message = errorMessage(in: directory) { _ = try TensorFlowBundleFormat().open(url) }
      #expect(message == item.message)
    }
  }

  /// The mark is at the end: an index that lost it is told by its beginning, whatever its name.
  @Test(arguments: ["google/sharded/bert_model.ckpt", "types/types.ckpt"])
  func truncatedIndexesAreRecognized(_ name: String) throws {
    let bytes = try Data(contentsOf: fixtures.appendingPathComponent("tensorflow/\(name).index"))
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("file")
      for count in [bytes.count - 1, bytes.count / 2, 64, 16] {
        try bytes.prefix(count).write(to: url)
        let error = #expect(throws: GraftError.self) { try TensorFlowBundleFormat().open(url) }
        #expect(error?.problem == "truncated: the index does not end with its footer")
      }
    }
  }

  @Test func damagedTensorsAreFoundWhenRead() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("x.index")
      try TensorFlowBundleFormat().write(Weights(["a": LazyTensor([1, 2] as [Float], shape: [2])]), to: url)
      let data = directory.appendingPathComponent("x.data-00000-of-00001")
      var bytes = try Data(contentsOf: data)
      bytes[3] ^= 1
      try bytes.write(to: data)
      let tensor = try #require(try TensorFlowBundleFormat().open(url)["a"])
      let error = #expect(throws: GraftError.self) { try tensor.bytes() }
      #expect(
        error?.description.replacing(directory.path + "/", with: "")
          == "x.data-00000-of-00001: tensor 'a': damaged: its checksum differs." + Self.copyAgain)
    }
  }

  /// Each name shares all but a byte with the one before: small in the file, large in memory.
  @Test func namesThatGrowAreBounded() throws {
    var content: [UInt8] = [0, 0, 0]
    var length: UInt64 = 0
    for _ in 0..<40_000 {
      content.appendVarint(length)
      content += [1, 0, 0x61]
      length += 1
    }
    content += Self.restarts
    var file = content + [0]
    file.appendFixed(CRC32C(file).masked)
    var index: [UInt8] = [0, 1, 4, 0x7A, 0]
    index.appendVarint(UInt64(content.count))
    index[2] = UInt8(index.count - 4)
    index += Self.restarts + [0]
    let place = UInt64(file.count)
    let checksum = CRC32C(index).masked
    file += index
    file.appendFixed(checksum)
    var footer: [UInt8] = [0, 0]
    footer.appendVarint(place)
    footer.appendVarint(UInt64(index.count - 1))
    file += footer + [UInt8](repeating: 0, count: 40 - footer.count) + Table.magic
    let error = #expect(throws: GraftError.self) { try Table.entries(of: file) }
    #expect(error?.problem == "the names in the index are too long")
  }
}

extension Refusal where Input == HostileFileTests.Bundle {
  init(_ name: String, _ index: [UInt8], data: Int? = 8, _ message: String) {
    self.init(name, Input(index: index, data: data), message)
  }
}
