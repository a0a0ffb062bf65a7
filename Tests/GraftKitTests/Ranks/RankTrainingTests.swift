import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftTensors
import Synchronization
import TestSupport
import Testing

@testable import GraftKit

/// Training on several ranks, which are threads of this process, against one process that accumulates as many batches.
@Suite struct RankTrainingTests {
  private static let texts = [
    "a b c", "the cat", "d e f g h i", "x", "a dog b", "c d", "e f g", "h", "b c d e", "the dog", "i h g",
    "cat a", "f", "e e e", "a c e g i", "b d f h", "the the", "x y z", "dog cat", "g f e d c",
  ]

  /// What a run ended with.
  private struct Outcome: Sendable {
    let losses: [Double]
    let evaluations: [Double]
    let weights: Data
    let tokens: Int?
  }

  private static func train(
    _ output: URL, _ group: any ProcessGroup = SingleProcess(), steps: Int = 12,
    precision: Precision = .float32,
    resume: Bool = false, control: TrainingControl = TrainingControl(),
    texts: [String] = texts, checkpoint: Checkpoint? = nil, profile: Profile? = nil,
    _ change: (inout TrainingOptions) -> Void = { _ in },
    observe: @escaping (TrainingEvent) -> Void = { _ in }
  ) throws -> TrainingOutcome {
    let registry = try Support.registry()
    var options = TrainingOptions()
    options.batchSize = 2
    options.maxSteps = steps
    options.loggingSteps = 1
    options.learningRate = 1e-3
    options.dropout = 0.1
    options.mlmProbability = 0.4
    options.saveSteps = 5
    options.reportTo = []
    change(&options)
    let rows = texts.map { TextRow($0) }
    return try GraftKit.train(
      try checkpoint ?? registry.open(Support.fixture("masked-lm")).checkpoint,
      on: TrainingData(rows, named: ["texts"]),
      evaluating: options.evalStrategy == .no ? nil : TrainingData(Array(rows.prefix(11)), named: ["texts"]),
      options: options, output: output, backend: try registry.makeBackend(threads: 1), registry: registry,
      resume: resume, ranks: DataParallel(group, gradientPrecision: precision), control: control,
      profile: profile, observe: observe)
  }

  private static func outcome(_ output: URL) throws -> Outcome {
    let state = try JSON(file: output.appending(path: "trainer_state.json"))
    let history = state["log_history"]?.array ?? []
    return Outcome(
      losses: history.compactMap { $0["loss"]?.double },
      evaluations: history.compactMap { $0["eval_loss"]?.double },
      weights: try Data(contentsOf: output.appending(path: "model.safetensors")),
      tokens: state["num_input_tokens_seen"]?.int)
  }

  private static func expectEqual(_ found: [Double], _ expected: [Double], within tolerance: Double = 1e-5) {
    #expect(found.count == expected.count && !expected.isEmpty)
    for (found, expected) in zip(found, expected) {
      #expect(abs(found - expected) <= tolerance * abs(expected), "\(found), \(expected)")
    }
  }

  @Test func twoAndFourRanksTrainAsOneProcess() throws {
    try withTemporaryDirectory { directory in
      func run(_ ranks: Int, _ name: String) throws -> Outcome {
        let output = directory.appending(path: name)
        let change: @Sendable (inout TrainingOptions) -> Void = {
          $0.gradientAccumulationSteps = 4 / ranks
          $0.evalStrategy = .steps
          $0.evalSteps = 25
          $0.evalBatchSize = 3
        }
        if ranks == 1 {
          _ = try Self.train(output, steps: 50, change)
        } else {
          for result in Meeting(ranks).run({ try Self.train(output, $0, steps: 50, change) }) {
            _ = try result.get()
          }
        }
        return try Self.outcome(output)
      }
      let alone = try run(1, "alone")
      #expect(alone.losses.count == 50 && alone.evaluations.count == 2)
      for found in [try run(2, "two"), try run(4, "four")] {
        Self.expectEqual(found.losses, alone.losses)
        Self.expectEqual(found.evaluations, alone.evaluations)
        #expect(found.tokens == alone.tokens)
      }
    }
  }

  /// A step's last batches may be those of some ranks alone, and an epoch's last step has fewer.
  @Test func batchesThatDoNotDivideAreShared() throws {
    try withTemporaryDirectory { directory in
      let (alone, three) = (directory.appending(path: "alone"), directory.appending(path: "three"))
      _ = try Self.train(alone) { $0.gradientAccumulationSteps = 3 }
      for result in Meeting(3).run({ try Self.train(three, $0) }) { _ = try result.get() }
      let (found, expected) = (try Self.outcome(three), try Self.outcome(alone))
      Self.expectEqual(found.losses, expected.losses)
      #expect(found.tokens == expected.tokens)
    }
  }

  @Test func equalRunsHaveEqualBitsAndGradientsInBFloat16AreNear() throws {
    try withTemporaryDirectory { directory in
      let (exact, rounded) = (directory.appending(path: "exact"), directory.appending(path: "rounded"))
      let again = directory.appending(path: "again")
      for output in [exact, again] {
        for result in Meeting(2).run({ try Self.train(output, $0) }) { _ = try result.get() }
      }
      #expect(try Self.outcome(again).weights == Self.outcome(exact).weights)
      for result in Meeting(2).run({ try Self.train(rounded, $0, precision: .bfloat16) }) {
        _ = try result.get()
      }
      let (found, expected) = (try Self.outcome(rounded), try Self.outcome(exact))
      Self.expectEqual(found.losses, expected.losses, within: 2e-2)
      #expect(found.losses != expected.losses)
    }
  }

  /// A model of so many words that a rank's share of their embeddings goes out from where it is.
  private static func manyWords() throws -> Checkpoint {
    try withTemporaryDirectory { directory in
      let model = directory.appending(path: "model")
      try FileManager.default.copyItem(at: Support.fixture("masked-lm"), to: model)
      let file = model.appending(path: "config.json")
      var configuration = try #require(try JSON(file: file).object)
      configuration["vocab_size"] = 2000
      try Data(JSON.object(configuration).text().utf8).write(to: file)
      return try initializeModel(from: model, head: "masked-lm", registry: try Support.registry())
    }
  }

  /// On one machine they read one another's gradients, the long ones where they gather and the others packed.
  @Test func ranksThatShareGradientsTrainAsOneProcess() throws {
    let checkpoint = try Self.manyWords()
    try withTemporaryDirectory { directory in
      func run(_ name: String, _ meeting: Meeting?) throws -> Outcome {
        let output = directory.appending(path: name)
        if let meeting {
          for result in meeting.run({ try Self.train(output, $0, steps: 6, checkpoint: checkpoint) }) {
            _ = try result.get()
          }
        } else {
          _ = try Self.train(output, steps: 6, checkpoint: checkpoint) { $0.gradientAccumulationSteps = 2 }
        }
        return try Self.outcome(output)
      }
      let (near, far) = (Meeting(2), Meeting(2, onOneMachine: false))
      let (alone, first, second) = (
        try run("alone", nil), try run("first", near), try run("second", Meeting(2))
      )
      let sending = try run("sending", far)
      Self.expectEqual(first.losses, alone.losses)
      #expect(first.weights == second.weights && first.weights == sending.weights)
      #expect(near.sentBytes(by: 1) * 3 < far.sentBytes(by: 1))
    }
  }

  /// A model that was trained on ranks, and answers then, has none of the memory that they shared for gradients.
  @Test func sharedGradientsAreGivenUpAfterTraining() throws {
    let checkpoint = try Self.manyWords()
    try withTemporaryDirectory { directory in
      @Sendable func train(_ group: any ProcessGroup, resume: Bool) throws -> (during: Bool, after: Bool) {
        let registry = try Support.registry()
        let model = try checkpoint.makeModel()
        var options = TrainingOptions()
        (options.batchSize, options.maxSteps, options.gradientAccumulationSteps) = (2, 2, 2)
        var run = TrainingRun(
          model: model, options: options, output: directory.appending(path: "run"),
          store: CheckpointStore(checkpoint, data: ["texts"], examples: 20, registry: registry),
          optimizer: try registry.optimizers.find("adamw"),
          optimizerFormat: try registry.formats.find("safetensors").init(),
          backend: try ReferenceBackend(threads: 1))
        run.ranks = DataParallel(group)
        func isShared() -> Bool { model.parameters["embeddings.word.weight"]?.slot.sharedBuffer != nil }
        var during = false
        let data = try Dataset(Self.texts.map { TextRow($0) }, for: model)
        _ = try run.train(on: data, resume: resume) { _ in during = during || isShared() }
        return (during, isShared())
      }
      for result in Meeting(2).run({ try train($0, resume: false) }) {
        let (during, after) = try result.get()
        #expect(during && !after)
      }
      // There is nothing to train.
      for result in Meeting(2).run({ try train($0, resume: true) }) {
        let (during, after) = try result.get()
        #expect(!during && !after)
      }
    }
  }

  /// A group that communicates for a second between two looks at it, and takes a quarter of a second of a core.
  private final class Clocked: ProcessGroup {
    private let group: any ProcessGroup
    private let looks = Atomic(0)

    init(_ group: any ProcessGroup) { self.group = group }

    var communication: Profile.Overlap {
      let look = Double(looks.add(1, ordering: .relaxed).newValue)
      return Profile.Overlap(seconds: look, cpuSeconds: look / 4)
    }

    var rank: Int { group.rank }
    var size: Int { group.size }
    var hosts: [String] { group.hosts }
    func gather(_ bytes: [UInt8], for purpose: GatheringPurpose) throws -> [[UInt8]] {
      try group.gather(bytes, for: purpose)
    }
    func broadcast(_ memory: UnsafeMutableRawBufferPointer) throws { try group.broadcast(memory) }
    func exchange(
      sent: (Int) -> UnsafeRawBufferPointer, received: (Int) -> UnsafeMutableRawBufferPointer
    ) throws { try group.exchange(sent: sent, received: received) }
    func start(_ sum: RankSum) -> PendingSum { group.start(sum) }
    func start(_ spread: RankSpread) -> PendingSum { group.start(spread) }
    func abort(code: Int32) { group.abort(code: code) }
  }

  /// As the rest of a step, which is left out of the first two.
  @Test func waitingIsCountedForTheStepsOfTheProfile() throws {
    try withTemporaryDirectory { directory in
      let counts = Meeting(2).run { group in
        let profile = Profile()
        _ = try Self.train(directory.appending(path: "run"), Clocked(group), steps: 5, profile: profile)
        let names = ["ranks: gradients", "ranks: weights", "optimizer: update"]
        let overlap = try #require(profile.overlapped["ranks: gradients"])
        #expect(overlap == Profile.Overlap(seconds: 3, cpuSeconds: 0.75))
        for threads in [1, 2] {
          let shown = try #require(
            TrainingProfile(profile, on: try ReferenceBackend(threads: threads)).exchange)
          let waiting = profile.entries.filter { $0.key.hasPrefix("ranks:") }.values.map(\.seconds)
          #expect(waiting.count == 3 && abs(shown.waiting - waiting.reduce(0, +)) < 1e-9)
          #expect(shown.hidden == overlap.seconds)
          #expect(abs(shown.exposed - shown.waiting - overlap.cpuSeconds / Double(threads)) < 1e-9)
        }
        return [profile.steps] + names.map { profile.entries[$0]?.calls ?? 0 }
      }
      for counts in counts {
        let found = try counts.get()
        #expect(found == [3, 3, 3, 3])
      }
    }
  }

  /// Stopped on four ranks by a request to one of them, resumed alone and then on two: the steps stay.
  @Test func aRunGoesOnOnAnotherNumberOfRanks() throws {
    try withTemporaryDirectory { directory in
      let (whole, parts) = (directory.appending(path: "whole"), directory.appending(path: "parts"))
      for result in Meeting(4).run({ try Self.train(whole, $0) }) { _ = try result.get() }
      @Sendable func stopping(_ group: any ProcessGroup, at step: Int) throws -> TrainingOutcome {
        let control = TrainingControl()
        return try Self.train(
          parts, group, resume: true, control: control,
          observe: { event in
            if case .step(let report) = event, report.step == step, group.rank == group.size - 1 {
              control.requestStop()
            }
          })
      }
      for (ranks, step) in [(4, 3), (1, 7), (2, 9)] {
        let results =
          ranks == 1
          ? [Result { try stopping(SingleProcess(), at: step) }]
          : Meeting(ranks).run { try stopping($0, at: step) }
        for result in results {
          guard case .interrupted(_, let stopped) = try result.get() else {
            Issue.record("not interrupted")
            continue
          }
          #expect(stopped == step)
        }
      }
      for result in Meeting(4).run({ try Self.train(parts, $0, resume: true) }) {
        guard case .finished(let summary) = try result.get() else {
          Issue.record("not finished")
          continue
        }
        #expect(summary.training["train_loss"] != nil)
      }
      let (found, expected) = (try Self.outcome(parts), try Self.outcome(whole))
      Self.expectEqual(found.losses, expected.losses)
      for result in Meeting(2).run({ try Self.train(parts, $0, resume: true) }) {
        guard case .alreadyFinished(let summary) = try result.get() else {
          Issue.record("not finished before")
          continue
        }
        #expect(summary.training["train_samples"] == 20)
      }
      // With other options it is another run.
      for result in Meeting(2).run({ group in
        try Self.train(parts, group, resume: true) { $0.gradientAccumulationSteps = 3 }
      }) {
        #expect(throws: GraftError.self) { try result.get() }
      }
    }
  }

  @Test func theBestWeightsAndTheMeanAreThoseOfOneProcess() throws {
    let changes: [@Sendable (inout TrainingOptions) -> Void] = [
      {
        ($0.loadsBestModelAtEnd, $0.metricForBestModel, $0.learningRate) = (true, "loss", 2e-2)
      },
      { ($0.averageLast, $0.saveSteps) = (2, 4) }, { $0.emaDecay = 0.5 },
      { ($0.layerDecay, $0.headLearningRate, $0.weightDecay) = (0.5, 1e-2, 0.1) },
      { $0.unfreezeEverySteps = 2 },
    ]
    for change in changes {
      try withTemporaryDirectory { directory in
        let (alone, two) = (directory.appending(path: "alone"), directory.appending(path: "two"))
        @Sendable func evaluating(_ options: inout TrainingOptions) {
          (options.evalStrategy, options.evalSteps) = (.steps, 4)
          change(&options)
        }
        _ = try Self.train(alone) {
          evaluating(&$0)
          $0.gradientAccumulationSteps = 2
        }
        for result in Meeting(2).run({ try Self.train(two, $0, evaluating) }) { _ = try result.get() }
        let (found, expected) = (try Self.outcome(two), try Self.outcome(alone))
        Self.expectEqual(found.losses, expected.losses, within: 1e-4)
        Self.expectEqual(found.evaluations, expected.evaluations, within: 1e-4)
        let last = try [two, alone].map { run in
          try #require(JSON(file: run.appending(path: "eval_results.json"))["eval_loss"]?.double)
        }
        Self.expectEqual([last[0]], [last[1]], within: 1e-4)
      }
    }
  }

  @Test func moreRanksThanBatchesAreRefused() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "run")
      for result in Meeting(3).run({ try Self.train(output, $0, texts: ["a b", "c d", "e f"]) }) {
        let error = #expect(throws: GraftError.self) { try result.get() }
        #expect(
          error?.description
            == "there are more ranks than batches in the data; expected at most 2 ranks, found 3. "
            + "Start fewer, or lower 'batch-size': there are 3 examples.")
      }
      #expect(!FileManager.default.fileExists(atPath: output.path))
    }
  }

  @Test func ranksWithOtherDataOrOptionsAreRefused() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "run")
      let data = Meeting(2).run { group in
        try Self.train(output, group, texts: Self.texts + [group.rank == 0 ? "a" : "b"])
      }
      let options = Meeting(2).run { group in
        try Self.train(output, group) { $0.loggingSteps = group.rank + 1 }
      }
      for (results, name) in [(data, "data"), (options, "logging-steps")] {
        for result in results {
          let error = #expect(throws: GraftError.self) { try result.get() }
          #expect(error?.problem == "rank 1 on thread has another '\(name)' than rank 0 on thread")
        }
      }
      #expect(!FileManager.default.fileExists(atPath: output.path))
    }
  }

  /// A run that diverges does so everywhere at once.
  @Test func aRunThatDivergesEndsOnEveryRank() throws {
    try withTemporaryDirectory { directory in
      let results = Meeting(2).run { group in
        try Self.train(directory.appending(path: "run"), group) {
          ($0.learningRate, $0.schedule, $0.maxGradNorm) = (1e20, .constant, 0)
        }
      }
      for result in results {
        let error = #expect(throws: GraftError.self) { try result.get() }
        #expect(error?.isDivergence == true, "\(String(describing: error))")
      }
    }
  }
}
