extension Tape {
  /// A scalar that is computed beside its derivative, outside the tape.
  ///
  /// For losses that compare all rows of a small matrix with one another, whose derivative is as easily written down as
  /// their value.
  ///
  /// - Parameters:
  ///   - value: The scalar.
  ///   - x: What it is a function of.
  ///   - gradient: Its derivative, in the order of `x`'s elements.
  /// - Returns: A scalar.
  public func scalar(_ value: Double, of x: Variable, gradient: [Double]) -> Variable {
    precondition(gradient.count == x.value.count, "scalar: \(gradient.count) derivatives for \(x.shape)")
    let y = output([], from: x)
    y.value.pointer[0] = Float(value)
    let slot = x.slot
    record(y) { [pool] dy in
      let factor = Double(dy.item)
      slot.add(pool: pool) { dx, overwrite in
        for (place, slope) in gradient.enumerated() {
          let own = Float(factor * slope)
          dx.pointer[place] = overwrite ? own : dx.pointer[place] + own
        }
      }
    }
    return y
  }
}
