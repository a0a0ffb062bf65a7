import Foundation
import GraftCore

/// Measures the float32 matrix product 1024×3072×768.
struct GEMMSpeed {
  private let rows = 1024
  private let columns = 3072
  private let depth = 768
  private let b: Tensor

  init() { b = Tensor(repeating: 0.25, shape: [depth, columns]) }

  /// The best rate of half a second, in GFLOP/s.
  ///
  /// A backend so slow that the whole product would take longer is measured on its first rows alone.
  func measure(_ backend: any ComputeBackend) -> Double {
    var (rows, best, spent) = (1, 0.0, 0.0)
    repeat {
      let seconds = time(backend, rows: rows)
      spent += seconds
      best = max(best, 2 * Double(rows * columns * depth) / seconds / 1e9)
      if rows < self.rows, seconds < 0.1 {
        rows = min(self.rows, rows * 4)
        best = 0
      }
    } while spent < 0.5
    return best
  }

  private func time(_ backend: any ComputeBackend, rows: Int) -> Double {
    let (a, c) = (
      Tensor(repeating: 0.5, shape: [rows, depth]), Tensor(repeating: 0, shape: [rows, columns])
    )
    let start = DispatchTime.now().uptimeNanoseconds
    backend.multiply(MatrixProduct(m: rows, n: columns, k: depth), a, b, to: c)
    return max(1e-9, Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
  }
}
