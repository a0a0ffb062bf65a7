extension Tape {
  /// The class of a row that ``crossEntropy(_:classes:)`` leaves out, PyTorch's `ignore_index`.
  public static let ignoredClass: Int32 = -100

  /// Mean softmax cross-entropy of `[rows, classes]` logits: a scalar. Rows of class −100 are left out.
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
    let loss = output([], from: logits)
    // softmax − onehot, made on the way.
    let slope = loss.needsGradient ? scratch(logits.shape) : nil
    let losses = scratch([rows])
    let kernels = backend.kernels
    classes.withUnsafeBufferPointer { classes in
      guard let classes = classes.baseAddress else { return }
      backend.forEachBlock(ofRows: rows, columns: columns) { block in
        let start = block.lowerBound * columns
        kernels.crossEntropy(
          logits.value.pointer + start,
          classes: classes + block.lowerBound,
          loss: losses.pointer + block.lowerBound,
          gradient: slope.map { $0.pointer + start },
          rows: block.count,
          columns: columns
        )
      }
    }
    let counted = classes.reduce(0) { $1 == Tape.ignoredClass ? $0 : $0 + 1 }
    let sum = losses.buffer.reduce(0.0) { $0 + Double($1) }
    loss.value.pointer[0] = Float(sum / Double(max(1, counted)))
    if let slope {
      record(loss) { [backend] dLoss in
        backend.scale(slope, by: dLoss.item / Float(max(1, counted)))
        logits.addGradient(consuming: slope, backend)
      }
    }
    return loss
  }
}
