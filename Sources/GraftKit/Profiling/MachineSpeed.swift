import Dispatch
import GraftCompute

/// Measures what a machine can do at best, to compare with.
public enum MachineSpeed {
  /// The product whose rate stands for a backend: the largest of BERT-base, for 1,024 tokens.
  public static let standardProduct = MatrixProduct(m: 1024, n: 3072, k: 768)

  /// The rate of a matrix product that is repeated with nothing in between, in floating-point operations per
  /// second: the best of the time given.
  ///
  /// A backend so slow that the whole product would take more than half a second is measured on its first rows.
  ///
  /// - Parameters:
  ///   - product: The extents.
  ///   - backend: Multiplies in its precision, on all its threads.
  ///   - seconds: How long to measure.
  public static func rate(of product: MatrixProduct, on backend: any ComputeBackend, for seconds: Double)
    -> Double
  {
    let b = backend.operand(operand(product.k, product.n))
    var part = product
    part.m = 1
    let longest = 0.5
    while true {
      let a = backend.operand(operand(part.m, product.k))
      let c = Tensor(repeating: 0, shape: [part.m, product.n])
      func once() -> Double { time { backend.multiply(part, a, b, to: c) } }
      // The first time, libraries prepare themselves.
      _ = once()
      if part.m < product.m, 8 * once() < longest {
        part.m = min(product.m, part.m * 8)
        continue
      }
      var (best, spent) = (0.0, 0.0)
      repeat {
        let elapsed = once()
        spent += elapsed
        best = max(best, part.operations / elapsed)
      } while spent < seconds
      return best
    }
  }

  /// How fast all threads together copy memory that is in no cache, in bytes per second, read and written.
  public static func copyBandwidth(_ threads: ThreadPool, for seconds: Double) -> Double {
    let count = 1 << 25
    let (from, to) = (Tensor(repeating: 1, shape: [count]), Tensor(repeating: 0, shape: [count]))
    var (best, spent) = (0.0, 0.0)
    repeat {
      let elapsed = time {
        // Pieces so large that the copy passes the caches by.
        threads.forEachBlock(of: (count + threads.count - 1) / threads.count, in: count) { block in
          (to.pointer + block.lowerBound).update(from: from.pointer + block.lowerBound, count: block.count)
        }
      }
      spent += elapsed
      best = max(best, Double(2 * 4 * count) / elapsed)
    } while spent < seconds
    return best
  }

  // A transposed operand has as many elements.
  private static func operand(_ rows: Int, _ columns: Int) -> Tensor {
    Tensor(repeating: 0.5, shape: [rows, columns])
  }

  private static func time(_ body: () -> Void) -> Double {
    let start = DispatchTime.now().uptimeNanoseconds
    body()
    return max(1e-9, Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
  }
}
