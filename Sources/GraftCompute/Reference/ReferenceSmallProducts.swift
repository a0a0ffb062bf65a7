import GraftTensors

/// Small products by three loops.
struct ReferenceSmallProducts: SmallProducts {
  let precision: Precision

  func scratch(_ product: MatrixProduct) -> Int { 0 }

  func multiply(
    _ product: MatrixProduct,
    _ a: UnsafePointer<Float>,
    lda: Int,
    _ b: UnsafePointer<Float>,
    ldb: Int,
    to c: UnsafeMutablePointer<Float>,
    ldc: Int,
    accumulating: Bool,
    scratch: UnsafeMutablePointer<Float>
  ) {
    naiveProduct(product, a, lda, b, ldb, c, ldc, accumulating) {
      Double(precision == .bfloat16 ? Float(BFloat16($0)) : $0)
    }
  }
}
