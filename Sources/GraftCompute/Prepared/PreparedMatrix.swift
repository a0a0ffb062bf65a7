/// The weight of a linear layer, packed once for the products of inference.
public final class PreparedMatrix: @unchecked Sendable {
  // Written by the initializer alone.

  public let precision: WeightPrecision
  public let outputs: Int
  public let inputs: Int
  /// Whether all weights were finite. Not looked at in other precisions than int8.
  public let isFinite: Bool
  let kernels: any PanelKernels
  let steps: Int
  private let panels: Tensor
  private let scales: Tensor
  private let offsets: Tensor

  /// The most inputs whose sums in int8 cannot overflow.
  static let mostInputs = 65536

  /// `nil` where the backend has no kernels for packed weights.
  ///
  /// - Parameters:
  ///   - weight: `[outputs, inputs]`, or of more extents than two, all but the first of which make up the inputs. It is
  ///     not needed afterwards.
  ///   - precision: The type to pack it in: float32 where the backend has no kernels for it, or the sums of int8 could
  ///     overflow.
  ///   - backend: Whose kernels will multiply; its threads pack.
  public convenience init?(_ weight: Tensor, in precision: WeightPrecision, by backend: any ComputeBackend) {
    let (outputs, inputs) = (weight.rows, weight.columns)
    let fits = precision != .int8 || inputs <= Self.mostInputs
    let wanted = fits ? backend.kernels.panels(for: precision) : nil
    guard let kernels = wanted ?? backend.kernels.panels(for: .float32) else { return nil }
    self.init(
      outputs: outputs, inputs: inputs, wanted == nil ? .float32 : precision, kernels, backend.threads
    ) { range, panel, scales, offsets in
      kernels.pack(
        weight.pointer + range.lowerBound * inputs, outputs: range.count, inputs: inputs, to: panel,
        scales: scales, offsets: offsets)
    }
  }

  /// Packs whole numbers as they are; `nil` where the backend has no kernels for them, or sums could overflow.
  ///
  /// - Parameters:
  ///   - weight: It is not needed afterwards.
  ///   - backend: Whose kernels will multiply; its threads pack.
  public convenience init?(_ weight: QuantizedMatrix, by backend: any ComputeBackend) {
    let inputs = weight.inputs
    guard inputs <= Self.mostInputs, let kernels = backend.kernels.panels(for: .int8) else { return nil }
    self.init(outputs: weight.outputs, inputs: inputs, .int8, kernels, backend.threads) {
      range, panel, scales, offsets in
      weight.scales.withUnsafeBufferPointer {
        if let first = $0.baseAddress { scales.update(from: first + range.lowerBound, count: range.count) }
      }
      weight.numbers.withUnsafeBufferPointer {
        guard let first = $0.baseAddress else { return }
        kernels.pack(
          numbers: first + range.lowerBound * inputs, outputs: range.count, inputs: inputs, to: panel,
          offsets: offsets)
      }
    }
  }

  /// - Parameter pack: Writes the panel of a range of outputs.
  private init(
    outputs: Int, inputs: Int, _ precision: WeightPrecision, _ kernels: any PanelKernels,
    _ threads: ThreadPool,
    pack: (
      _ outputs: Range<Int>, _ panel: UnsafeMutableRawPointer, _ scales: UnsafeMutablePointer<Float>,
      _ offsets: UnsafeMutablePointer<Int32>
    ) -> Void
  ) {
    (self.outputs, self.inputs, self.precision, self.kernels) = (outputs, inputs, precision, kernels)
    steps = kernels.steps(inputs)
    let (width, size) = (kernels.width, steps * kernels.width)
    let count = (outputs + width - 1) / width
    panels = Tensor(uninitialized: [count, size])
    // Of a panel's outputs beyond the last, too.
    scales = Tensor(repeating: 0, shape: [count * width])
    offsets = Tensor(repeating: 0, shape: [count * width])
    threads.run(count) { [panels, scales, offsets] panel in
      let range = panel * width..<min(outputs, (panel + 1) * width)
      pack(
        range, panels.pointer + panel * size, scales.pointer + range.lowerBound,
        Self.numbers(offsets) + range.lowerBound)
    }
    isFinite = scales.buffer.allSatisfy(\.isFinite)
  }

  private static func numbers(_ tensor: Tensor) -> UnsafeMutablePointer<Int32> {
    UnsafeMutableRawPointer(tensor.pointer).assumingMemoryBound(to: Int32.self)
  }

  /// The bytes that it takes.
  public var byteCount: Int { (panels.count + scales.count + offsets.count) * 4 }

  var panelCount: Int { panels.rows }

  /// The outputs of a panel.
  func columns(_ panel: Int) -> Range<Int> {
    panel * kernels.width..<min(outputs, (panel + 1) * kernels.width)
  }

  /// Where a panel is.
  func pointer(_ panel: Int) -> UnsafeRawPointer {
    UnsafeRawPointer(panels.pointer + panel * panels.columns)
  }

  /// The product of all rows with a panel.
  func product(
    of rows: PreparedRows, panel: Int, bias: UnsafePointer<Float>?, to c: UnsafeMutablePointer<Float>
  ) -> PanelProduct {
    let columns = columns(panel)
    return PanelProduct(
      rows: rows.pointer, count: rows.count, steps: steps, rowScales: rows.scales, panel: pointer(panel),
      scales: scales.pointer + columns.lowerBound, offsets: Self.numbers(offsets) + columns.lowerBound,
      bias: bias.map { $0 + columns.lowerBound }, result: c + columns.lowerBound, resultStride: outputs,
      columns: columns.count)
  }
}

/// Rows as products with a ``PreparedMatrix`` read them, converted once for all that do.
public final class PreparedRows {
  public let precision: WeightPrecision
  public let count: Int
  public let inputs: Int
  private let storage: Tensor
  private let rowScales: Tensor

  /// - Parameters:
  ///   - x: `[rows, inputs]`. Not copied in float32: it must not change as long as the rows are used.
  ///   - matrix: What they are to be multiplied by, or a matrix of the same precision and inputs.
  ///   - backend: Its threads convert.
  ///   - pool: Where the memory of converted rows comes from.
  public init(_ x: Tensor, for matrix: PreparedMatrix, by backend: any ComputeBackend, pool: MemoryPool?) {
    precision = matrix.precision
    (count, inputs) = (x.rows, x.columns)
    guard precision != .float32 else {
      (storage, rowScales) = (x, x)
      return
    }
    let (kernels, steps, inputs) = (matrix.kernels, matrix.steps, inputs)
    let (storage, scales) = (
      Tensor(uninitialized: [count, steps], pool: pool), Tensor(uninitialized: [count], pool: pool)
    )
    backend.forEachBlock(ofRows: count, columns: inputs) { rows in
      kernels.convert(
        x.pointer + rows.lowerBound * inputs, rows: rows.count, inputs: inputs,
        to: storage.pointer + rows.lowerBound * steps, scales: scales.pointer + rows.lowerBound)
    }
    (self.storage, rowScales) = (storage, scales)
  }

  var pointer: UnsafeRawPointer { UnsafeRawPointer(storage.pointer) }
  /// One for each row, in int8.
  var scales: UnsafePointer<Float> { UnsafePointer(rowScales.pointer) }

  /// Whether they serve for products with a matrix.
  func fit(_ matrix: PreparedMatrix) -> Bool { precision == matrix.precision && inputs == matrix.inputs }
}

/// One of the products that share their rows: `C = rows · matrixᵀ + bias`.
public struct PreparedProduct {
  /// `[outputs, inputs]`.
  public let matrix: PreparedMatrix
  /// `[outputs]`; `nil` for none.
  public let bias: Tensor?
  /// `[rows, outputs]`.
  public let result: Tensor

  public init(_ matrix: PreparedMatrix, bias: Tensor?, to result: Tensor) {
    (self.matrix, self.bias, self.result) = (matrix, bias, result)
  }
}

/// A part of a result: some columns of some rows.
public struct ResultPart {
  /// The first column of the first row.
  public let start: UnsafeMutablePointer<Float>
  /// Elements from row to row.
  public let stride: Int
  public let rows: Int
  public let columns: Int
}

extension ComputeBackend {
  /// `C = rows · matrixᵀ + bias` for each product, all of them on all threads at once.
  ///
  /// - Parameters:
  ///   - rows: Made for the matrices, which are of one precision and as many inputs, and packed by one kind of kernels.
  ///   - products: The matrices, and where their results go.
  ///   - finish: What to do with a part of a result when it is done, while it is in the cache; called on any thread.
  public func multiply(
    _ rows: PreparedRows, _ products: [PreparedProduct], then finish: (ResultPart) -> Void = { _ in }
  ) {
    guard let kernels = products.first?.matrix.kernels else { return }
    var panels: [PanelProduct] = []
    for product in products {
      let matrix = product.matrix
      precondition(
        rows.fit(matrix) && matrix.kernels.width == kernels.width
          && matrix.kernels.inputsPerStep == kernels.inputsPerStep
          && product.result.count == rows.count * matrix.outputs
          && product.bias.map { $0.count == matrix.outputs } != false,
        "multiply: \(rows.count) rows of \(rows.inputs) by [\(matrix.outputs), \(matrix.inputs)] "
          + "to \(product.result.shape)")
      for panel in 0..<matrix.panelCount {
        panels.append(
          matrix.product(of: rows, panel: panel, bias: product.bias?.pointer, to: product.result.pointer))
      }
    }
    let together = Self.rowsTogether(steps: products[0].matrix.steps, of: rows.count)
    let bands = (rows.count + together - 1) / max(1, together)
    // Nothing that is counted references is touched for a piece, which may be some microseconds' work.
    withExtendedLifetime((rows, products)) {
      panels.withUnsafeBufferPointer { panels in
        let pieces = bands * panels.count
        threads.run(pieces) { piece in
          let (band, panel) = piece.quotientAndRemainder(dividingBy: panels.count)
          // Threads take pieces in turn, so that this one's next is likely to be as many on as there are threads.
          let following = piece + threads.count
          let next = following < pieces ? panels[following % panels.count].panel : nil
          let start = band * together
          let part = panels[panel].rows(start..<min(rows.count, start + together), next: next)
          kernels.multiply(part)
          finish(
            ResultPart(
              start: part.result, stride: part.resultStride, rows: part.count, columns: part.columns))
        }
      }
    }
  }

  /// How many rows are multiplied by a panel at a time: as many as stay in a core's second cache.
  private static func rowsTogether(steps: Int, of count: Int) -> Int {
    let most = max(24, (384 << 10) / max(1, 4 * steps) / 6 * 6)
    let bands = max(1, (count + most - 1) / most)
    return (count + bands - 1) / bands
  }
}
