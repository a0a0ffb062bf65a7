import TestSupport
import Foundation
import GraftTensors
import Safetensors
import Testing

/// Broken files, and what a person reads about each. The path is left out.
@Suite struct HostileFileTests {
  typealias Case = Refusal<[UInt8]>

  @Test(arguments: cases) func isRefused(_ item: Case) throws {
    #expect(try message(opening: item.input) == item.message)
  }

  /// The opposite: what looks odd and is allowed.
  @Test(arguments: [
    ("no tensors", "{}", 0),
    ("a space before the end", "{}   ", 0),
    ("null metadata", #"{"__metadata__":null}"#, 0),
    (
      "a key of a later version", #"{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"quantized":[{}]}}"#, 1
    ),
    ("the bytes in another order", tensors(#""b":\#(u8(1, 2, 3)),"a":\#(u8(2, 0, 2))"#), 3),
    ("empty tensors between", tensors(#""a":\#(u8(2, 0, 2)),"b":\#(u8(0, 2, 2)),"c":\#(u8(0, 0, 0))"#), 2),
    (
      "an extent that only a zero allows",
      #"{"a":{"dtype":"F64","shape":[0,9007199254740992],"data_offsets":[0,0]}}"#, 0
    ),
    ("an escaped name", #"{"\u00e9\/":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}"#, 1),
    ("an empty name", #"{"":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}"#, 1),
  ])
  func isAllowed(_ item: (name: String, header: String, data: Int)) throws {
    #expect(try message(opening: file(item.header, data: item.data)) == nil)
  }

  /// The longest list that fits a header would be gigabytes as a tree; any is refused at the 65th extent.
  @Test func aMillionDimensionsCostNothing() throws {
    let shape = Array(String(repeating: "1,", count: 1_000_000).utf8)
    let text =
      Array(#"{"a":{"dtype":"U8","shape":["#.utf8) + shape + Array(#"1],"data_offsets":[0,1]}}"#.utf8)
    #expect(
      try message(opening: length(UInt64(text.count)) + text + [0])
        == "tensor 'a': the shape has more than 64 extents."
    )
  }

  func message(opening bytes: [UInt8]) throws -> String? {
    try errorMessage(reading: bytes, as: "model.safetensors") { _ = try SafetensorsFormat().open($0) }
  }

  static func tensors(_ members: String) -> String { "{\(members)}" }

  /// A tensor of `count` bytes at `start ..< end`.
  static func u8(_ count: Int, _ start: Int, _ end: Int) -> String {
    #"{"dtype":"U8","shape":[\#(count)],"data_offsets":[\#(start),\#(end)]}"#
  }

  static func entry(_ text: String) -> String { #"{"a":\#(text)}"# }

  /// As many tensors as large as one may be as end just where `Int` does.
  static var largest: String {
    (0..<128).map { place in
      let start = place << 56
      let end = start + (place == 127 ? (1 << 56) - 1 : 1 << 56)
      return #""\#(place)":\#(u8(end - start, start, end))"#
    }.joined(separator: ",")
  }

  static let again = " Copy or download it again."
}

extension HostileFileTests {
  static let cases: [Case] = notSafetensors + lengths + syntax + entries + coverage

  // MARK: Other files under the name

  static let notSafetensors = [
    Case("empty", [], "an empty file, not a safetensors file. Download it again."),
    Case(
      "Git LFS pointer",
      Array("version https://git-lfs.github.com/spec/v1\noid sha256:68d45e\nsize 440449768\n".utf8),
      "a Git LFS pointer, not a safetensors file. "
        + "Run 'git lfs pull' in its repository to fetch the file itself."
    ),
    Case(
      "HTML page",
      Array("\r\n<!DOCTYPE HTML><html><head><title>Sign in</title>".utf8),
      "an HTML page, not a safetensors file. "
        + "The download was answered with a page: download the file itself, logged in if the model asks for it."
    ),
    Case(
      "XML error",
      Array("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>".utf8),
      "an XML page, not a safetensors file. "
        + "The download was answered with a page: download the file itself, logged in if the model asks for it."
    ),
    Case(
      "gzip",
      [0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 3, 0xCB, 0x48],
      "a gzip file, not a safetensors file. Unpack it first."
    ),
    Case(
      "PyTorch zip",
      Array("PK\u{3}\u{4}\0\0\u{8}\u{8}\0\0\0\0\0\0archive/data.pkl".utf8),
      "a zip archive, not a safetensors file. Unpack it first."
    ),
    Case(
      "old PyTorch stream",
      [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8],
      "a Python pickle, not a safetensors file. "
        + "Load it in Python, and save the weights alone with torch.save or numpy.savez."
    ),
    Case(
      "HDF5",
      [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 0],
      "an HDF5 file, not a safetensors file. "
        + "Keras and TensorFlow write such files; it needs the plugin for HDF5."
    ),
    Case(
      "shard index",
      Array(#"{"metadata": {"total_size": 12}, "weight_map": {}}"#.utf8),
      "a JSON text, not a safetensors file. Name the weight file, or a shard index called '*.index.json'."
    ),
    Case(
      "prose",
      Array("These are not the weights you are looking for.".utf8),
      "a text, not a safetensors file. Name the weight file."
    ),
  ]

  // MARK: The first eight bytes

  static let lengths = [
    Case(
      "seven bytes",
      [2, 0, 0, 0, 0, 0, 0],
      "not a safetensors file." + again
    ),
    Case("a length and no header", length(2), "not a safetensors file." + again),
    Case("no header", length(0), "zeros at its beginning, not a safetensors file. Download it again."),
    Case(
      "header beyond the file",
      length(60) + Array("{}".utf8),
      "truncated: the header needs 68 bytes, the file has 10." + again
    ),
    Case(
      "header over the limit",
      length(100_000_001) + Array("{}".utf8),
      "not a safetensors file, or a damaged one: the length of its header is out of range; "
        + "expected at most 100000000 bytes, found 100000001."
    ),
    Case(
      "the largest length",
      length(.max) + Array("{}".utf8),
      "not a safetensors file, or a damaged one: the length of its header is out of range; "
        + "expected at most 100000000 bytes, found 18446744073709551615."
    ),
    Case(
      "big-endian length",
      Array(length(2).reversed()) + Array("{}".utf8),
      "not a safetensors file, or a damaged one: the length of its header is out of range; "
        + "expected at most 100000000 bytes, found 144115188075855872."
    ),
  ]

  // MARK: JSON

  static let syntax = [
    Case("a list", file("[]"), "not a safetensors file." + again),
    Case("space first", file(" {}"), "not a safetensors file." + again),
    Case("byte order mark", file("\u{FEFF}{}"), "not a safetensors file." + again),
    Case("cut short", file(#"{"a":{"dty"#), "tensor 'a': invalid JSON at byte 6: a string without an end."),
    Case(
      "padded with zeros",
      file("{}\0\0"),
      "invalid JSON at byte 2: something follows the end of the JSON value."
    ),
    Case("two values", file("{}{}"), "invalid JSON at byte 2: something follows the end of the JSON value."),
    Case(
      "trailing comma",
      file(#"{"__metadata__":{},}"#),
      "invalid JSON at byte 19: expected a key in quotes."
    ),
    Case(
      "not UTF-8",
      length(8) + [0x7B, 0x22, 0xFF, 0xFE, 0x22, 0x3A, 0x31, 0x7D],
      "invalid JSON at byte 1: a string that is not UTF-8."
    ),
    Case(
      "nested without end",
      file(#"{"a":{"x":"# + String(repeating: "[", count: 100_000)),
      "tensor 'a': invalid JSON at byte 136: nested deeper than 128 levels."
    ),
    Case(
      "duplicate name",
      file(tensors(#""a":\#(u8(1, 0, 1)),"a":\#(u8(1, 1, 2))"#), data: 2),
      "invalid JSON at byte 53: the key 'a' is given twice."
    ),
    Case(
      "duplicate name, escaped",
      file(tensors(#""a":\#(u8(1, 0, 1)),"\u0061":\#(u8(1, 1, 2))"#), data: 2),
      "invalid JSON at byte 53: the key 'a' is given twice."
    ),
    Case(
      "canonically equal names",
      file(tensors("\"e\u{301}\":\(u8(1, 0, 1)),\"\u{E9}\":\(u8(1, 1, 2))"), data: 2),
      "tensor '\u{E9}': another tensor's name has the same characters in another encoding."
    ),
    Case(
      "duplicate key",
      file(entry(#"{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}"#), data: 1),
      "tensor 'a': invalid JSON at byte 19: the key 'dtype' is given twice."
    ),
    Case(
      "metadata twice",
      file(#"{"__metadata__":{},"__metadata__":{}}"#),
      "invalid JSON at byte 19: the key '__metadata__' is given twice."
    ),
    Case(
      "metadata of numbers",
      file(#"{"__metadata__":{"epoch":3}}"#),
      "__metadata__: invalid JSON at byte 25: expected a string."
    ),
    Case(
      "metadata of lists",
      file(#"{"__metadata__":{"a":["b"]}}"#),
      "__metadata__: invalid JSON at byte 21: expected a string."
    ),
    Case(
      "metadata that is none",
      file(#"{"__metadata__":"pt"}"#),
      "__metadata__: invalid JSON at byte 16: expected an object."
    ),
  ]

  // MARK: A tensor's entry

  static let entries = [
    Case("no object", file(entry("3")), "tensor 'a': invalid JSON at byte 5: expected an object."),
    Case(
      "no dtype",
      file(entry(#"{"shape":[],"data_offsets":[0,1]}"#), data: 1),
      "tensor 'a': the header gives no 'dtype'."
    ),
    Case(
      "no shape",
      file(entry(#"{"dtype":"U8","data_offsets":[0,1]}"#), data: 1),
      "tensor 'a': the header gives no 'shape'."
    ),
    Case(
      "no offsets",
      file(entry(#"{"dtype":"U8","shape":[1]}"#), data: 1),
      "tensor 'a': the header gives no 'data_offsets'."
    ),
    Case(
      "8-bit floats",
      file(entry(#"{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}"#), data: 1),
      "tensor 'a': unsupported dtype 'F8_E4M3'; "
        + "expected one of BOOL, U8, I8, U16, I16, U32, I32, U64, I64, F16, BF16, F32, F64."
    ),
    Case(
      "unknown dtype",
      file(entry(#"{"dtype":"f32","shape":[1],"data_offsets":[0,4]}"#), data: 4),
      "tensor 'a': unsupported dtype 'f32'; "
        + "expected one of BOOL, U8, I8, U16, I16, U32, I32, U64, I64, F16, BF16, F32, F64."
    ),
    Case(
      "dtype is a number",
      file(entry(#"{"dtype":5,"shape":[1],"data_offsets":[0,4]}"#), data: 4),
      "tensor 'a': invalid JSON at byte 14: expected a string."
    ),
    Case(
      "negative extent",
      file(entry(#"{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}"#), data: 1),
      "tensor 'a': an extent of the shape is negative: -1."
    ),
    Case(
      "fractional extent",
      file(entry(#"{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}"#), data: 1),
      "tensor 'a': invalid JSON at byte 28: expected a whole number, found 1.0."
    ),
    Case(
      "extent beyond Int",
      file(entry(#"{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}"#), data: 1),
      "tensor 'a': invalid JSON at byte 28: the number 9223372036854775808 is too large."
    ),
    Case(
      "product beyond Int",
      file(entry(#"{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}"#)),
      "tensor 'a': the shape [4294967296, 4294967296] is larger than any file."
    ),
    Case(
      "bytes beyond Int",
      file(entry(#"{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}"#)),
      "tensor 'a': the shape [2305843009213693952] is larger than any file."
    ),
    Case(
      "nested shape",
      file(entry(#"{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}"#), data: 1),
      "tensor 'a': invalid JSON at byte 28: expected a whole number."
    ),
    Case(
      "shape is null",
      file(entry(#"{"dtype":"U8","shape":null,"data_offsets":[0,1]}"#), data: 1),
      "tensor 'a': invalid JSON at byte 27: expected a list."
    ),
    Case(
      "exponent in an offset",
      file(entry(#"{"dtype":"U8","shape":[10],"data_offsets":[0,1e1]}"#), data: 10),
      "tensor 'a': invalid JSON at byte 50: expected a whole number, found 1e1."
    ),
    Case(
      "offset in quotes",
      file(entry(#"{"dtype":"U8","shape":[1],"data_offsets":["0",1]}"#), data: 1),
      "tensor 'a': invalid JSON at byte 47: expected a whole number."
    ),
    Case(
      "negative offset",
      file(entry(#"{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}"#), data: 1),
      "tensor 'a': an offset is negative: -1."
    ),
    Case(
      "one offset",
      file(entry(#"{"dtype":"U8","shape":[1],"data_offsets":[0]}"#), data: 1),
      "tensor 'a': data_offsets needs two numbers; found 1."
    ),
    Case(
      "three offsets",
      file(entry(#"{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}"#), data: 1),
      "tensor 'a': more than two data_offsets."
    ),
    Case(
      "reversed offsets",
      file(entry(#"{"dtype":"U8","shape":[1],"data_offsets":[1,0]}"#), data: 1),
      "tensor 'a': the data ends before it begins; found data_offsets [1, 0]."
    ),
    Case(
      "fewer bytes than the shape",
      file(entry(#"{"dtype":"F32","shape":[2],"data_offsets":[0,7]}"#), data: 7),
      "tensor 'a': the data does not have the length of float32 [2]; expected 8 bytes, found 7."
    ),
    Case(
      "more bytes than a scalar",
      file(entry(#"{"dtype":"BF16","shape":[],"data_offsets":[0,4]}"#), data: 4),
      "tensor 'a': the data does not have the length of bfloat16 []; expected 2 bytes, found 4."
    ),
  ]

  // MARK: The bytes as a whole

  static let coverage = [
    Case(
      "hole at the start",
      file(entry(u8(1, 1, 2)), data: 2),
      "tensor 'a': the data leaves a hole before it; expected offset 0, found 1."
    ),
    Case(
      "hole between",
      file(tensors(#""a":\#(u8(1, 0, 1)),"b":\#(u8(1, 3, 4))"#), data: 4),
      "tensor 'b': the data leaves a hole before it; expected offset 1, found 3."
    ),
    Case(
      "overlap",
      file(tensors(#""a":\#(u8(2, 0, 2)),"b":\#(u8(2, 1, 3))"#), data: 3),
      "tensor 'b': the data overlaps that of tensor 'a'; expected offset 2, found 1."
    ),
    Case(
      "shared bytes",
      file(tensors(#""a":\#(u8(2, 0, 2)),"b":\#(u8(2, 0, 2))"#), data: 2),
      "tensor 'b': the data overlaps that of tensor 'a'; expected offset 2, found 0."
    ),
    Case(
      "empty tensor inside another",
      file(tensors(#""a":\#(u8(2, 0, 2)),"b":\#(u8(0, 1, 1))"#), data: 2),
      "tensor 'b': the data overlaps that of tensor 'a'; expected offset 2, found 1."
    ),
    Case(
      "cut short",
      file(entry(u8(10, 0, 10)), data: 9),
      "truncated: the tensors need 73 bytes, the file has 72, with 0 of 1 tensors whole." + again
    ),
    Case(
      "data beyond Int",
      file(tensors(largest)),
      "truncated: the tensors need more than 9223372036854775807 bytes, the file has \(8 + tensors(largest).utf8.count), "
        + "with 0 of 128 tensors whole." + again
    ),
    Case(
      "a tensor beyond Int",
      file(entry(u8(.max, 0, .max))),
      "tensor 'a': the shape [9223372036854775807] is larger than any file."
    ),
    Case(
      "something after the end",
      file(entry(u8(1, 0, 1)), data: 3),
      "something follows the last tensor; expected 62 bytes, found 64." + again
    ),
    Case(
      "data without tensors",
      file("{}", data: 1),
      "something follows the last tensor; expected 10 bytes, found 11." + again
    ),
  ]
}
