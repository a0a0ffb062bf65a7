import GraftTensors

/// Naive products with packed weights: what faster kernels are tested against.
public struct ReferencePanelKernels: PanelKernels {
  public let precision: WeightPrecision
  public let name = "reference"
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
      switch precision {
      case .float32: place.copyMemory(from: x + row * inputs, byteCount: inputs * 4)
      case .bfloat16:
        place.storeBytes(of: 0, toByteOffset: (steps(inputs) - 1) * 4, as: UInt32.self)
        for (index, value) in values.enumerated() {
          place.storeBytes(of: BFloat16(value), toByteOffset: index * 2, as: BFloat16.self)
        }
      case .int8:
        place.storeBytes(of: 0, toByteOffset: (steps(inputs) - 1) * 4, as: UInt32.self)
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
    for row in 0..<product.count {
      let x = product.rows + row * product.steps * 4
      for output in 0..<product.columns {
        let sum = sum(x, product.panel + output * product.steps * 4, product.steps)
        var value = Float(sum)
        if precision == .int8 { value = value * product.rowScales[row] * product.scales[output] }
        product.result[row * product.resultStride + output] = value + (product.bias?[output] ?? 0)
      }
    }
  }

  private func sum(_ x: UnsafeRawPointer, _ y: UnsafeRawPointer, _ steps: Int) -> Double {
    func sum<Element>(_: Element.Type, _ value: (Element) -> Double) -> Double {
      let size = MemoryLayout<Element>.size
      return stride(from: 0, to: steps * 4, by: size).reduce(0) {
        $0 + value(x.load(fromByteOffset: $1, as: Element.self))
          * value(y.load(fromByteOffset: $1, as: Element.self))
      }
    }
    return switch precision {
    case .float32: sum(Float.self) { Double($0) }
    case .bfloat16: sum(BFloat16.self) { Double(Float($0)) }
    case .int8: sum(Int8.self) { Double($0) }
    }
  }
}
