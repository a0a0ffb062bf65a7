import Foundation
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// The report as a page, its plots, and what is said of runs that are damaged.
extension ReportTests {
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
    // A run that diverged.
    for values in [
      [.infinity, 1, .nan], [-1e308, 1e308], [.greatestFiniteMagnitude], [.nan], [.leastNonzeroMagnitude],
    ] {
      let axis = Axis(values, from: 0, to: 100)
      #expect(axis.ticks.count <= 11 && axis.ticks.allSatisfy { (0...100).contains(axis.place($0)) })
      #expect((values + [-.infinity]).allSatisfy { axis.place($0).isFinite })
    }
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

  @Test("an axis has two ticks at least, of different labels") func ticksDiffer() {
    for isShare in [false, true] {
      for low in [0, 0.481, -0.028, 3.7, 123_456, -2e-9] {
        for width in [1e-7, 1.1e-4, 0.068, 0.7, 9, 3_000] where width > 1e-8 * abs(low) {
          for count in 2...6 {
            let axis = Axis([low, low + width], from: 0, to: 1, isShare: isShare, count: count)
            let labels = axis.ticks.map(axis.label)
            #expect(2...11 ~= labels.count, "\(low) \(width) \(count)")
            #expect(Set(labels).count == labels.count, "\(labels)")
          }
        }
      }
    }
    let losses = Axis([0.48102, 0.48113], from: 0, to: 1, padding: 0, count: 3)
    #expect(losses.ticks.map(losses.label) == ["0.48105", "0.48110"])
    let differences = Axis([-2.8, 4], from: 0, to: 1, count: 3)
    #expect(differences.ticks.map(differences.label) == ["−2", "0", "2", "4"])
  }

  @Test func sharesStayBetweenNothingAndAll() {
    for (values, range) in [([1.0], 0.9...1), ([0.0], 0...1), ([-1.0, 1], -1...1)] {
      let axis = Axis(values, from: 0, to: 1, isShare: true, padding: 0)
      #expect(axis.range == range)
    }
    let far = Axis([0.5, 1e307], from: 0, to: 1, isShare: true)
    #expect(far.ticks.map(far.label).allSatisfy { $0.hasSuffix(" %") })
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
      id: "accuracy", title: "Accuracy", isShare: true,
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
      id: "accuracy", title: "Accuracy", isShare: true,
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
