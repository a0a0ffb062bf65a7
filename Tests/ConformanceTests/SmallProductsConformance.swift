import GraftCompute
import GraftTensors
import TestSupport
import Testing
import VectorKernels

/// Small products, by every set of kernels that has them, against sums in double precision.
@Suite("Every set of kernels, with small products") struct SmallProductsConformance {
  private static let shapes: [(m: Int, n: Int, k: Int)] = [
    (1, 1, 1), (2, 16, 3), (6, 17, 32), (7, 64, 33), (13, 65, 2), (5, 100, 31), (31, 130, 64), (64, 48, 47),
  ]

  @Test("float32 and bfloat16, transposed or not, written and added", arguments: KernelsCandidate.all)
  func products(_ candidate: KernelsCandidate) throws {
    for precision in Precision.allCases {
      guard let products = candidate.kernels.smallProducts(in: precision) else { continue }
      for shape in Self.shapes {
        for choice in 0..<8 {
          let product = MatrixProduct(
            m: shape.m, n: shape.n, k: shape.k, transposesA: choice & 1 != 0, transposesB: choice & 2 != 0)
          try check(products, product, adding: choice & 4 != 0, precision)
        }
      }
    }
  }

  @Test("vector kernels round to bfloat16 with every instruction set", arguments: InstructionSet.allCases)
  func everySetRounds(_ set: InstructionSet) throws {
    guard let kernels = VectorKernels(set) else { try Test.cancel("this CPU has no \(set)") }
    #expect(kernels.smallProducts(in: .bfloat16) != nil)
    #expect(kernels.panels(for: .bfloat16) != nil)
  }

  /// What lies between rows, in the scratch memory and, unless it is added to, in the result is not a number, and the
  /// first of these stays.
  private func check(
    _ products: any SmallProducts, _ product: MatrixProduct, adding: Bool, _ precision: Precision
  ) throws {
    let a = Matrix(product.transposesA ? (product.k, product.m) : (product.m, product.k), gap: 3, seed: 1)
    let b = Matrix(product.transposesB ? (product.n, product.k) : (product.k, product.n), gap: 1, seed: 2)
    let before = Matrix((product.m, product.n), gap: 2, seed: 3)
    let c = Matrix((product.m, product.n), gap: 2, seed: adding ? 3 : nil)
    let scratch = Tensor(repeating: .nan, shape: [max(1, products.scratch(product))])
    products.multiply(
      product, a.tensor.pointer, lda: a.stride, b.tensor.pointer, ldb: b.stride, to: c.tensor.pointer,
      ldc: c.stride, accumulating: adding, scratch: scratch.pointer)
    func rounded(_ x: Float) -> Double { Double(precision == .bfloat16 ? Float(BFloat16(x)) : x) }
    var wrong = 0
    for row in 0..<product.m {
      for column in 0..<product.n {
        var (expected, size) = (adding ? Double(before[row, column]) : 0, 1.0)
        for place in 0..<product.k {
          let term =
            rounded(product.transposesA ? a[place, row] : a[row, place])
            * rounded(product.transposesB ? b[column, place] : b[place, column])
          expected += term
          size += abs(term)
        }
        if !(abs(Double(c[row, column]) - expected) <= 1e-6 * size) { wrong += 1 }
      }
      wrong += (product.n..<c.stride).count { !c[row, $0].isNaN }
    }
    #expect(wrong == 0, "\(precision) \(product), adding: \(adding)")
  }

  /// Rows with a gap behind each.
  private struct Matrix {
    let tensor: Tensor
    let stride: Int

    /// - Parameter seed: Of its elements; `nil` leaves them, like the gaps, no numbers.
    init(_ extent: (rows: Int, columns: Int), gap: Int, seed: UInt64?) {
      stride = extent.columns + gap
      tensor = Tensor(repeating: .nan, shape: [extent.rows, stride])
      guard let seed else { return }
      let values = randomVariable([extent.rows, extent.columns], seed: seed).value.values
      for (place, value) in values.enumerated() {
        tensor.pointer[place / extent.columns * stride + place % extent.columns] = value
      }
    }

    subscript(row: Int, column: Int) -> Float { tensor.pointer[row * stride + column] }
  }
}
