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
    Row(
      "run rows.csv --output out", code: 1,
      stderr: ["rows.csv: these are data, and no experiment. 'graft run --init --train-file FILE"],
      prepare: { try $0.write("rows.csv", "text,label\nhe can,*\n") }),
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
      stderr: ["out: the run would take more disk space than it may; expected at most 10 kB, found "]
    ) { try experiment($0) },
    Row(
      "run experiment.yaml --output out --dry-run --max-disk 1KB", code: 1,
      stderr: ["out: the run would take more disk space than it may; expected at most 1.0 kB, found "]
    ) { try experiment($0) },
    // What is wrong with each point of a search is said once, as of its arm.
    Row(
      "run experiment.yaml --output out --dry-run", code: 1,
      stderr: ["experiment.yaml: 2 mistakes:", "arm 'direct', stage 'tune'", "arm 'adapted', stage 'tune'"]
    ) {
      try experiment($0)
      try $0.replace(
        "labels: [games, science, sound, web]", with: "labels: [games, science, sound]", in: "experiment.yaml"
      )
      let text = try String(contentsOf: $0.url("experiment.yaml"), encoding: .utf8)
      try $0.write(
        "experiment.yaml",
        text + "\nsearch: {arm: direct, score: test, options: {tune: {learning-rate: [1e-4, 1e-3]}}}\n")
    },
    Row(
      "head swap {masked-lm} --to sequence-classification --output out --labels", [#"["a, b""#], code: 64,
      stderr: ["--labels begins as a JSON list of names and is none"]),
    Row(
      "run experiment.yaml --output out --dry-run --quiet",
      stdout: ["train adapt: masked-lm on texts, seed 3", "14 stages, 0 cached; the rest takes about "]
    ) { try experiment($0) },
  ]

  /// What stages and the command evaluate with the same options.
  struct Evaluated: Sendable, CustomTestStringConvertible {
    let base: String
    let file: String
    /// A score that differs with each.
    let score: String
    /// As a stage has them; a list is a text with commas for the command.
    let options: [String]
    var testDescription: String { base }
  }

  static let evaluated = [
    Evaluated(
      base: "{masked-lm}", file: "\(packages)/test.csv", score: "eval_loss",
      options: ["", "precision: int8", "group-texts: true, max-length: 16"]),
    Evaluated(
      base: "{multi-label}", file: "topics.jsonl", score: "eval_f1_micro",
      options: ["", "threshold: 0.1", "threshold: [0.1, 0.9, 0.2, 0.8, 0.4]"]),
    Evaluated(
      base: "{question-answering}", file: fixtures.appending(path: "answering/test.json").path,
      score: "eval_f1", options: ["max-length: 32", "null-threshold: -8", "null-threshold: 8"]),
    Evaluated(
      base: "{token-classification}", file: "tags.conll", score: "eval_loss",
      options: [
        "max-length: 8", "max-length: 8, stride: 1", "max-length: 8, stride: 4", "tag-scheme: IOBES",
      ]),
  ]

  @Test("a stage evaluates as graft evaluate does with the same options", arguments: evaluated)
  func evaluations(_ evaluated: Evaluated) throws {
    try Sandbox.with { sandbox in
      let base = sandbox.resolve(evaluated.base)
      let topics = ["politics", "sports", "money", "science", "weather"]
      try sandbox.write(
        "topics.jsonl",
        (0..<24).map {
          #"{"text": "he said \#($0)", "label": ["\#(topics[$0 % 5])", "\#(topics[($0 + 1 + $0 % 2) % 5])"]}"#
        }
        .joined(separator: "\n"))
      let words = ["he\tO", "can\tB-PER", "she\tI-PER", "it\tB-LOC", "in\tO"]
      try sandbox.write(
        "tags.conll",
        (0..<8).map { row in (0..<16).map { words[(row + $0) % 5] + "\n" }.joined() }.joined(separator: "\n"))
      let stages = evaluated.options.enumerated().map { place, options in
        "  s\(place): {evaluate: test\(options.isEmpty ? "" : ", ")\(options)}"
      }
      try sandbox.write(
        "experiment.yaml",
        """
        base: \(base)
        data: {test: {files: \(evaluated.file), take: 24}}
        stages:
        \(stages.joined(separator: "\n"))
        arms: {a: [\(evaluated.options.indices.map { "s\($0)" }.joined(separator: ", "))]}
        """)
      let run = try sandbox.graft(["run", "experiment.yaml", "--output", "out", "--json"])
      try #require(run.code == 0, "\(run.stderr)")
      let events = try run.stdout.split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
      let found = events.filter { $0["event"]?.string == "finished-stage" }.map {
        $0["results"]?[evaluated.score]?.double
      }
      let expected = try evaluated.options.map { options -> Double? in
        let flags = options.matches(of: #/([a-z-]+): (\[[^\]]*\]|[^ ,]+)/#).flatMap { match in
          ["--\(match.1)"]
            + (match.2 == "true" ? [] : [match.2.filter { !"[ ]".contains($0) }])
        }
        let outcome = try sandbox.graft(
          ["evaluate", base, "--data", evaluated.file, "--take", "24", "--json"] + flags)
        #expect(outcome.code == 0, "\(outcome.stderr)")
        return try JSON(parsing: Array(outcome.stdout.utf8))[evaluated.score]?.double
      }
      #expect(found == expected && Set(expected).count == expected.count, "\(found) \(expected)")
    }
  }

  @Test("more tokens than a model takes are said before a run, and where scores are evaluated") func lengths()
    throws
  {
    try Sandbox.with { sandbox in
      try Self.experiment(sandbox, epochs: 1, seeds: "[1]")
      let file = try String(contentsOf: sandbox.url("experiment.yaml"), encoding: .utf8)
      try sandbox.write(
        "experiment.yaml",
        file.replacing("batch-size: 4, max-length: 24, save-steps: 5", with: "batch-size: 4, max-length: 512")
          .replacing(
            "test: {evaluate: test, max-length: 24}", with: "test: {evaluate: test, max-length: 100}"))
      let run = ["run", "experiment.yaml", "--output", "out"]
      let dry = try sandbox.graft(run + ["--dry-run", "--quiet"])
      func note(_ length: Int) -> String {
        "texts of \(length) tokens were asked for, and the model takes 64 at most"
      }
      #expect(
        dry.stdout.hasSuffix("\n\nstage 'tune': \(note(512))\nstage 'test': \(note(100))\n"),
        "\(dry.stdout)\(dry.stderr)")
      let json = try sandbox.graft(run + ["--dry-run", "--json"])
      let notes = try JSON(parsing: Array(json.stdout.utf8))["notes"]?.array?.compactMap(\.string)
      #expect(notes == ["stage 'tune': \(note(512))", "stage 'test': \(note(100))"])
      let outcome = try sandbox.graft(run + ["--max-disk", "1GB"])
      let lines = outcome.stderr.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
      // Of both arms.
      #expect(
        lines.count { $0 == note(512) } >= 2 && lines.count { $0 == note(100) } == 2, "\(outcome.stderr)")
    }
  }

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

  @Test("vectors for texts are trained, evaluated and compared")
  func vectors() throws {
    try Sandbox.with { sandbox in
      let sentences = fixtures.appending(path: "sentences").path
      try sandbox.write(
        "experiment.yaml",
        """
        base: \(sandbox.resolve("{masked-lm}"))
        seeds: [1, 2]
        data:
          train: {files: \(sentences)/train.csv, take: 64}
          test: {files: \(sentences)/test.csv, take: 30}
        stages:
          learn: {train: train, task: sentence-embedding, epochs: 1, batch-size: 16, learning-rate: 1e-3, save-strategy: no}
          nested: {train: train, task: sentence-embedding, epochs: 1, batch-size: 16, learning-rate: 1e-3, save-strategy: no, matryoshka: "32,8"}
          test: {evaluate: test}
        arms:
          whole: [learn, test]
          nested: [nested, test]
        """)
      let outcome = try sandbox.graft(["run", "experiment.yaml", "--output", "out"])
      #expect(outcome.code == 0, "\(outcome.stderr)")
      #expect(
        outcome.stdout.contains("nDCG@10") && outcome.stdout.contains(" on 30 test queries"),
        "\(outcome.stdout)")
      let report = try JSON(parsing: Array(Data(contentsOf: sandbox.url("out/report.json"))))
      #expect(report["comparisons"]?.array?.first?["metric"]?.string == "cosine_ndcg@10")
      #expect(FileManager.default.fileExists(atPath: sandbox.url("out/plots/recall-at-k.svg").path))
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

      // Killed between the end of a training stage and the note that it is done: checkpoints and optimizers are gone by then.
      let adapted = try #require(
        FileManager.default.contentsOfDirectory(atPath: sandbox.url("again/stages").path).first {
          FileManager.default.fileExists(atPath: sandbox.url("again/stages/\($0)/checkpoint-12").path)
        })
      try FileManager.default.removeItem(at: sandbox.url("again/stages/\(adapted)/stage.json"))
      let noted = try sandbox.graft(run + ["again"])
      #expect(noted.stdout == again.stdout, "\(noted.stderr)")
      try Self.expectEqual(sandbox, "whole", "again")

      var random = SplitMix64(state: 7)
      var kills = 0
      // A machine that was busy before may be three times as fast now.
      for _ in 0..<12 {
        let delay = Double.random(in: 0...(duration / 5), using: &random)
        if try sandbox.graft(run + ["killed"], killedAfter: delay) { kills += 1 }
      }
      #expect(kills >= 3, "\(kills) kills met a running process")
      let last = try sandbox.graft(run + ["killed"])
      #expect(last.stdout.replacing("wrote killed", with: "wrote whole") == whole.stdout, "\(last.stderr)")
      try Self.expectEqual(sandbox, "whole", "killed")
    }
  }

  /// Demands that two directories hold the same, times left out.
  static func expectEqual(_ sandbox: Sandbox, _ first: String, _ second: String) throws {
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
      #expect(first.terminationReason == .exit && first.terminationStatus == 130)
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
        first.object?.keys == [
          "row", "label", "prediction", "scores", "text", "label_name", "prediction_name",
        ] && first["scores"]?.array?.count == 4)
    }
  }

  /// Where an export is, which no arm ends with.
  @Test func anExportSaysWhereItIs() throws {
    try Sandbox.with { sandbox in
      try sandbox.write(
        "experiment.yaml",
        "base: \(sandbox.resolve("{masked-lm}"))\ndata: {test: {files: \(Self.packages)/test.csv}}\nstages: {out: {export: npz}}\narms: {a: [out]}\n"
      )
      let outcome = try sandbox.graft(["run", "experiment.yaml", "--output", "out"])
      #expect(outcome.code == 0, "\(outcome.stderr)")
      let line = try #require(outcome.stderr.split(separator: "\n").first { $0.contains("wrote") })
      let path = line.trimmingCharacters(in: .whitespaces).dropFirst("wrote ".count)
      #expect(path.hasPrefix("out/stages/export-"))
      #expect(FileManager.default.fileExists(atPath: sandbox.url(String(path)).path))
    }
  }

  // MARK: Search

  /// Numbers may differ in their last digits from one kind of processor to another.
  @Test("the session of the page about searching prints what it says, but for numbers")
  func page() throws {
    let page = "Sources/GraftExperiments/GraftExperiments.docc/SearchingOptions.md"
    func bare(_ text: String) -> String { text.replacing(#/[+−]?[0-9][0-9.]*/#, with: "0") }
    let text = bare(try String(contentsOf: repository.appending(path: page), encoding: .utf8))
    for (command, output) in try ReadmeTests.session(of: page) {
      #expect(text.contains(bare("$ \(command)\n\(output)")), "\(command)\n\(output)")
    }
  }

  @Test func aSearchIsEventsAndADryRun() throws {
    try Sandbox.with { sandbox in
      try Self.experiment(sandbox, epochs: 1, seeds: "[1]")
      let file = try String(contentsOf: sandbox.url("experiment.yaml"), encoding: .utf8)
      let search = "search: {arm: direct, score: test, options: {tune: {learning-rate: [1e-4, 1e-3]}}}\n"
      try sandbox.write("experiment.yaml", file + "\n" + search)
      let dry = try sandbox.graft(["run", "experiment.yaml", "--output", "out", "--dry-run", "--quiet"])
      #expect(dry.code == 0 && dry.stdout.contains("direct/1, direct"), "\(dry.stdout)\(dry.stderr)")
      #expect(
        dry.stdout.hasSuffix(
          "search for the options of direct: 2 points, grid; direct is shown with the options of the first\n")
      )
      let outcome = try sandbox.graft(["run", "experiment.yaml", "--output", "out", "--json"])
      #expect(outcome.code == 0, "\(outcome.stderr)")
      let events = try outcome.stdout.split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
      let names = events.compactMap { $0["event"]?.string }
      #expect(names.first == "searching" && names.count { $0 == "searched" } == 1 && names.last == "finished")
      let found = try #require(events.last?["search"])
      #expect(found["points"]?.array?.count == 2 && found["decided_by_test"] == true)
      let started = events.filter { $0["event"]?.string == "started" }.map { event in
        ([event["stage"]?.string] + (event["arms"]?.array ?? []).map(\.string)).compactMap { $0 }
      }
      #expect(started.contains(["tune", "direct/1"]) && started.contains(["test", "direct/2"]))
      // Of what all points share nothing is said.
      let lines = outcome.stderr.split(separator: "\n")
      #expect(
        lines.contains { $0.contains("train tune:") && $0.hasSuffix("(direct/1: tune.learning-rate 1e-4)") })
      #expect(
        lines.contains { $0.contains("evaluate test:") && $0.hasSuffix("(adapted)") }, "\(outcome.stderr)")
      #expect(!lines.contains { $0.contains("swap head:") && $0.contains("(direct/1") })
      let markdown = try String(contentsOf: sandbox.url("out/report.md"), encoding: .utf8)
      let caveat =
        "The options of direct were chosen on the same test rows, so that its score is too good for other texts."
      #expect(
        markdown.contains(" \(caveat)**\n")
          && events.last?["verdict"]?.string?.hasSuffix(" \(caveat)") == true)
      let models = (events.last?["results"]?.array ?? []).map { $0["seeds"]?.array?.first?["model"]?.string }
      #expect(models == ["out/models/direct-1", "out/models/adapted-1"])
      func last(_ search: String) throws -> Substring? {
        try sandbox.write("experiment.yaml", file + "\n" + search)
        let outcome = try sandbox.graft(["run", "experiment.yaml", "--output", "out", "--quiet"])
        return outcome.stdout.split(separator: "\n").last
      }
      #expect(
        try last(search) == "wrote out/models/direct-1: direct with the options of the best point")
      #expect(
        try last(search.replacing("}}}", with: "}}, refit: {tune: {train: texts}}}"))
          == "wrote out/models/direct-1: direct with the options of the best point, refitted with tune.train: texts"
      )
      // What is so already changes nothing.
      #expect(
        try last(search.replacing("}}}", with: "}}, refit: {tune: {train: train, epochs: 1}}}"))
          == "wrote out/models/direct-1: direct with the options of the best point")
      #expect(
        try !String(contentsOf: sandbox.url("out/report.md"), encoding: .utf8).contains(
          "In the end direct ran"))
      try sandbox.write(
        "experiment.yaml", file + "\n" + search.replacing("learning-rate", with: "learning-rat"))
      let wrong = try sandbox.graft(["run", "experiment.yaml", "--output", "other"])
      #expect(
        wrong.code == 1 && wrong.stderr.contains("has no key 'learning-rat'; the nearest is 'learning-rate'"))
    }
  }
}
