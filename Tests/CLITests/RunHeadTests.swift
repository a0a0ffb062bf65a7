import Foundation
import GraftTensors
import TestSupport
import Testing

/// Experiments with heads that learn together, of which one may find nothing in some data, and the words in which a run
/// speaks of its stages.
@Suite struct RunHeadTests {
  private static let pairs = "text,pair\nhe can,do it\nso they,can do\n"
  private static let labelled = "text,pair,label\nhe can,do it,0\nso they,can do,1\n"

  /// Runs an experiment.
  ///
  /// - Parameters:
  ///   - stages: One a line.
  ///   - arm: The stages of the one arm.
  private func run(
    _ base: String, _ files: [String: String], options: String = "", stages: String, arm: String,
    flags: [String] = []
  ) throws -> Sandbox.Outcome {
    try Sandbox.with { sandbox in
      for (name, text) in files { try sandbox.write("\(name).csv", text) }
      let data = files.keys.sorted().map { "  \($0): {files: \($0).csv\(options)}" }.joined(separator: "\n")
      try sandbox.write(
        "experiment.yaml",
        "base: \(fixtures.appending(path: base).path)\ndata:\n\(data)\nstages:\n\(stages)\narms: {a: [\(arm)]}\n"
      )
      return try sandbox.graft(["run", "experiment.yaml", "--output", "out"] + flags)
    }
  }

  private func pretraining(
    _ family: String, train: String, test: String, _ training: String = "", _ testing: String = ""
  ) throws -> Sandbox.Outcome {
    try run(
      "\(family)/base", ["train": train, "test": test], options: ", pair-column: pair",
      stages: """
          fresh: {swap: pretraining}
          tune: {train: train, max-steps: 1\(training)}
          test: {evaluate: test\(testing)}
        """, arm: "fresh, tune, test")
  }

  private static func untrained(_ head: String) -> String {
    "stage 'test': the head '\(head)' was never trained: its predictions would be random. Train it with a stage "
      + "'{train: NAME}' before this one, or pass 'allow-untrained: true'."
  }

  @Test("pairs without labels are scored by the heads that find something in them")
  func unlabelledPairs() throws {
    let run = try pretraining("bert-tiny", train: Self.pairs, test: Self.pairs)
    #expect(run.code == 0 && !run.stderr.contains("never trained"), "\(run.stderr)")
  }

  @Test("a head that learnt beside another and found nothing is not scored, as the plan knows")
  func untrainedInThePlan() throws {
    let refused = try pretraining("bert-tiny", train: Self.pairs, test: Self.labelled)
    #expect(
      refused.code == 1 && refused.stderr.contains("8:3: arm 'a', " + Self.untrained("next-sentence")),
      "\(refused.stderr)")
    #expect(!refused.stderr.contains("1/3"), "\(refused.stderr)")
    let taken = try pretraining(
      "bert-tiny", train: Self.pairs, test: Self.labelled, "", ", allow-untrained: true")
    #expect(taken.code == 0, "\(taken.stderr)")
    #expect(taken.stderr.contains("    the head 'next-sentence' was never trained"), "\(taken.stderr)")
  }

  /// Of rows that could be learnt from, the one step reads one from which this head learns nothing.
  @Test("a head that had no step is not scored either, as its stage finds")
  func untrainedInTheRun() throws {
    let (mixed, one) = ("text,pair\nhe can do it,\nso they,can do\n", ", batch-size: 1, no-shuffle: true")
    let refused = try pretraining("albert-tiny", train: mixed, test: Self.pairs, one)
    #expect(
      refused.code == 1 && refused.stderr.contains("error: " + Self.untrained("sentence-order")),
      "\(refused.stderr)")
    let taken = try pretraining(
      "albert-tiny", train: mixed, test: Self.pairs, one, ", allow-untrained: true")
    #expect(taken.code == 0, "\(taken.stderr)")
    #expect(
      taken.stderr.contains("warning: the head 'sentence-order' was never trained"), "\(taken.stderr)")
  }

  @Test("a first pair without a second text hides neither the others nor what is wrong with them")
  func blankPairs() throws {
    let blank = "text,pair\nalone,\nthe team,prices rise\noil prices,the team\n"
    let learnt = try pretraining("albert-tiny", train: blank, test: Self.pairs)
    #expect(learnt.code == 0, "\(learnt.stderr)")
    let wrong = try run(
      "bert-tiny/next-sentence", ["train": "text,pair,label\nhe can,do it,0\nso,they,1\nhe,,1\n"],
      options: ", pair-column: pair",
      stages: "  tune: {train: train, max-steps: 1}\n  test: {evaluate: train}", arm: "tune, test",
      flags: ["--dry-run"])
    #expect(
      wrong.code == 1 && wrong.stderr.contains("stage 'tune', row 4 of ")
        && wrong.stderr.contains("the second text is empty"), "\(wrong.stderr)")
  }

  @Test("what is learnt without scores is scored without, and a run speaks of its keys")
  func withoutScores() throws {
    let scored = "anchor,positive,similarity\nhe can,do it,0.4\nthey can,do so,0.9\n"
    func run(_ loss: String, _ data: String) throws -> Sandbox.Outcome {
      try self.run(
        "sentences/current", ["pairs": data],
        stages: "  tune: {train: pairs, max-steps: 1\(loss)}\n  test: {evaluate: pairs}", arm: "tune, test")
    }
    let named = try run(", loss: multiple-negatives", scored)
    #expect(named.code == 0 && named.stdout.contains("nDCG@10"), "\(named.stdout)\(named.stderr)")
    let asked = try run("", scored)
    #expect(
      asked.code == 1 && asked.stderr.contains("stage 'tune'") && !asked.stderr.contains("1/2")
        && asked.stderr.contains(
          "found a column that is not read: 'similarity'. Say which column has it: 'label-column'; texts that all belong "
            + "together are learnt by 'loss' multiple-negatives."),
      "\(asked.stderr)")
    let repeated = try run("", "anchor,positive\nhe can,do it\nthey can,do so\nhe can,do it\n")
    #expect(
      repeated.code == 0 && repeated.stderr.contains("as rows have no score; 'loss' sets another\n"),
      "\(repeated.stderr)")
    // It matters to what is learnt.
    let lines = repeated.stderr.split(separator: "\n").filter { $0.contains("repeats the texts of another") }
    #expect(lines.count == 1, "\(repeated.stderr)")
  }

  @Test("what is wrong with a row that its stage finds names the stage, in the words of experiments")
  func errorsOfStages() throws {
    let run = try run(
      "bert-tiny/token-classification", ["test": "text,label\nhe can,O O\nhe can do,O O\n"],
      stages: "  test: {evaluate: test}", arm: "test")
    #expect(
      run.code == 1
        && run.stderr.contains("error: stage 'test', row 3 of ")
        && run.stderr.contains(
          "words and labels are not equally many; expected a label for each of 3 words, found 2."),
      "\(run.stderr)")
  }
}
