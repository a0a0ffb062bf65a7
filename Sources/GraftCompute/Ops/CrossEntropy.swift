import Foundation

extension Tape {
  /// The class of a row that ``crossEntropy(_:classes:)`` leaves out, PyTorch's `ignore_index`.
  public static let ignoredClass: Int32 = -100

  /// Mean softmax cross-entropy of `[rows, classes]` logits: a scalar. Rows of class −100 are left out.
  ///
  /// The logits are read once forward, and once backward.
  ///
  /// - Parameters:
  ///   - logits: `[rows, classes]`.
  ///   - classes: `[rows]`, each a column of the logits or ``ignoredClass``.
  /// - Returns: The mean over the rows that count; 0 when none does.
  public func crossEntropy(_ logits: Variable, classes: [Int32]) -> Variable {
    let (rows, columns) = (logits.value.rows, logits.value.columns)
    precondition(classes.count == rows, "crossEntropy: \(classes.count) classes for \(logits.shape)")
    precondition(
      classes.allSatisfy { $0 == Tape.ignoredClass || $0 >= 0 && $0 < columns },
      "crossEntropy: a class is not one of \(columns)"
    )
    return profile.measure("cross-entropy") {
      let loss = output([], from: logits)
      let (x, slot) = (logits.value, logits.slot)
      let statistics = SoftmaxStatistics(rows)
      let kernels = backend.kernels
      backend.forEachBlock(ofRows: rows, columns: columns) { block in
        kernels.softmaxStatistics(
          x.pointer + block.lowerBound * columns,
          to: statistics.numbers + 2 * block.lowerBound,
          rows: block.count,
          columns: columns
        )
      }
      var (sum, counted) = (0.0, 0)
      for (row, label) in classes.enumerated() where label != Tape.ignoredClass {
        // log Σ exp(x) − x[label]
        let (largest, total) = (statistics.numbers[2 * row], statistics.numbers[2 * row + 1])
        sum += log(total) + largest - Double(x.pointer[row * columns + Int(label)])
        counted += 1
      }
      loss.value.pointer[0] = Float(sum / Double(max(1, counted)))
      record(loss) { [backend, pool] dLoss in
        let slope = Tensor(uninitialized: x.shape, pool: pool)
        let scale = dLoss.item / Float(max(1, counted))
        classes.withUnsafeBufferPointer { classes in
          guard let classes = classes.baseAddress else { return }
          backend.forEachBlock(ofRows: rows, columns: columns) { block in
            kernels.crossEntropyGradient(
              x.pointer + block.lowerBound * columns,
              classes: classes + block.lowerBound,
              statistics: statistics.numbers + 2 * block.lowerBound,
              scale: scale,
              to: slope.pointer + block.lowerBound * columns,
              rows: block.count,
              columns: columns
            )
          }
        }
        slot.add(consuming: slope, backend)
      }
      return loss
    }
  }
}

/// The largest logit of each row and the sum of exponentials, `[rows, 2]`, which threads fill row by row.
private final class SoftmaxStatistics {
  let numbers: UnsafeMutablePointer<Double>

  init(_ rows: Int) { numbers = .allocate(capacity: 2 * rows) }

  deinit { numbers.deallocate() }
}
