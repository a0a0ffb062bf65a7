/// Products with a weight that was packed once, on the calling thread.
///
/// A weight `[outputs, inputs]` is packed in panels of ``width`` outputs, in the order in which the kernels read it. Rows
/// and panels are divided into steps: a step of a row has four bytes, and that of a panel four for each output. In
/// float32 a step is one input, and ``ReferencePanelKernels`` has the other types' as an example.
///
/// An element of a product is added up in the order of the inputs. It depends on its row and its output alone.
public protocol PanelKernels: Sendable {
  /// The outputs of a panel.
  var width: Int { get }

  /// How many inputs a step has.
  var inputsPerStep: Int { get }

  /// Packs a panel.
  ///
  /// - Parameters:
  ///   - weight: `[outputs, inputs]`.
  ///   - outputs: At most ``width``; what is left of the panel becomes 0.
  ///   - inputs: The extent that is summed over.
  ///   - panel: `steps · width · 4` bytes.
  ///   - scales: `[width]`, what a whole number of each output stands for; not a number where a weight is not finite.
  ///     Written in int8 alone.
  ///   - offsets: `[width]`, where the sums of each output begin. Written in int8 alone.
  func pack(
    _ weight: UnsafePointer<Float>, outputs: Int, inputs: Int, to panel: UnsafeMutableRawPointer,
    scales: UnsafeMutablePointer<Float>, offsets: UnsafeMutablePointer<Int32>
  )

  /// Packs a panel of whole numbers that were rounded beforehand. Called in int8 alone.
  ///
  /// - Parameters:
  ///   - numbers: `[outputs, inputs]`.
  ///   - outputs: At most ``width``; what is left of the panel becomes 0.
  ///   - inputs: The extent that is summed over.
  ///   - panel: `steps · width · 4` bytes.
  ///   - offsets: `[width]`, where the sums of each output begin.
  func pack(
    numbers: UnsafePointer<Int8>, outputs: Int, inputs: Int, to panel: UnsafeMutableRawPointer,
    offsets: UnsafeMutablePointer<Int32>
  )

  /// Converts rows to steps. Not called in float32, where rows are read as they are.
  ///
  /// - Parameters:
  ///   - x: `[rows, inputs]`.
  ///   - y: `[rows, steps]`, four bytes each.
  ///   - scales: `[rows]`, what a whole number of each row stands for. Written in int8 alone.
  func convert(
    _ x: UnsafePointer<Float>, rows: Int, inputs: Int, to y: UnsafeMutableRawPointer,
    scales: UnsafeMutablePointer<Float>
  )

  /// `result = rows · panelᵀ + bias`.
  func multiply(_ product: PanelProduct)
}

extension PanelKernels {
  /// The steps of a row of so many inputs.
  func steps(_ inputs: Int) -> Int { (inputs + inputsPerStep - 1) / inputsPerStep }
}

/// A product of some rows with a panel.
public struct PanelProduct {
  /// `[count, steps]`, four bytes each.
  public var rows: UnsafeRawPointer
  public var count: Int
  public var steps: Int
  /// `[count]`, in int8.
  public var rowScales: UnsafePointer<Float>
  public var panel: UnsafeRawPointer
  /// A panel as large that is likely to be multiplied next by this thread, for kernels that fetch it meanwhile.
  public var next: UnsafeRawPointer?
  /// `[width]`, in int8.
  public var scales: UnsafePointer<Float>
  /// `[width]`, in int8.
  public var offsets: UnsafePointer<Int32>
  /// `[columns]`; `nil` for none.
  public var bias: UnsafePointer<Float>?
  /// `[count, columns]`.
  public var result: UnsafeMutablePointer<Float>
  /// Elements from row to row of the result.
  public var resultStride: Int
  /// How many of the panel's outputs are wanted, from the first on.
  public var columns: Int

  /// The product of some of the rows.
  func rows(_ range: Range<Int>, next: UnsafeRawPointer?) -> PanelProduct {
    var part = self
    part.rows += range.lowerBound * steps * 4
    part.rowScales += range.lowerBound
    part.result += range.lowerBound * resultStride
    (part.count, part.next) = (range.count, next)
    return part
  }
}
