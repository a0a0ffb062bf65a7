import Foundation
import GraftTensors
import TestSupport
import Testing

@Suite struct LazyTensorComparisonTests {
  /// A little more than a window.
  private static let count = LazyTensor.windowSize / 4 + 7

  private static let values = (0..<count).map { Float($0 % 1013) }

  /// The same values as each kind of tensor: in memory, in a file, and two that can only be streamed.
  private static func tensors(_ values: [Float], in directory: URL) throws -> [LazyTensor] {
    let spec = TensorSpec(.float32, [values.count])
    let url = directory.appending(path: UUID().uuidString)
    try FileWriter.write(url) { writer in
      try writer.append([0, 0, 0])
      try values.withUnsafeBytes { try writer.append($0) }
    }
    let memory = LazyTensor(values, shape: [values.count])
    return [
      memory, LazyTensor(spec, in: try RandomAccessFile(url), at: 3),
      LazyTensor(spec) { consume in try memory.stream(consume) },
      LazyTensor(values.map { Float(-$0) }, shape: [1, values.count]).transposed().negated
        .reshaped([values.count]),
    ]
  }

  @Test("tensors of every kind are equal to each other, and unequal from their first or last element on")
  func everyPair() throws {
    try withTemporaryDirectory { directory in
      let equal = try Self.tensors(Self.values, in: directory)
      for first in equal {
        for second in equal { #expect(try first.isIdentical(to: second)) }
      }
      for place in [0, Self.count - 1] {
        var values = Self.values
        values[place] += 1
        for other in try Self.tensors(values, in: directory) {
          for tensor in equal { #expect(try !tensor.isIdentical(to: other)) }
        }
      }
    }
  }

  @Test("another type or shape is another tensor; empty ones are equal")
  func specifications() throws {
    let tensor = LazyTensor([1, 2] as [Float], shape: [2])
    #expect(try !tensor.isIdentical(to: tensor.reshaped([2, 1])))
    #expect(try !tensor.isIdentical(to: LazyTensor(TensorSpec(.int32, [2]), bytes: tensor.bytes())))
    let empty = LazyTensor([] as [Float], shape: [0, 3])
    #expect(try empty.isIdentical(to: LazyTensor(empty.spec) { _ in }))
  }

  /// A terabyte of zeros that takes no disk. Buffering it would fail, reading to its end would take long.
  @Test("no more is read than up to the first difference, and nothing is buffered", .timeLimit(.minutes(5)))
  func memory() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "sparse")
      try FileWriter.write(url, text: "x")
      let size = 1 << 40
      try FileHandle(forWritingTo: url).truncate(atOffset: UInt64(size) + 1)
      let file = try RandomAccessFile(url)
      let spec = TensorSpec(.uint8, [size])
      let (first, second) = (LazyTensor(spec, in: file, at: 0), LazyTensor(spec, in: file, at: 1))
      #expect(try !first.isIdentical(to: second))
      let stream = LazyTensor(spec) { consume in try first.stream(consume) }
      #expect(try !stream.isIdentical(to: second) && !second.isIdentical(to: stream))
    }
  }
}

extension LazyTensor {
  /// The tensor's float32 values times -1, by a stream.
  fileprivate var negated: LazyTensor {
    LazyTensor(spec) { consume in
      try stream { chunk in try chunk.bindMemory(to: Float.self).map { -$0 }.withUnsafeBytes(consume) }
    }
  }
}
