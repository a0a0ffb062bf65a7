extension Int {
  /// A sum, or the largest number where it is larger: of sizes that sparse files claim.
  ///
  /// - Precondition: `other` is not negative.
  package func addingClamped(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
