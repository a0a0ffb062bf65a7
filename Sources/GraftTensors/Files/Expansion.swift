extension Weights {
  /// More than any model repeats a layer.
  public static let maximumExpansion = 64

  /// Refuses tensors that are much larger than what they are made of: in formats in which several can share
  /// the same bytes, a small file can ask for any amount.
  ///
  /// - Parameters:
  ///   - sizes: Of the files or pieces that hold the bytes; 1 MB is allowed in any case.
  ///   - advice: What to do about it.
  /// - Throws: ``GraftError`` that names the first tensor beyond the limit, or beyond the work that the file justifies:
  ///   of what is compressed, a part can only be read with all that stands before it.
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
    var work = 0
    for (name, tensor) in tensors {
      guard let budget = tensor.origin.file?.budget else { continue }
      work += tensor.work
      guard work <= budget.work else {
        throw GraftError(
          .unsupported, "the tensors are parts of compressed data that would be unpacked again for each",
          subject: "tensor '\(name)'", expected: "at most \(budget.work >> 20) MiB to unpack in all",
          advice: "Save the file without compression, or a copy of each tensor: tensor.contiguous().")
      }
    }
  }
}
