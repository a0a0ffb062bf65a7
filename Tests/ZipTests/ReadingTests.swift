import Foundation
import GraftTensors
import TestSupport
import Testing

/// Archives that lie about themselves, and what a person reads about each.
@Suite struct ReadingTests {
  typealias Case = Refusal<[UInt8]>

  static let again = " Copy or download it again."

  /// The sample archive of one entry, changed.
  static func entry(_ change: (inout Archive.Entry) -> Void) -> Archive {
    var archive = Archive()
    change(&archive.entries[0])
    return archive
  }

  static func archive(_ change: (inout Archive) -> Void) -> Archive {
    var archive = Archive()
    change(&archive)
    return archive
  }

  @Test(arguments: cases) func isRefused(_ item: Case) throws {
    let error = #expect(throws: GraftError.self) { try unpack(item.input) }
    #expect(error?.description == item.message)
  }

  @Test func readsWhatIsSound() throws {
    let hello = Array("hello".utf8)
    #expect(try unpack(Archive().bytes) == ["a": hello])
    #expect(try unpack(Self.archive { $0.comment = Array("a comment".utf8) }.bytes) == ["a": hello])
    // The mark of the end may stand in a comment.
    #expect(
      try unpack(Self.archive { $0.comment = numbers([0x0605_4B50], 4) + numbers([0], 8) }.bytes) == [
        "a": hello
      ])
    #expect(try unpack(Self.archive { $0.entries = [] }.bytes) == [:])
    let zeros = [UInt8](repeating: 0, count: 100_000)
    let packed = Self.entry {
      ($0.data, $0.method, $0.size) = (deflated(zeros), 8, zeros.count)
      $0.checksum = Int(crc(zeros))
    }
    #expect(try unpack(packed.bytes) == ["a": zeros])
    let folder = Self.archive {
      $0.entries = [.init(name: "f/", data: []), .init(name: "f/b"), .init(name: "c", data: [])]
    }
    #expect(try unpack(folder.bytes) == ["f/b": hello, "c": []])
    // Sizes that stand in the extra field, though they would fit.
    let large = Self.entry {
      ($0.packed, $0.size) = (0xFFFF_FFFF, 0xFFFF_FFFF)
      $0.extra = numbers([7, 2, 0xABCD, 1, 16], 2) + numbers([5, 5], 8)
    }
    #expect(try unpack(large.bytes) == ["a": hello])
    #expect(
      try unpack(Archive(entries: [.init(flags: 8, local: (nil, nil, 0, 0))]).bytes) == ["a": hello])
  }

  @Test func everyTruncationIsAnError() throws {
    let bytes = Archive().bytes
    for count in bytes.indices {
      let error = #expect(throws: GraftError.self) { try unpack(Array(bytes[..<count])) }
      #expect(error?.problem.hasPrefix("truncated") == true)
    }
  }

  @Test func noChangeOfAByteCrashesOrPasses() throws {
    let packed = Array("hello, hello, hello".utf8)
    var archive = Archive()
    archive.entries.append(
      .init(name: "b", data: deflated(packed), method: 8, size: packed.count, checksum: Int(crc(packed))))
    let bytes = archive.bytes
    let expected = try unpack(bytes).values
    for position in bytes.indices {
      for value in [0, 0x7F, 0xFF, bytes[position] ^ 1, bytes[position] &+ 1] {
        var changed = bytes
        changed[position] = value
        // Times and versions do not matter, and a name is any name; data never come out changed.
        do {
          for content in try unpack(changed).values { #expect(expected.contains(content)) }
        } catch is GraftError {}
      }
    }
  }

  static let cases: [Case] = ends + names + sizes

  static let ends = [
    Case("empty", [], "truncated: the zip archive does not end with its directory." + again),
    Case(
      "something follows", Archive().bytes + [0],
      "truncated: the zip archive does not end with its directory; found \(Archive().bytes.count + 1) bytes that begin with 'a'."
        + again),
    Case(
      "something precedes", [0] + Archive().bytes,
      "the zip archive's directory is not where its end says; expected its end at byte 84, found 83." + again),
    Case(
      "a directory beyond the file", archive { $0.directoryStart = 0xFFFF_FFF0 },
      "the zip archive's directory is not where its end says; expected its end at byte 83, found 4294967327."
        + again),
    Case(
      "more entries than there are", archive { $0.count = 2 },
      "the zip archive's directory is not complete; expected 2 entries, found 1." + again),
    Case(
      "fewer entries than there are", archive { $0.count = 0 },
      "the zip archive's directory is not complete; expected 0 entries, found 1." + again),
    Case("one of several", archive { $0.disk = 1 }, "one part of a zip archive in several. Join them first."),
    Case(
      "a 64-bit end that is missing", archive { $0.count = 0xFFFF },
      "the zip archive's 64-bit end record is broken." + again),
    Case(
      "a 64-bit end elsewhere",
      archive { $0.beforeEnd = numbers([0x0706_4B50, 0], 4) + numbers([.max], 8) + numbers([1], 4) },
      "the zip archive's 64-bit end record is broken." + again),
    Case(
      "a 64-bit end that overflows",
      archive {
        $0.beforeEnd =
          numbers([0x0606_4B50], 4) + numbers([44], 8) + numbers([45, 45], 2) + numbers([0, 0], 4)
          + numbers([1, 1, .max, .max], 8) + numbers([0x0706_4B50, 0], 4) + numbers([83], 8) + numbers([1], 4)
      },
      "the zip archive's directory is not where its end says; expected its end at byte 83, "
        + "found beyond 9223372036854775807." + again),
  ]

  static let names = [
    Case(
      "a way out", entry { $0.name = "../../etc/passwd" },
      "entry '../../etc/passwd': the entry's name leads out of the archive. Do not trust this file."),
    Case(
      "a way out, by the other slash", entry { $0.name = "a\\..\\b" },
      "entry 'a\\..\\b': the entry's name leads out of the archive. Do not trust this file."),
    Case(
      "a path from the root", entry { $0.name = "/etc/passwd" },
      "entry '/etc/passwd': the entry's name leads out of the archive. Do not trust this file."),
    Case(
      "a zero in the name", entry { $0.name = "a\0b" },
      "an entry's name in the zip archive is not UTF-8." + again),
    Case(
      "a name twice", archive { $0.entries = [.init(), .init()] },
      "entry 'a': the entry is there twice." + again),
    Case(
      "another name in the entry", entry { $0.local.name = "b" },
      "entry 'a': the entry is not where the directory says; found byte 0." + again),
    Case(
      "two names for one entry",
      archive { $0.entries = [.init(name: "a"), .init(name: "b", offset: 0, local: ("b", nil, nil, nil))] },
      "entry 'b': the entry is not where the directory says; found byte 0." + again),
  ]

  static let sizes = [
    Case(
      "an entry beyond the file", entry { $0.offset = 1 << 30 },
      "entry 'a': the entry begins beyond the archive; found byte 1073741824." + again),
    Case(
      "an entry that is no entry", entry { $0.offset = 1 },
      "entry 'a': the entry is not where the directory says; found byte 1." + again),
    Case(
      "more data than the file has", entry { ($0.packed, $0.size) = (1 << 30, 1 << 30) },
      "entry 'a': the entry reaches beyond its archive; expected at most 5 bytes, found 1073741824." + again),
    Case(
      "the data of the next entry",
      archive { $0.entries = [.init(packed: 6, size: 6), .init(name: "b")] },
      "entry 'b': the entry overlaps the one before it." + again),
    Case(
      "stored, and of two sizes", entry { $0.size = 6 },
      "entry 'a': the entry's sizes contradict each other; expected 5 bytes, found 6." + again),
    Case(
      "a bomb by its size", entry { ($0.method, $0.size) = (8, 1 << 30) },
      "entry 'a': the entry's sizes contradict each other; expected at most 5160 bytes, found 1073741824."
        + again),
    Case(
      "another size in the entry", entry { $0.local.size = 4 },
      "entry 'a': the entry's header and the directory disagree on its size." + again),
    Case(
      "another packed size in the entry", entry { $0.local.packed = 4 },
      "entry 'a': the entry's header and the directory disagree on its packed size." + again),
    Case(
      "another compression in the entry", entry { $0.local.method = 8 },
      "entry 'a': the entry's header and the directory disagree on its compression." + again),
    Case(
      "a 64-bit size that is missing", entry { ($0.packed, $0.size) = (0xFFFF_FFFF, 0xFFFF_FFFF) },
      "entry 'a': the entry's 64-bit size is missing or out of range." + again),
    Case(
      "a 64-bit size that is negative",
      entry {
        ($0.packed, $0.size) = (0xFFFF_FFFF, 0xFFFF_FFFF)
        $0.extra = numbers([1, 16], 2) + numbers([-1, -1], 8)
      },
      "entry 'a': the entry's 64-bit size is missing or out of range." + again),
    Case("encrypted", entry { $0.flags = 1 }, "entry 'a': the entry is encrypted."),
    Case(
      "another compression", entry { $0.method = 12 },
      "entry 'a': the entry is compressed in a way that is not supported; "
        + "expected method 0 (stored) or 8 (deflated), found 12. Unpack it and pack it again."),
    Case(
      "a wrong checksum", entry { $0.checksum = 1 },
      "entry 'a': the entry is corrupt: its checksum is wrong." + again),
    Case(
      "deflated, and longer than it says",
      entry { ($0.data, $0.method, $0.size) = (deflated(Array("hello".utf8)), 8, 4) },
      "entry 'a': the entry is corrupt: it does not unpack to as many bytes as the directory says." + again),
    Case(
      "deflated, and shorter than it says",
      entry { ($0.data, $0.method, $0.size) = (deflated(Array("hello".utf8)), 8, 6) },
      "entry 'a': the entry is corrupt: it unpacks to fewer bytes than the directory says." + again),
    Case(
      "deflated, and not to its end",
      entry { ($0.data, $0.method, $0.size) = (Array(deflated(Array("hello".utf8)).dropLast(3)), 8, 5) },
      "entry 'a': the entry is corrupt: it unpacks to fewer bytes than the directory says." + again),
    Case(
      "deflated, and something behind it",
      entry { ($0.data, $0.method, $0.size) = (deflated(Array("hello".utf8)) + [0], 8, 5) },
      "entry 'a': the entry is corrupt: it does not unpack to as many bytes as the directory says." + again),
    Case(
      "not deflated", entry { ($0.data, $0.method, $0.size) = ([6, 0], 8, 5) },
      "entry 'a': corrupt compressed data before byte 32: invalid block type." + again),
    Case(
      "large, where something small is wanted",
      entry {
        let zeros = [UInt8](repeating: 0, count: 1 << 25)
        ($0.data, $0.method, $0.size) = (deflated(zeros), 8, zeros.count)
      },
      "entry 'a': too large for an entry of its kind; expected at most 16777216 bytes, found 33554432."),
  ]
}

extension Refusal where Input == [UInt8] {
  init(_ name: String, _ archive: Archive, _ message: String) { self.init(name, archive.bytes, message) }
}
