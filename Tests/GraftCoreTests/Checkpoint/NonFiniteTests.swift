import GraftTensors
import Testing

@Suite struct NonFiniteTests {
  static let values: [Float] = [
    1, .nan, -.infinity, 0, .infinity, -.signalingNaN, .greatestFiniteMagnitude, -0.0,
  ]

  private func tally(_ tensor: LazyTensor, strict: Bool = false) throws -> NonFiniteTally {
    let tally = NonFiniteTally(strict: strict)
    for tensor in tally.watching(Weights(["x": tensor])).tensors.values { try tensor.stream { _ in } }
    return tally
  }

  @Test(
    "NaN and infinite values are counted in every type",
    arguments: [DType.float16, .bfloat16, .float32, .float64])
  func counts(_ dtype: DType) throws {
    let tensor = LazyTensor(Self.values, shape: [8]).converted(to: dtype)
    let count = try #require(try tally(tensor).found["x"])
    // The largest float32 is beyond the range of the narrow types.
    #expect(count.nan == 2 && count.infinite == (dtype.byteCount == 2 ? 3 : 2))
    #expect(count.description == "2 NaN, \(count.infinite) infinite")
  }

  @Test func nothingIsFoundAmongNumbers() throws {
    #expect(try tally(LazyTensor([1, -2, 0] as [Float], shape: [3])).found.isEmpty)
    // The bits of NaN, and no floating-point number.
    #expect(try tally(LazyTensor([-1] as [Int64], shape: [1])).found.isEmpty)
  }

  @Test func strictIsAnError() throws {
    let error = #expect(throws: GraftError.self) {
      try tally(LazyTensor(Self.values, shape: [8]), strict: true)
    }
    #expect(
      error?.description
        == "tensor 'x': some values are not finite, and all have to be; found 2 NaN, 2 infinite. "
        + "Without 'strict' they are counted and kept.")
  }
}
