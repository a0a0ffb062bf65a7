import CVectorKernels
import GraftCompute

/// Products of matrices that fit a core's cache, in the CPU's widest vectors.
struct VectorSmallProducts: SmallProducts, @unchecked Sendable {
  // Constant: pointers to functions.
  private let table: GraftSmallProducts

  /// The kernels that an instruction set and this CPU have for a precision, if any.
  init?(_ set: InstructionSet, _ precision: Precision) {
    guard let table = graft_small_products(set.level, precision == .bfloat16) else { return nil }
    self.table = table.pointee
  }

  func scratch(_ product: MatrixProduct) -> Int { table.scratch(product.m, product.n, product.k) }

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
    var description = GraftSmallProduct(
      m: product.m, n: product.n, k: product.k, transposes_a: product.transposesA,
      transposes_b: product.transposesB, accumulates: accumulating, a: a, lda: lda, b: b, ldb: ldb, c: c,
      ldc: ldc,
      scratch: scratch)
    table.multiply(&description)
  }
}
