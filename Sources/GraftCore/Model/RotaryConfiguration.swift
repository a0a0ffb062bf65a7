import GraftTensors

extension Configuration {
  /// The base of rotary positions: `rope_theta` among the `rope_parameters`, as transformers 5 writes it, or the value
  /// of a key of its own, as files before it have it.
  ///
  /// - Parameters:
  ///   - kind: Which of several entries of `rope_parameters` it is, such as `sliding_attention`; `nil` where there is
  ///     one set of parameters.
  ///   - key: The key of its own.
  ///   - fallback: The base when neither is there.
  /// - Throws: `GraftError` when it is no number above 0, the parameters are not as they should be, or the rotation is
  ///   scaled.
  public func rotaryBase(_ kind: String? = nil, key: String, default fallback: Double) throws -> Float {
    // Older files have this key; transformers takes what it says in place of, or on top of, the parameters.
    let scaling = try object("rope_scaling")
    try scaling.checkRotation()
    if let found = scaling.values.first(where: { !Self.rotationTypes.contains($0.key) }) {
      throw unsupported("rope_scaling", expected: "null", found: "an object with '\(found.key)'")
    }
    var own = try object("rope_parameters")
    if let kind {
      for (name, value) in own.values where value.object == nil && value != .null {
        throw GraftError(
          .malformed, "wrong value", file: "config.json", subject: "key 'rope_parameters.\(name)'",
          expected: "an object for each kind of layer", found: value.kind)
      }
      own = try own.object(kind)
    }
    try own.checkRotation()
    let base =
      own["rope_theta"] == nil
      ? try number(key, default: fallback) : try own.number("rope_theta", default: fallback)
    guard base > 0 else {
      throw GraftError(
        .malformed, "wrong value", file: "config.json",
        subject: "key '\(own["rope_theta"] == nil ? spelling(of: key) : "rope_theta")'",
        expected: "a number above 0", found: "\(base)")
    }
    return Float(base)
  }

  /// The key that says how positions are scaled, and what files before it call it.
  private static let rotationTypes = ["rope_type", "type"]

  private func checkRotation() throws {
    for key in Self.rotationTypes {
      let type = try string(key, default: "default")
      guard type == "default" else { throw unsupported(key, expected: "default", found: type) }
    }
  }
}
