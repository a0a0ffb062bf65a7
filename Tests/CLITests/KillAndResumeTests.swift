import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

import GraftPlugins

/// A run that is killed at any moment leaves whole checkpoints, and resumes to the same result, bit for bit.
@Suite(.serialized) struct KillAndResumeTests {
  static let steps = 240
  static let kills = 10

  struct Task: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let model: String
    let data: [String]
  }

  static let packages = fixtures.appending(path: "packages/train.csv").path
  static let tasks = [
    Task(
      testDescription: "classification", model: "classifier",
      data: ["--data", packages, "--eval-data", packages, "--eval-strategy", "steps", "--eval-steps", "40"]),
    Task(testDescription: "masked language modelling", model: "{masked-lm}", data: ["--data", packages]),
  ]

  @Test(.timeLimit(.minutes(5)), arguments: tasks) func killedTenTimes(_ task: Task) throws {
    try Sandbox.with { sandbox in
      let swapped = try sandbox.graft([
        "head", "swap", "{base}", "--to", "sequence-classification", "--labels", "games,science,sound,web",
        "--output", "classifier",
      ])
      try #require(swapped.code == 0, "\(swapped.stderr)")
      let train =
        ["train", task.model] + task.data + [
          "--take", "48", "--max-length", "24", "--batch-size", "4", "--max-steps", "\(Self.steps)",
          "--dropout",
          "0.2", "--save-steps", "7", "--save-total-limit", "3", "--logging-steps", "10", "--quiet",
          "--output",
        ]
      let started = Date()
      let whole = try sandbox.graft(train + ["whole"])
      try #require(whole.code == 0, "\(whole.stderr)")
      let duration = -started.timeIntervalSinceNow

      // On average half as long again as a tenth of the undisturbed run: a start is part of each piece.
      var random = SplitMix64(state: 42)
      var kills = 0
      for kill in 0..<Self.kills {
        let delay = Double.random(in: 0...(3 * duration / Double(Self.kills)), using: &random)
        let wasKilled = try sandbox.graft(
          train + ["killed"] + (kill == 0 ? [] : ["--resume"]), killedAfter: delay)
        if wasKilled { kills += 1 }
        try Self.checkCheckpoints(in: sandbox.url("killed"))
      }
      #expect(kills >= 3, "\(kills) of \(Self.kills) kills met a running process")

      let last = try sandbox.graft(train + ["killed", "--resume"])
      try #require(last.code == 0, "\(last.stderr)")
      let newest = "checkpoint-\(Self.steps)"
      for file in ["model.safetensors", "\(newest)/model.safetensors", "\(newest)/optimizer.safetensors"] {
        let (first, second) = (sandbox.url("whole/\(file)"), sandbox.url("killed/\(file)"))
        #expect(try Data(contentsOf: first) == Data(contentsOf: second), "\(file) differs")
      }
      for file in ["trainer_state.json", "\(newest)/trainer_state.json", "\(newest)/training_progress.json"] {
        let (first, second) = (sandbox.url("whole/\(file)"), sandbox.url("killed/\(file)"))
        #expect(try Killing.withoutTimes(first) == Killing.withoutTimes(second), "\(file) differs")
      }
      let names = try ["whole", "killed"].map { try Self.names(sandbox.url($0)) }
      #expect(names[0] == names[1])
    }
  }

  /// Demands that everything under a final name is complete: each file there, each tensor readable.
  private static func checkCheckpoints(in output: URL) throws {
    let registry = try Registry.builtIn()
    for name in try names(output) where name.hasPrefix("checkpoint-") {
      let checkpoint = output.appending(path: name)
      let opened = try registry.open(checkpoint)
      let optimizer = try registry.openWeights(checkpoint.appending(path: "optimizer.safetensors")).weights
      for tensor in [opened.stored, optimizer].flatMap(\.tensors.values) {
        #expect(try tensor.bytes().count == tensor.spec.byteCount)
      }
      #expect(opened.checkpoint.tokenizer != nil)
      for file in ["trainer_state.json", "training_progress.json"] {
        let state = try JSON(parsing: Array(Data(contentsOf: checkpoint.appending(path: file))))
        if let step = state["global_step"]?.int { #expect(name == "checkpoint-\(step)") }
      }
    }
  }

  /// What is in a run's directory, but for what a killed process was about to write or remove.
  private static func names(_ output: URL) throws -> [String] {
    guard FileManager.default.fileExists(atPath: output.path) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: output.path).filter { !$0.hasPrefix(".") }
      .sorted()
  }
}
