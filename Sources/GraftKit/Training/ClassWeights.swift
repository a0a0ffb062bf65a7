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
  /// A head of a run, as far as the loss of its classes is concerned.
  private struct Learner {
    let name: String
    let task: any Task
    /// Whether the head has one task alone, and learns classes as the options have it.
    let learnsClasses: Bool
    /// Those of its rows; none where they are not read yet.
    var labels: [(any ExampleLabel)?] = []

    var classNames: [String] { task.classNames ?? [] }
  }

  private func learner(
    _ task: any Task, isAlone: Bool, named name: String, labels: [(any ExampleLabel)?] = []
  ) -> Learner {
    Learner(
      name: name, task: task,
      learnsClasses: isAlone && task.usesClassLoss && (classWeights == nil || task.classNames != nil),
      labels: labels)
  }

  /// How classes count in the loss of each head of a run.
  ///
  /// - Throws: `GraftError` naming the option when no head learns classes, or a label that none of them has.
  func classLosses(of heads: [RunHead]) throws -> [ClassLoss] {
    try classLosses(
      of: heads.map { head in
        learner(
          try head.model.requireHead().task, isAlone: head.model.heads.count == 1,
          named: head.model.headName ?? "", labels: head.data.labels)
      })
  }

  /// Makes sure that heads learn classes as the options have it, before their rows are read.
  ///
  /// - Parameter heads: The checkpoint as each head has it.
  /// - Throws: as a run does.
  package func checkClassLosses(of heads: [Checkpoint]) throws {
    _ = try classLosses(
      of: heads.compactMap { checkpoint in
        let tasks = try checkpoint.makeTasks()
        return tasks.first.map {
          learner($0, isAlone: tasks.count == 1, named: checkpoint.activeHead?.name ?? "")
        }
      })
  }

  /// Of several heads each takes the weights of the labels that it has.
  private func classLosses(of heads: [Learner]) throws -> [ClassLoss] {
    let able = heads.filter(\.learnsClasses)
    // Where none can, the first says why.
    guard !able.isEmpty else { return try heads.map(classLoss) }
    if case .given? = classWeights, able.count > 1 {
      _ = try classWeights?.values(for: able.flatMap(\.classNames), rows: [])
    }
    return try heads.map { head in
      guard head.learnsClasses else { return ClassLoss() }
      guard able.count > 1, case .given(let weights)? = classWeights else { return try classLoss(of: head) }
      let labels = Set(head.classNames)
      let own = weights.filter { labels.contains($0.key) }
      var options = self
      options.classWeights = own.isEmpty ? nil : .given(own)
      return try options.classLoss(of: head)
    }
  }

  /// How classes count in the loss of a head.
  ///
  /// - Throws: `GraftError` naming the option when the head learns no classes, or has no such label.
  private func classLoss(of head: Learner) throws -> ClassLoss {
    let option =
      labelSmoothingFactor > 0
      ? "label-smoothing-factor"
      : classWeights != nil ? "class-weights" : focalGamma > 0 ? "focal-gamma" : nil
    guard let option else { return ClassLoss() }
    guard head.learnsClasses else {
      if head.task.usesClassLoss, classWeights != nil {
        throw GraftError(
          .mismatch,
          "the choices of the head '\(head.name)' have no weights: each question has others",
          option: "class-weights", advice: "Leave the option out.")
      }
      throw GraftError(
        .mismatch, "the head '\(head.name)' does not choose one of its labels",
        option: head.task.usesClassLoss ? "class-weights" : option,
        advice: "Leave the option out: it is for heads of single labels, of texts or of words.")
    }
    var rows = [Int](repeating: 0, count: head.classNames.count)
    for label in head.labels {
      for index in label?.classes ?? [] where rows.indices.contains(Int(index)) { rows[Int(index)] += 1 }
    }
    return ClassLoss(
      smoothing: labelSmoothingFactor,
      weights: try classWeights?.values(for: head.classNames, rows: rows), focalGamma: focalGamma)
  }
}
