import Foundation
import GraftCompute
import GraftTensors
import TestSupport
import Testing

@Suite struct LazyTensorTests {
  /// A matrix of elements that tell their place, modulo what fits the type.
  func matrix(_ dtype: DType, _ rows: Int, _ columns: Int) -> LazyTensor {
    let spec = TensorSpec(dtype, [rows, columns])
    var generator = RandomKey(seed: 9).generator
    return LazyTensor(spec, bytes: (0..<spec.byteCount).map { _ in UInt8(generator.nextWord() & 0xFF) })
  }

  func naiveTranspose(_ bytes: [UInt8], _ rows: Int, _ columns: Int, _ size: Int) -> [UInt8] {
    var result: [UInt8] = []
    for column in 0..<columns {
      for row in 0..<rows { result += bytes[((row * columns + column) * size)...].prefix(size) }
    }
    return result
  }

  @Test(arguments: [DType.bool, .float16, .float32, .int64])
  func transposes(_ dtype: DType) throws {
    for (rows, columns) in [(1, 1), (1, 40), (40, 1), (31, 33), (64, 32), (3, 100), (0, 5), (5, 0)] {
      let tensor = matrix(dtype, rows, columns)
      let transposed = tensor.transposed()
      #expect(transposed.spec == TensorSpec(dtype, [columns, rows]))
      #expect(
        try transposed.bytes() == naiveTranspose(tensor.bytes(), rows, columns, dtype.byteCount),
        "\(rows) × \(columns)")
      #expect(try transposed.transposed().bytes() == tensor.bytes())
    }
  }

  @Test(arguments: [
    (700, 500),  // several rows to a window
    (300_000, 2),  // a row of the result larger than a window
    (2, 300_000),
  ])
  func transposesThroughTheWindow(_ rows: Int, _ columns: Int) throws {
    let tensor = LazyTensor((0..<rows * columns).map { Float($0) }, shape: [rows, columns])
    var (position, largest, wrong) = (0, 0, 0)
    try tensor.transposed().stream { chunk in
      largest = max(largest, chunk.count)
      for (index, value) in chunk.bindMemory(to: Float.self).enumerated() where index % 101 == 0 {
        let (column, row) = (position + index).quotientAndRemainder(dividingBy: rows)
        wrong += value == Float(row * columns + column) ? 0 : 1
      }
      position += chunk.count / 4
    }
    #expect(position == rows * columns && wrong == 0)
    #expect(largest <= LazyTensor.windowSize)
  }

  @Test func reshapedKeepsTheBytes() throws {
    let tensor = matrix(.float32, 4, 6)
    let reshaped = tensor.reshaped([2, 3, 4])
    #expect(reshaped.spec.shape == [2, 3, 4])
    #expect(try reshaped.bytes() == tensor.bytes())
    #expect(try tensor.transposed().reshaped([24]).bytes() == tensor.transposed().bytes())
  }

  @Test func memoryIsCutIntoWindows() throws {
    let count = 2 * LazyTensor.windowSize / 8 + 1
    var sizes: [Int] = []
    try LazyTensor((0..<count).map { Int64($0) }, shape: [count]).stream { sizes.append($0.count) }
    #expect(sizes == [LazyTensor.windowSize, LazyTensor.windowSize, 8])
  }

  @Test func readsAPlaceInAFile() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("file")
      let bytes = (0..<LazyTensor.windowSize + 100).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      try Data(bytes).write(to: url)
      let file = try RandomAccessFile(url)
      #expect(try LazyTensor(TensorSpec(.uint8, [2, 7]), in: file, at: 5).bytes() == Array(bytes[5..<19]))
      #expect(try LazyTensor(TensorSpec(.float32, []), in: file, at: 1).bytes() == Array(bytes[1..<5]))
      #expect(try LazyTensor(TensorSpec(.float32, [0]), in: file, at: bytes.count).bytes() == [])
      let large = LazyTensor(TensorSpec(.uint8, [bytes.count - 3]), in: file, at: 3)
      #expect(try large.bytes() == Array(bytes[3...]))

      // The file shrinks after it was opened.
      let shrinking = LazyTensor(TensorSpec(.uint8, [1000]), in: file, at: 0)
      try FileHandle(forWritingTo: url).truncate(atOffset: 600)
      let error = #expect(throws: GraftError.self) { try shrinking.bytes() }
      #expect(
        error?.description
          == "\(url.path): truncated; expected 1000 bytes, found 600. Copy or download it again.")
    }
  }

  @Test(arguments: [0, 4, 12, 1 << 21])
  func aSourceOfTheWrongLengthIsAnError(_ count: Int) {
    let tensor = LazyTensor(TensorSpec(.float32, [2])) { consume in
      try [UInt8](repeating: 0, count: count).withUnsafeBytes(consume)
    }
    #expect(throws: GraftError.self) { try tensor.bytes() }
    #expect(throws: GraftError.self) { try tensor.floats() }
    #expect(throws: GraftError.self) { try tensor.transposedColumn() }
  }

  @Test func integersOfEveryType() throws {
    func tensor<Element: BitwiseCopyable>(_ dtype: DType, _ values: [Element]) -> LazyTensor {
      LazyTensor(TensorSpec(dtype, [values.count]), bytes: values.withUnsafeBytes(Array.init))
    }
    #expect(try tensor(.bool, [0, 1] as [UInt8]).integers() == [0, 1])
    #expect(try tensor(.uint8, [255] as [UInt8]).integers() == [255])
    #expect(try tensor(.int8, [-1] as [Int8]).integers() == [-1])
    #expect(try tensor(.uint16, [65535] as [UInt16]).integers() == [65535])
    #expect(try tensor(.int16, [-1] as [Int16]).integers() == [-1])
    #expect(try tensor(.uint32, [.max] as [UInt32]).integers() == [4_294_967_295])
    #expect(try tensor(.int32, [-1] as [Int32]).integers() == [-1])
    #expect(try tensor(.uint64, [7] as [UInt64]).integers() == [7])
    #expect(try tensor(.int64, [.min, .max] as [Int64]).integers() == [.min, .max])
    let error = #expect(throws: GraftError.self) { try LazyTensor([1] as [Float], shape: []).integers() }
    #expect(error?.description == "wrong element type; expected integers, found float32.")
  }

  @Test func specificationsOfUntrustedShapes() {
    #expect(TensorSpec(validating: .float32, [-1]) == nil)
    #expect(TensorSpec(validating: .float32, [.max, 2]) == nil)
    #expect(TensorSpec(validating: .float64, [.max / 8 + 1]) == nil)
    let most = TensorSpec.maximumByteCount
    #expect(TensorSpec(validating: .uint8, [most])?.byteCount == most)
    #expect(TensorSpec(validating: .int16, [most / 2 + 1]) == nil)
    // Extents that nothing makes into a size are multiplied where they are split and joined.
    #expect(TensorSpec(validating: .uint8, [0, most])?.byteCount == 0)
    for shape in [[0, 1 << 40, 1 << 40], [1 << 40, 1 << 40, 0], [.max, 0], [0, most + 1]] {
      #expect(TensorSpec(validating: .uint8, shape) == nil)
    }
    #expect(TensorSpec(validating: .int16, [])?.byteCount == 2)
    #expect(TensorSpec(validating: .uint8, [Int](repeating: 1, count: 64)) != nil)
    #expect(TensorSpec(validating: .uint8, [Int](repeating: 1, count: 65)) == nil)
  }
}

extension LazyTensorTests {
  @Test func tensorsTogetherAreNoLargerThanAnyModel() throws {
    let half = LazyTensor(zeros: TensorSpec(.uint8, [TensorSpec.maximumByteCount / 2]))
    var weights = Weights(["a": half, "b": half])
    try weights.checkSize()
    weights["c"] = LazyTensor(zeros: TensorSpec(.uint8, [1]))
    let error = #expect(throws: GraftError.self) { try weights.checkSize() }
    #expect(
      error?.description == "the tensors are larger together than any model; expected at most 64 PiB.")
    #expect(Int.max.addingClamped(1) == .max && 1.addingClamped(2) == 3)
  }

  @Test(
    "a sparse file of a size that no file has is refused, not multiplied",
    .enabled(if: FileManager.default.fileExists(atPath: "/dev/shm")))
  func sparseFile() throws {
    let url = URL(filePath: "/dev/shm/graft-sparse-\(UUID().uuidString).safetensors")
    try Data("x".utf8).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    try #require(truncate(url.path, 1 << 62) == 0)
    let error = #expect(throws: GraftError.self) { try RandomAccessFile(url) }
    #expect(
      error?.description == "\(url.path): larger than any file that is read; expected at most 64 PiB.")
  }
}

extension LazyTensor {
  /// Through the transpose, which sizes its own buffers.
  fileprivate func transposedColumn() throws -> [UInt8] {
    try reshaped([spec.elementCount, 1]).transposed().bytes()
  }
}
