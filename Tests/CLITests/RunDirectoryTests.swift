import Foundation
import TestSupport
import Testing

/// What `graft run` and `graft report` find in the directory of a run.
@Suite struct RunDirectoryTests {
  /// An experiment that scores a classifier as it is.
  private static func experiment(_ sandbox: Sandbox, named name: String) throws {
    try sandbox.write("rows.csv", "text,label\nhe can,World\ndo it,Sports\n")
    try sandbox.write(
      "\(name).yaml",
      """
      base: \(sandbox.resolve("{sequence-classification}"))
      data:
        rows: {files: rows.csv}
      stages:
        test: {evaluate: rows}
      arms:
        \(name): [test]
      """)
  }

  private static func run(_ sandbox: Sandbox, _ name: String, _ more: String...) throws -> Sandbox.Outcome {
    try sandbox.graft(["run", "\(name).yaml", "--output", "out"] + more)
  }

  @Test func aReportOfAnotherExperimentIsReplacedWithAWord() throws {
    try Sandbox.with { sandbox in
      try Self.experiment(sandbox, named: "first")
      try Self.experiment(sandbox, named: "second")
      let note = "the directory has the report of another experiment (first), which this one's replaces"
      for _ in 0..<2 {
        let first = try Self.run(sandbox, "first")
        #expect(first.code == 0 && !first.stderr.contains("another experiment"), "\(first.stderr)")
      }
      let plan = try Self.run(sandbox, "second", "--dry-run")
      #expect(plan.code == 0 && plan.stdout.contains(note), "\(plan.stdout)")
      let second = try Self.run(sandbox, "second")
      #expect(second.code == 0 && second.stderr.contains("\(note); its stages stay\n"), "\(second.stderr)")
      let again = try Self.run(sandbox, "second")
      #expect(!again.stderr.contains("another experiment"), "\(again.stderr)")
    }
  }

  /// Damaged results, and a stage's directory that is gone.
  @Test func damagedResultsSayWhichStageToRemove() throws {
    try Sandbox.with { sandbox in
      try Self.experiment(sandbox, named: "one")
      let whole = try Self.run(sandbox, "one")
      #expect(whole.code == 0, "\(whole.stderr)")
      let stage = try #require(try sandbox.listing().first { $0.contains("eval_results.json ") }).split(
        separator: " ")[0]
      let directory = stage.split(separator: "/").dropLast().joined(separator: "/")
      let advice = "Remove 'stages/\(directory.dropFirst("out/stages/".count))' and run the experiment again"
      try sandbox.write(String(stage), "not JSON")
      for command in [["run", "one.yaml", "--output", "out"], ["report", "out"]] {
        let outcome = try sandbox.graft(command)
        #expect(outcome.code == 1 && outcome.stderr.contains(advice), "\(outcome.stderr)")
      }
      try FileManager.default.removeItem(at: sandbox.url(directory))
      let report = try sandbox.graft(["report", "out"])
      #expect(
        report.code == 1 && report.stderr.contains("The stage was removed: run the experiment again"),
        "\(report.stderr)")
      let again = try Self.run(sandbox, "one")
      #expect(again.code == 0 && again.stdout == whole.stdout, "\(again.stderr)")
    }
  }
}
