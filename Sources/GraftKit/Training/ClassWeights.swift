import GraftCompute
import GraftCore
import GraftTensors
import OrderedCollections

/// What each class counts for in the loss.
public enum ClassWeights: Sendable, Equatable {
  /// As much as all others together: rows / (classes · rows of the class), as scikit-learn's
  /// `compute_class_weight("balanced", …)` has it. A class without rows counts 1.
  case balanced
  /// By the name of the label; the others count 1.
  case given([String: Double])

  static let balancedName = "balanced"

  /// The weights in the order of a head's labels.
  ///
  /// - Parameters:
  ///   - labels: The head's.
  ///   - rows: How many rows, or words, there are of each.
  /// - Throws: `GraftError` naming a label that the head does not have.
  func values(for labels: [String], rows: [Int]) throws -> [Double] {
    switch self {
    case .balanced:
      let present = rows.count { $0 > 0 }
      let total = Double(rows.reduce(0, +))
      return rows.map { $0 > 0 ? total / (Double(present) * Double($0)) : 1 }
    case .given(let weights):
      for label in weights.keys.sorted() where !labels.contains(label) {
        let nearest = NearestName.find(label, among: labels).map { " Did you mean '\($0)'?" } ?? ""
        throw GraftError(
          .unknownName, "there is no label '\(label)'", option: "class-weights",
          expected: "labels of the head: \(labels.prefix(20).joined(separator: ", "))",
          advice: "Weights go by the names of labels.\(nearest)")
      }
      return labels.map { weights[$0] ?? 1 }
    }
  }
}

extension ClassWeights: OptionValue {
  package init?(text: String) {
    if text == Self.balancedName {
      self = .balanced
    } else {
      guard let numbers = NamedNumbers(text: text)?.numbers, numbers.values.allSatisfy({ $0 > 0 }) else {
        return nil
      }
      self = .given(Dictionary(uniqueKeysWithValues: numbers.map { ($0.key, $0.value) }))
    }
  }

  package static var expectation: String {
    "'\(balancedName)', or positive numbers by label such as A=1,B=2.5 (a JSON object for labels with commas)"
  }

  package var json: JSON {
    switch self {
    case .balanced: .string(Self.balancedName)
    case .given(let weights):
      .object(
        OrderedDictionary(uniqueKeysWithValues: weights.sorted { $0.key < $1.key }.map { ($0, JSON($1)) }))
    }
  }
}

extension TrainingOptions {
  /// How classes count in the loss of each head of a run.
  ///
  /// Of several heads each takes the weights of the labels that it has.
  ///
  /// - Throws: `GraftError` naming the option when no head learns classes, or a label that none of them has.
  func classLosses(of heads: [RunHead]) throws -> [ClassLoss] {
    let canLearn = try heads.map { try learnsClasses($0.model) }
    // Where none can, the first says why.
    guard canLearn.contains(true) else { return try heads.map { try classLoss(of: $0.model, on: $0.data) } }
    let able = zip(heads, canLearn).filter(\.1).map(\.0)
    if case .given? = classWeights, able.count > 1 {
      let labels = try able.flatMap { try $0.model.requireHead().task.classNames ?? [] }
      _ = try classWeights?.values(for: labels, rows: [])
    }
    return try zip(heads, canLearn).map { head, can in
      guard can else { return ClassLoss() }
      guard able.count > 1, case .given(let weights)? = classWeights else {
        return try classLoss(of: head.model, on: head.data)
      }
      let labels = Set(try head.model.requireHead().task.classNames ?? [])
      let own = weights.filter { labels.contains($0.key) }
      var options = self
      options.classWeights = own.isEmpty ? nil : .given(own)
      return try options.classLoss(of: head.model, on: head.data)
    }
  }

  /// Whether a head learns classes as the options have it.
  private func learnsClasses(_ model: Model) throws -> Bool {
    let task = try model.requireHead().task
    return model.heads.count == 1 && task.usesClassLoss && (classWeights == nil || task.classNames != nil)
  }

  /// How classes count in the loss of a head.
  ///
  /// - Parameters:
  ///   - model: Whose head learns.
  ///   - data: What it learns from, for balanced weights.
  /// - Throws: `GraftError` naming the option when the head learns no classes, or has no such label.
  func classLoss(of model: Model, on data: Dataset) throws -> ClassLoss {
    let option =
      labelSmoothingFactor > 0
      ? "label-smoothing-factor"
      : classWeights != nil ? "class-weights" : focalGamma > 0 ? "focal-gamma" : nil
    guard let option else { return ClassLoss() }
    let task = try model.requireHead().task
    guard try learnsClasses(model) else {
      if task.usesClassLoss, classWeights != nil {
        throw GraftError(
          .mismatch,
          "the choices of the head '\(model.headName ?? "")' have no weights: each question has others",
          option: "class-weights", advice: "Leave the option out.")
      }
      throw GraftError(
        .mismatch, "the head '\(model.headName ?? "")' does not choose one of its labels",
        option: task.usesClassLoss ? "class-weights" : option,
        advice: "Leave the option out: it is for heads of single labels, of texts or of words.")
    }
    let labels = task.classNames ?? []
    var rows = [Int](repeating: 0, count: labels.count)
    for label in data.labels {
      for index in label?.classes ?? [] where rows.indices.contains(Int(index)) { rows[Int(index)] += 1 }
    }
    return ClassLoss(
      smoothing: labelSmoothingFactor, weights: try classWeights?.values(for: labels, rows: rows),
      focalGamma: focalGamma)
  }
}
