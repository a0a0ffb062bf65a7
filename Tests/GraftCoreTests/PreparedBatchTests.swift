import GraftCompute
import GraftCore
import GraftTensors
import OrderedCollections
import Testing

/// A task of this file, with one output for each of two classes.
private protocol SmallTask: Task where Targets == ClassTargets {}

extension SmallTask {
  static var classSuffix: String { "For\(name)" }
  static var outputs: [TaskOutput] { [TaskOutput("logits", rows: .tokens)] }
  func outputCount(on backbone: any Backbone) -> Int { 2 }
  func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {}
  func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    tape.crossEntropy(scores, classes: try batch.targets(of: self).classes)
  }
}

private struct First: SmallTask {
  static let name = "first"
  init(_ configuration: Configuration = Configuration()) {}
}

private struct Second: SmallTask {
  static let name = "second"
  init(_ configuration: Configuration = Configuration()) {}
}

/// Another task that took the name.
private struct Impostor: Task {
  static let name = "first"
  static let classSuffix = "ForImpostor"
  static let outputs: [TaskOutput] = []
  typealias Targets = ValueTargets
  init(_ configuration: Configuration = Configuration()) {}
  func outputCount(on backbone: any Backbone) -> Int { 1 }
  func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {}
  func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable { scores }
}

/// Says how many texts there were.
private struct Counting: Task {
  static let name = "counting"
  static let classSuffix = "ForCounting"
  static let outputs: [TaskOutput] = []
  struct Prediction: TaskPrediction {
    let answer: JSON = 1
    let scores: [Float] = []
    let columns: [String] = []
    let members: OrderedDictionary<String, JSON> = [:]
  }
  init(_ configuration: Configuration = Configuration()) {}
  func outputCount(on backbone: any Backbone) -> Int { 1 }
  func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {}
  func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable { scores }
  func predictions(_ scores: Tensor, _ batch: Batch, _ examples: [Example]) throws -> [Prediction] { [] }
}

@Suite("Targets and selections of a batch")
struct PreparedBatchTests {
  /// `CrossEntropyLoss(ignore_index=-100)` takes the mean over the other rows.
  @Test("a class of -100 is no target")
  func ignoredClass() {
    #expect(ClassTargets([1, -100, 0, -100]).count == 2)
    #expect(ClassTargets([-100]).count == 0)
    #expect(ValueTargets([1, 2, 3, 4, 5, 6], width: 3).count == 2)
  }

  @Test("each task has its own targets, count and selection")
  func apart() throws {
    var batch = PreparedBatch(Batch())
    batch.setTargets(ClassTargets([1, -100, 0]), of: First(), selection: [4, 5, 6])
    batch.setTargets(ClassTargets([1]), of: Second(), selection: [9])
    #expect(batch.targetCount(of: First.self) == 2 && batch.targetCount(of: Second.self) == 1)
    #expect(batch.targetCount == 3)
    #expect(batch.selections == ["first": [4, 5, 6], "second": [9]])
    #expect(try batch.targets(of: First()).classes == [1, -100, 0])
    #expect(try batch.targets(of: Second()).classes == [1])
    // Set anew without a selection, all tokens are predicted.
    batch.setTargets(ClassTargets([0]), of: Second())
    #expect(batch.selections == ["first": [4, 5, 6]])
    #expect(batch.targetCount(of: Impostor.self) == 2 && batch.targetCount(of: Counting.self) == 0)
  }

  @Test("targets that are not there, and targets of another type")
  func errors() throws {
    var batch = PreparedBatch(Batch())
    #expect(!batch.hasTargets(of: First.self))
    let none = #expect(throws: GraftError.self) { try batch.targets(of: First()) }
    #expect(none?.description == "the batch has no targets for the head 'first'.")
    batch.setTargets(ClassTargets([1]), of: First())
    let other = #expect(throws: GraftError.self) { try batch.targets(of: Impostor()) }
    #expect(
      other?.description
        == "the batch's targets for the head 'first' are of another type; expected ValueTargets, found ClassTargets."
    )
  }

  /// `numpy.argmax` and `torch.argmax` of `[[1, 3, 3], [2, 2, 2], [0, -1, 0], [-inf, -inf, -inf]]` are `[1, 0, 0, 0]`.
  @Test("of equal scores the first is the largest")
  func ties() {
    let low = -Float.infinity
    let scores = Tensor([1, 3, 3, 2, 2, 2, 0, -1, 0, low, low, low], shape: [4, 3])
    #expect(scores.largestColumns == [1, 0, 0, 0])
    #expect(scores.countOfHits([1, 0, 0, 0]) == 4)
    #expect(scores.countOfHits([2, 2, 2, -100]) == 0)
  }

  @Test("a row of which no example was made has no prediction, and says so")
  func nothingToJoin() throws {
    let row = TextRow("x", place: .init(file: "a.csv", row: 7))
    let error = #expect(throws: GraftError.self) { try Counting().joined([], of: row) }
    #expect(error?.description == "a.csv: row 7: the head 'counting' has made no example of it.")
    #expect(try Counting().joined([Counting.Prediction()], of: row).answer == 1)
  }
}
