import Foundation
import GraftTensors
import TestSupport
import Testing

/// `graft run`, from the command to what it leaves on the disk.
@Suite(.serialized) struct RunTests {
  static let packages = fixtures.appending(path: "packages").path

  /// Two arms, two seeds, on a tiny model and a few rows.
  static func experiment(_ sandbox: Sandbox, epochs: Int = 2, seeds: String = "[1, 2]") throws {
    try sandbox.write(
      "experiment.yaml",
      """
      name: packages
      base: \(sandbox.resolve("{masked-lm}"))
      seeds: \(seeds)
      data:
        texts: {files: \(packages)/train.csv, take: 48}
        train: {files: \(packages)/train.csv, take: 48, shuffle-seed: 42}
        test: {files: \(packages)/test.csv, take: 24, shuffle-seed: 42}
      stages:
        before: {evaluate: test, max-length: 24}
        adapt: {train: texts, epochs: \(epochs), batch-size: 4, max-length: 24, save-steps: 6, seed: 3, use: checkpoint-12}
        head: {swap: sequence-classification, labels: [games, science, sound, web]}
        tune: {train: train, eval-data: test, epochs: \(epochs), batch-size: 4, max-length: 24, save-steps: 5}
        test: {evaluate: test, max-length: 24}
      arms:
        direct: [head, tune, test]
        adapted: [before, adapt, head, tune, test]
      """)
  }

  static let rows = [
    Row(
      "run notebook --output out", code: 1,
      stderr: ["notebook: 3 mistakes:", "the data set's file train.csv is not on this machine"]),
    Row(
      "run nothing.yaml --output out", code: 1,
      stderr: ["nothing.yaml: no such file. Ready-made experiments: notebook, notebook-full."]),
    Row(
      "run notebook --output out --seeds 1,x", code: 64, stderr: ["--seeds has to be different whole numbers"]
    ),
    Row("run --help", stdout: ["EXAMPLES", "graft run notebook --base bert-base-uncased"]),
    Row(
      "run experiment.yaml --output out", code: 1,
      stderr: ["experiment.yaml: 10:21: there is no stage 'tset'; the nearest is 'test'."]
    ) {
      try experiment($0)
      try $0.write(
        "experiment.yaml",
        """
        base: \($0.resolve("{masked-lm}"))
        data:
          test: {files: \(packages)/test.csv, take: 24}
        stages:
          test:
            evaluate: test
        arms:
          one:
            - test
          two: [test, test, tset]
        """)
    },
    Row(
      "run experiment.yaml --output out", code: 1,
      stderr: ["out: the output directory exists and is not empty. Choose another name or remove it first."]
    ) {
      try experiment($0)
      try $0.write("out/notes.txt", "mine")
    },
    Row(
      "run experiment.yaml --output out", code: 1,
      stderr: ["experiment.yaml: 1:7: there is no '/nowhere' (/nowhere)."]
    ) {
      try $0.write(
        "experiment.yaml",
        """
        base: /nowhere
        data: {test: {files: \(packages)/test.csv, take: 24}}
        stages: {test: {evaluate: test}}
        arms: {one: [test]}
        """)
    },
    Row(
      "run experiment.yaml --output out --max-disk 10KB", code: 1,
      stderr: ["out: the run would take more disk space than it may; expected at most 10000 bytes, found "]
    ) { try experiment($0) },
    Row(
      "run experiment.yaml --output out --dry-run --quiet",
      stdout: ["train adapt: masked-lm on texts, seed 3", "14 stages, 0 cached; the rest takes about "]
    ) { try experiment($0) },
  ]

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }

  @Test func aDryRunLeavesNothing() throws {
    try Sandbox.with { sandbox in
      try Self.experiment(sandbox)
      let before = try sandbox.listing()
      let outcome = try sandbox.graft(["run", "experiment.yaml", "--output", "out", "--dry-run", "--json"])
      let plan = try JSON(parsing: Array(outcome.stdout.utf8))
      #expect(plan["stages"]?.array?.count == 14 && (plan["seconds"]?.double ?? 0) > 0)
      #expect(try sandbox.listing() == before)
    }
  }

  @Test(.timeLimit(.minutes(5))) func aRunIsTheSameTwiceAndKilled() throws {
    try Sandbox.with { sandbox in
      try Self.experiment(sandbox, epochs: 5)
      let run = ["run", "experiment.yaml", "--output"]
      let started = Date()
      let whole = try sandbox.graft(run + ["whole"])
      try #require(whole.code == 0, "\(whole.stderr)")
      let duration = -started.timeIntervalSinceNow
      #expect(whole.stderr.contains("14 stages, 0 done before"))

      let again = try sandbox.graft(run + ["again"])
      #expect(again.stdout.replacing("wrote again", with: "wrote whole") == whole.stdout)
      try Self.expectEqual(sandbox, "whole", "again")

      let nothing = try sandbox.graft(run + ["whole"])
      #expect(nothing.stdout == whole.stdout && nothing.stderr.contains("all 14 stages done before"))

      var random = SplitMix64(state: 7)
      var kills = 0
      for _ in 0..<8 {
        let delay = Double.random(in: 0...(duration / 3), using: &random)
        if try sandbox.graft(run + ["killed"], killedAfter: delay) { kills += 1 }
      }
      #expect(kills >= 3, "\(kills) kills met a running process")
      let last = try sandbox.graft(run + ["killed"])
      #expect(last.stdout.replacing("wrote killed", with: "wrote whole") == whole.stdout, "\(last.stderr)")
      try Self.expectEqual(sandbox, "whole", "killed")
    }
  }

  /// Demands that two directories hold the same, times left out.
  private static func expectEqual(_ sandbox: Sandbox, _ first: String, _ second: String) throws {
    func files(_ name: String) -> [String] {
      let all =
        FileManager.default.enumerator(atPath: sandbox.url(name).path)?.compactMap { $0 as? String } ?? []
      // The names of TensorBoard's files have the time in them, and so has the report.
      return all.filter { $0.contains(".") && !$0.contains("/runs/") && !$0.hasPrefix("report.") }.sorted()
    }
    #expect(files(first) == files(second))
    for file in files(first) where !file.hasSuffix("stage.json") {
      let (one, other) = (sandbox.url("\(first)/\(file)"), sandbox.url("\(second)/\(file)"))
      if file.hasSuffix(".json") {
        #expect(try Killing.withoutTimes(one) == Killing.withoutTimes(other), "\(file) differs")
      } else {
        #expect(try Data(contentsOf: one) == Data(contentsOf: other), "\(file) differs")
      }
    }
  }

  @Test(.timeLimit(.minutes(2))) func twoRunsInOneDirectoryDoNotMeet() throws {
    try Sandbox.with { sandbox in
      try Self.experiment(sandbox, epochs: 400, seeds: "[1]")
      let run = ["run", "experiment.yaml", "--output", "out"]
      let first = try sandbox.start(run)
      defer { first.waitUntilExit() }
      while !FileManager.default.fileExists(atPath: sandbox.url("out/stages").path), first.isRunning {
        Thread.sleep(forTimeInterval: 0.01)
      }
      Thread.sleep(forTimeInterval: 0.2)
      let second = try sandbox.graft(run)
      #expect(second.code == 1)
      #expect(
        second.stderr.contains(
          "out: another run is at work in this directory. Wait for it, stop it, or choose another directory."
        ))
      kill(first.processIdentifier, SIGINT)
      first.waitUntilExit()
      #expect(first.terminationReason == .exit && first.terminationStatus == 1)
    }
  }

  @Test func aFullDiskLosesNothing() throws {
    try Sandbox.with { sandbox in
      try Self.experiment(sandbox, seeds: "[1]")
      // No file may be larger than 60 kB: models do not fit, all else does.
      let full = try sandbox.shell(
        "trap '' XFSZ; cd '\(sandbox.directory.path)'; ulimit -f 60; \"$GRAFT\" run experiment.yaml --output out"
      )
      #expect(full.code == 1 && full.stderr.contains("cannot be written (File too large)"), "\(full.stderr)")
      #expect(!(try sandbox.listing()).contains { $0.contains(".partial") })
      let after = try sandbox.graft(["run", "experiment.yaml", "--output", "out"])
      #expect(after.code == 0, "\(after.stderr)")

      let kept = try sandbox.graft(["run", "experiment.yaml", "--output", "out", "--max-disk", "10KB"])
      #expect(kept.code == 0 && kept.stdout == after.stdout)
      #expect(kept.stderr.contains("warning: out: what is kept takes more disk space than it may; "))
    }
  }

  @Test func eventsAreJSONLines() throws {
    try Sandbox.with { sandbox in
      try Self.experiment(sandbox, seeds: "[1]")
      let outcome = try sandbox.graft(["run", "experiment.yaml", "--output", "out", "--json"])
      let events = try outcome.stdout.split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
      let names = events.compactMap { $0["event"]?.string }
      #expect(
        names.first == "planned" && names.last == "finished" && names.count { $0 == "finished-stage" } == 8)
      let results = events.last?["results"]?.array
      #expect(results?.map { $0["arm"]?.string } == ["direct", "adapted"])

      let record = try JSON(parsing: Array(Data(contentsOf: sandbox.url("out/experiment.json"))))
      let stages = record["arms"]?.array?.last?["seeds"]?.array?.first?["stages"]?.array ?? []
      #expect(stages.map { $0["name"]?.string } == ["before", "adapt", "head", "tune", "test"])
      for stage in stages {
        for key in ["trainer_state", "results", "predictions"] {
          guard let path = stage[key]?.string else { continue }
          #expect(FileManager.default.fileExists(atPath: sandbox.url("out/\(path)").path))
        }
      }
      let predictions = try #require(stages.last?["predictions"]?.string)
      let lines = try String(contentsOf: sandbox.url("out/\(predictions)"), encoding: .utf8).split(
        separator: "\n")
      #expect(lines.count == 24)
      let first = try JSON(parsing: Array(lines[0].utf8))
      #expect(
        first.object?.keys == ["row", "label", "prediction", "scores", "text"]
          && first["scores"]?.array?.count == 4)
    }
  }
}
