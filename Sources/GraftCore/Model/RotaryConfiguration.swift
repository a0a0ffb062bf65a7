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
  /// - Throws: `GraftError` when it is no number above 0, or the rotation is scaled.
  public func rotaryBase(_ kind: String? = nil, key: String, default fallback: Double) throws -> Float {
    var own = Configuration(self["rope_parameters"]?.object ?? [:])
    if let kind { own = Configuration(own[kind]?.object ?? [:]) }
    let type = try own.string("rope_type", default: "default")
    guard type == "default" else {
      throw GraftError(
        .unsupported, "not supported", file: "config.json", subject: "key 'rope_type'", expected: "default",
        found: type)
    }
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
}
