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
  private func withRun(_ body: (URL) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let run = directory.appending(path: "run")
      try FileManager.default.copyItem(at: fixtures.appending(path: "report/run"), to: run)
      try body(run)
    }
  }

  private func text(_ run: URL, _ name: String) throws -> String {
    try String(contentsOf: run.appending(path: name), encoding: .utf8)
  }

  /// The predictions of each arm and seed, in the order of the record.
  private func predictions(_ run: URL) throws -> [[URL]] {
    let record = try JSON(file: run.appending(path: "experiment.json"))
    return try #require(record["arms"]?.array).map { arm in
      try #require(arm["seeds"]?.array).map { seed in
        let stage = seed["stages"]?.array?.last { $0["predictions"] != nil }
        return run.appending(path: try #require(stage?["predictions"]?.string))
      }
    }
  }

  private func replace(_ old: String, with new: String, in file: URL) throws {
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
          "Domain adaptation helps: adapted has an R² of 0.75 on 50 test texts, direct 0, a difference of +0.75 (95 % interval "
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
          ["direct", "0", "0", "0", "0", "0 to 0", "1"],
          ["adapted", "0.75", "0.75", "0.75", "0", "0.75 to 0.75", "1"],
        ])
      let values = try #require(tables.first { $0.header.contains("Mean squared error") })
      #expect(values.rows.map { Array($0.prefix(3)) } == [["direct", "1", "1"], ["adapted", "1", "1"]])
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
      #expect(tables[0].rows[0][3] == "66.7 %" && tables[0].rows[0].suffix(2) == ["12.5 %", "25.0 %"])
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

  // MARK: The page

  /// Collects what an HTML page or an SVG file is made of.
  private final class Elements: NSObject, XMLParserDelegate {
    var names: Set<String> = []
    var attributes: Set<String> = []
    var text = ""

    init(_ page: String) throws {
      super.init()
      let parser = XMLParser(data: Data(page.utf8))
      parser.delegate = self
      let isWellFormed = parser.parse()
      try #require(isWellFormed, "\(parser.parserError as Any) in line \(parser.lineNumber)")
    }

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      names.insert(name)
      self.attributes.formUnion(attributes.keys)
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
  }

  @Test func thePageStandsAloneAndIsWellFormed() throws {
    try withRun { run in
      let verdict = try writeReport(run)
      let page = try text(run, "report.html")
      let elements = try Elements(page)
      #expect(elements.text.replacingOccurrences(of: "\u{A0}", with: " ").contains(verdict))
      #expect(elements.names.isDisjoint(with: ["script", "link", "img", "iframe", "object", "base", "form"]))
      #expect(elements.attributes.isDisjoint(with: ["src", "href", "srcset", "xlink:href", "style"]))
      #expect(!page.contains("url(") && !page.contains("@import") && !page.contains("xmlns"))
      let plots = try FileManager.default.contentsOfDirectory(
        atPath: run.appending(path: "plots").path)
      #expect(
        plots.sorted() == [
          "accuracies.svg", "accuracy-1-classify.svg", "confusion-1-direct.svg", "confusion-2-adapted.svg",
          "differences.svg", "evaluation-loss-1-classify.svg", "loss-1-classify.svg", "loss-2-adapt.svg",
        ])
      let markdown = try text(run, "report.md")
      #expect(markdown.contains(" All seeds share adapt, so the interval does not say "))
      for plot in plots {
        #expect(try Elements(text(run, "plots/\(plot)")).names.contains("svg"))
        #expect(markdown.contains("](plots/\(plot))"))
      }
      #expect(!markdown.contains("NaN") && !page.contains("nan\""))
    }
  }

  @Test func textsFromDataAreOnlyText() throws {
    let hostile = #"</p><script>alert("1")</script>&amp;<img src=x onerror='1'> | **a** [b](c) `d`"#
    try withRun { run in
      let files = try predictions(run)
      let line = try #require(String(contentsOf: files[0][0], encoding: .utf8).split(separator: "\n").first)
      let old = try #require(JSON(parsing: Array(line.utf8))["text"]?.text())
      for (index, file) in files.joined().enumerated() {
        try replace(old, with: JSON.string(hostile + "\u{0}\u{1B}\u{202E}\n# e").text(), in: file)
        // So that the arms disagree on this row.
        var lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
        var object = try #require(JSON(parsing: Array(lines[0].utf8)).object)
        object["prediction"] =
          index < 2 ? object["label"] : JSON((try #require(object["label"]?.int) + 1) % 4)
        lines[0] = JSON.object(object).text()
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
      }
      try replace("direct", with: "<b>&\\\"", in: run.appending(path: "experiment.json"))
      try replace("games", with: "<i>'", in: run.appending(path: "experiment.json"))
      try writeReport(run)
      let elements = try Elements(text(run, "report.html"))
      #expect(elements.text.contains(hostile))
      #expect(elements.text.contains("<b>&\""))
      #expect(elements.names.isDisjoint(with: ["script", "img", "b", "i"]))
      #expect(!elements.attributes.contains("onerror"))
      let markdown = try text(run, "report.md")
      #expect(markdown.contains(#"\*\*a\*\* \[b\](c) \`d\`"#))
      #expect(!markdown.contains("<script") && !markdown.contains("\n# e"))
    }
  }

  // MARK: Errors

  @Test(arguments: [
    (
      "experiment.json", "\"seed\": 42", "\"seed\": \"x\"",
      "key 'arms[0].seeds[0].seed': wrong value; expected a whole number, found the string \"x\""
    ),
    (
      "experiment.json", "\"stages/", "\"../stages/",
      "expected a path inside the run's directory, found the string \"../stages/"
    ),
    ("experiment.json", "\"arms\"", "\"legs\"", "key 'arms': wrong value; expected a list, found nothing"),
    ("experiment.json", "predictions.jsonl", "gone.jsonl", "gone.jsonl: no such file"),
    ("predictions.jsonl", "\"prediction\":", "\"prophecy\":", "line 1: not a prediction"),
    ("predictions.jsonl", "\"prediction\":", "\"prediction\":4000000000", "line 1: not a prediction"),
    ("predictions.jsonl", "{\"row\"", "\"row\"", "line 1: not a JSON object"),
    ("trainer_state.json", "\"log_history\"", "\"history\"", "not the state of a training run"),
  ])
  func damageIsNamed(_ name: String, _ old: String, _ new: String, _ message: String) throws {
    try withRun { run in
      let names = FileManager.default.enumerator(atPath: run.path)?.compactMap { $0 as? String } ?? []
      for file in names where file.hasSuffix(name) {
        try replace(old, with: new, in: run.appending(path: file))
      }
      let error = #expect(throws: GraftError.self) { try writeReport(run) }
      #expect(error?.description.contains(message) == true, "\(error as Any)")
    }
  }

  @Test func aDirectoryThatIsNoRunIsSaidToBeNone() throws {
    try withTemporaryDirectory { directory in
      let error = #expect(throws: GraftError.self) { try writeReport(directory) }
      #expect(
        error?.description == "\(directory.path): not the directory of a finished run; "
          + "expected experiment.json in it. Give the output directory of an experiment.")
    }
  }

  // MARK: Plots

  @Test func ticksAreRound() {
    #expect(Axis([0, 5], from: 0, to: 100, padding: 0).ticks == [0, 1, 2, 3, 4, 5])
    #expect(
      Axis([0.123, 0.987], from: 0, to: 1, padding: 0).ticks.map { ($0 * 10).rounded() } == [2, 4, 6, 8])
    let shares = Axis([0.72, 0.79], from: 0, to: 1, isShare: true, padding: 0)
    #expect(shares.ticks.map(shares.label) == ["72 %", "74 %", "76 %", "78 %"])
    let differences = Axis([-0.004, 0.006], from: 0, to: 1, isShare: true, padding: 0)
    #expect(
      differences.ticks.map(differences.label) == ["−0.4 %", "−0.2 %", "0.0 %", "0.2 %", "0.4 %", "0.6 %"])
    // Nothing to span, and nothing at all.
    for values in [[3.0, 3], [0, 0], []] {
      let axis = Axis(values, from: 0, to: 1)
      #expect(axis.ticks.allSatisfy { axis.range.contains($0) } && !axis.ticks.isEmpty)
      #expect(axis.place(axis.range.upperBound) == 1)
    }
  }

  @Test func sharesStayBetweenNothingAndAll() {
    for (values, range) in [([1.0], 0.9...1), ([0.0], 0...1), ([-1.0, 1], -1...1)] {
      let axis = Axis(values, from: 0, to: 1, isShare: true, padding: 0)
      #expect(axis.range == range)
    }
    let small = Axis([1e-9, 5e-9], from: 0, to: 1, padding: 0)
    #expect(small.ticks.map(small.label) == ["1e−09", "2e−09", "3e−09", "4e−09", "5e−09"])
    let large = Axis([0, 4e7], from: 0, to: 1, padding: 0)
    #expect(large.ticks.map(large.label) == ["0", "1e+07", "2e+07", "3e+07", "4e+07"])
  }

  /// Demands that every text of a plot is inside it, in a wide font: `Fixtures/report/make_widths.py`.
  func expectTextInside(_ plots: [ReportContent.NamedPlot]) throws {
    let widths = try JSON(file: fixtures.appending(path: "report/widths.json"))
    for plot in plots {
      let pattern = #/<text([^>]*)>([^<]*)</text>/#
      let texts = plot.plot.content.text.matches(of: pattern)
      #expect(!texts.isEmpty)
      for match in texts {
        let attributes = String(match.output.1)
        func attribute(_ name: String) -> String? {
          attributes.matches(of: #/([a-z-]+)="([^"]*)"/#).first { $0.output.1 == name }.map {
            String($0.output.2)
          }
        }
        let isBold = attribute("class")?.contains("p-name") == true
        let text = [("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'")]
          .reduce(String(match.output.2)) { $0.replacing($1.0, with: $1.1) }
        let width = text.reduce(0) { sum, character in
          sum + 11 * (widths[isBold ? "bold" : "regular"]?[String(character)]?.double ?? 1.1)
        }
        let (x, y) = (try #require(Double(attribute("x") ?? "")), try #require(Double(attribute("y") ?? "")))
        let start =
          switch attribute("text-anchor") {
          case "end": x - width
          case "middle": x - width / 2
          default: x
          }
        #expect(
          start >= -0.01 && start + width <= plot.plot.width + 0.01 && y >= 9 && y + 3 <= plot.plot.height,
          "\(plot.name): '\(text)' from \(start) to \(start + width) of \(plot.plot.width), \(y) of \(plot.plot.height)"
        )
      }
    }
  }

  @Test func textIsInsideThePlots() throws {
    try withRun { run in
      try expectTextInside(ReportContent(try RunResults(run)).plots)
      // Long names, short ones, and wide ones.
      let long = "A Very WIDE Name of More Words than Anything Has Room for, @ 100 %"
      try replace("\"adapted\"", with: "\"\(long)\"", in: run.appending(path: "experiment.json"))
      try replace("\"classify\"", with: "\"\(long)\"", in: run.appending(path: "experiment.json"))
      for file in try predictions(run).joined() {
        let results = file.deletingLastPathComponent().appending(path: "eval_results.json")
        try replace("\"games\"", with: "\"\(long)\"", in: results)
        try replace("\"sound\"", with: "\"経済・国際・スポーツ・科学・技術\"", in: results)
        try replace("\"web\"", with: "\"w\"", in: results)
      }
      try expectTextInside(ReportContent(try RunResults(run)).plots)
    }
  }

  @Test func aSingleEvaluationHasAnAxis() throws {
    let group = CurveGroup(
      id: "accuracy", title: "Accuracy", quantity: .accuracy,
      curves: [.init(arms: ["direct"], seed: 1, points: [(x: 1, y: 0.75)])])
    let plot = LinePlot.draw(group) { _ in 0 }
    let labels = plot.content.text.matches(of: #/<text[^>]*>([^<]*)</text>/#).map { String($0.output.1) }
    #expect(
      labels == [
        "Accuracy", "70 %", "75 %", "80 %", "0.0", "0.2", "0.4", "0.6", "0.8", "1.0", "epoch", "direct",
      ])
    try expectTextInside([ReportContent.NamedPlot(name: "accuracy", plot: plot)])
    // Seeds that are points show beside their mean.
    let seeds = CurveGroup(
      id: "accuracy", title: "Accuracy", quantity: .accuracy,
      curves: [0.5, 0.75].map { .init(arms: ["direct"], seed: 1, points: [(x: 1, y: $0)]) })
    #expect(LinePlot.draw(seeds) { _ in 0 }.content.text.matches(of: #/<circle/#).count == 3)
  }

  @Test func yamlIsReadBack() {
    let text = YAMLText.render([
      "name": "a: b", "flag": "yes", "numbers": [1, 2.5, .null],
      "nested": [["k": "v", "list": ["x"]], ["k": 1]],
      "empty": [:], "text": "é\u{2028}\n\"q\"",
    ])
    #expect(
      text == """
        name: "a: b"
        flag: "yes"
        numbers: [1, 2.5, null]
        nested:
        - k: v
          list: [x]
        - k: 1
        empty: {}
        text: "é\\u2028\\n\\"q\\""

        """)
  }
}
