import Foundation
import GraftCompute
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

/// What `train` says of its speed, and how precisely it computes.
extension TrainingTests {
  @Test func aProfileLeavesOutTheFirstTwoSteps() throws {
    try withTemporaryDirectory { directory in
      var options = TrainingOptions()
      options.maxSteps = 5
      options.batchSize = 2
      options.saveStrategy = .no
      let profile = Profile()
      let golden = try JSON(file: fixtures.appending(path: "trainer/run.json"))
      let start = ContinuousClock.now
      _ = try train(
        registry.open(Support.fixture("sequence-classification")).checkpoint, on: rows(golden["train"]),
        options: options, output: directory.appending(path: "out"), backend: backend, registry: registry,
        profile: profile)
      let elapsed = (ContinuousClock.now - start) / .seconds(1)
      #expect(profile.steps == 3)
      #expect(profile.tokens > 0 && profile.paddedTokens >= profile.tokens)

      let summary = TrainingProfile(profile, on: backend)
      #expect(summary.steps == 3)
      #expect(abs(summary.rows.reduce(0) { $0 + $1.share } - 1) < 1e-9)
      #expect(summary.rows.map(\.seconds) == summary.rows.map(\.seconds).sorted(by: >))
      #expect(summary.products.rate > 0 && summary.products.rateAlone > 0 && summary.peak > 0)
      // Ops account for something, how little the rest is being a matter of what else the machine does.
      let other = try #require(summary.rows.first { $0.name == "other" })
      #expect(other.share < 0.9 && summary.seconds <= elapsed)
      #expect(summary.update.map { $0.bandwidth > 0 && $0.copyBandwidth > 0 } == true)
      let names = Set(summary.rows.map(\.name))
      #expect(
        names.isSuperset(of: ["product: forward", "attention", "optimizer: update", "tokenizing and masking"])
      )
    }
  }

  @Test func bfloat16TrainsCloseToFloat32AndIsResumedAsSuch() throws {
    let golden = try JSON(file: fixtures.appending(path: "trainer/run.json"))
    let checkpoint = try registry.open(Support.fixture("sequence-classification")).checkpoint
    try withTemporaryDirectory { directory in
      var options = TrainingOptions()
      options.epochs = 2
      options.batchSize = 4
      options.learningRate = 2e-3
      func loss(_ precision: Precision) throws -> Double {
        let backend = try ReferenceBackend(threads: 2, precision: precision)
        let outcome = try train(
          checkpoint, on: rows(golden["train"]), options: options,
          output: directory.appending(path: precision.rawValue), backend: backend, registry: registry)
        guard case .finished(let summary) = outcome else { throw Unexpected(outcome) }
        return try #require(summary.training["train_loss"])
      }
      let (exact, rounded) = (try loss(.float32), try loss(.bfloat16))
      #expect(exact != rounded)
      #expect(abs(rounded / exact - 1) < 0.02)

      let error = #expect(throws: GraftError.self) {
        try train(
          checkpoint, on: rows(golden["train"]), options: options,
          output: directory.appending(path: "bfloat16"), backend: ReferenceBackend(threads: 2),
          registry: registry, resume: true)
      }
      #expect(error?.option == "precision")
      #expect(error?.expected == "bfloat16" && error?.found == "float32")
    }
  }
}
