import GraftCompute
import GraftPlugins
import Testing

@testable import GraftKit

/// Steps on several ranks, against what was worked out by hand.
@Suite struct StepModelTests {
  /// Two parameters of a bucket each on two ranks: the last is complete after one second, the first at the end.
  private var model: StepModel {
    StepModel(
      gradients: [.init(count: bucket, ready: 2), .init(count: bucket, ready: 1)], backwardEnd: 2, update: 1,
      cores: 1)
  }

  private let bucket = 2 * GroupReduction.usualBucketSize

  /// Half of a bucket in float32 takes a second.
  private func network(
    latency: Double = 0, message: Double = 0, processing: Double = 0, adding: Double = 0, rounding: Double = 0
  ) -> StepModel.Network {
    let byte = 1 / Double(2 * bucket)
    return StepModel.Network(
      bandwidth: 1 / byte, latency: latency, message: message, processing: processing * byte,
      adding: adding * byte, rounding: rounding / Double(bucket))
  }

  private func expect(
    _ found: StepModel.Prediction, seconds: Double, exposed: Double, efficiency: Double
  ) {
    for (found, expected) in [
      (found.seconds, seconds), (found.exposed, exposed), (found.efficiency, efficiency),
    ] {
      #expect(abs(found - expected) < 1e-9, "\(found), \(expected)")
    }
  }

  @Test func oneRankExchangesNothing() {
    expect(
      model.prediction(ranks: 1, cores: 1, over: network(latency: 1)), seconds: 3, exposed: 0, efficiency: 1)
    expect(model.prediction(ranks: 1, cores: 6, over: network()), seconds: 0.5, exposed: 0, efficiency: 1)
  }

  /// One bucket from 1 to 2 s, hidden; one from 2 to 3; half of the update; the weights in 2 s.
  @Test func whatIsCompleteLastIsExposed() {
    expect(
      model.prediction(ranks: 2, cores: 1, over: network()), seconds: 5.5, exposed: 3, efficiency: 3 / 5.5)
  }

  /// At 0.5 and 1 s begin buckets of 1 s: until 1.5 and 2.5, when the backward pass has been over for 1.5 s.
  @Test func moreCoresHideLess() {
    expect(
      model.prediction(ranks: 2, cores: 2, over: network()), seconds: 2.5 + 0.25 + 2, exposed: 1.5 + 2,
      efficiency: 1.5 / 4.75)
  }

  /// Three quarters of each bucket go to others: 1.5 s, and a quarter of the latency, as four are on their way at once. The
  /// first begins after 1 s, the second after 2.525.
  @Test func moreRanksSendMore() {
    expect(
      model.prediction(ranks: 4, cores: 1, over: network(latency: 0.1)),
      seconds: 2 + 2.05 + 7 * 0.1 + 0.25 + 2 * 1.525, exposed: 2.05 + 0.7 + 3.05, efficiency: 3 / 8.05)
  }

  /// A bucket takes 0.025 s to begin, 0.2 s of the thread, 1 s on the way and 0.4 s to be added up: 1.625 s. The cores lose
  /// 0.9 s to the first: 0.2 s, 0.3 s while it is on its way, 0.4 s. The second begins at 2.9, when they are done.
  @Test func exchangingTakesTimeOfTheCores() {
    let busy = network(latency: 0.1, message: 0.2, processing: 0.3, adding: 0.4)
    expect(
      model.prediction(ranks: 2, cores: 1, over: busy), seconds: 2.9 + 1.625 + 7 * 0.3 + 0.5 + 2 * 1.625,
      exposed: 0.9 + 1.625 + 2.1 + 3.25, efficiency: 3 / 10.375)
    // A thread that needs longer than the network is what limits.
    expect(
      model.prediction(ranks: 2, cores: 1, over: network(processing: 2)), seconds: 4 + 2 + 0.5 + 4,
      exposed: 2 + 2 + 4, efficiency: 3 / 10.5)
  }

  /// Half of the time on the way, and 0.1 s to round; the weights as before.
  @Test func halvesAreRounded() {
    var model = model
    model.precision = .bfloat16
    expect(
      model.prediction(ranks: 2, cores: 1, over: network(rounding: 0.1)), seconds: 2.1 + 0.6 + 0.5 + 2,
      exposed: 0.1 + 0.6 + 2, efficiency: 3 / 5.2)
  }

  /// 2 ranks that add up 100 bytes a second send and receive as many; of 4, a number goes out and back to three others. One
  /// number alone goes out and back as well.
  @Test func theNetworkIsThatOfTheRanks() throws {
    let speed = RankSpeed(latency: 0.5, bandwidth: [.float32: 100, .bfloat16: 10])
    for (ranks, bandwidth) in [(2, 100.0), (4, 150)] {
      let network = try #require(StepModel.Network(speed, ranks: ranks))
      #expect(network.latency == 0.25 && abs(network.bandwidth / bandwidth - 1) < 1e-4)
    }
  }

  /// Of a number two bytes go out, in bfloat16, and four come back; what it takes beyond that is rounding. Halves that are
  /// there sooner than the network lets them cost none.
  @Test(arguments: [(2, 40.0, 0.07), (2, 100, 0.01), (2, 200, 0), (4, 40, 0.07)])
  func whatRoundingTakesIsMeasured(_ ranks: Int, _ bandwidth: Double, _ rounding: Double) throws {
    let speed = RankSpeed(latency: 0, bandwidth: [.float32: 100, .bfloat16: bandwidth])
    let network = try #require(StepModel.Network(speed, ranks: ranks))
    #expect(abs(network.rounding - rounding) < 1e-6)
  }

  /// What a byte takes of a core is measured, without what it takes to add it up; more than the network's time it is not.
  @Test func whatTheExchangeTakesOfACoreIsMeasured() throws {
    for (cpu, processing) in [(0.004, 0.004 - 0.15e-9), (1, 0.01), (0, 0.6e-9)] {
      let speed = RankSpeed(latency: 0, bandwidth: [.float32: 100], cpuSecondsPerByte: cpu)
      let network = try #require(StepModel.Network(speed, ranks: 2))
      #expect(abs(network.processing / processing - 1) < 1e-4)
    }
    let speeds = Meeting(2).run { try RankSpeed(of: $0, megabytes: 1) }
    for speed in speeds {
      let speed = try speed.get()
      #expect(speed.cpuSecondsPerByte > 0 && !speed.isShared)
    }
  }

  @Test func sharedMemoryIsNoNetwork() {
    let speed = RankSpeed(latency: 0, bandwidth: [.float32: 100], isShared: true)
    #expect(StepModel.Network(speed, ranks: 2) == nil)
  }

  /// As in training: on one machine nothing is sent but single numbers, gradients in bfloat16 and bytes at which ranks meet.
  @Test(arguments: [true, false]) func gradientsAreAddedUpInSharedMemoryOnOneMachine(_ isOne: Bool) throws {
    let (training, sending) = (Meeting(2, onOneMachine: isOne), Meeting(2, onOneMachine: isOne))
    for speed in training.run({ try RankSpeed(of: $0, .training, megabytes: 1) }) {
      let speed = try speed.get()
      #expect(speed.isShared == isOne && speed.bandwidth.values.allSatisfy { $0 > 0 })
      #expect((speed.cpuSecondsPerByte == 0) == isOne)
    }
    for speed in sending.run({ try RankSpeed(of: $0, megabytes: 1) }) { #expect(try !speed.get().isShared) }
    // A rank sends half a megabyte of gradients in float32, a quarter in bfloat16, and half a megabyte of weights. Of float32
    // there are eight exchanges, of which three measure CPU time; of bfloat16 five.
    func megabytes(_ meeting: Meeting) -> Double {
      (Double(meeting.sentBytes(by: 0)) / Double(1 << 18)).rounded() / 4
    }
    let all = 8 * (0.5 + 0.5) + 5 * (0.25 + 0.5)
    #expect(megabytes(sending) == all)
    #expect(megabytes(training) == (isOne ? 5 * 0.25 : all))
  }

  @Test func aStepIsMeasured() throws {
    let registry = try Support.registry()
    let model = try StepModel(
      measuring: Support.fixture("masked-lm"), batchSize: 2, tokens: 8,
      backend: ReferenceBackend(threads: 1), registry: registry)
    #expect(model.cores == 1 && model.update > 0)
    // Embeddings are complete last, and all before the update.
    #expect(model.gradients.allSatisfy { $0.ready > 0 && $0.ready <= model.backwardEnd })
    #expect(model.gradients[0].ready > (model.gradients.last?.ready ?? 0))
  }
}
