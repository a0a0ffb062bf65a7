extension Tape {
  /// An activation, element by element.
  ///
  /// - Parameters:
  ///   - x: Of any shape.
  ///   - activation: The function.
  /// - Returns: Of the shape of `x`.
  public func activate(_ x: Variable, _ activation: Activation) -> Variable {
    if let trace { return trace.add(ActivationOperation(activation), [x]) }
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

struct ActivationOperation: GraphOperation {
  let activation: Activation

  init(_ activation: Activation) { self.activation = activation }

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    let x = inputs[0]
    switch activation {
    case .relu: return graph.add("Relu", [x])
    case .tanh: return graph.add("Tanh", [x])
    case .sigmoid: return graph.add("Sigmoid", [x])
    case .identity: return x
    case .silu: return graph.add("Mul", [x, graph.add("Sigmoid", [x])])
    case .quickGELU:
      return graph.add("Mul", [x, graph.add("Sigmoid", [graph.add("Mul", [x, graph.number(1.702)])])])
    case .mish: return graph.add("Mul", [x, graph.add("Tanh", [graph.add("Softplus", [x])])])
    case .gelu: return gelu(x, &graph)
    case .clippedGELU: return graph.add("Clip", [gelu(x, &graph), graph.number(-10), graph.number(10)])
    case .geluTanh:
      let square = graph.add("Mul", [x, x])
      let cube = graph.add("Mul", [square, x])
      let term = graph.add("Mul", [cube, graph.number(0.044715)])
      let sum = graph.add("Add", [x, term])
      let scaled = graph.add("Mul", [sum, graph.number((2 / Float.pi).squareRoot())])
      return gelu(x, distribution: graph.add("Tanh", [scaled]), &graph)
    }
  }

  private func gelu(_ x: GraphValue, _ graph: inout some GraphBuilder) -> GraphValue {
    let scaled = graph.add("Div", [x, graph.number(Float(2).squareRoot())])
    return gelu(x, distribution: graph.add("Erf", [scaled]), &graph)
  }

  /// `x · (1 + distribution) / 2`.
  private func gelu(
    _ x: GraphValue, distribution: GraphValue, _ graph: inout some GraphBuilder
  ) -> GraphValue {
    let sum = graph.add("Add", [distribution, graph.number(1)])
    return graph.add("Mul", [graph.add("Mul", [x, sum]), graph.number(0.5)])
  }
}
