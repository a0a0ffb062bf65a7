extension Tape {
  /// `x · y`, element by element, of one shape: what gates multiply by.
  public func multiply(_ x: Variable, _ y: Variable) -> Variable {
    precondition(x.shape == y.shape, "multiply: \(x.shape) and \(y.shape)")
    if let trace { return trace.add(ElementwiseOperation(operator: "Mul"), [x, y]) }
    return profile.measure("multiply") {
      let product = output(x.shape, from: x, y)
      let (xValue, yValue, xSlot, ySlot) = (x.value, y.value, x.slot, y.slot)
      backend.forEachBlock(ofElements: product.value.count) { block in
        for i in block { product.value.pointer[i] = xValue.pointer[i] * yValue.pointer[i] }
      }
      record(product) { [backend, pool] dProduct in
        for (slot, other) in [(xSlot, yValue), (ySlot, xValue)] {
          slot.add(pool: pool) { gradient, overwrite in
            backend.forEachBlock(ofElements: gradient.count) { block in
              for i in block {
                let slope = dProduct.pointer[i] * other.pointer[i]
                gradient.pointer[i] = overwrite ? slope : gradient.pointer[i] + slope
              }
            }
          }
        }
      }
      return product
    }
  }
}
