import TestSupport
import Foundation
import GraftTensors
import NumPy
import Testing
import Zip

/// Broken arrays in sound archives, and what a person reads about each.
@Suite struct HostileFileTests {
  @Test(arguments: headers) func aHeaderIsRefused(_ header: String, _ message: String) throws {
    #expect(try self.message(reading: Self.array(header)) == "model.npz: " + message)
  }

  @Test(arguments: arrays) func anArrayIsRefused(_ array: [UInt8], _ message: String) throws {
    #expect(try self.message(reading: array) == "model.npz: " + message)
  }

  @Test func whatIsOddIsAllowed() throws {
    for header in [
      "{'descr': '<f4', 'fortran_order': False, 'shape': ()}",
      "{\"shape\":(),\"descr\":\"f4\",\"fortran_order\":True}",
      "{ 'fortran_order' : False , 'shape' : ( 1 , 1 , ) , 'descr' : '=f4' , } \n",
    ] {
      #expect(try message(reading: Self.array(header)) == nil, "\(header)")
    }
  }

  /// A version 1 array with four bytes of data.
  static func array(_ header: String, data: Int = 4) -> [UInt8] {
    let length = header.utf8.count
    return magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(header.utf8)
      + [UInt8](repeating: 0, count: data)
  }

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  static let broken = "tensor 'w': the header of the NumPy array is broken: "
  static let again = " Copy or download it again."

  static let headers: [(String, String)] = [
    ("", broken + "it ends early." + again),
    ("[]", broken + "expected '{' at byte 0." + again),
    ("{", broken + "it ends early." + again),
    ("{}", broken + "a key is missing: descr, fortran_order or shape." + again),
    ("{'descr': '<f4', 'shape': ()}", broken + "a key is missing: descr, fortran_order or shape." + again),
    ("{'descr': '<f4', 'descr': '<f8'}", broken + "the key 'descr'." + again),
    ("{'__class__': 1}", broken + "the key '__class__'." + again),
    ("{'descr': <f4}", broken + "expected a string at byte 10." + again),
    ("{'descr': '<f4}", broken + "a string without an end." + again),
    ("{'descr': '\\x3cf4'}", broken + "a string without an end." + again),
    ("{'fortran_order': 0}", broken + "expected True or False at byte 18." + again),
    ("{'shape': 3}", broken + "expected '(' at byte 10." + again),
    ("{'shape': (3)}", broken + "expected ',' at byte 12." + again),
    ("{'shape': (-3,)}", broken + "expected a size at byte 11." + again),
    ("{'shape': (9223372036854775808,)}", broken + "expected a size at byte 11." + again),
    ("{'shape': (1,) + (2,)}", broken + "expected '}' at byte 15." + again),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", broken + "something follows it." + again),
    (
      "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}",
      "tensor 'w': a NumPy array with fields. Save each field as an array of its own."
    ),
    (
      "{'descr': '|O', 'fortran_order': False, 'shape': ()}",
      "tensor 'w': the elements of the NumPy array are no numbers that Graft reads; "
        + "expected bool, integers, float16, float32 or float64, found '|O'. Save them as float32."
    ),
    (
      "{'descr': '<V2', 'fortran_order': False, 'shape': ()}",
      "tensor 'w': the elements of the NumPy array are no numbers that Graft reads; "
        + "expected bool, integers, float16, float32 or float64, found '<V2'. "
        + "If they are bfloat16, NumPy does not know: save them as float32."
    ),
    (
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
      "tensor 'w': the array does not have the length of float32 [2]; expected 8 bytes, found 4." + again
    ),
    (
      "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 2)}",
      "tensor 'w': the shape [9223372036854775807, 2] is larger than any file."
    ),
    (
      "{'descr': '<f4', 'fortran_order': True, 'shape': (" + String(repeating: "1,", count: 65) + ")}",
      "tensor 'w': the shape [1, 1, 1, 1, 1, 1, 1, 1] is larger than any file."
    ),
  ]

  static let arrays: [([UInt8], String)] = [
    ([], "tensor 'w': not a NumPy array." + again),
    (Array("NUMPY array".utf8), "tensor 'w': not a NumPy array." + again),
    (
      magic + [4, 0, 0, 0, 0, 0],
      "tensor 'w': the version of the NumPy array is unknown; expected 1 to 3, found 4."
    ),
    (
      magic + [1, 0, 200, 0, 0, 0],
      "tensor 'w': truncated: the NumPy array ends inside its header; expected 210 bytes, found 12." + again
    ),
    (
      magic + [2, 0, 0, 0, 0, 0x80],
      "tensor 'w': the header of the NumPy array is too long; expected at most 65535 bytes, found 2147483648."
    ),
  ]

  private func message(reading array: [UInt8]) throws -> String? {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "model.npz")
      try ZipWriter.write(url) { try $0.append("w.npy", array) }
      return errorMessage(in: directory) {
        for tensor in try NPZFormat().open(url).tensors.values { _ = try tensor.bytes() }
      }
    }
  }

  @Test func otherFilesAreNamed() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.npz")
      for (content, message) in [
        ("", "an empty file, not a NumPy archive. Download it again."),
        ("weights", "a text, not a NumPy archive. Name the weight file."),
      ] {
        try Data(content.utf8).write(to: url)
        let error = #expect(throws: GraftError.self) { try NPZFormat().open(url) }
        #expect(error?.description == "\(url.path): \(message)")
      }
    }
  }
}
