/// A weight as whole numbers of eight bits, with a scale for each of its rows: number · scale is what they stand for.
///
/// A file has the numbers under the weight's name and the scales under ``scaleName(of:)``. What reads a weight as
/// floating-point numbers reads ``LazyTensor/init(_:)-swift.init``; what multiplies in int8 takes the numbers as they are.
public final class QuantizedTensor: Sendable {
  /// What messages call the weight.
  public let name: String
  /// int8, `[outputs, …]`.
  public let numbers: LazyTensor
  /// float32, `[outputs]`; not looked at before they are read: see ``checkedScales()``.
  public let scales: LazyTensor

  /// What a tensor is called that has the scales of another.
  public static func scaleName(of weight: String) -> String { weight + "_scale" }

  /// What tensors of this kind are listed as.
  public static let encoding = "int8"

  init(name: String, numbers: LazyTensor, scales: LazyTensor) {
    (self.name, self.numbers, self.scales) = (name, numbers, scales)
  }

  /// Numbers and scales as a file has them.
  ///
  /// - Parameters:
  ///   - name: What messages call the weight.
  ///   - numbers: int8, `[outputs, …]`.
  ///   - scales: Floating-point numbers, `[outputs]` or `[outputs, 1]`.
  /// - Throws: ``GraftError`` when their shapes do not fit together.
  public convenience init(joining numbers: LazyTensor, _ scales: LazyTensor, name: String) throws {
    let shape = numbers.spec.shape
    let found = scales.spec
    guard numbers.spec.dtype == .int8, shape.count > 1 else {
      throw GraftError(
        .mismatch, "a tensor with scales is no matrix of whole numbers", subject: "tensor '\(name)'",
        expected: "int8 of two extents", found: "\(numbers.spec)")
    }
    guard found.dtype.isFloatingPoint, [[shape[0]], [shape[0], 1]].contains(found.shape) else {
      throw GraftError(
        .mismatch, "a weight needs a scale for each of its outputs",
        subject: "tensor '\(Self.scaleName(of: name))'", expected: "float32 [\(shape[0])]",
        found: "\(found)", advice: "Quantize the model again, or take its float32 weights.")
    }
    let floats = scales.converted(to: .float32).reshaped([shape[0]])
    // Whoever reads them, to copy them too, learns of scales that stand for nothing.
    let checked = LazyTensor(floats.spec) { consume in
      try Self.checked(floats, Self.scaleName(of: name)).withUnsafeBytes {
        try LazyTensor.chunks(of: $0, elementSize: 4, consume)
      }
    }
    self.init(name: name, numbers: numbers, scales: checked)
  }

  /// A weight that is rounded when it is read.
  ///
  /// - Parameters:
  ///   - tensor: Floating-point numbers, `[outputs, …]`. Each of the two tensors holds it while it streams.
  ///   - name: What messages call the weight.
  public convenience init(rounding tensor: LazyTensor, name: String) {
    let shape = tensor.spec.shape
    self.init(
      name: name,
      numbers: LazyTensor(TensorSpec(.int8, shape)) { consume in
        try Self.rows(of: tensor, name) { values, rows, columns in
          var numbers = [Int8](repeating: 0, count: values.count)
          for row in 0..<rows {
            let range = row * columns..<(row + 1) * columns
            let inverse = SymmetricInt8.scale(of: UnsafeBufferPointer(rebasing: values[range])).inverse
            for index in range { numbers[index] = SymmetricInt8.number(values[index], inverse) }
          }
          try numbers.withUnsafeBytes { try LazyTensor.chunks(of: $0, elementSize: 1, consume) }
        }
      },
      scales: LazyTensor(TensorSpec(.float32, [shape.first ?? 1])) { consume in
        try Self.rows(of: tensor, name) { values, rows, columns in
          let scales = (0..<rows).map { row in
            SymmetricInt8.scale(
              of: UnsafeBufferPointer(rebasing: values[row * columns..<(row + 1) * columns])
            ).scale
          }
          try scales.withUnsafeBytes { try LazyTensor.chunks(of: $0, elementSize: 4, consume) }
        }
      })
  }

  private static func rows(
    of tensor: LazyTensor, _ name: String,
    _ body: (_ values: UnsafeBufferPointer<Float>, _ rows: Int, _ columns: Int) throws -> Void
  ) throws {
    let values = try tensor.floats()
    guard values.allSatisfy(\.isFinite) else {
      throw GraftError(
        .mismatch, "a weight is not finite, so that it has no scale for int8",
        file: tensor.origin.file?.url.path, subject: "tensor '\(name)'",
        expected: "numbers", found: "NaN or infinity",
        advice: "Its checkpoint is broken; \(action: .checkWeights) looks for such weights.")
    }
    let rows = tensor.spec.shape.first ?? 1
    try values.withUnsafeBufferPointer { try body($0, rows, rows == 0 ? 0 : $0.count / rows) }
  }

  /// The scales, each of which is known to stand for something.
  ///
  /// - Throws: ``GraftError`` naming the first that is negative or too large; what reading throws.
  public func checkedScales() throws -> [Float] {
    try Self.checked(scales, Self.scaleName(of: name))
  }

  /// The largest scale with which every number of eight bits stands for a finite one.
  private static let largestScale = Float.greatestFiniteMagnitude / 256

  /// Reads scales.
  ///
  /// - Parameters:
  ///   - scales: Floating-point numbers.
  ///   - name: What messages call them.
  /// - Throws: ``GraftError`` naming the first that is negative or too large; what reading throws.
  public static func checked(_ scales: LazyTensor, _ name: String) throws -> [Float] {
    let values = try scales.floats()
    if let place = values.firstIndex(where: { !($0 >= 0 && $0 <= largestScale) }) {
      throw GraftError(
        .malformed, "a scale is no positive number, or makes numbers infinite",
        file: scales.origin.file?.url.path, subject: "tensor '\(name)'",
        expected: "numbers from 0 to \(largestScale)", found: "\(values[place]) at \(place)",
        advice: "The file is broken; quantize the model again.")
    }
    return values
  }

  /// Some of the rows.
  func rows(_ range: Range<Int>) -> QuantizedTensor {
    QuantizedTensor(name: name, numbers: numbers.rows(range), scales: scales.rows(range))
  }

  /// The rows of some, one after another.
  ///
  /// - Throws: ``GraftError`` when their other extents are not the same.
  convenience init(stacking parts: [QuantizedTensor], _ name: String) throws {
    self.init(
      name: name, numbers: try LazyTensor(stacking: parts.map(\.numbers), name),
      scales: try LazyTensor(stacking: parts.map(\.scales), name))
  }
}

extension LazyTensor {
  /// What whole numbers with scales stand for, in float32: each product is rounded once.
  public init(_ quantized: QuantizedTensor) {
    let shape = quantized.numbers.spec.shape
    self.init(
      dequantizing: quantized.numbers, channels: shape.first ?? 1, width: shape.dropFirst().reduce(1, *),
      by: { (try quantized.checkedScales(), []) })
    self.quantized = quantized
  }

  /// What whole numbers stand for, in float32: (number − zero point) · scale, rounded once.
  ///
  /// - Parameters:
  ///   - numbers: int8, uint8 or int32.
  ///   - channels: How many scales there are.
  ///   - width: How many numbers in a row have the same scale, before the next scale's.
  ///   - values: The scales, and a zero point for each or none at all.
  public init(
    dequantizing numbers: LazyTensor, channels: Int, width: Int,
    by values: @escaping @Sendable () throws -> (scales: [Float], zeroPoints: [Float])
  ) {
    let dtype = numbers.spec.dtype
    precondition([.int8, .uint8, .int32].contains(dtype), "\(numbers.spec) as whole numbers")
    self.init(
      TensorSpec(.float32, numbers.spec.shape),
      origin: numbers.origin.adding(encoding: QuantizedTensor.encoding)
    ) { consume in
      let (scales, zeroPoints) = try values()
      let capacity = LazyTensor.windowSize / 4
      try withUnsafeTemporaryAllocation(of: Float.self, capacity: capacity) { window in
        var position = 0
        func convert<Number: BinaryInteger & BitwiseCopyable>(_ numbers: UnsafeBufferPointer<Number>) throws {
          for start in stride(from: 0, to: numbers.count, by: capacity) {
            let count = min(capacity, numbers.count - start)
            var index = 0
            while index < count {
              let channel = position / width % channels
              let end = min(count, index + width - position % width)
              let (scale, zero) = (scales[channel], zeroPoints.isEmpty ? 0 : zeroPoints[channel])
              for place in index..<end { window[place] = (Float(numbers[start + place]) - zero) * scale }
              position += end - index
              index = end
            }
            try consume(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: window[..<count])))
          }
        }
        try numbers.stream { chunk in
          switch dtype {
          case .uint8: try convert(chunk.bindMemory(to: UInt8.self))
          case .int32: try convert(chunk.bindMemory(to: Int32.self))
          default: try convert(chunk.bindMemory(to: Int8.self))
          }
        }
      }
    }
  }

  /// The same elements without the whole numbers that they stand for.
  public var dequantized: LazyTensor {
    guard quantized != nil else { return self }
    return LazyTensor(spec, source: stream)
  }
}

extension Weights {
  /// The same tensors, where whole numbers and the scales beside them are one tensor of float32. Reads none of them.
  ///
  /// - Throws: ``GraftError`` when numbers and scales do not fit together.
  public func joiningScales() throws -> Weights {
    let numbers = tensors.filter { $0.value.spec.dtype == .int8 }
    let scaleNames = Set(numbers.keys.map(QuantizedTensor.scaleName(of:)))
    var joined = Weights(metadata: metadata)
    joined.assumed = assumed
    // Leaving scales out takes the time of one tensor; removing them would take that of all behind them.
    for (name, tensor) in tensors where !scaleNames.contains(name) {
      let scales = numbers[name].flatMap { _ in tensors[QuantizedTensor.scaleName(of: name)] }
      joined[name] =
        try scales.map { LazyTensor(try QuantizedTensor(joining: tensor, $0, name: name)) } ?? tensor
    }
    return joined
  }

  /// The same tensors, where those that are whole numbers with scales are two.
  ///
  /// - Throws: ``GraftError`` when another tensor has the name of the scales.
  public func separatingScales() throws -> Weights {
    var separated = Weights(metadata: metadata)
    separated.assumed = assumed
    for (name, tensor) in tensors {
      guard let quantized = tensor.quantized else {
        separated[name] = tensor
        continue
      }
      let scaleName = QuantizedTensor.scaleName(of: name)
      guard tensors[scaleName] == nil else {
        throw GraftError(
          .unsupported, "a tensor has the name that scales would have", subject: "tensor '\(scaleName)'")
      }
      separated[name] = quantized.numbers
      // With a second extent of 1, as other tools' files have it.
      separated[scaleName] = quantized.scales.reshaped([tensor.spec.shape.first ?? 1, 1])
    }
    return separated
  }
}
