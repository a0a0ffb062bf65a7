import Foundation

/// How wrong classes count in the loss: evenly, weighted, smoothed, or the more the less likely they were.
///
/// With probabilities `p`, the class `y` of a row, its target `q = (1 − ε) · onehot(y) + ε / classes`, weights `w` and
/// the exponent `γ`, the loss of some rows is
///
///     Σ_rows Σ_c q_c · w_c · (1 − p_c)^γ · (−log p_c)  /  Σ_rows w_y
///
/// which is `torch.nn.functional.cross_entropy` with `weight` and `label_smoothing` where `γ` is 0, and the focal loss of
/// Lin et al., arXiv:1708.02002, where nothing is smoothed. transformers' `LabelSmoother` is the case without weights.
public struct ClassLoss: Sendable, Equatable {
  /// The share `ε` of a target that goes to all classes evenly, in `0 ..< 1`.
  public var smoothing: Double
  /// What each class counts for, above 0, in the order of the outputs; `nil` is 1 for each.
  public var weights: [Double]?
  /// The exponent `γ`, 0 or more, of the focal loss.
  public var focalGamma: Double

  public init(smoothing: Double = 0, weights: [Double]? = nil, focalGamma: Double = 0) {
    self.smoothing = smoothing
    self.weights = weights
    self.focalGamma = focalGamma
  }

  /// Whether it is the mean cross-entropy.
  public var isPlain: Bool { smoothing == 0 && weights == nil && focalGamma == 0 }

  /// What the mean over some rows is divided by: how many there are, or the sum of their weights.
  ///
  /// - Parameter classes: `[rows]`; a negative class does not count.
  public func weight(of classes: [Int32]) -> Double {
    classes.reduce(0) { $1 < 0 ? $0 : $0 + weight(of: Int($1)) }
  }

  func weight(of class: Int) -> Double {
    guard let weights, weights.indices.contains(`class`) else { return 1 }
    return weights[`class`]
  }
}

extension ClassLoss {
  /// The loss of one row, before it is divided by the sum of weights.
  ///
  /// - Parameters:
  ///   - logits: `[classes]`.
  ///   - class: The row's class.
  ///   - slope: Receives the derivative by each logit.
  func add(_ logits: UnsafeBufferPointer<Float>, class: Int, slope: UnsafeMutablePointer<Float>) -> Double {
    let largest = logits.reduce(-Double.infinity) { max($0, Double($1)) }
    let total = logits.reduce(0.0) { $0 + exp(Double($1) - largest) }
    var (loss, sum) = (0.0, 0.0)
    // With h_c = p_c · ∂loss/∂p_c, the derivative by logit j is h_j − p_j · Σ h.
    func derivative(_ c: Int) -> (h: Double, p: Double, loss: Double) {
      let logP = Double(logits[c]) - largest - log(total)
      let p = exp(logP)
      let target = smoothing / Double(logits.count) + (c == `class` ? 1 - smoothing : 0)
      let share = target * weight(of: c)
      guard focalGamma > 0 else { return (-share, p, -share * logP) }
      let rest = -expm1(logP)
      let modulated = share * pow(rest, focalGamma)
      // log p / (1 − p) goes to −1 where p goes to 1.
      let ratio = rest > 0 ? logP / rest : -1
      return (modulated * (focalGamma * p * ratio - 1), p, -modulated * logP)
    }
    for c in logits.indices {
      let own = derivative(c)
      sum += own.h
      loss += own.loss
    }
    for c in logits.indices {
      let own = derivative(c)
      slope[c] = Float(own.h - own.p * sum)
    }
    return loss
  }
}

extension Tape {
  /// The mean loss of choices: of each group of rows one is right. A scalar.
  ///
  /// Each group has a softmax of its own, so that it is ``crossEntropy(_:classes:_:)`` with a group as a row where all
  /// groups are equally large.
  ///
  /// - Parameters:
  ///   - scores: `[rows, 1]`, group by group.
  ///   - groups: How many rows each group has; together they are all.
  ///   - classes: Which row of each group is right, counted from 0.
  ///   - loss: How choices count. It has no weights, for choices have no names.
  public func crossEntropy(
    _ scores: Variable, groups: [Int], classes: [Int32], _ loss: ClassLoss = ClassLoss()
  ) -> Variable {
    precondition(
      scores.value.columns == 1 && groups.reduce(0, +) == scores.value.rows, "crossEntropy: groups")
    precondition(
      groups.count == classes.count && zip(groups, classes).allSatisfy { $1 >= 0 && $1 < $0 },
      "crossEntropy: a class is not one of its group")
    precondition(loss.weights == nil, "crossEntropy: choices have no weights")
    return profile.measure("cross-entropy") {
      let mean = output([], from: scores)
      let slope = Tensor(repeating: 0, shape: scores.shape, pool: pool)
      var (sum, start) = (0.0, 0)
      for (count, label) in zip(groups, classes) {
        let values = UnsafeBufferPointer(start: scores.value.pointer + start, count: count)
        sum += loss.add(values, class: Int(label), slope: slope.pointer + start)
        start += count
      }
      let divisor = Double(max(1, groups.count))
      mean.value.pointer[0] = Float(sum / divisor)
      let slot = scores.slot
      record(mean) { [backend] dMean in
        let scale = Float(Double(dMean.item) / divisor)
        for i in 0..<slope.count { slope.pointer[i] *= scale }
        slot.add(consuming: slope, backend)
      }
      return mean
    }
  }

  /// The mean loss of classes over `[rows, classes]` logits: a scalar. Rows of class −100 are left out.
  ///
  /// - Parameters:
  ///   - logits: `[rows, classes]`.
  ///   - classes: `[rows]`, each a column of the logits or ``ignoredClass``.
  ///   - loss: How classes count.
  /// - Returns: The mean over the rows that count, weighted by their classes; 0 when none does.
  public func crossEntropy(_ logits: Variable, classes: [Int32], _ loss: ClassLoss) -> Variable {
    guard !loss.isPlain else { return crossEntropy(logits, classes: classes) }
    let (rows, columns) = (logits.value.rows, logits.value.columns)
    precondition(classes.count == rows, "crossEntropy: \(classes.count) classes for \(logits.shape)")
    precondition(
      classes.allSatisfy { $0 == Tape.ignoredClass || $0 >= 0 && $0 < columns },
      "crossEntropy: a class is not one of \(columns)")
    precondition(loss.weights.map { $0.count == columns } ?? true, "crossEntropy: a weight for each class")
    return profile.measure("cross-entropy") {
      let mean = output([], from: logits)
      let slope = Tensor(repeating: 0, shape: logits.shape, pool: pool)
      var sum = 0.0
      for (row, label) in classes.enumerated() where label != Tape.ignoredClass {
        let values = UnsafeBufferPointer(start: logits.value.pointer + row * columns, count: columns)
        sum += loss.add(values, class: Int(label), slope: slope.pointer + row * columns)
      }
      let weight = loss.weight(of: classes)
      let divisor = weight > 0 ? weight : 1
      mean.value.pointer[0] = Float(sum / divisor)
      let slot = logits.slot
      record(mean) { [backend] dMean in
        let scale = Float(Double(dMean.item) / divisor)
        for i in 0..<slope.count { slope.pointer[i] *= scale }
        slot.add(consuming: slope, backend)
      }
      return mean
    }
  }
}
