import Foundation
import GraftCompute
import GraftCore
import TestSupport
import Testing

@testable import GraftKit

/// Buckets of gradients.
@Suite struct GroupReductionTests {
  /// Parameters of odd sizes, so that buckets cut them.
  private static func parameters() -> [Parameter] {
    [3, 1, 40, 7, 12].enumerated().map { index, count in
      Parameter("p\(index)", Tensor(repeating: 0, shape: [count]), decays: false)
    }
  }

  /// The gradient of a parameter on a rank; `nil` where none reaches it.
  private static func gradient(_ rank: Int, _ parameter: Int) -> [Float]? {
    let count = [3, 1, 40, 7, 12][parameter]
    // One that no rank has, and one that a single rank has.
    if parameter == 1 || parameter == 3 && rank != 1 { return nil }
    return (0..<count).map { Float($0 + 1) / Float(rank + 3) }
  }

  @Test(arguments: [1, 5, 8, 1000]) func gradientsAreAddedUpInBuckets(_ size: Int) throws {
    for (told, label) in [([4, 2, 0], "some"), ([], "none"), ([0, 1, 2, 3, 4], "in the wrong order")] {
      let results = Meeting(3).run { group in
        let parameters = Self.parameters()
        let reduction = GroupReduction(group, .float32, bucketSize: size, profile: nil)
        // Twice, as in two steps.
        var all: [[Float]?] = []
        for _ in 0..<2 {
          reduction.begin(parameters)
          for (index, parameter) in parameters.enumerated() {
            guard let own = Self.gradient(group.rank, index) else { continue }
            parameter.slot.add(pool: nil) { gradient, _ in
              for (place, value) in own.enumerated() { gradient.pointer[place] = value }
            }
          }
          for index in told { reduction.complete(parameters[index]) }
          let loss = try reduction.reduce(parameters, loss: Double(group.rank))
          #expect(loss == 3)
          all = parameters.map { $0.gradient?.values }
          for parameter in parameters { parameter.clearGradient() }
        }
        return all
      }
      for result in results {
        for (index, found) in try result.get().enumerated() {
          let parts = (0..<3).compactMap { Self.gradient($0, index) }
          let expected = parts.first.map { first in
            parts.dropFirst().reduce(first) { sums, own in zip(sums, own).map { $0 + $1 } }
          }
          #expect(found == expected, "parameter \(index), told of \(label)")
        }
      }
    }
  }

  /// A model's gradients on two ranks, one of them without a batch, are those of one process.
  @Test func aRankWithoutABatchTakesPart() throws {
    let registry = try Support.registry()
    @Sendable func weights(_ group: any ProcessGroup, _ own: [Range<Int>]) throws -> [Float] {
      var checkpoint = try registry.open(Support.fixture("masked-lm")).checkpoint
      checkpoint.configuration = checkpoint.family.overridingDropout(0, in: checkpoint.configuration)
      let model = try checkpoint.makeModel()
      let data = try Dataset(["a b c", "the cat", "d e f g"].map { TextRow($0) }, for: model)
      let batching = Batching(model: model, data: data, mlmProbability: 0.5)
      let reduction: any GradientReduction =
        group.size == 1 ? NoReduction() : GroupReduction(group, .float32, bucketSize: 500, profile: nil)
      let step = TrainingStep(
        model: model,
        optimizer: try registry.optimizers.find("adamw").init(
          model.parameters.all, options: OptimizerOptions()),
        maxGradNorm: 1, backend: try ReferenceBackend(threads: 1), reduction: reduction)
      let batches = try own.map {
        try batching.prepared($0.map(data.example), key: RandomKey(seed: UInt64($0.lowerBound)))
      }
      for _ in 0..<2 { _ = try step.run(batches, learningRate: 0.01) }
      return model.parameters.all.flatMap(\.value.values)
    }
    let alone = try weights(SingleProcess(), [0..<3])
    for result in Meeting(2).run({ try weights($0, $0.rank == 0 ? [] : [0..<3]) }) {
      #expect(try result.get() == alone)
    }
  }
}
