import GraftTensors

/// Naive products with packed weights: what faster kernels are tested against.
public struct ReferencePanelKernels: PanelKernels {
  public let precision: WeightPrecision
  public let width = 4

  public init(_ precision: WeightPrecision) { self.precision = precision }

  public var inputsPerStep: Int {
    switch precision {
    case .float32: 1
    case .bfloat16: 2
    case .int8: 4
    }
  }

  public func pack(
    _ weight: UnsafePointer<Float>, outputs: Int, inputs: Int, to panel: UnsafeMutableRawPointer,
    scales: UnsafeMutablePointer<Float>, offsets: UnsafeMutablePointer<Int32>
  ) {
    let steps = steps(inputs)
    panel.initializeMemory(as: UInt8.self, repeating: 0, count: steps * width * 4)
    // Output after output.
    convert(weight, rows: outputs, inputs: inputs, to: panel, scales: scales)
    guard precision == .int8 else { return }
    for output in 0..<width {
      if output >= outputs { scales[output] = 0 }
      offsets[output] = 0
    }
  }

  public func pack(
    numbers: UnsafePointer<Int8>, outputs: Int, inputs: Int, to panel: UnsafeMutableRawPointer,
    offsets: UnsafeMutablePointer<Int32>
  ) {
    let size = steps(inputs) * 4
    panel.initializeMemory(as: UInt8.self, repeating: 0, count: size * width)
    for output in 0..<outputs {
      (panel + output * size).copyMemory(from: numbers + output * inputs, byteCount: inputs)
    }
    offsets.update(repeating: 0, count: width)
  }

  public func convert(
    _ x: UnsafePointer<Float>, rows: Int, inputs: Int, to y: UnsafeMutableRawPointer,
    scales: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      let values = UnsafeBufferPointer(start: x + row * inputs, count: inputs)
      let place = y + row * steps(inputs) * 4
      place.initializeMemory(as: UInt8.self, repeating: 0, count: steps(inputs) * 4)
      switch precision {
      case .float32: place.copyMemory(from: x + row * inputs, byteCount: inputs * 4)
      case .bfloat16:
        for (index, value) in values.enumerated() {
          place.storeBytes(of: BFloat16(value), toByteOffset: index * 2, as: BFloat16.self)
        }
      case .int8:
        let (scale, inverse) = SymmetricInt8.scale(of: values)
        scales[row] = scale
        for (index, value) in values.enumerated() {
          let number = inverse == 0 ? 0 : SymmetricInt8.number(value, inverse)
          place.storeBytes(of: number, toByteOffset: index, as: Int8.self)
        }
      }
    }
  }

  public func multiply(_ product: PanelProduct) {
    let outputs = (0..<product.columns).map { values(product.panel + $0 * product.steps * 4, product.steps) }
    for row in 0..<product.count {
      let x = values(product.rows + row * product.steps * 4, product.steps)
      for output in 0..<product.columns {
        var value = Float(naiveSum(of: x, times: outputs[output]))
        if precision == .int8 { value = value * product.rowScales[row] * product.scales[output] }
        product.result[row * product.resultStride + output] = value + (product.bias?[output] ?? 0)
      }
    }
  }

  /// The numbers of a row or an output.
  private func values(_ x: UnsafeRawPointer, _ steps: Int) -> [Double] {
    func values<Element>(_: Element.Type, _ value: (Element) -> Double) -> [Double] {
      let count = steps * 4 / MemoryLayout<Element>.size
      return UnsafeBufferPointer(start: x.assumingMemoryBound(to: Element.self), count: count).map(value)
    }
    return switch precision {
    case .float32: values(Float.self) { Double($0) }
    case .bfloat16: values(BFloat16.self) { Double(Float($0)) }
    case .int8: values(Int8.self) { Double($0) }
    }
  }
}
