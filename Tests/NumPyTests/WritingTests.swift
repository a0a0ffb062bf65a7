import TestSupport
import Foundation
import GraftTensors
import NPY
import NumPy
import Testing

@Suite struct WritingTests {
  @Test func writesWhatNumPyWrites() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("a.npy")
      try NPY.write(LazyTensor([1, -2] as [Float], shape: [2]), to: url)
      // numpy.save of numpy.array([1, -2], "float32"), numpy 2.4.6
      let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
      let text = header + String(repeating: " ", count: 117 - header.utf8.count) + "\n"
      #expect(
        try Array(Data(contentsOf: url))
          == [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(text.utf8) + [
            0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0,
          ])
    }
  }

  @Test("rows that come one after another make the array that is written at once", arguments: [1, 9, 12_345])
  func rowsOneAfterAnother(_ count: Int) throws {
    try withTemporaryDirectory { directory in
      let numbers = (0..<count * 3).map { Float($0) }
      let (whole, parts) = (directory.appending(path: "a.npy"), directory.appending(path: "b.npy"))
      try NPY.write(LazyTensor(numbers, shape: [count, 3]), to: whole)
      try NPY.write(rowsOf: 3, to: parts) { add in
        for start in stride(from: 0, to: numbers.count, by: 300) {
          try Array(numbers[start..<min(start + 300, numbers.count)]).withUnsafeBufferPointer(add)
        }
      }
      #expect(try Data(contentsOf: parts) == Data(contentsOf: whole))
    }
  }

  @Test func refusesWhatNumPyDoesNotHave() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.npz")
      let tensor = LazyTensor(TensorSpec(.bfloat16, [1]), bytes: [0, 0])
      let error = #expect(throws: GraftError.self) { try NPZFormat().write(Weights(["w": tensor]), to: url) }
      #expect(
        error?.description
          == "\(url.path): tensor 'w': NumPy has no bfloat16. Convert it to float32.")
      let name = #expect(throws: GraftError.self) {
        try NPZFormat().write(Weights(["a/../b": LazyTensor([1] as [Float], shape: [])]), to: url)
      }
      #expect(
        name?.description
          == "\(url.path): tensor 'a/../b': a zip archive cannot hold an entry of this name.")
      let left = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      #expect(left.isEmpty)
    }
  }
}
