import GraftCompute
import GraftTensors
import TestSupport
import Testing

/// Products with packed weights, by every set of kernels, against a naive product that knows nothing of panels.
@Suite("Every set of kernels, with packed weights") struct PanelConformance {
  private static let shapes: [(rows: Int, outputs: Int, inputs: Int)] = [
    (1, 1, 1), (1, 4, 3), (2, 7, 2), (5, 64, 64), (6, 65, 17), (7, 63, 33), (13, 130, 5), (53, 96, 129),
    (3, 16, 3072),
    // No inputs, of a whole panel, and more inputs and rows than any set of kernels multiplies at a time.
    (3, 64, 0), (13, 65, 9_001),
  ]

  private let backend: ReferenceBackend

  init() throws { backend = try ReferenceBackend(threads: 1) }

  @Test("float32 and bfloat16: the sums of products", arguments: KernelsCandidate.all)
  func floats(_ candidate: KernelsCandidate) throws {
    for precision in [WeightPrecision.float32, .bfloat16]
    where candidate.kernels.panels(for: precision) != nil {
      for shape in Self.shapes {
        let sample = ProductSample(shape)
        let found = try sample.product(candidate.kernels, precision)
        func values(_ tensor: Tensor) -> [Double] {
          tensor.values.map { Double(precision == .bfloat16 ? Float(BFloat16($0)) : $0) }
        }
        let bias = sample.bias.values
        let (sums, sizes) = naiveProduct(
          values(sample.x), values(sample.weight), rows: shape.rows, outputs: shape.outputs,
          inputs: shape.inputs)
        for (place, sum) in sums.enumerated() {
          let expected = sum + Double(bias[place % shape.outputs])
          #expect(
            abs(Double(found[place]) - expected) <= 1e-6 * (1 + sizes[place]),
            "\(precision) \(shape) at \(place / shape.outputs), \(place % shape.outputs)")
        }
      }
    }
  }

  /// The rule of the product: whole numbers from −127 to 127 by a scale for each row and each output, exact sums, and
  /// three roundings in this order.
  @Test("int8: the same bits on every CPU", arguments: KernelsCandidate.all)
  func wholeNumbers(_ candidate: KernelsCandidate) throws {
    for shape in Self.shapes {
      let sample = ProductSample(shape)
      let (x, xScales) = quantized(sample.x)
      let (w, wScales) = quantized(sample.weight)
      let bias = sample.bias.values
      // Whole numbers of less than 2⁵³ are exact.
      let (sums, _) = naiveProduct(
        x.map(Double.init), w.map(Double.init), rows: shape.rows, outputs: shape.outputs, inputs: shape.inputs
      )
      let expected = sums.enumerated().map { place, sum in
        let (row, output) = place.quotientAndRemainder(dividingBy: shape.outputs)
        return Float(sum) * xScales[row] * wScales[output] + bias[output]
      }
      #expect(try sample.product(candidate.kernels, .int8) == expected, "\(shape)")
    }
  }

  @Test("products of the same rows at once: the bits of each alone", arguments: KernelsCandidate.all)
  func together(_ candidate: KernelsCandidate) throws {
    let backend = try KernelsBackend(candidate.kernels)
    for precision in WeightPrecision.allCases {
      guard let panels = candidate.kernels.panels(for: precision) else { continue }
      // More rows than are multiplied at a time, and outputs that end in the middle of a panel.
      let samples = [panels.width + 1, 1, 2].map { ProductSample((rows: 25, outputs: $0, inputs: 4100)) }
      let matrices = try samples.map { try candidate.prepared($0.weight, precision) }
      let results = samples.map { Tensor(uninitialized: [25, $0.weight.rows]) }
      let rows = PreparedRows(samples[0].x, for: matrices[0], by: backend, pool: nil)
      let products = samples.indices.map {
        PreparedProduct(matrices[$0], bias: $0 == 1 ? nil : samples[$0].bias, to: results[$0])
      }
      backend.multiply(rows, products)
      for (index, product) in products.enumerated() {
        let alone = Tensor(uninitialized: product.result.shape)
        backend.multiply(rows, [PreparedProduct(product.matrix, bias: product.bias, to: alone)])
        #expect(alone.values == results[index].values, "\(precision), product \(index)")
      }
    }
  }

  private func quantized(_ x: Tensor) -> (numbers: [Int32], scales: [Float]) {
    var (numbers, scales) = ([Int32](), [Float]())
    for row in 0..<x.rows {
      let values = x.buffer[row * x.columns..<(row + 1) * x.columns]
      let largest = values.map(abs).max() ?? 0
      scales.append(largest / 127)
      numbers += values.map { largest == 0 ? 0 : Int32(($0 * (127 / largest)).rounded(.toNearestOrEven)) }
    }
    return (numbers, scales)
  }

  @Test("int8: the largest numbers there are do not overflow", arguments: KernelsCandidate.all)
  func largestSums(_ candidate: KernelsCandidate) throws {
    for inputs in [4096, 65_536] {
      let sample = ProductSample(
        x: Tensor(
          [Float](repeating: 127, count: inputs) + [Float](repeating: -127, count: inputs),
          shape: [2, inputs]),
        weight: Tensor(
          [Float](repeating: 127, count: inputs) + [Float](repeating: -127, count: inputs),
          shape: [2, inputs]),
        bias: Tensor(repeating: 0, shape: [2]))
      let sum = Float(inputs * 127 * 127)
      #expect(try sample.product(candidate.kernels, .int8) == [sum, -sum, -sum, sum])
    }
  }

  /// Rows whose largest number is not 127, and −128, which Graft does not write.
  @Test("int8: whole numbers of a file are taken as they are", arguments: KernelsCandidate.all)
  func storedNumbers(_ candidate: KernelsCandidate) throws {
    for (outputs, inputs) in [(1, 1), (7, 3), (65, 17), (130, 260)] {
      let numbers = (0..<outputs * inputs).map { Int8(truncatingIfNeeded: $0 * 37 - 128) }
      let scales = (0..<outputs).map { Float($0) / 64 }
      let rows = (0..<3 * inputs).map { Float(($0 * 29) % 255 - 127) }
      let x = Tensor(rows, shape: [3, inputs])
      let matrix = try QuantizedMatrix(
        QuantizedTensor(
          joining: LazyTensor(
            TensorSpec(.int8, [outputs, inputs]), bytes: numbers.map { UInt8(bitPattern: $0) }),
          LazyTensor(scales, shape: [outputs]), name: "w"))
      let backend = try KernelsBackend(candidate.kernels)
      let prepared = try #require(PreparedMatrix(matrix, by: backend))
      let result = Tensor(repeating: -1, shape: [3, outputs])
      backend.multiply(
        PreparedRows(x, for: prepared, by: backend, pool: nil),
        [PreparedProduct(prepared, bias: nil, to: result)])
      let (whole, rowScales) = quantized(x)
      for row in 0..<3 {
        for output in 0..<outputs {
          let sum = (0..<inputs).reduce(0) {
            $0 + Int(whole[row * inputs + $1]) * Int(numbers[output * inputs + $1])
          }
          #expect(result.values[row * outputs + output] == Float(sum) * rowScales[row] * scales[output])
        }
      }
    }
  }

  @Test("int8: a weight whose sums could overflow is packed in float32", arguments: KernelsCandidate.all)
  func longestRows(_ candidate: KernelsCandidate) throws {
    let weight = Tensor(repeating: 127, shape: [1, 65_537])
    #expect(try candidate.prepared(weight, .int8).precision == .float32)
  }

  @Test(
    "int8: rows of zeros, of tiny numbers, and of numbers that are not finite",
    arguments: KernelsCandidate.all)
  func strangeRows(_ candidate: KernelsCandidate) throws {
    let x: [[Float]] = [
      [0, 0, 0], [Float.leastNormalMagnitude / 8, 0, -Float.leastNormalMagnitude / 8], [.nan, 1, 1],
      [1, .infinity, 1], [3, 2, 1],
    ]
    let weight: [[Float]] = [[0, 0, 0], [1, 2, 3]]
    let sample = ProductSample(
      x: Tensor(x.flatMap { $0 }, shape: [5, 3]), weight: Tensor(weight.flatMap { $0 }, shape: [2, 3]),
      bias: Tensor([5, 7], shape: [2]))
    let found = try sample.product(candidate.kernels, .int8)
    #expect(Array(found[0..<4]) == [5, 7, 5, 7])
    #expect(found[4..<8].allSatisfy { $0.isNaN })
    #expect(found[8] == 5)
    #expect(abs(found[9] - 17) < 0.1)
  }

  @Test("int8: a weight that is not finite is known", arguments: KernelsCandidate.all)
  func brokenWeights(_ candidate: KernelsCandidate) throws {
    for value in [Float.nan, .infinity, -.infinity] {
      let weight = Tensor([1, 2, 3, value], shape: [2, 2])
      #expect(try candidate.prepared(weight, .int8).isFinite == false)
    }
    #expect(try candidate.prepared(Tensor([0, 0, 3, 1], shape: [2, 2]), .int8).isFinite)
  }

  @Test("a row's result depends on the row alone", arguments: KernelsCandidate.all)
  func rowsAlone(_ candidate: KernelsCandidate) throws {
    for precision in WeightPrecision.allCases where candidate.kernels.panels(for: precision) != nil {
      let sample = ProductSample((rows: 41, outputs: 70, inputs: 515))
      let all = try sample.product(candidate.kernels, precision)
      for row in 0..<41 {
        var alone = sample
        alone.x = Tensor(Array(sample.x.buffer[row * 515..<(row + 1) * 515]), shape: [1, 515])
        let found = try alone.product(candidate.kernels, precision)
        #expect(found == Array(all[row * 70..<(row + 1) * 70]), "\(precision), row \(row)")
      }
    }
  }
}

/// A product's operands: numbers of both signs.
private struct ProductSample {
  var x: Tensor
  var weight: Tensor
  var bias: Tensor

  init(x: Tensor, weight: Tensor, bias: Tensor) { (self.x, self.weight, self.bias) = (x, weight, bias) }

  init(_ shape: (rows: Int, outputs: Int, inputs: Int)) {
    let numbers = Samples(max(shape.rows, shape.outputs) * shape.inputs, seed: 3)
    let others = Samples(shape.outputs * shape.inputs, seed: 4)
    x = Tensor(Array(numbers.values.prefix(shape.rows * shape.inputs)), shape: [shape.rows, shape.inputs])
    weight = Tensor(others.values, shape: [shape.outputs, shape.inputs])
    bias = Tensor(Samples(shape.outputs, seed: 5).values, shape: [shape.outputs])
  }

  /// `[rows, outputs]`, by all of a backend's code with a candidate's kernels.
  func product(_ kernels: any Kernels, _ precision: WeightPrecision) throws -> [Float] {
    let backend = try KernelsBackend(kernels)
    let matrix = try #require(PreparedMatrix(weight, in: precision, by: backend))
    #expect(matrix.precision == precision)
    let result = Tensor(uninitialized: [x.rows, weight.rows])
    let rows = PreparedRows(x, for: matrix, by: backend, pool: nil)
    backend.multiply(rows, [PreparedProduct(matrix, bias: bias, to: result)])
    return result.values
  }
}

extension KernelsCandidate {
  fileprivate func prepared(_ weight: Tensor, _ precision: WeightPrecision) throws -> PreparedMatrix {
    try #require(PreparedMatrix(weight, in: precision, by: KernelsBackend(kernels)))
  }
}

/// A backend that multiplies naively, with kernels under test.
private struct KernelsBackend: ComputeBackend {
  static let name = "kernels under test"
  let threads: ThreadPool
  let kernels: any Kernels

  init(_ kernels: any Kernels) throws {
    threads = ThreadPool(count: 2)
    self.kernels = kernels
  }

  init(threads: Int) throws { try self.init(ReferenceKernels()) }

  func gemm(
    _ product: MatrixProduct, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
    to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
  ) {
    preconditionFailure("not asked for here")
  }
}
