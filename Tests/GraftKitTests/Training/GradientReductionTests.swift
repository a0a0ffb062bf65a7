import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftTensors
import Testing

@testable import GraftKit

/// The seam between the backward pass and the norm, with two ranks that are threads of this process.
@Suite struct GradientReductionTests {
  private static let texts = ["a b c", "the cat", "d e f g h i", "x", "a dog b", "c d", "e f g", "h"]
  /// Ranks with unequal numbers of predictions.
  private static let shares = [0..<3, 3..<8]

  private let registry: Registry

  init() throws { registry = try Support.registry() }

  @Test func twoRanksTrainAsOneThatAccumulates() throws {
    let whole = try Rank(registry, batches: Self.shares)
    let alone = try (0..<3).map { _ in try whole.takeStep() }

    let meeting = Meeting(count: 2)
    let ranks = try Self.shares.enumerated().map { number, share in
      try Rank(registry, batches: [share], reduction: Sum(rank: number, meeting: meeting))
    }
    let results = onThreads(ranks.count) { number in try (0..<3).map { _ in try ranks[number].takeStep() } }
    for result in results {
      for (together, alone) in zip(try result.get(), alone) {
        #expect(abs(together.loss - alone.loss) < 1e-5)
        #expect(abs(together.gradientNorm / alone.gradientNorm - 1) < 1e-4)
        #expect(together.predictions == alone.predictions)
        #expect(together.trained == alone.trained)
      }
    }
    #expect(ranks[0].weights == ranks[1].weights)
    for (together, alone) in zip(ranks[0].weights, whole.weights) { #expect(abs(together - alone) < 1e-5) }
    #expect(whole.weights != (try Rank(registry, batches: [])).weights)
  }

  @Test func aLossThatIsNoNumberStopsEveryRank() throws {
    let meeting = Meeting(count: 2)
    let ranks = try Self.shares.enumerated().map { number, share in
      try Rank(registry, batches: [share], reduction: Sum(rank: number, meeting: meeting))
    }
    let start = ranks[0].weights
    for parameter in ranks[1].model.parameters.all { parameter.value.pointer[0] = .nan }
    for result in onThreads(ranks.count, { try ranks[$0].takeStep() }) {
      let error = #expect(throws: GraftError.self) { try result.get() }
      #expect(error?.problem == "training diverged: the loss is nan")
    }
    #expect(ranks[0].weights == start)
    #expect(ranks[0].model.parameters.all.allSatisfy { $0.gradient == nil })
  }

  @Test func whatTheReductionThrowsLeavesTheWeights() throws {
    struct Lost: Error {}
    struct Broken: GradientReduction {
      func total(_ counts: [Double]) -> [Double] { counts }
      func reduce(_ parameters: [Parameter], loss: Double) throws -> Double { throw Lost() }
    }
    let rank = try Rank(registry, batches: Self.shares, reduction: Broken())
    let start = rank.weights
    #expect(throws: Lost.self) { try rank.takeStep() }
    #expect(rank.weights == start)
    #expect(rank.model.parameters.all.allSatisfy { $0.gradient == nil })
  }

  // MARK: Ranks

  /// A model with batches of its own. Used by one thread at a time.
  private final class Rank: @unchecked Sendable {
    let model: Model
    private let batches: [PreparedBatch]
    private let step: TrainingStep

    init(_ registry: Registry, batches: [Range<Int>], reduction: any GradientReduction = NoReduction()) throws
    {
      var checkpoint = try registry.open(Support.fixture("masked-lm")).checkpoint
      checkpoint.configuration = checkpoint.family.overridingDropout(0, in: checkpoint.configuration)
      let model = try checkpoint.makeModel()
      let data = try Dataset(texts.map { TextRow($0) }, for: model)
      let batching = Batching(model: model, data: data, mlmProbability: 0.5)
      self.model = model
      self.batches = try batches.map {
        try batching.prepared($0.map(data.example), key: RandomKey(seed: UInt64($0.lowerBound)))
      }
      step = TrainingStep(
        model: model, optimizer: Descent(model.parameters.all, options: OptimizerOptions()), maxGradNorm: 1,
        backend: try ReferenceBackend(threads: 1), reduction: reduction)
    }

    func takeStep() throws -> TrainingStep.Result { try step.run(batches, learningRate: 0.1) }

    var weights: [Float] { model.parameters.all.flatMap(\.value.values) }
  }

  /// `w ← w − η·g`: linear in the gradient, so that rounding differences stay small.
  private final class Descent: Optimizer {
    static let name = "descent"
    private let parameters: [Parameter]

    init(_ parameters: [Parameter], options: OptimizerOptions) { self.parameters = parameters }

    func gradientNorm(backend: any ComputeBackend) -> Double {
      parameters.compactMap(\.gradient).flatMap(\.values).reduce(0) { $0 + Double($1) * Double($1) }
        .squareRoot()
    }

    func update(learningRate: Float, gradientScale: Float, backend: any ComputeBackend) {
      for parameter in parameters {
        guard let gradient = parameter.gradient else { continue }
        for i in 0..<gradient.count {
          parameter.value.pointer[i] -= learningRate * gradientScale * gradient.pointer[i]
        }
        parameter.clearGradient()
      }
    }

    var state: Weights { Weights() }
    func restore(_ state: Weights) {}
  }

  // MARK: A reduction

  /// What one rank brings.
  private enum Contribution {
    case counts([Double])
    case gradients([[Float]?], loss: Double)
  }

  /// Where ranks exchange what they bring; each waits for all.
  private final class Meeting: @unchecked Sendable {
    private let condition = NSCondition()
    private let count: Int
    private var gathering: [Int: Contribution] = [:]
    private var gathered: [Contribution] = []
    private var round = 0

    init(count: Int) { self.count = count }

    struct NobodyCame: Error {}

    func exchange(_ contribution: Contribution, from rank: Int) throws -> [Contribution] {
      condition.lock()
      defer { condition.unlock() }
      let mine = round
      gathering[rank] = contribution
      if gathering.count == count {
        gathered = gathering.sorted { $0.key < $1.key }.map(\.value)
        gathering = [:]
        round += 1
        condition.broadcast()
      }
      while round == mine {
        guard condition.wait(until: Date(timeIntervalSinceNow: 60)) else { throw NobodyCame() }
      }
      return gathered
    }
  }

  /// Sums, added up in the order of ranks.
  private struct Sum: GradientReduction {
    let rank: Int
    let meeting: Meeting

    func total(_ counts: [Double]) throws -> [Double] {
      let all = try meeting.exchange(.counts(counts), from: rank)
      return all.reduce(counts.map { _ in 0 }) { sums, contribution in
        guard case .counts(let own) = contribution else { return sums }
        return zip(sums, own).map { $0 + $1 }
      }
    }

    func reduce(_ parameters: [Parameter], loss: Double) throws -> Double {
      let mine = Contribution.gradients(parameters.map { $0.gradient?.values }, loss: loss)
      let all = try meeting.exchange(mine, from: rank).compactMap { contribution in
        if case .gradients(let gradients, let loss) = contribution { (gradients, loss) } else { nil }
      }
      for (index, parameter) in parameters.enumerated() where all.contains(where: { $0.0[index] != nil }) {
        parameter.slot.add(pool: nil) { gradient, _ in
          for i in 0..<gradient.count {
            gradient.pointer[i] = Float(all.reduce(0.0) { $0 + Double($1.0[index]?[i] ?? 0) })
          }
        }
      }
      return all.reduce(0) { $0 + $1.1 }
    }
  }
}
