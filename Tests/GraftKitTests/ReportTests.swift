import Foundation
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// The report of a small run: `Fixtures/report/make.py`.
@Suite struct ReportTests {
  /// A copy of the run, to write into and to damage.
  func withRun(_ body: (URL) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let run = directory.appending(path: "run")
      try FileManager.default.copyItem(at: fixtures.appending(path: "report/run"), to: run)
      try body(run)
    }
  }

  func text(_ run: URL, _ name: String) throws -> String {
    try String(contentsOf: run.appending(path: name), encoding: .utf8)
  }

  /// The predictions of each arm and seed, in the order of the record.
  func predictions(_ run: URL) throws -> [[URL]] {
    let record = try JSON(file: run.appending(path: "experiment.json"))
    return try #require(record["arms"]?.array).map { arm in
      try #require(arm["seeds"]?.array).map { seed in
        let stage = seed["stages"]?.array?.last { $0["predictions"] != nil }
        return run.appending(path: try #require(stage?["predictions"]?.string))
      }
    }
  }

  func replace(_ old: String, with new: String, in file: URL) throws {
    let text = try String(contentsOf: file, encoding: .utf8)
    try #require(text.contains(old))
    try Data(text.replacingOccurrences(of: old, with: new).utf8).write(to: file)
  }

  // MARK: What it says

  @Test func numbersAreThoseOfTheFiles() throws {
    try withRun { run in
      let verdict = try writeReport(run)
      let report = try JSON(file: run.appending(path: "report.json"))
      #expect(report["verdict"]?.string == verdict)

      let hits = try predictions(run).map { seeds in
        try seeds.map { file in
          try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
            let json = try JSON(parsing: Array(line.utf8))
            return json["label"] == json["prediction"]
          }
        }
      }
      let accuracies = hits.map { $0.map { Double($0.count { $0 }) / Double($0.count) } }
      let arms = try #require(report["arms"]?.array)
      #expect(arms.map { $0["name"]?.string } == ["direct", "adapted"])
      for (arm, values) in zip(arms, accuracies) {
        #expect(arm["accuracy"]?["values"]?.array?.map(\.double) == values)
        #expect(abs((arm["accuracy"]?["mean"]?.double ?? 0) - values.reduce(0, +) / 2) < 1e-15)
        for (seed, value) in zip(arm["seeds"]?.array ?? [], values) {
          #expect(seed["results"]?["eval_accuracy"]?.double == value)
        }
      }
      let comparison = try #require(report["comparisons"]?.array?.first)
      let difference = try #require(comparison["difference"]?.double)
      #expect(abs(difference - (accuracies[1].reduce(0, +) - accuracies[0].reduce(0, +)) / 2) < 1e-15)
      for (seed, test) in (comparison["mcnemar"]?.array ?? []).enumerated() {
        let pairs = zip(hits[0][seed], hits[1][seed])
        #expect(test["only_first"]?.int == pairs.count { $0 && !$1 })
        #expect(test["only_second"]?.int == pairs.count { !$0 && $1 })
      }
      let shares = hits.map { arm in arm[0].indices.map { row in arm.count { $0[row] } } }
      let disagreements = zip(shares[0], shares[1]).count { $0 != $1 }
      #expect(comparison["disagreements"]?.array?.count == disagreements)
      // The arms' adaptation is one stage, that both seeds share.
      #expect(report["curves"]?.array?.compactMap { $0["curves"]?.array?.count } == [4, 4, 4, 1])
      #expect(report["language_models"]?.array?.map { $0["seeds"]?.array?.count } == [2, 2])
    }
  }

  /// What is worse by accuracy alone says so.
  @Test func macroF1MayObject() throws {
    try withRun { run in
      // One arm knows the two frequent classes, the other the two rare ones and a frequent one.
      for (files, unknown) in zip(try predictions(run), [Set([2, 3]), [1]]) {
        for file in files {
          let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
            var object = try #require(JSON(parsing: Array(line.utf8)).object)
            let label = try #require(object["label"]?.int)
            object["prediction"] = JSON(unknown.contains(label) ? 0 : label)
            return JSON.object(object).text()
          }
          try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
        }
      }
      let verdict = try writeReport(run)
      #expect(verdict.contains("adapted gets 64.0 % of 50 test texts right, direct 70.0 %"), "\(verdict)")
      #expect(
        verdict.hasSuffix(
          " Macro F1, which counts every class alike, goes the other way: adapted has 66.3 %, direct 42.3 %."),
        "\(verdict)")
    }
  }

  /// The experiment's own metric decides; that of which less is better as well.
  @Test func theExperimentSaysWhatDecides() throws {
    try withRun { run in
      let arms = try predictions(run)
      let kinds: [(unknown: Set<Int>, share: Double)] = [([2, 3], 0.75), ([1], 0.5)]
      for (files, kind) in zip(arms, kinds) {
        let (unknown, share) = (kind.unknown, kind.share)
        for file in files {
          let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
            var object = try #require(JSON(parsing: Array(line.utf8)).object)
            let label = try #require(object["label"]?.int)
            object["prediction"] = JSON(unknown.contains(label) ? 0 : label)
            object["scores"] = .array((0..<4).map { JSON($0 == label ? share : (1 - share) / 3) })
            return JSON.object(object).text()
          }
          try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
        }
      }
      let record = run.appending(path: "experiment.json")
      func choose(_ metric: String) throws -> String {
        var object = try #require(JSON(file: record).object)
        object["metric"] = .string(metric)
        try Data(JSON.object(object).text().utf8).write(to: record)
        return try writeReport(run)
      }
      let f1 = try choose("f1_macro")
      #expect(
        f1.hasPrefix(
          "Domain adaptation helps: adapted has a macro F1 of 66.3 % on 50 test texts, direct 42.3 %, a difference of +24.0 points (95 % interval "
        ), "\(f1)")
      let content = ReportContent(try RunResults(run))
      let table = try #require(
        content.blocks.compactMap { if case .table(let table) = $0 { table } else { nil } }.first)
      #expect(
        table.header == ["Arm", "Seed 42", "Seed 1", "Mean", "Std. dev.", "Range", "Accuracy", "Loss"])
      #expect(table.rows.map { $0[6] } == ["70.0 %", "64.0 %"])
      // The probability of the right class is the better in the arm that is right less often.
      let loss = try choose("log_loss")
      #expect(
        loss.hasPrefix(
          "Domain adaptation hurts: adapted has a log loss of 0.6931 on 50 test texts, direct 0.2877, a difference of +0.4055 (95 % interval +0.4055 to +0.4055; 2 seeds)."
        ), "\(loss)")
      // Of one score all values have as many decimals; names of others are not taken for these.
      let names = ["log_loss", "mse", "cosine_ndcg@10", "r2d2_steps", "ndcg_steps"]
      #expect(
        names.map { TestMetric(named: $0).text(1.8) } == ["1.8000", "1.8000", "1.8000", "1.8", "1.8"])
      #expect(TestMetric(named: "log_loss").difference(-0.008383) == "−0.0084")
      #expect(TestMetric(named: "mse").text(0.0000123) == "1.23e−05")
      #expect(
        try text(run, "report.md").contains("The score is log loss on the test texts; lower is better."))
      #expect(try text(run, "report.md").contains("the right one has 50.0 %"))
      #expect(
        try choose("loss")
          == "adapted and direct cannot be compared: their predictions are not scored row by row by loss; the table has their scores."
      )
      let report = try JSON(file: run.appending(path: "report.json"))
      #expect(report["arms"]?.array?.first?["metric"]?.string == "loss")
      #expect(report["arms"]?.array?.first?["score"]?["mean"]?.double != nil)
    }
  }

  @Test func verdictsAreHonest() throws {
    try withRun { run in
      #expect(try writeReport(run).hasPrefix("Whether domain adaptation helps is not settled: adapted gets "))

      // One arm that is always right, one that never is.
      let arms = try predictions(run)
      for (files, isRight) in zip(arms, [false, true]) {
        for file in files {
          let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
            var object = try #require(JSON(parsing: Array(line.utf8)).object)
            let label = try #require(object["label"]?.int)
            object["prediction"] = JSON(isRight ? label : (label + 1) % 4)
            return JSON.object(object).text()
          }
          try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
        }
      }
      let verdict = try writeReport(run)
      #expect(
        verdict == "Domain adaptation helps: adapted gets 100.0 % of 50 test texts right, direct 0.0 %, "
          + "a difference of +100.0 points (95 % interval +100.0 to +100.0 points; 2 seeds).")

      try replace(
        "\"language_model\": true", with: "\"language_model\": false",
        in: run.appending(path: "experiment.json"))
      #expect(try writeReport(run).hasPrefix("Adapted helps: "))
      try keepOneSeed(run)
      #expect(try writeReport(run).hasPrefix("With this seed adapted helps: "))

      // Other rows in one arm: nothing to compare.
      let file = arms[1][0]
      let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").reversed()
      try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
      #expect(
        try writeReport(run)
          == "adapted and direct cannot be compared: there are no predictions of both for the same test rows."
      )
    }
  }

  @Test func scoresOfClassesAreOfAllSeedsTogether() throws {
    try withRun { run in
      // One seed takes every text for the first class, the other none.
      var (texts, actual) = (0, 0)
      for (seed, file) in try predictions(run)[0].enumerated() {
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
          var object = try #require(JSON(parsing: Array(line.utf8)).object)
          object["prediction"] = JSON(seed)
          if seed == 0 {
            texts += 1
            actual += object["label"]?.int == 0 ? 1 : 0
          }
          return JSON.object(object).text()
        }
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
      }
      let content = ReportContent(try RunResults(run))
      let row = content.blocks.compactMap { block -> [String]? in
        guard case .table(let table) = block, table.header.first == "Class" else { return nil }
        return table.rows[0]
      }.first
      let (precision, recall) = (Double(actual) / Double(texts), 0.5)
      let f1 = 2 * Double(actual) / Double(texts + 2 * actual)
      #expect(row?[1] == String(actual))
      #expect(
        row?[2...4].elementsEqual([precision, recall, f1].map(NumberText.percent)) == true, "\(row ?? [])")
    }
  }

  /// Takes the other seeds out of a run's record.
  private func keepOneSeed(_ run: URL) throws {
    let file = run.appending(path: "experiment.json")
    var record = try #require(JSON(file: file).object)
    record["arms"] = .array(
      try #require(record["arms"]?.array).map { arm in
        var arm = try #require(arm.object)
        arm["seeds"] = .array(Array((arm["seeds"]?.array ?? []).prefix(1)))
        return .object(arm)
      })
    try Data(JSON.object(record).text().utf8).write(to: file)
  }

  @Test func oneSeedAndOneArmSaySo() throws {
    try withRun { run in
      let file = run.appending(path: "experiment.json")
      try keepOneSeed(run)
      var record = try #require(JSON(file: file).object)
      #expect(
        try writeReport(run).hasSuffix("1 seed). One seed says nothing about how much others would differ."))
      record["arms"] = .array([try #require(record["arms"]?.array?.first)])
      try Data(JSON.object(record).text().utf8).write(to: file)
      #expect(
        try writeReport(run).hasPrefix("There is one arm, and nothing to compare it with: direct gets "))
    }
  }

  // MARK: Other tasks

  /// Makes a run one of several labels, or of a regression: rewrites what its evaluations wrote.
  ///
  /// - Parameter answer: The label and the prediction of a row, by the number of arm, seed and row.
  private func rewrite(
    _ run: URL, _ names: [String], scores: [String: Double],
    answer: (_ arm: Int, _ seed: Int, _ row: Int) -> (label: [Double], prediction: [Double])
  ) throws {
    for (arm, files) in try predictions(run).enumerated() {
      for (seed, file) in files.enumerated() {
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").enumerated()
        let rewritten = try lines.map { row, line in
          var object = try #require(JSON(parsing: Array(line.utf8)).object)
          let (label, prediction) = answer(arm, seed, row)
          object["label"] = .array(label.map { JSON($0) })
          object["prediction"] = .array(prediction.map { JSON($0) })
          return JSON.object(object).text()
        }
        try Data((rewritten.joined(separator: "\n") + "\n").utf8).write(to: file)
        let outputs = JSON.array(names.map { ["label": .string($0)] })
        var results = try #require(JSON(results: scores).object)
        results[scores["eval_mse"] == nil ? "classes" : "outputs"] = outputs
        try Data(JSON.object(results).text().utf8).write(
          to: file.deletingLastPathComponent().appending(path: "eval_results.json"))
      }
    }
  }

  private func tables(_ content: ReportContent) -> [TextTable] {
    content.blocks.compactMap { if case .table(let table) = $0 { table } else { nil } }
  }

  @Test func regressionsAreComparedByR2() throws {
    try withRun { run in
      // The second arm is off by 1 in turn, the first by 2; the labels' variance is 4.
      try rewrite(run, ["stars"], scores: ["eval_mse": 1, "eval_mae": 1, "eval_loss": 1]) { arm, _, row in
        let label = Double(row % 2 * 4)
        return ([label], [label + (row % 4 < 2 ? 1 : -1) * Double(2 - arm)])
      }
      let verdict = try writeReport(run)
      #expect(
        verdict.hasPrefix(
          "Domain adaptation helps: adapted has an R² of 0.7500 on 50 test texts, direct 0.0000, a difference of +0.7500 (95 % interval "
        ), "\(verdict)")
      let report = try JSON(file: run.appending(path: "report.json"))
      #expect(report["labels"] == ["stars"])
      #expect(report["comparisons"]?.array?.first?["metric"] == "r2")
      #expect(report["arms"]?.array?.map { $0["score"]?["mean"]?.double } == [0, 0.75])
      #expect(report["comparisons"]?.array?.first?["disagreements"]?.array?.count == 50)
      let content = ReportContent(try RunResults(run))
      #expect(
        content.plots.map(\.name).filter { $0.hasPrefix("values") || $0.hasPrefix("residuals") }
          == ["values-1-1-direct", "residuals-1-1-direct", "values-2-1-adapted", "residuals-2-1-adapted"])
      #expect(!content.plots.contains { $0.name.hasPrefix("confusion") })
      let tables = tables(content)
      #expect(!tables.contains { $0.header.first == "Class" || $0.header.first == "Label" })
      #expect(
        tables[0].rows == [
          ["direct", "0.0000", "0.0000", "0.0000", "0.0000", "0.0000 to 0.0000", "1"],
          ["adapted", "0.7500", "0.7500", "0.7500", "0.0000", "0.7500 to 0.7500", "1"],
        ])
      let values = try #require(tables.first { $0.header.contains("Mean squared error") })
      #expect(
        values.rows.map { Array($0.prefix(3)) } == [
          ["direct", "4.0000", "2.0000"], ["adapted", "1.0000", "1.0000"],
        ])
      try expectTextInside(content.plots)

      // What is no number has no score.
      for file in try predictions(run)[1] {
        try replace("\"prediction\":[1.0]", with: "\"prediction\":[null]", in: file)
      }
      #expect(
        try writeReport(run)
          == "adapted and direct cannot be compared: some of their predictions are not numbers.")
    }
  }

  @Test func severalLabelsAreComparedByMicroF1() throws {
    try withRun { run in
      let names = ["toxic", "insult", "threat"]
      try rewrite(
        run, names, scores: ["eval_f1_micro": 0.5, "eval_f1_macro": 0.25, "eval_subset_accuracy": 0.125]
      ) { arm, _, row in
        // Every row has the first label. One arm finds it; the other finds it in half of the rows.
        ([1, 0, 0], [arm == 1 || row % 2 == 0 ? 1 : 0, 0, 0])
      }
      #expect(
        try writeReport(run).hasPrefix(
          "Domain adaptation helps: adapted has a micro F1 of 100.0 % on 50 test texts, direct 66.7 %, a difference of +33.3 points "
        ))
      let content = ReportContent(try RunResults(run))
      let tables = tables(content)
      #expect(
        tables[0].header
          == ["Arm", "Seed 42", "Seed 1", "Mean", "Std. dev.", "Range", "Subset accuracy", "Macro F1"])
      #expect(tables[0].rows[0][3] == "66.7 %" && tables[0].rows[0].suffix(2) == ["50.0 %", "22.2 %"])
      let labels = try #require(tables.first { $0.header.first == "Label" })
      #expect(labels.rows.map { $0[0] } == names && labels.rows.map { $0[1] } == ["50", "0", "0"])
      #expect(labels.rows[0][2...4] == ["100.0 %", "50.0 %", "66.7 %"])
      #expect(try text(run, "report.md").contains("labelled toxic; direct: none, 0 of 2 seeds right"))
      try expectTextInside(content.plots)
    }
  }

  @Test func armsThatCannotBeComparedSayWhy() throws {
    try withRun { run in
      try rewrite(run, ["stars"], scores: ["eval_mse": 1]) { _, _, row in ([Double(row)], [Double(row)]) }
      let files = try predictions(run)
      let results = files[1].map { $0.deletingLastPathComponent().appending(path: "eval_results.json") }
      for file in results { try replace("stars", with: "price", in: file) }
      #expect(try writeReport(run).hasSuffix("cannot be compared: their heads have different labels."))
      for file in results { try replace("eval_mse", with: "eval_f1_micro", in: file) }
      #expect(
        try writeReport(run).hasSuffix("cannot be compared: one is scored by R², the other by micro F1."))
      // Of entities there are no rows that are right or wrong.
      for arm in files {
        for file in arm {
          let results = file.deletingLastPathComponent().appending(path: "eval_results.json")
          try Data(#"{"eval_f1": 0.5, "eval_loss": 1.5}"#.utf8).write(to: results)
        }
      }
      #expect(
        try writeReport(run).hasSuffix(
          "cannot be compared: their predictions are not scored row by row; the table has their scores."))
      let table = tables(ReportContent(try RunResults(run)))[0]
      #expect(table.rows[0] == ["direct", "50.0 %", "50.0 %", "50.0 %", "0.0 %", "50.0 % to 50.0 %", "1.5"])
    }
  }

  @Test func probabilitiesThatAreNoNumbersHaveNoLogLoss() throws {
    try withRun { run in
      for file in try predictions(run).joined() {
        let text = try String(contentsOf: file, encoding: .utf8)
        try Data(text.replacing(/"scores":\[[^\]]*\]/, with: #""scores":[null,null,null,null]"#).utf8)
          .write(to: file)
      }
      let record = run.appending(path: "experiment.json")
      var object = try #require(JSON(file: record).object)
      object["metric"] = "log_loss"
      try Data(JSON.object(object).text().utf8).write(to: record)
      let verdict = try writeReport(run)
      #expect(verdict.contains("cannot be compared"), "\(verdict)")
    }
  }

  @Test func classesAreThoseOfTheHead() throws {
    try withRun { run in
      // The data number their labels from 1.
      for name in ["games", "science", "sound", "web"].enumerated() {
        try replace(
          "\"\(name.element)\"", with: "\"\(name.offset + 1)\"", in: run.appending(path: "experiment.json"))
      }
      // The heads of one arm have their classes in another order.
      for file in try predictions(run)[1] {
        let results = file.deletingLastPathComponent().appending(path: "eval_results.json")
        var document = try #require(JSON(file: results).object)
        document["classes"] = .array((document["classes"]?.array ?? []).reversed())
        try Data(JSON.object(document).text().utf8).write(to: results)
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
          var object = try #require(JSON(parsing: Array(line.utf8)).object)
          for key in ["label", "prediction"] { object[key] = JSON(3 - (object[key]?.int ?? 0)) }
          return JSON.object(object).text()
        }
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
      }
      #expect(try writeReport(run).hasPrefix("Whether domain adaptation helps is not settled: adapted gets "))
      let report = try JSON(file: run.appending(path: "report.json"))
      #expect(report["labels"] == ["games", "science", "sound", "web"])
      let page = try text(run, "report.html")
      #expect(page.contains("labelled science") && page.contains("<title>games taken for sound"))
    }
  }
}
