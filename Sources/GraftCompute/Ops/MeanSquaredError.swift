extension Tape {
  /// Mean squared error over all elements: a scalar.
  ///
  /// - Parameters:
  ///   - x: Predictions, of any shape.
  ///   - targets: As many numbers, in the same order.
  public func meanSquaredError(_ x: Variable, targets: [Float]) -> Variable {
    let count = x.value.count
    precondition(targets.count == count, "meanSquaredError: \(targets.count) targets for \(x.shape)")
    return profile.measure("mean squared error") {
      let loss = output([], from: x)
      var sum = 0.0
      for (x, target) in zip(x.value.buffer, targets) {
        let difference = Double(x) - Double(target)
        sum += difference * difference
      }
      loss.value.pointer[0] = Float(sum / Double(max(1, count)))
      let (values, slot) = (x.value, x.slot)
      record(loss) { [pool] dLoss in
        let factor = 2 * Double(dLoss.item) / Double(max(1, count))
        slot.add(pool: pool) { dx, overwrite in
          for i in 0..<count {
            let slope = Float(factor * (Double(values.pointer[i]) - Double(targets[i])))
            dx.pointer[i] = overwrite ? slope : dx.pointer[i] + slope
          }
        }
      }
      return loss
    }
  }
}
