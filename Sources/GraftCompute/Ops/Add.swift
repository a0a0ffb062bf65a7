extension Tape {
  /// `x + y`, of one shape.
  public func add(_ x: Variable, _ y: Variable) -> Variable {
    precondition(x.shape == y.shape, "add: \(x.shape) and \(y.shape)")
    if let trace { return trace.add(ElementwiseOperation(operator: "Add"), [x, y]) }
    return profile.measure("add") {
      let sum = output(x.shape, from: x, y)
      backend.copy(x.value, to: sum.value)
      backend.add(y.value, to: sum.value)
      let (xSlot, ySlot) = (x.slot, y.slot)
      record(sum) { [backend, pool] dSum in
        xSlot.add(pool: pool) { dx, overwrite in
          if overwrite { backend.copy(dSum, to: dx) } else { backend.add(dSum, to: dx) }
        }
        ySlot.add(consuming: dSum, backend)
      }
      return sum
    }
  }
}

/// An operator on two values of one shape, element by element.
struct ElementwiseOperation: GraphOperation {
  /// `Add` or `Mul`.
  let `operator`: String

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    graph.add(`operator`, inputs)
  }
}
