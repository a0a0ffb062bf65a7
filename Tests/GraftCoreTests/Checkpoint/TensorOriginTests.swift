import Foundation
import GraftTensors
import TestSupport
import Testing

/// What is known to have equal bytes without reading them, and what is not.
@Suite struct TensorOriginTests {
  private let spec = TensorSpec(.float32, [2, 3])

  /// A file of 48 bytes, opened twice.
  private func withFiles(_ body: (RandomAccessFile, RandomAccessFile) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let (url, link) = (directory.appendingPathComponent("file"), directory.appendingPathComponent("link"))
      try Data(count: 48).write(to: url)
      try FileManager.default.linkItem(at: url, to: link)
      try body(RandomAccessFile(url), RandomAccessFile(link))
    }
  }

  @Test("one place of one file, under any name of the file")
  func places() throws {
    try withFiles { file, other in
      let tensor = LazyTensor(spec, in: file, at: 0)
      #expect(tensor.hasSameOrigin(as: LazyTensor(spec, in: other, at: 0)))
      #expect(!tensor.hasSameOrigin(as: LazyTensor(spec, in: file, at: 24)), "another place")
      #expect(
        !tensor.hasSameOrigin(as: LazyTensor(TensorSpec(.int32, [2, 3]), in: file, at: 0)), "another type")
      #expect(!tensor.hasSameOrigin(as: tensor.reshaped([3, 2])), "another shape")
      #expect(tensor.hasSameOrigin(as: tensor.reshaped([3, 2]).reshaped([2, 3])))
      #expect(tensor.origin.file === file)
      #expect(tensor.origin.offset == 0)
      #expect(tensor.origin.byteCount == 24)
      let isIdentical = try tensor.isIdentical(to: LazyTensor(spec, in: other, at: 0))
      #expect(isIdentical)
      #expect(file.bytesRead == 0)
      #expect(other.bytesRead == 0)
    }
  }

  @Test("copies of equal bytes are identical, and of different origins")
  func copies() throws {
    try withTemporaryDirectory { directory in
      let tensors = try ["a", "b"].map { name in
        let url = directory.appendingPathComponent(name)
        try Data(count: 24).write(to: url)
        return try LazyTensor(spec, in: RandomAccessFile(url), at: 0)
      }
      #expect(!tensors[0].hasSameOrigin(as: tensors[1]))
      #expect(try tensors[0].isIdentical(to: tensors[1]))
      for tensor in tensors { #expect(tensor.origin.file?.bytesRead == 24) }
    }
    let values = LazyTensor([1, 2] as [Float], shape: [2])
    #expect(values.hasSameOrigin(as: values))
    #expect(!values.hasSameOrigin(as: LazyTensor([1, 2] as [Float], shape: [2])))
    #expect(values.origin.file == nil)
  }

  @Test("the same steps from one origin lead to one, others to others")
  func steps() throws {
    try withFiles { file, _ in
      let tensor = LazyTensor(spec, in: file, at: 0)
      let steps: [(LazyTensor) throws -> LazyTensor] = [
        { $0.transposed().reshaped([2, 3]) }, { $0.byteSwapped() },
        { $0.converted(to: .float16) }, { $0.converted(to: .bfloat16) },
        { $0.converted(to: .float64).converted(to: .float16) },
        { $0.slice(from: 0, shape: [2, 2]) }, { $0.slice(from: 2, shape: [2, 2]) },
        { try #require($0.strided([2, 2], strides: [3, 1], from: 0)) },
        { try #require($0.strided([2, 2], strides: [1, 3], from: 0)) },
        { try #require($0.strided([2, 2], strides: [3, 1], from: 1)) },
      ]
      let (first, second) = try (steps.map { try $0(tensor) }, steps.map { try $0(tensor) })
      for index in steps.indices {
        #expect(first[index].hasSameOrigin(as: second[index]), "step \(index)")
        #expect(first[index].origin != tensor.origin, "step \(index)")
        for other in steps.indices where other != index {
          #expect(first[index].origin != second[other].origin, "steps \(index) and \(other)")
        }
      }
      #expect(tensor.converted(to: .float32).hasSameOrigin(as: tensor), "nothing was converted")
    }
  }

  @Test("counting values that are not finite keeps the origin")
  func watched() {
    let tensor = LazyTensor([1] as [Float], shape: [1])
    #expect(NonFiniteTally().watching(Weights(["a": tensor]))["a"]?.hasSameOrigin(as: tensor) == true)
  }

  @Test("an encoding is that of what is stored, not of what is made of it")
  func encodings() throws {
    try withFiles { file, _ in
      let tensor = LazyTensor(
        TensorSpec(.float32, [8, 8]), origin: TensorOrigin(file, at: 0, byteCount: 48, encoding: "blocks"),
        source: { _ in })
      #expect(tensor.reshaped([64]).origin.encoding == "blocks")
      #expect(tensor.transposed().origin.encoding == nil)
      #expect(tensor.converted(to: .float16).origin.encoding == nil)
    }
  }
}
