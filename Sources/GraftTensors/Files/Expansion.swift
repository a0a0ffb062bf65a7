extension Weights {
  /// More than any model repeats a layer.
  public static let maximumExpansion = 64

  /// Refuses tensors that are much larger than what they are made of: in formats in which several can share
  /// the same bytes, a small file can ask for any amount.
  ///
  /// - Parameters:
  ///   - sizes: Of the files or pieces that hold the bytes; 1 MB is allowed in any case.
  ///   - advice: What to do about it.
  /// - Throws: ``GraftError`` that names the first tensor beyond the limit.
  public func checkExpansion(of sizes: some Sequence<Int>, advice: String? = nil) throws {
    let size = sizes.reduce(0) { sum, size in
      let (next, overflow) = sum.addingReportingOverflow(size)
      return overflow ? .max : next
    }
    let (most, overflow) = size.multipliedReportingOverflow(by: Self.maximumExpansion)
    var left = overflow ? .max : max(most, 1 << 20)
    for (name, tensor) in tensors {
      left -= tensor.spec.byteCount
      guard left >= 0 else {
        throw GraftError(
          .unsupported, "the tensors repeat the same bytes to many times their size",
          subject: "tensor '\(name)'",
          expected: "at most \(Self.maximumExpansion) times \(size) bytes in all", found: "\(tensor.spec)",
          advice: advice.map { Advice($0) })
      }
    }
  }
}
