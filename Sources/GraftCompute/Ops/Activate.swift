extension Tape {
  /// An activation, element by element.
  ///
  /// - Parameters:
  ///   - x: Of any shape.
  ///   - activation: The function.
  /// - Returns: Of the shape of `x`.
  public func activate(_ x: Variable, _ activation: Activation) -> Variable {
    if let trace { return trace.add(.activation(activation), [x]) }
    return profile.measure("activation") {
      let y = output(x.shape, from: x)
      let (input, slot) = (x.value, x.slot)
      let kernels = backend.kernels
      backend.forEachBlock(ofElements: input.count) { block in
        kernels.activate(
          activation,
          input.pointer + block.lowerBound,
          to: y.value.pointer + block.lowerBound,
          count: block.count
        )
      }
      record(y) { [backend] dy in
        backend.forEachBlock(ofElements: dy.count) { block in
          let dy = dy.pointer + block.lowerBound
          kernels.activationGradient(
            activation,
            x: input.pointer + block.lowerBound,
            dy: dy,
            to: dy,
            count: block.count
          )
        }
        slot.add(consuming: dy, backend)
      }
      return y
    }
  }
}
