extension Kernels {
  public func layerNorm(
    _ x: UnsafePointer<Float>,
    weight: UnsafePointer<Float>,
    bias: UnsafePointer<Float>,
    epsilon: Float,
    to y: UnsafeMutablePointer<Float>,
    statistics: UnsafeMutablePointer<Float>,
    rows: Int,
    columns: Int
  ) {
    for r in 0..<rows {
      let (x, y) = (x + r * columns, y + r * columns)
      var mean = 0.0
      for c in 0..<columns { mean += Double(x[c]) }
      mean /= Double(columns)
      var variance = 0.0
      for c in 0..<columns { variance += (Double(x[c]) - mean) * (Double(x[c]) - mean) }
      variance /= Double(columns)
      let rstd = 1 / (variance + Double(epsilon)).squareRoot()
      for c in 0..<columns {
        y[c] = Float((Double(x[c]) - mean) * rstd * Double(weight[c]) + Double(bias[c]))
      }
      statistics[2 * r] = Float(mean)
      statistics[2 * r + 1] = Float(rstd)
    }
  }

  public func layerNormGradient(
    x: UnsafePointer<Float>,
    weight: UnsafePointer<Float>,
    statistics: UnsafePointer<Float>,
    dy: UnsafePointer<Float>,
    to dx: UnsafeMutablePointer<Float>,
    dWeight: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>,
    rows: Int,
    columns: Int
  ) {
    for r in 0..<rows {
      let (x, dy, dx) = (x + r * columns, dy + r * columns, dx + r * columns)
      let (mean, rstd) = (Double(statistics[2 * r]), Double(statistics[2 * r + 1]))
      // With x̂ = (x − mean) · rstd and g = dy · weight: dx = rstd · (g − mean(g) − x̂ · mean(g · x̂)).
      var (meanG, meanGX) = (0.0, 0.0)
      for c in 0..<columns {
        let g = Double(dy[c]) * Double(weight[c])
        meanG += g
        meanGX += g * (Double(x[c]) - mean) * rstd
      }
      meanG /= Double(columns)
      meanGX /= Double(columns)
      for c in 0..<columns {
        let normalized = (Double(x[c]) - mean) * rstd
        let g = Double(dy[c]) * Double(weight[c])
        dWeight[c] += Float(Double(dy[c]) * normalized)
        dBias[c] += dy[c]
        dx[c] = Float(rstd * (g - meanG - normalized * meanGX))
      }
    }
  }
}
