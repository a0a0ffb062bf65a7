import Foundation
import GraftCompute
import GraftCore
import GraftTensors
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

  /// The sum of all ranks' gradients; `nil` where none has one.
  private static func sum(_ parameter: Int) -> [Float]? {
    let parts = (0..<3).compactMap { gradient($0, parameter) }
    return parts.first.map { first in
      parts.dropFirst().reduce(first) { sums, own in zip(sums, own).map { $0 + $1 } }
    }
  }

  /// Two steps, with gradients that are told to be complete in some order.
  private static func steps(
    _ group: any ProcessGroup, sharing: Bool, bucketSize: Int, told: [Int], sharingWeights: Bool = false,
    sharingGradients: Bool = false, _ check: (GroupReduction, [Parameter]) throws -> Void
  ) throws {
    let parameters = Self.parameters()
    let reduction = GroupReduction(
      group, .float32, parameters, sharing: sharing, kernels: ReferenceKernels(), bucketSize: bucketSize,
      profile: nil)
    if sharingWeights { try reduction.shareWeights(withRounded: false) }
    if sharingGradients { try reduction.shareGradients() }
    for _ in 0..<2 {
      reduction.begin(parameters)
      for (index, parameter) in parameters.enumerated() {
        guard let own = Self.gradient(group.rank, index) else { continue }
        if index == 2 {
          // From an op that gives a tensor of its own.
          parameter.slot.add(
            consuming: Tensor(own, shape: [own.count]), try ReferenceBackend(threads: 1))
          continue
        }
        parameter.slot.add(pool: nil) { gradient, _ in
          for (place, value) in own.enumerated() { gradient.pointer[place] = value }
        }
      }
      for index in told { reduction.complete(parameters[index]) }
      let loss = try reduction.reduce(parameters, loss: Double(group.rank))
      #expect(loss == 3)
      try check(reduction, parameters)
      for parameter in parameters { parameter.clearGradient() }
    }
  }

  private static let orders = [([4, 2, 0], "some"), ([], "none"), ([0, 1, 2, 3, 4], "in the wrong order")]

  @Test(arguments: [1, 5, 20, 1000], [true, false]) func gradientsAreAddedUpInBuckets(
    _ size: Int, _ sharesGradients: Bool
  ) throws {
    for (told, label) in Self.orders {
      let results = Meeting(3).run { group in
        try Self.steps(
          group, sharing: false, bucketSize: size, told: told, sharingGradients: sharesGradients
        ) { reduction, parameters in
          #expect(reduction.ownParameters.map(\.name) == parameters.map(\.name))
          for (index, parameter) in parameters.enumerated() {
            #expect(parameter.gradient?.values == Self.sum(index), "parameter \(index), told of \(label)")
          }
        }
      }
      for result in results { try result.get() }
    }
  }

  /// Each rank's optimizer has the sums of its share, and what it changes comes to all.
  @Test(arguments: [1, 5, 20, 1000], [(true, true), (true, false), (false, true), (false, false)])
  func sharesAreChangedByTheirRank(
    _ size: Int, _ shares: (weights: Bool, gradients: Bool)
  ) throws {
    for (told, label) in Self.orders {
      let results = Meeting(3).run { group in
        var lengths = 0
        var step = 0
        try Self.steps(
          group, sharing: true, bucketSize: size, told: told, sharingWeights: shares.weights,
          sharingGradients: shares.gradients
        ) { reduction, parameters in
          #expect(reduction.isInSharedMemory(parameters[0]) == shares.weights)
          step += 1
          lengths = reduction.ownParameters.reduce(0) { $0 + $1.value.count }
          for share in reduction.ownParameters {
            let index = try #require(parameters.firstIndex { $0.name == share.name })
            let elements = reduction.shares.elements(of: parameters[index].value.count, on: group.rank)
            let expected = Self.sum(index).map { Array($0[elements]) }
            #expect(share.gradient?.values == expected, "parameter \(index), told of \(label)")
            guard let gradient = share.gradient else { continue }
            for place in elements.indices {
              share.value.pointer[place - elements.lowerBound] +=
                gradient.pointer[place - elements.lowerBound]
            }
            share.clearGradient()
          }
          // Of 0, 1 and 2.
          let norm = try reduction.norm(Double(group.rank))
          #expect(abs(norm - 5.0.squareRoot()) < 1e-12)
          try reduction.exchangeWeights()
          for (index, parameter) in parameters.enumerated() {
            #expect(parameter.gradient == nil)
            let expected = Self.sum(index)?.map { Float(step) * $0 }
            #expect(
              parameter.value.values == expected ?? parameter.value.values.map { _ in 0 },
              "parameter \(index), told of \(label)")
          }
          // Nobody is to change them while another one still compares.
          try group.meet()
        }
        return lengths
      }
      #expect(try results.map { try $0.get() }.reduce(0, +) == 63)
    }
  }

  /// What products read rounded is so on every rank after a step: a rank's optimizer has rounded its share, the rest is
  /// rounded as it comes.
  @Test(arguments: [true, false]) func whatIsReadRoundedChangesAlong(_ sharesWeights: Bool) throws {
    let type = try Support.registry().optimizers.find("adamw")
    let results = Meeting(2).run { group in
      let backend = try ReferenceBackend(threads: 1, precision: .bfloat16)
      let parameters = [[6, 40], [7]].enumerated().map { index, shape in
        Parameter("p\(index)", Tensor(repeating: 1, shape: shape), decays: false)
      }
      _ = parameters[0].operand(for: backend, pool: nil)
      let reduction = GroupReduction(
        group, .float32, parameters, sharing: true, kernels: backend.kernels, profile: nil)
      let optimizer = type.init(reduction.ownParameters, options: OptimizerOptions())
      if sharesWeights {
        try reduction.shareWeights(withRounded: true)
        _ = parameters[0].operand(for: backend, pool: nil)
      }
      for rate: Float in [0.1, 0.01] {
        reduction.begin(parameters)
        for parameter in parameters {
          parameter.slot.add(pool: nil) { gradient, _ in
            for place in 0..<gradient.count { gradient.pointer[place] = Float(place + 1) }
          }
        }
        _ = try reduction.reduce(parameters, loss: 0)
        for parameter in parameters { parameter.weightsDidChange() }
        optimizer.update(learningRate: rate, gradientScale: 1, backend: backend)
        try reduction.exchangeWeights()
        #expect(parameters[0].isRoundedCurrent && parameters[1].rounded == nil)
        #expect(reduction.ownParameters[0].isRoundedCurrent)
        let rounded = try #require(parameters[0].rounded)
        let values = parameters[0].value.values
        #expect(values.indices.allSatisfy { Float(rounded.pointer[$0]) == Float(BFloat16(values[$0])) })
        #expect(values.allSatisfy { $0 < 1 })
        try group.meet()
      }
      return parameters[0].value.values
    }
    #expect(try results[0].get() == results[1].get())
  }

  /// On one machine the weights are in one place, which are rank 0's; on several each rank has its own.
  @Test(arguments: [true, false]) func weightsAreInOnePlaceOnOneMachine(_ isOne: Bool) throws {
    let results = Meeting(3, onOneMachine: isOne).run { group in
      let parameters = [[40, 3], [5]].enumerated().map { index, shape in
        Parameter("p\(index)", Tensor(repeating: Float(group.rank + 1), shape: shape), decays: false)
      }
      let reduction = GroupReduction(
        group, .float32, parameters, sharing: true, kernels: ReferenceKernels(), profile: nil)
      try reduction.shareWeights(withRounded: true)
      #expect(parameters.allSatisfy { reduction.isInSharedMemory($0) == isOne })
      let expected = isOne ? 1 : Float(group.rank + 1)
      #expect(parameters.allSatisfy { $0.value.values.allSatisfy { $0 == expected } })
      try group.meet()
      if group.rank == 1 { parameters[0].value.pointer[119] = 7 }
      try group.meet()
      #expect((parameters[0].value.pointer[119] == 7) == (isOne || group.rank == 1))
      let share = try #require(reduction.ownParameters.first)
      let elements = reduction.shares.elements(of: 120, on: group.rank)
      #expect(share.value.pointer == parameters[0].value.pointer + elements.lowerBound)
    }
    for result in results { try result.get() }
  }

  /// On one machine long gradients gather where the other ranks read them, unless they are sent rounded, and none is sent.
  @Test(arguments: [(true, Precision.float32), (true, .bfloat16), (false, .float32)])
  func gradientsAreSharedOnOneMachine(_ isOne: Bool, _ precision: Precision) throws {
    let meeting = Meeting(3, onOneMachine: isOne)
    let isShared = isOne && precision == .float32
    let results = meeting.run { group in
      // Shares of 400 and twice 16 numbers, in four buckets and one.
      let parameters = [[400, 3], [5], [2]].enumerated().map { index, shape in
        Parameter("p\(index)", Tensor(repeating: 0, shape: shape), decays: false)
      }
      let reduction = GroupReduction(
        group, precision, parameters, sharing: true, kernels: ReferenceKernels(), bucketSize: 100,
        profile: nil)
      try reduction.shareGradients()
      #expect(parameters.map { $0.slot.sharedBuffer != nil } == [isShared, false, false])
      for step in 0..<2 {
        reduction.begin(parameters)
        for parameter in parameters {
          parameter.slot.add(pool: nil) { gradient, _ in
            gradient.pointer.update(repeating: Float(1 << group.rank), count: gradient.count)
          }
        }
        let before = meeting.sentBytes(by: group.rank)
        _ = try reduction.reduce(parameters, loss: 0)
        // And to each other rank the loss and which gradients there are, in one message of 64 bytes.
        let bytes = isShared ? 5 : (400 + 2 * 16) * (precision == .float32 ? 4 : 2)
        #expect(meeting.sentBytes(by: group.rank) - before == 2 * (bytes + 64), "step \(step)")
        // The others' shares are as they were.
        for (parameter, count) in zip(parameters, [1200, 5, 2]) {
          let own = reduction.shares.elements(of: count, on: group.rank)
          let expected = (0..<count).map { own.contains($0) ? 7 : Float(1 << group.rank) }
          #expect(parameter.gradient?.values == expected)
        }
        let gradient = try #require(parameters[0].gradient)
        try group.meet()
        for parameter in parameters { parameter.clearGradient() }
        #expect(parameters[0].slot.sharedBuffer?.pointer == (isShared ? gradient.pointer : nil))
      }
      reduction.releaseGradients()
      #expect(parameters.allSatisfy { $0.slot.sharedBuffer == nil })
    }
    for result in results { try result.get() }
  }

  @Test func sharesAreOfOneSize() {
    for (size, count) in [(1, 5), (2, 32), (3, 40), (4, 1_000_003), (256, 768), (7, 1)] {
      let all = (0..<size).map { RankShares(rank: $0, size: size).elements(of: count, on: $0) }
      #expect(all.flatMap { Array($0) } == Array(0..<count))
      #expect(all.allSatisfy { $0.lowerBound % 16 == 0 || $0.isEmpty })
      #expect(all.map(\.count).max() ?? 0 < count / size + 17)
    }
  }

  /// A model's gradients on two ranks, one of them without a batch, are those of one process.
  @Test func aRankWithoutABatchTakesPart() throws {
    let registry = try Support.registry()
    @Sendable func weights(_ group: any ProcessGroup, _ own: [Range<Int>], sharing: Bool) throws -> [Float] {
      var checkpoint = try registry.open(Support.fixture("masked-lm")).checkpoint
      checkpoint.configuration = checkpoint.family.overridingDropout(0, in: checkpoint.configuration)
      let model = try checkpoint.makeModel()
      let data = try Dataset(["a b c", "the cat", "d e f g"].map { TextRow($0) }, for: model)
      let batching = Batching(model: model, data: data, mlmProbability: 0.5)
      let reduction =
        group.size == 1
        ? nil
        : GroupReduction(
          group, .float32, model.parameters.all, sharing: sharing, kernels: ReferenceKernels(),
          bucketSize: 500,
          profile: nil)
      let step = TrainingStep(
        model: model,
        optimizer: try registry.optimizers.find("adamw").init(
          reduction?.ownParameters ?? model.parameters.all, options: OptimizerOptions()),
        maxGradNorm: 1, backend: try ReferenceBackend(threads: 1), reduction: reduction ?? NoReduction())
      let batches = try own.map {
        try batching.prepared($0.map(data.example), key: RandomKey(seed: UInt64($0.lowerBound)))
      }
      for _ in 0..<2 { _ = try step.run(batches, learningRate: 0.01) }
      return model.parameters.all.flatMap(\.value.values)
    }
    let alone = try weights(SingleProcess(), [0..<3], sharing: false)
    for sharing in [false, true] {
      for result in Meeting(2).run({ try weights($0, $0.rank == 0 ? [] : [0..<3], sharing: sharing) }) {
        #expect(try result.get() == alone)
      }
    }
  }

  /// Each of four ranks has a quarter of the optimizer's state; rank 0 has it whole when it is saved, and each takes up its
  /// share of what was saved.
  @Test func theStateIsShared() throws {
    let type = try Support.registry().optimizers.find("adamw")
    let backend = try ReferenceBackend(threads: 1)
    @Sendable func parameters() -> [Parameter] {
      [[30, 40], [7], [64]].enumerated().map { index, shape in
        Parameter("layers.\(index)", Tensor(repeating: 0, shape: shape), decays: false)
      }
    }
    /// One step, of which the second parameter has no gradient.
    @Sendable func update(_ all: [Parameter], _ optimizer: any Optimizer, _ reduction: GroupReduction?) throws
    {
      reduction?.begin(all)
      for (index, parameter) in all.enumerated() where index != 1 {
        parameter.slot.add(pool: nil) { gradient, _ in
          for place in 0..<gradient.count { gradient.pointer[place] = Float(place) }
        }
      }
      _ = try reduction?.reduce(all, loss: 0)
      optimizer.update(learningRate: 1, gradientScale: 1 / 4, backend: backend)
      try reduction?.exchangeWeights()
    }
    @Sendable func values(_ state: Weights) throws -> [String: [Float]] {
      try state.tensors.reduce(into: [:]) { $0[$1.key] = try $1.value.floats() }
    }
    let whole = parameters()
    let alone = type.init(whole, options: OptimizerOptions())
    for parameter in whole { parameter.clearGradient() }
    for parameter in [whole[0], whole[2]] {
      parameter.slot.add(pool: nil) { gradient, _ in
        for place in 0..<gradient.count { gradient.pointer[place] = 4 * Float(place) }
      }
    }
    alone.update(learningRate: 1, gradientScale: 1 / 4, backend: backend)
    let expected = (try values(alone.state), alone.state.metadata, alone.state.byteCount)
    let results = Meeting(4).run { group in
      func shared() -> (all: [Parameter], reduction: GroupReduction, optimizer: any Optimizer) {
        let all = parameters()
        let reduction = GroupReduction(
          group, .float32, all, sharing: true, kernels: ReferenceKernels(), profile: nil)
        return (all, reduction, type.init(reduction.ownParameters, options: OptimizerOptions()))
      }
      let (all, reduction, optimizer) = shared()
      try update(all, optimizer, reduction)
      let state = try reduction.gatheredState(optimizer.state)
      if group.leads {
        #expect(try values(state) == expected.0 && state.metadata == expected.1)
        #expect(state["first_moment.layers.0"]?.spec.shape == [30, 40])
      }
      let (again, second, resumed) = shared()
      try resumed.restore(second.receivedState { state })
      for (mine, theirs) in zip(again, all) {
        mine.value.pointer.update(from: theirs.value.pointer, count: mine.value.count)
      }
      try update(all, optimizer, reduction)
      try update(again, resumed, second)
      #expect(again.map(\.value.values) == all.map(\.value.values))
      #expect(try values(resumed.state) == values(optimizer.state))
      return optimizer.state.byteCount
    }
    let sizes = try results.map { try $0.get() }
    #expect(sizes.reduce(0, +) == expected.2)
    let largest = Double(try #require(sizes.max())) / Double(expected.2)
    #expect(abs(largest - 0.25) < 0.02, "\(sizes)")
  }
}
