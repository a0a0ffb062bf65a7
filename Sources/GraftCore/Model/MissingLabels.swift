import GraftTensors

extension [TextRow] {
  /// What each row says of something that all rows have to have, such as a label.
  ///
  /// - Parameters:
  ///   - what: What it is called after "no": `label`, `labels for their words`.
  ///   - none: The error of one row without it, without a place. It is thrown where no row has it, so that its advice is
  ///     about the column.
  ///   - read: Returns `nil` for a row without it.
  /// - Throws: `GraftError` that counts the rows without it and names the first; what `read` throws.
  public func requiring<Value>(
    _ what: String, orThrow none: GraftError, _ read: (TextRow) throws -> Value?
  ) throws -> [Value] {
    var (found, missing): ([Value], [TextRow]) = ([], [])
    found.reserveCapacity(count)
    for row in self {
      if let value = try read(row) { found.append(value) } else { missing.append(row) }
    }
    guard missing.isEmpty else { throw none.ofRows(missing, among: count, without: what) }
    return found
  }
}

extension GraftError {
  /// This error of one row for several of them.
  ///
  /// - Parameters:
  ///   - missing: The rows that lack something; at least one.
  ///   - count: How many rows there are.
  ///   - what: What they lack, as it is called after "no".
  package func ofRows(_ missing: [TextRow], among count: Int, without what: String) -> GraftError {
    guard let first = missing.first else { return self }
    var error = inRow(first)
    guard missing.count < count else { return error }
    error.subject = nil
    error.problem =
      "\(missing.count) of \(count) rows "
      + (missing.count == 1
        ? "has no \(what): \(first.place.name)" : "have no \(what), the first is \(first.place.name)")
    error.advice = "Remove such rows, or complete them."
    return error
  }
}
