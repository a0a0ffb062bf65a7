import CVectorKernels
import GraftCompute

/// Products with packed weights in the CPU's widest vectors. In int8 every instruction set gives the same result, bit for
/// bit.
struct VectorPanelKernels: PanelKernels, @unchecked Sendable {
  // Constant: pointers to functions and to a literal.
  private let table: GraftPanelKernels

  /// The best kernels that an instruction set and this CPU have for a precision, if any.
  init?(_ set: InstructionSet, _ precision: WeightPrecision) {
    guard let table = graft_panel_kernels(set.level, precision.code) else { return nil }
    self.table = table.pointee
  }

  var width: Int { table.width }
  var inputsPerStep: Int { table.inputs_per_step }

  func pack(
    _ weight: UnsafePointer<Float>, outputs: Int, inputs: Int, to panel: UnsafeMutableRawPointer,
    scales: UnsafeMutablePointer<Float>, offsets: UnsafeMutablePointer<Int32>
  ) {
    table.pack(weight, outputs, inputs, panel, scales, offsets)
  }

  func pack(
    numbers: UnsafePointer<Int8>, outputs: Int, inputs: Int, to panel: UnsafeMutableRawPointer,
    offsets: UnsafeMutablePointer<Int32>
  ) {
    table.pack_numbers(numbers, outputs, inputs, panel, offsets)
  }

  func convert(
    _ x: UnsafePointer<Float>, rows: Int, inputs: Int, to y: UnsafeMutableRawPointer,
    scales: UnsafeMutablePointer<Float>
  ) {
    table.convert(x, rows, inputs, y, (inputs + inputsPerStep - 1) / inputsPerStep * 4, scales)
  }

  func multiply(_ product: PanelProduct) {
    var description = GraftPanelProduct(
      rows: product.rows, row_count: product.count, row_stride: product.steps * 4,
      row_scales: product.rowScales, panel: product.panel, next: product.next, steps: product.steps,
      scales: product.scales,
      offsets: product.offsets, bias: product.bias, result: product.result,
      result_stride: product.resultStride, columns: product.columns)
    table.multiply(&description)
  }
}

extension WeightPrecision {
  fileprivate var code: GraftPanelType {
    switch self {
    case .float32: GraftPanelFloat32
    case .bfloat16: GraftPanelBFloat16
    case .int8: GraftPanelInt8
    }
  }
}
