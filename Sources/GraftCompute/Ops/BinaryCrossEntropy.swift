import Foundation

extension Tape {
  /// Mean binary cross-entropy with logits over all elements: a scalar.
  ///
  /// `max(x, 0) − x · t + log(1 + exp(−|x|))`, which does not overflow.
  ///
  /// - Parameters:
  ///   - logits: `[rows, labels]`.
  ///   - targets: As many numbers, row by row, from 0 to 1.
  public func binaryCrossEntropy(_ logits: Variable, targets: [Float]) -> Variable {
    let count = logits.value.count
    precondition(targets.count == count, "binaryCrossEntropy: \(targets.count) targets for \(logits.shape)")
    return profile.measure("binary cross-entropy") {
      let loss = output([], from: logits)
      var sum = 0.0
      for (x, target) in zip(logits.value.buffer, targets) {
        let (x, target) = (Double(x), Double(target))
        sum += max(x, 0) - x * target + log1p(exp(-abs(x)))
      }
      loss.value.pointer[0] = Float(sum / Double(max(1, count)))
      let (values, slot) = (logits.value, logits.slot)
      record(loss) { [pool] dLoss in
        let factor = Double(dLoss.item) / Double(max(1, count))
        slot.add(pool: pool) { dLogits, overwrite in
          for i in 0..<count {
            let sigmoid = 1 / (1 + exp(-Double(values.pointer[i])))
            let slope = Float(factor * (sigmoid - Double(targets[i])))
            dLogits.pointer[i] = overwrite ? slope : dLogits.pointer[i] + slope
          }
        }
      }
      return loss
    }
  }
}
