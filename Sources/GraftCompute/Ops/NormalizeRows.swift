extension Tape {
  /// Each row divided by its length: `y = x / max(‖x‖, 1e-12)`, as `torch.nn.functional.normalize` has it.
  ///
  /// - Parameter x: `[rows, width]`.
  /// - Returns: `[rows, width]`; a row of zeros stays one.
  public func normalizeRows(_ x: Variable) -> Variable {
    precondition(trace == nil, "normalizeRows is no part of an exported graph")
    return profile.measure("normalize rows") {
      let (rows, width) = (x.value.rows, x.value.columns)
      let y = output(x.shape, from: x)
      let (value, slot) = (x.value, x.slot)
      let lengths = scratch([rows])
      let (result, kernels) = (y.value, backend.kernels)
      backend.forEachBlock(ofRows: rows, columns: width) { block in
        for row in block {
          let source = value.pointer + row * width
          let length = max(Float(kernels.squaredNorm(source, count: width).squareRoot()), 1e-12)
          lengths.pointer[row] = length
          for column in 0..<width { result.pointer[row * width + column] = source[column] / length }
        }
      }
      record(y) { [pool] dy in
        slot.add(pool: pool) { dx, overwrite in
          for row in 0..<rows {
            let (place, length) = (row * width, lengths.pointer[row])
            var along: Float = 0
            // Where the length is the bound, it is a constant.
            if length > 1e-12 {
              for column in place..<place + width { along += dy.pointer[column] * result.pointer[column] }
            }
            for column in place..<place + width {
              let slope = (dy.pointer[column] - along * result.pointer[column]) / length
              dx.pointer[column] = overwrite ? slope : dx.pointer[column] + slope
            }
          }
        }
      }
      return y
    }
  }
}
