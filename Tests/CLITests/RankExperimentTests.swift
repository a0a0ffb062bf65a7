import Foundation
import GraftTensors
import TestSupport
import Testing

/// `mpirun -n N graft run …`, where Open MPI is installed.
@Suite(.serialized, .enabled(if: Ranks.areHere, "mpirun is not installed: the Debian package openmpi-bin"))
struct RankExperimentTests {
  private static let run = "run experiment.yaml --threads 1 --output"

  /// Demands that documents are the same but for times, what the files say of steps, and the rounding of float32.
  private func expectNear(_ found: JSON, _ expected: JSON, at place: String = "report") {
    switch (found, expected) {
    case (.object(let found), .object(let expected)):
      let skipped = ["experiment", "machine"]
      #expect(found.keys == expected.keys, "\(place)")
      for (key, value) in expected where !skipped.contains(key) {
        expectNear(found[key] ?? .null, value, at: "\(place).\(key)")
      }
    case (.array(let found), .array(let expected)):
      #expect(found.count == expected.count, "\(place)")
      for (index, pair) in zip(found, expected).enumerated() {
        expectNear(pair.0, pair.1, at: "\(place)[\(index)]")
      }
    default:
      if let found = found.double, let expected = expected.double {
        #expect(abs(found - expected) <= 1e-5 * max(1, abs(expected)), "\(place): \(found), \(expected)")
      } else {
        #expect(found == expected, "\(place)")
      }
    }
  }

  private func expectNear(_ sandbox: Sandbox, _ output: String, _ other: String) throws {
    func report(_ name: String) throws -> JSON {
      try Killing.withoutTimes(sandbox.url("\(name)/report.json"))
    }
    expectNear(try report(output), try report(other))
  }

  private func stages(_ sandbox: Sandbox, _ output: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: sandbox.url("\(output)/stages").path).sorted()
  }

  /// Checkpoints after steps that have two batches as well.
  private func write(_ sandbox: Sandbox, epochs: Int = 2) throws {
    try RunTests.experiment(sandbox, epochs: epochs)
  }

  @Test func ranksRunAsOneProcess() throws {
    try Sandbox.with { sandbox in
      try write(sandbox)
      let text = try String(contentsOf: sandbox.url("experiment.yaml"), encoding: .utf8)
      try sandbox.write(
        "accumulating.yaml",
        text.replacing("batch-size: 4", with: "batch-size: 4, gradient-accumulation-steps: 2"))
      let alone = try sandbox.shell("$GRAFT run accumulating.yaml --threads 1 --output alone")
      try #require(alone.code == 0, "\(alone.stderr)")
      let ranks = try sandbox.shell(
        "\(Ranks.command(2)) \(Self.run) ranks", environment: Ranks.environment)
      try #require(ranks.code == 0, "\(ranks.stderr)")
      // One screen.
      for text in ["wrote ranks/report.html", "mean (lowest to highest) of 2 seeds"] {
        #expect(ranks.stdout.components(separatedBy: text).count == 2, "\(ranks.stdout)")
      }
      #expect(ranks.stderr.components(separatedBy: "14 stages, 0 done before").count == 2, "\(ranks.stderr)")
      #expect(ranks.stderr.components(separatedBy: "14/14 evaluate test").count == 2, "\(ranks.stderr)")
      try expectNear(sandbox, "ranks", "alone")
      #expect(try stages(sandbox, "ranks") == stages(sandbox, "alone"))

      let again = try sandbox.shell(
        "\(Ranks.command(2)) \(Self.run) ranks", environment: Ranks.environment)
      #expect(again.code == 0 && again.stdout == ranks.stdout)
      #expect(again.stderr.contains("all 14 stages done before"), "\(again.stderr)")
      let shown = try sandbox.shell(
        "\(Ranks.command(2)) \(Self.run) ranks --dry-run; $GRAFT \(Self.run) ranks --dry-run",
        environment: Ranks.environment)
      #expect(shown.code == 0, "\(shown.stderr)")
      let note = "the run in ranks was begun on 2 ranks: its steps keep their batches"
      #expect(shown.stderr.components(separatedBy: note).count == 2, "\(shown.stderr)")
    }
  }

  /// Runs two ranks in the directories `one` and `two`, which have the same files but for what a test leaves out.
  private func apart(_ sandbox: Sandbox, _ command: String) throws -> Sandbox.Outcome {
    try sandbox.shell(
      "mpirun --oversubscribe --bind-to none -n 1 --wdir one $GRAFT \(command) : -n 1 --wdir two $GRAFT \(command)",
      environment: Ranks.environment)
  }

  /// By rank 0.
  @Test func aDraftIsWrittenOnce() throws {
    try Sandbox.with { sandbox in
      for place in ["one", "two"] { try sandbox.write("\(place)/README", "") }
      let draft = try apart(
        sandbox,
        "run --init \(sandbox.resolve("{masked-lm}")) --train-file \(RunTests.packages)/train.csv --output draft.yaml"
      )
      #expect(draft.code == 0, "\(draft.stderr)")
      #expect(
        try sandbox.listing().filter { $0.contains("draft") }.map { $0.prefix(14) } == ["one/draft.yaml"])
    }
  }

  /// SIGKILL to a rank, and SIGTERM to one alone; the run goes on, to the same bits on as many ranks.
  @Test(.timeLimit(.minutes(5))) func aRunThatIsKilledGoesOn() throws {
    try Sandbox.with { sandbox in
      try write(sandbox, epochs: 5)
      let whole = try sandbox.shell(
        "\(Ranks.command(2)) \(Self.run) whole", environment: Ranks.environment)
      try #require(whole.code == 0, "\(whole.stderr)")
      /// Sends a signal to a rank once a run has evaluated in training.
      func stop(_ signal: String, _ output: String) throws -> Sandbox.Outcome {
        try sandbox.shell(
          """
          rm -f log
          \(Ranks.command(2)) \(Self.run) \(output) 2> log & job=$!
          while ! grep -qs "  epoch [0-9]" log && kill -0 $job; do sleep 0.02; done
          pkill -\(signal) -P $job -n
          wait $job; code=$?
          cat log >&2
          exit $code
          """, environment: Ranks.environment)
      }
      for (output, next) in [("ranks", "\(Ranks.command(2)) "), ("alone", "$GRAFT ")] {
        let killed = try stop("KILL", output)
        #expect(killed.code != 0 && killed.code != 143 && killed.stderr.contains("rank"), "\(killed.stderr)")
        let stopped = try stop("TERM", output)
        #expect(stopped.code == 143, "\(stopped.stderr)")
        let advice = "interrupted; the same command goes on where it stopped"
        #expect(stopped.stderr.components(separatedBy: advice).count == 2, "\(stopped.stderr)")
        let ended = try sandbox.shell("\(next)\(Self.run) \(output)", environment: Ranks.environment)
        try #require(ended.code == 0, "\(ended.stderr)")
        #expect(!ended.stderr.contains("14 stages, 0 done before"), "\(ended.stderr)")
        try expectNear(sandbox, output, "whole")
      }
      try RunTests.expectEqual(sandbox, "whole", "ranks")
    }
  }

  /// Rank 1 has the experiment, and not the data.
  @Test func anErrorOfARankIsNamedAndEndsAll() throws {
    try Sandbox.with { sandbox in
      for place in ["one", "two"] {
        try sandbox.write(
          "\(place)/experiment.yaml",
          """
          base: \(sandbox.resolve("{masked-lm}"))
          data: {texts: {files: texts.txt}}
          stages: {test: {evaluate: texts}}
          arms: {one: [test]}
          """)
      }
      try sandbox.write("one/texts.txt", "he can\nshe can\n")
      let started = Date()
      let run = try apart(sandbox, "\(Self.run) out")
      #expect(run.code != 0 && run.stderr.contains("rank 1 on "), "\(run.stderr)")
      #expect(run.stderr.contains("texts.txt") && -started.timeIntervalSinceNow < 60, "\(run.stderr)")
      #expect(run.stderr.components(separatedBy: "graft: error").count == 2, "\(run.stderr)")
      #expect(!FileManager.default.fileExists(atPath: sandbox.url("one/out").path))
    }
  }

  @Test func whatOneProcessBeganKeepsItsSteps() throws {
    try Sandbox.with { sandbox in
      try write(sandbox)
      let alone = try sandbox.shell("$GRAFT \(Self.run) out --seeds 1 --quiet")
      try #require(alone.code == 0, "\(alone.stderr)")
      let before = try stages(sandbox, "out")
      let ranks = try sandbox.shell(
        "\(Ranks.command(2)) \(Self.run) out", environment: Ranks.environment)
      #expect(ranks.code != 0)
      #expect(
        ranks.stderr.contains(
          "stage 'tune': there are more ranks than batches in a step; expected at most 1 rank, found 2. "
            + "Start as many as this directory's run was begun on, 1, or choose another directory."),
        "\(ranks.stderr)")
      #expect(ranks.stderr.components(separatedBy: "graft: error").count == 2, "\(ranks.stderr)")
      #expect(try stages(sandbox, "out") == before)
    }
  }
}
