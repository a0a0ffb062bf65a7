/// `x · weightᵀ` in double precision, and for each element the sum of its products' sizes. Tests are not optimised, and this
/// is.
///
/// - Parameters:
///   - x: `[rows, inputs]`.
///   - weight: `[outputs, inputs]`.
/// - Returns: Each `[rows, outputs]`.
public func naiveProduct(
  _ x: [Double], _ weight: [Double], rows: Int, outputs: Int, inputs: Int
) -> (sums: [Double], sizes: [Double]) {
  precondition(x.count == rows * inputs && weight.count == outputs * inputs)
  var (sums, sizes) = ([Double](), [Double]())
  for row in 0..<rows {
    for output in 0..<outputs {
      var (sum, size) = (0.0, 0.0)
      for input in 0..<inputs {
        let product = x[row * inputs + input] * weight[output * inputs + input]
        sum += product
        size += abs(product)
      }
      sums.append(sum)
      sizes.append(size)
    }
  }
  return (sums, sizes)
}
