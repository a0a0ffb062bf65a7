import Foundation
import GraftTensors
import Testing

@Suite struct LazyTensorViewsTests {
  /// 0, 1, 2, … of a type, which can be read at any place or only be streamed, in chunks of 7 elements.
  static func sequence(_ dtype: DType, _ count: Int, isStream: Bool) -> LazyTensor {
    let size = dtype.byteCount
    let bytes = (0..<count).flatMap { value in
      (0..<size).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    let spec = TensorSpec(dtype, [count])
    guard isStream else { return LazyTensor(spec, bytes: bytes) }
    return LazyTensor(spec) { consume in
      for start in stride(from: 0, to: bytes.count, by: 7 * size) {
        try bytes[start..<min(bytes.count, start + 7 * size)].withUnsafeBytes(consume)
      }
    }
  }

  struct View: Sendable {
    let shape: [Int]
    let strides: [Int]
    let offset: Int

    /// The elements, by the definition.
    var elements: [Int] {
      var found = [offset]
      for (extent, stride) in zip(shape, strides) {
        found = found.flatMap { start in (0..<extent).map { start + $0 * stride } }
      }
      return found
    }
  }

  static let views = [
    View(shape: [60], strides: [1], offset: 0), View(shape: [4, 15], strides: [15, 1], offset: 0),
    View(shape: [2, 5], strides: [5, 1], offset: 11),
    View(shape: [1, 5, 1], strides: [99, 1, 0], offset: 55),
    View(shape: [4, 15], strides: [1, 4], offset: 0), View(shape: [3, 5], strides: [1, 3], offset: 8),
    View(shape: [3, 4, 5], strides: [1, 15, 3], offset: 0),
    View(shape: [5, 4, 3], strides: [1, 5, 20], offset: 0),
    View(shape: [20], strides: [3], offset: 2), View(shape: [3, 4], strides: [0, 0], offset: 7),
    View(shape: [3, 4], strides: [0, 2], offset: 7), View(shape: [], strides: [], offset: 59),
    View(shape: [0, 4], strides: [7, 1], offset: 60), View(shape: [7], strides: [8], offset: 3),
  ]

  @Test(arguments: views, [DType.uint8, .int16, .int32, .int64])
  func stridesAreFollowed(_ view: View, _ dtype: DType) throws {
    for isStream in [false, true] {
      let tensor = Self.sequence(dtype, 60, isStream: isStream)
      let found = try #require(tensor.strided(view.shape, strides: view.strides, from: view.offset))
      #expect(found.spec == TensorSpec(dtype, view.shape))
      #expect(try found.integers() == view.elements)
    }
  }

  @Test func aViewLargerThanTheWindow() throws {
    let count = LazyTensor.windowSize / 2
    let tensor = Self.sequence(.int32, count, isStream: false)
    let view = View(shape: [2, 3, count / 6], strides: [1, 2, 6], offset: 0)
    let found = try #require(tensor.strided(view.shape, strides: view.strides, from: 0))
    try found.stream { #expect($0.count <= LazyTensor.windowSize) }
    #expect(try found.integers() == view.elements)
  }

  @Test(arguments: [
    View(shape: [61], strides: [1], offset: 0), View(shape: [1], strides: [1], offset: 60),
    View(shape: [], strides: [], offset: -1), View(shape: [3], strides: [30], offset: 0),
    View(shape: [3], strides: [-1], offset: 10), View(shape: [2, 2], strides: [1], offset: 0),
    View(shape: [3], strides: [.max], offset: 0),
    View(shape: [2, 2, 2], strides: [.max, .max, .max], offset: 0),
    View(shape: [1 << 40, 1 << 40], strides: [0, 0], offset: 0), View(shape: [-1], strides: [1], offset: 0),
  ])
  func whatReachesBeyondIsRefused(_ view: View) throws {
    let tensor = Self.sequence(.uint8, 60, isStream: false)
    #expect(tensor.strided(view.shape, strides: view.strides, from: view.offset) == nil)
  }

  @Test(arguments: [DType.uint8, .int16, .int32, .int64], [false, true])
  func bytesAreSwapped(_ dtype: DType, _ isStream: Bool) throws {
    let tensor = Self.sequence(dtype, 60, isStream: isStream)
    let swapped = tensor.byteSwapped()
    let size = dtype.byteCount
    let bytes = try tensor.bytes()
    let expected = (0..<60).flatMap { bytes[($0 * size)..<(($0 + 1) * size)].reversed() }
    #expect(try swapped.bytes() == expected)
    #expect(try swapped.byteSwapped().isIdentical(to: tensor))
    // Any place, whole elements or not.
    let part = try #require(swapped.strided([20], strides: [1], from: 13))
    #expect(try part.bytes() == Array(expected[(13 * size)..<(33 * size)]))
  }
}
