import GraftTensors

extension JSON {
  /// Whether a key is on; `nil` when it is absent or `null`.
  ///
  /// - Throws: `GraftError` when it is neither.
  public func flag(_ key: String) throws -> Bool? {
    guard let value = self[key], value != .null else { return nil }
    guard let flag = value.bool else {
      throw GraftError(
        .malformed, "wrong value", subject: "key '\(key)'", expected: "true or false", found: value.kind)
    }
    return flag
  }
}
