extension Tape {
  /// `factor · x`.
  public func scale(_ x: Variable, by factor: Float) -> Variable {
    if let trace { return trace.add(ScaleOperation(factor: factor), [x]) }
    return profile.measure("scale") {
      let y = output(x.shape, from: x)
      let (value, slot) = (x.value, x.slot)
      backend.forEachBlock(ofElements: value.count) { block in
        for i in block { y.value.pointer[i] = factor * value.pointer[i] }
      }
      record(y) { [backend] dy in
        backend.forEachBlock(ofElements: dy.count) { block in
          for i in block { dy.pointer[i] *= factor }
        }
        slot.add(consuming: dy, backend)
      }
      return y
    }
  }
}

struct ScaleOperation: GraphOperation {
  let factor: Float

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    graph.add("Mul", [inputs[0], graph.number(factor)])
  }
}
