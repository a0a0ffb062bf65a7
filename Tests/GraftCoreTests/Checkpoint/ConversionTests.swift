import Foundation
import GraftCompute
import GraftTensors
import Testing

/// Conversion of element types against exact arithmetic in `Double`, which holds every value concerned.
@Suite struct ConversionTests {
  /// A 16-bit floating-point type, decoded from first principles.
  struct Layout: Sendable, CustomTestStringConvertible {
    let dtype: DType
    let exponentBits: Int
    let mantissaBits: Int
    var testDescription: String { dtype.rawValue }

    var infinity: UInt16 { (1 << UInt16(exponentBits) - 1) << UInt16(mantissaBits) }

    func value(_ bits: UInt16) -> Double {
      let sign = bits >> 15 == 0 ? 1.0 : -1.0
      let exponent = Int(bits >> UInt16(mantissaBits)) & (1 << exponentBits - 1)
      let mantissa = Double(bits & (1 << UInt16(mantissaBits) - 1)) / Double(1 << mantissaBits)
      let bias = 1 << (exponentBits - 1) - 1
      if exponent == 1 << exponentBits - 1 { return mantissa == 0 ? sign * .infinity : .nan }
      return sign * (exponent == 0 ? scalbn(mantissa, 1 - bias) : scalbn(1 + mantissa, exponent - bias))
    }
  }

  static let layouts = [
    Layout(dtype: .float16, exponentBits: 5, mantissaBits: 10),
    Layout(dtype: .bfloat16, exponentBits: 8, mantissaBits: 7),
  ]

  func tensor<Element: BitwiseCopyable>(_ values: [Element], _ dtype: DType) -> LazyTensor {
    LazyTensor(TensorSpec(dtype, [values.count]), bytes: values.withUnsafeBytes(Array.init))
  }

  func elements<Element: BitwiseCopyable>(_ tensor: LazyTensor, _: Element.Type) throws -> [Element] {
    try tensor.bytes().withUnsafeBytes { Array($0.bindMemory(to: Element.self)) }
  }

  @Test(arguments: layouts) func widensEveryValueExactly(_ layout: Layout) throws {
    let all = (0...UInt16.max).map { $0 }
    let floats = try tensor(all, layout.dtype).floats()
    let doubles = try elements(tensor(all, layout.dtype).converted(to: .float64), Double.self)
    var wrong = 0
    for bits in all {
      let expected = layout.value(bits)
      let (float, double) = (floats[Int(bits)], doubles[Int(bits)])
      if expected.isNaN {
        wrong += float.isNaN && double.isNaN ? 0 : 1
      } else {
        wrong += Double(float) == expected && double == expected && (float.sign == expected.sign) ? 0 : 1
      }
    }
    #expect(wrong == 0)
  }

  /// At and beside the middle between every two neighbours: ties go to even, all else to the nearest.
  @Test(arguments: layouts) func roundsToNearestEven(_ layout: Layout) throws {
    var floats: [Float] = []
    var doubles: [Double] = []
    var expectedOfFloats: [UInt16] = []
    var expectedOfDoubles: [UInt16] = []
    for bits in 0..<layout.infinity {
      let low = layout.value(bits)
      // Rounding treats infinity as the next value the type would have.
      let high = bits + 1 == layout.infinity ? 2 * low - layout.value(bits - 1) : layout.value(bits + 1)
      let middle = (low + high) / 2
      let even = bits & 1 == 0 ? bits : bits + 1
      for sign: UInt16 in [0, 0x8000] {
        let factor = sign == 0 ? 1.0 : -1.0
        doubles += [low, middle.nextDown, middle, middle.nextUp].map { factor * $0 }
        expectedOfDoubles += [bits, bits, even, bits + 1].map { $0 | sign }
        let float = Float(middle)
        floats += [Float(low), float.nextDown, float, float.nextUp].map { Float(factor) * $0 }
        expectedOfFloats += [bits, bits, even, bits + 1].map { $0 | sign }
      }
    }
    #expect(
      try elements(tensor(floats, .float32).converted(to: layout.dtype), UInt16.self) == expectedOfFloats)
    #expect(
      try elements(tensor(doubles, .float64).converted(to: layout.dtype), UInt16.self) == expectedOfDoubles)
  }

  @Test(arguments: layouts) func specialValues(_ layout: Layout) throws {
    let floats: [Float] = [.infinity, -.infinity, .greatestFiniteMagnitude, 0, -0.0, .leastNonzeroMagnitude]
    let infinity = layout.infinity
    let expected: [UInt16] = [infinity, infinity | 0x8000, infinity, 0, 0x8000, 0]
    #expect(try elements(tensor(floats, .float32).converted(to: layout.dtype), UInt16.self) == expected)
    let doubles: [Double] = [
      .infinity, -.infinity, .greatestFiniteMagnitude, 0, -0.0, .leastNonzeroMagnitude,
    ]
    #expect(try elements(tensor(doubles, .float64).converted(to: layout.dtype), UInt16.self) == expected)
  }

  /// A NaN whose payload is all in the bits that are cut off must not become infinity.
  @Test(arguments: layouts) func everyNaNStaysOne(_ layout: Layout) throws {
    let bits: [UInt32] = [
      0x7F80_0001, 0x7F80_FFFF, 0x7FBF_FFFF, 0x7FC0_0000, 0x7FFF_FFFF, 0xFF80_0001, 0xFFFF_FFFF,
    ]
    let found = try elements(tensor(bits, .float32).converted(to: layout.dtype), UInt16.self)
    for (value, bits) in zip(found, bits) {
      #expect(layout.value(value).isNaN)
      #expect(value >> 15 == UInt16(bits >> 31))
    }
    let doubles = [Double(nan: 1, signaling: true), .nan]
    for value in try elements(tensor(doubles, .float64).converted(to: layout.dtype), UInt16.self) {
      #expect(layout.value(value).isNaN)
    }
  }

  /// 2⁶² + half a float32 step + 1 rounds up; by way of `Double` it would first become a tie.
  @Test func largeIntegersAreRoundedOnce() throws {
    let value: Int64 = 1 << 62 + 1 << 38 + 1
    #expect(try tensor([value, -value], .int64).floats() == [Float(value), Float(-value)])
    #expect(Float(value) == 0x1p62 + 0x1p39)
    let unsigned: UInt64 = 1 << 63 + 1 << 39 + 1
    #expect(try tensor([unsigned, .max], .uint64).floats() == [0x1p63 + 0x1p40, 0x1p64])
    // The same for bfloat16, whose step at 2⁶² is 2⁵⁵.
    let halfway: Int64 = 1 << 62 + 1 << 54
    #expect(
      try elements(tensor([halfway, halfway + 1], .int64).converted(to: .bfloat16), UInt16.self)
        == [0x5E80, 0x5E81])
    var generator = RandomKey(seed: 4).generator
    let random = (0..<5000).map { _ in Int64(bitPattern: generator.next()) >> Int64(generator.nextWord() % 64)
    }
    #expect(try tensor(random, .int64).floats() == random.map { Float($0) })
    #expect(
      try elements(tensor(random, .int64).converted(to: .float64), Double.self) == random.map { Double($0) })
  }

  @Test func everyIntegerTypeWidens() throws {
    #expect(try tensor([0, 1, 255] as [UInt8], .uint8).floats() == [0, 1, 255])
    #expect(try tensor([-128, 127] as [Int8], .int8).floats() == [-128, 127])
    #expect(try tensor([65535] as [UInt16], .uint16).floats() == [65535])
    #expect(try tensor([-32768] as [Int16], .int16).floats() == [-32768])
    #expect(try tensor([UInt32.max] as [UInt32], .uint32).floats() == [0x1p32])
    #expect(try tensor([Int32.min] as [Int32], .int32).floats() == [-0x1p31])
    #expect(try tensor([0, 1] as [UInt8], .bool).floats() == [0, 1])
    #expect(
      try elements(tensor([2048, 2049, 2051] as [Int32], .int32).converted(to: .float16), Float16.self) == [
        2048, 2048, 2052,
      ])
  }

  @Test func doublesNarrowToTheNearestFloat() throws {
    let values: [Double] = [0.1, 1 + 0x1p-24, 1 + 0x1p-24 + 0x1p-52, 0x1p-150, 0x1.8p-149, 3.5e38, 1e300]
    #expect(try tensor(values, .float64).floats() == values.map { Float($0) })
    #expect(Float(1 + 0x1p-24) == 1 && Float(1 + 0x1p-24 + 0x1p-52) == 1 + 0x1p-23)
  }

  @Test func convertsThroughTheWindow() throws {
    let count = LazyTensor.windowSize / 2 + 3
    let source = tensor((0..<count).map { UInt16($0 % 0x3C00) }, .bfloat16)
    var (position, largest) = (0, 0)
    let expected = Self.layouts[1]
    try source.converted(to: .float64).stream { chunk in
      largest = max(largest, chunk.count)
      let values = chunk.bindMemory(to: Double.self)
      for index in stride(from: 0, to: values.count, by: 61) {
        #expect(values[index] == expected.value(UInt16((position + index) % 0x3C00)))
      }
      position += values.count
    }
    #expect(position == count)
    #expect(largest <= LazyTensor.windowSize)
  }
}
