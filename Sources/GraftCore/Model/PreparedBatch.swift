import GraftCompute
import GraftTensors

/// A batch with what the heads should say about it.
public struct PreparedBatch: Sendable {
  /// What the backbone reads.
  public var inputs: Batch
  /// The rows of the hidden states that heads predict, by the task; a task that is absent predicts all of them.
  public private(set) var selections: [String: [Int32]] = [:]
  /// How wrong classes count, for tasks with ``Task/classNames``.
  public var classLoss = ClassLoss()
  /// What a generator that learns draws by, when it fills the batch in the step; `nil` where nothing is left to fill.
  public var drawing: BatchContext?
  private var targets: [String: any TaskTargets] = [:]

  public init(_ inputs: Batch) { self.inputs = inputs }

  /// Sets what a task's head should say.
  ///
  /// - Parameters:
  ///   - value: The targets.
  ///   - task: The task that they belong to.
  ///   - selection: The tokens that are predicted, as rows of the hidden states; `nil` means all.
  public mutating func setTargets<T: Task>(_ value: T.Targets, of task: T, selection: [Int32]? = nil) {
    targets[T.name] = value
    selections[T.name] = selection
  }

  /// Predicts some tokens, without targets.
  public mutating func select(_ tokens: [Int32], for task: any Task.Type) { selections[task.name] = tokens }

  /// What a task's head should say.
  ///
  /// - Throws: `GraftError` when the batch was not prepared for the task, or for another task of the same name.
  public func targets<T: Task>(of task: T) throws -> T.Targets {
    guard let value = targets[T.name] else {
      throw GraftError(.missing, "the batch has no targets for the head '\(T.name)'")
    }
    guard let own = value as? T.Targets else {
      throw GraftError(
        .mismatch, "the batch's targets for the head '\(T.name)' are of another type",
        expected: "\(T.Targets.self)", found: "\(type(of: value))")
    }
    return own
  }

  /// Whether a task's head learns from the batch.
  public func hasTargets(of task: any Task.Type) -> Bool { targets[task.name] != nil }

  /// The number of predictions that the loss of a task's head is the mean of.
  public func targetCount(of task: any Task.Type) -> Int { targets[task.name]?.count ?? 0 }

  /// What the loss of a task's head is a mean over: the number of its predictions or, where classes are weighted, the sum of
  /// their weights.
  public func targetWeight(of task: any Task.Type) -> Double {
    guard let own = targets[task.name] else { return 0 }
    guard classLoss.weights != nil, let classes = own.classOfEach else { return Double(own.count) }
    return classLoss.weight(of: classes)
  }

  /// The number of predictions of all heads together.
  public var targetCount: Int { targets.values.reduce(0) { $0 + $1.count } }
}

/// What a head should say about the rows that it predicts.
public protocol TaskTargets: Sendable {
  /// How many predictions the loss is the mean of.
  var count: Int { get }
  /// The class of each predicted row, where it has one; a negative one does not count. `nil` by default.
  var classOfEach: [Int32]? { get }
}

extension TaskTargets {
  public var classOfEach: [Int32]? { nil }
}

/// One class for each predicted row; a negative one does not count.
public struct ClassTargets: TaskTargets, Equatable {
  /// `[rows]`.
  public let classes: [Int32]
  public let count: Int
  public var classOfEach: [Int32]? { classes }

  public init(_ classes: [Int32]) {
    self.classes = classes
    count = classes.count { $0 >= 0 }
  }
}

/// Numbers for each predicted row, row by row: regression values, or 0 and 1 for each label.
public struct ValueTargets: TaskTargets, Equatable {
  /// `[rows, width]`.
  public let values: [Float]
  public let width: Int

  public init(_ values: [Float], width: Int) {
    self.values = values
    self.width = width
  }

  /// The number of rows.
  public var count: Int { values.count / max(1, width) }
}

extension Batch {
  /// The concatenation of encoded sequences.
  public init(_ encodings: some Sequence<Encoding>) {
    self.init()
    for encoding in encodings {
      append(
        ids: encoding.ids, tokenTypes: encoding.tokenTypes, positions: Array(0..<Int32(encoding.ids.count)))
    }
  }
}

extension Tensor {
  /// The column of each row's largest element, the first of equals.
  public var largestColumns: [Int32] {
    (0..<rows).map { row in
      let values = buffer[(row * columns)..<((row + 1) * columns)]
      return Int32((values.indices.max { values[$0] < values[$1] } ?? row * columns) - row * columns)
    }
  }

  /// How many rows have their largest element at the row's class.
  public func countOfHits(_ classes: [Int32]) -> Int { zip(largestColumns, classes).count { $0 == $1 } }
}
