import Foundation
import GraftTensors
import Testing

/// Scores and thresholds of several labels, and scores of regressions.
@Suite struct ScoresTests {
  private func prepared(_ sandbox: Sandbox, _ fixture: String, labels: [String]) throws -> [String] {
    #expect(try sandbox.shell("cp -r '\(sandbox.resolve("{\(fixture)}"))' m").code == 0)
    let texts = ["he can", "do it", "she is the one", "it", "he is", "can she do it"]
    let lines = zip(texts, labels).map { "\($0),\($1)" }
    try sandbox.write("data.csv", (["text,label"] + lines).joined(separator: "\n") + "\n")
    let config = try JSON(file: sandbox.url("m/config.json"))
    return config["id2label"]?.object?.values.compactMap(\.string) ?? []
  }

  @Test("a tuned threshold is kept, used afterwards, and as good as any")
  func tunedThresholds() throws {
    try Sandbox.with { sandbox in
      let names = try prepared(sandbox, "multi-label", labels: ["0", "0|1", "1", "", "0", "0"])
      func evaluate(_ more: String) throws -> JSON {
        let outcome = try sandbox.shell("$GRAFT evaluate m --data data.csv --json \(more)")
        #expect(outcome.code == 0, "\(outcome.stderr)")
        return try JSON(parsing: Array(outcome.stdout.utf8))
      }
      let untuned = try evaluate("")
      #expect(untuned["eval_accuracy"] == nil)
      #expect(untuned["classes"]?.array?.first?["threshold"]?.double == 0.5)
      let tuned = try evaluate("--tune-threshold label")
      let kept = try #require(JSON(file: sandbox.url("m/config.json"))["decision_threshold"]?.array)
      #expect(kept.count == names.count)
      let macro = try #require(tuned["eval_f1_macro"]?.double)
      #expect(macro >= (untuned["eval_f1_macro"]?.double ?? 1))
      // The next call has them.
      #expect(try evaluate("")["eval_f1_macro"]?.double == macro)
      let global = try evaluate("--tune-threshold global")
      let best = try #require(global["eval_f1_micro"]?.double)
      for threshold in ["0", "0.2", "0.4", "0.45", "0.5", "0.55", "0.6", "0.8"] {
        #expect(try evaluate("--threshold \(threshold)")["eval_f1_micro"]?.double ?? 1 <= best)
      }
      #expect(try JSON(file: sandbox.url("m/config.json"))["decision_threshold"]?.double != nil)
      // Predictions follow.
      let all = try sandbox.shell("$GRAFT predict m he --threshold 0")
      #expect(all.stdout.hasPrefix(names.joined(separator: "|") + "\t"))
      #expect(try sandbox.shell("$GRAFT predict m he --threshold 0.9999").stdout.hasPrefix("-\t"))
    }
  }

  @Test("what has no threshold refuses one")
  func refusals() throws {
    try Sandbox.with { sandbox in
      _ = try prepared(sandbox, "sequence-classification", labels: ["0", "1", "0", "1", "0", "1"])
      for command in ["evaluate m --data data.csv --threshold 0.4", "predict m he --threshold 0.4"] {
        let outcome = try sandbox.shell("$GRAFT \(command)")
        #expect(outcome.code == 1)
        #expect(outcome.stderr.contains("only a head that gives several labels has thresholds"))
        #expect(outcome.stderr.contains("Leave out --threshold."))
      }
      let tuning = try sandbox.shell("$GRAFT evaluate m --data data.csv --tune-threshold global")
      #expect(tuning.code == 1 && tuning.stderr.contains("only a head that gives several labels"))
      for (flag, word) in [
        ("--threshold 1.5", "from 0 to below 1"), ("--threshold x", "must be a number"),
        ("--threshold 0.5 --tune-threshold label", "goes without"), ("--tune-threshold every", "none"),
      ] {
        let outcome = try sandbox.shell("$GRAFT evaluate m --data data.csv \(flag)")
        #expect(outcome.code == 64 && outcome.stderr.contains(word), "\(outcome.stderr)")
      }
    }
  }

  @Test("a regression has errors and correlations; what is undefined is left out")
  func regression() throws {
    try Sandbox.with { sandbox in
      _ = try prepared(sandbox, "regression", labels: ["0.1", "0.9", "0.3", "0.4", "0.2", "0.7"])
      let outcome = try sandbox.shell("$GRAFT evaluate m --data data.csv")
      for name in ["eval_mse", "eval_mae", "eval_r2", "eval_pearson", "eval_spearman"] {
        #expect(outcome.stdout.contains(name), "\(outcome.stdout) \(outcome.stderr)")
      }
      let constant = try sandbox.shell("sed -i 's/0\\..*/0.5/' data.csv; $GRAFT evaluate m --data data.csv")
      #expect(constant.stdout.contains("eval_r2") && !constant.stdout.contains("eval_pearson"))
    }
  }
}
