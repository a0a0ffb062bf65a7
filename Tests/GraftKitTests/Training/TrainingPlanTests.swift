import Foundation
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

@Suite struct TrainingPlanTests {
  /// Goldens written by transformers: `Fixtures/schedules/make.py`.
  @Test func schedulesAreTransformers() throws {
    let goldens =
      try JSON(file: fixtures.appending(path: "schedules/schedules.json")).array ?? []
    #expect(goldens.count == 15)
    for golden in goldens {
      let schedule = try #require(golden["schedule"]?.string.flatMap(LearningRateSchedule.init))
      let (warmup, total) = (
        try #require(golden["warmup_steps"]?.int), try #require(golden["total_steps"]?.int)
      )
      for (step, factor) in try #require(golden["factors"]?.array).enumerated() {
        let mine = schedule.factor(step: step, warmupSteps: warmup, totalSteps: total)
        #expect(abs(mine - (factor.double ?? .nan)) < 1e-12, "\(schedule), step \(step) of \(total)")
      }
    }
  }

  private func plan(_ examples: Int, _ change: (inout TrainingOptions) -> Void = { _ in }) -> TrainingPlan {
    var options = TrainingOptions()
    change(&options)
    return TrainingPlan(examples: examples, options: options)
  }

  @Test func theReferenceRunHas125Steps() {
    let plan = plan(1000) { $0.epochs = 1 }
    #expect(plan.totalSteps == 125)
    #expect(plan.epochs == 1)
    #expect(plan.epochs(after: 100) == 0.8)
  }

  @Test func partialBatchesAndStepsAreKept() {
    let plan = plan(21) {
      $0.batchSize = 4
      $0.gradientAccumulationSteps = 4
      $0.epochs = 1.5
    }
    #expect(plan.batchesPerEpoch == 6)
    #expect(plan.stepsPerEpoch == 2)
    #expect(plan.totalSteps == 3)
    #expect(plan.epochs == 2)
    #expect((0..<3).map(plan.batches) == [0..<4, 4..<6, 0..<4])
    #expect(plan.examples(ofBatch: 5) == 20..<21)
    #expect(plan.epochs(after: 1) == 4.0 / 6)
    #expect(plan.epochs(after: 2) == 1)
  }

  @Test func maxStepsOverridesEpochs() {
    let plan = plan(16) { $0.maxSteps = 5 }
    #expect(plan.totalSteps == 5)
    #expect(plan.epochs == 3)
  }

  /// These orders are a promise: a run that was begun with an older build has to resume with a newer one.
  @Test func eachEpochHasAnOrderOfItsOwn() {
    let randomness = Randomness(42)
    let orders = (0..<3).map { randomness.order(epoch: $0, count: 1000) }
    for order in orders { #expect(order.sorted() == Array(0..<1000)) }
    #expect(Set(orders).count == 3)
    #expect(randomness.order(epoch: 2, count: 1000) == orders[2])
    #expect(Randomness(43).order(epoch: 0, count: 1000) != orders[0])
    #expect(randomness.order(epoch: 0, count: 8) == [6, 4, 2, 5, 0, 1, 7, 3])
    #expect(randomness.order(epoch: 1, count: 8) == [3, 4, 5, 1, 6, 2, 0, 7])
    // No place is favoured: over many epochs an element's mean place is the middle.
    let places = (0..<2000).map { Randomness(7).order(epoch: $0, count: 10).firstIndex(of: 0) ?? 0 }
    #expect(abs(Double(places.reduce(0, +)) / 2000 - 4.5) < 0.3)
  }

  @Test func streamsAreIndependent() {
    let randomness = Randomness(1)
    let keys = [
      randomness.masks(batch: 0), randomness.masks(batch: 1), randomness.dropout(batch: 0),
      randomness.evaluation(0),
      Randomness(2).masks(batch: 0),
    ]
    #expect(Set(keys.map { $0.words(0) }).count == keys.count)
  }

  @Test func optionsAreChecked() {
    func message(_ change: (inout TrainingOptions) -> Void) -> String? {
      var options = TrainingOptions()
      change(&options)
      return errorMessage { try options.validate() }
    }
    #expect(message { _ in } == nil)
    #expect(
      message { $0.batchSize = 0 } == "option 'batch-size': wrong value; expected a positive number, found 0."
    )
    #expect(
      message { $0.learningRate = .nan }
        == "option 'learning-rate': wrong value; expected 0 or more, found nan.")
    #expect(
      message { $0.dropout = 1 } == "option 'dropout': wrong value; expected 0 or more, below 1, found 1.0.")
    #expect(message { $0.epochs = 0 }?.contains("'epochs'") == true)
    #expect(message { $0.maxLength = 2 }?.contains("'max-length'") == true)
    #expect(message { $0.mlmProbability = 0 }?.contains("'mlm-probability'") == true)
  }
}
