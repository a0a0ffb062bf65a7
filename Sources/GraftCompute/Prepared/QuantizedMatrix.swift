import GraftTensors

/// The weight of a linear layer in whole numbers of eight bits, as a file has it.
public final class QuantizedMatrix: Sendable {
  /// `[outputs, inputs]`.
  let numbers: [Int8]
  /// What a number of each output stands for.
  let scales: [Float]
  public let shape: [Int]

  /// Reads a weight.
  ///
  /// - Throws: `GraftError` when a scale is no positive number; what reading throws.
  public init(_ tensor: QuantizedTensor) throws {
    shape = tensor.numbers.spec.shape
    scales = try tensor.checkedScales()
    let count = tensor.numbers.spec.elementCount
    numbers = try Array(unsafeUninitializedCapacity: count) { buffer, filled in
      let destination = UnsafeMutableRawBufferPointer(buffer)
      try tensor.numbers.stream { chunk in
        UnsafeMutableRawBufferPointer(rebasing: destination[filled...]).copyMemory(from: chunk)
        filled += chunk.count
      }
    }
  }

  var outputs: Int { scales.count }
  var inputs: Int { shape.dropFirst().reduce(1, *) }

  /// Writes what the numbers stand for.
  func dequantize(to values: UnsafeMutablePointer<Float>) {
    let inputs = inputs
    for (output, scale) in scales.enumerated() {
      for index in output * inputs..<(output + 1) * inputs { values[index] = Float(numbers[index]) * scale }
    }
  }
}
