import Foundation
import GraftTensors
import TestSupport
import Testing

/// Options that would do nothing, and runs that come to nothing: they are refused, or said.
@Suite struct UselessOptionTests {
  private static let train = "train model --data data.csv --output out --max-steps 2 --batch-size 2 "

  static let refused = [
    ("--top-k 2", "--top-k: needs data to evaluate on"),
    ("--eval-data data.csv --eval-steps 2", "--eval-steps: evaluations do not follow steps"),
    ("--save-strategy epoch --save-steps 2", "--save-steps: checkpoints do not follow steps"),
    ("--save-strategy no --save-total-limit 2", "--save-total-limit has no meaning"),
    ("--freeze-backbone --layer-decay 0.5", "--layer-decay: is about the layers of the backbone"),
    ("--report-to none,csv-log", "'none' alone"),
    ("--triplet-margin 3", "Leave it out, or set --loss to triplet to learn vectors for texts"),
    ("--text-column text --pair-column text", "both texts would be the same"),
  ].map { options, message in
    Row(train + options, code: 64, stderr: [message], prepare: TrainingTests.classifier)
  }

  @Test("an option that would do nothing is refused", arguments: refused)
  func refusal(_ row: Row) throws { try row.check() }

  static let noted = [
    (
      "--warmup-steps 100 --learning-rate 1e-3",
      "the learning rate rises for 100 steps and the run has 2: it comes to 1e-05 and never falls\n"
    ),
    (
      "--unfreeze-every-n-steps 2",
      "the head alone is trained: the first layer would be after 2 steps, and the run has 2\n"
    ),
    ("--learning-rate 100 --max-steps 6", "the training diverged: its mean loss, "),
  ].map { options, message in
    Row(train + options, stderr: [message], prepare: TrainingTests.classifier)
  }

  @Test("what a run does not come to, and that it diverged, is said", arguments: noted)
  func note(_ row: Row) throws { try row.check() }

  private func run(_ sandbox: Sandbox, _ line: String) throws {
    let outcome = try sandbox.graft(line.split(separator: " ").map(String.init))
    #expect(outcome.code == 0, "\(line)\n\(outcome.stderr)")
  }

  @Test("checkpoints of the best evaluations alone are those that are needed")
  func checkpointsOfTheBest() throws {
    try Sandbox.with { sandbox in
      try TrainingTests.classifier(sandbox)
      try run(
        sandbox,
        "train model --data data.csv --eval-data data.csv --output out --epochs 6 --batch-size 2 --learning-rate 1e-3 "
          + "--save-strategy no --load-best-model-at-end --metric-for-best-model loss")
      let left = try FileManager.default.contentsOfDirectory(atPath: sandbox.url("out").path)
      #expect(left.count { $0.hasPrefix("checkpoint-") } == 1, "\(left)")
    }
  }

  @Test("rows to evaluate on are named in their file, and numbers once a step") func records() throws {
    try Sandbox.with { sandbox in
      try TrainingTests.classifier(sandbox)
      try sandbox.write(
        "more.csv", "text,label\n" + (0..<20).map { "he is \($0),\($0 % 2 == 0 ? "A" : "B")\n" }.joined())
      let data = "--data more.csv --skip 4 --shuffle-seed 3"
      try run(
        sandbox,
        "train model \(data) --eval-split 0.25 --output out --max-steps 2 --batch-size 6 --logging-steps 1 "
          + "--report-to csv-log")
      let record = try JSON(file: sandbox.url("out/eval_split.json"))
      let places = try #require(record["eval_rows"]?.array).compactMap(\.int)
      let rows = try #require(record["eval_file_rows"]?.array).compactMap(\.int)
      #expect(places.count == 4 && rows.count == 4 && places != rows)
      try run(sandbox, "evaluate out \(data) --predictions p.jsonl")
      let lines = try String(contentsOf: sandbox.url("p.jsonl"), encoding: .utf8).split(separator: "\n")
      let own = try lines.map { try #require(JSON(parsing: Array($0.utf8))["row"]?.int) }
      #expect(places.map { own[$0] } == rows)

      let log = try String(contentsOf: sandbox.url("out/runs/metrics.csv"), encoding: .utf8)
        .split(separator: "\n")
      let keys = log.map { $0.split(separator: ",").prefix(2).joined(separator: ",") }
      #expect(Set(keys).count == keys.count && keys.contains("2,eval/loss"), "\(log)")
    }
  }
}
