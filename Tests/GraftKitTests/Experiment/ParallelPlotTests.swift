import GraftCore
import TestSupport
import Testing

@testable import GraftExperiments

/// The points of a search as lines over parallel axes.
@Suite struct ParallelPlotTests {
  private func results(_ options: [String], _ values: [[String]], scores: [Double]) -> OptionSearchResults {
    OptionSearchResults(
      arm: "tuned", stage: "dev", metric: "accuracy", method: "grid", isHigherBetter: true,
      decidedByTest: false,
      options: options, rungs: nil, seeds: [1],
      trials: zip(values, scores).enumerated().map { index, trial in
        .init(point: index + 1, round: 0, values: trial.0, scores: [trial.1])
      }, best: 1)
  }

  @Test func axesAreInOrderOfValues() throws {
    let search = results(
      ["tune.learning-rate", "tune.lr-scheduler"],
      [["1e-3", "linear"], ["1e-5", "cosine"], ["1e-4", "linear"]], scores: [0.9, 0.5, 0.7])
    let plot = try #require(ParallelPlot.draw(search))
    let paths = plot.content.text.matches(of: #/ d="M[0-9.]+ ([0-9.]+)L[0-9.]+ ([0-9.]+)L[0-9.]+ ([0-9.]+)"/#)
      .map { match in [match.output.1, match.output.2, match.output.3].map { Double($0) ?? 0 } }
    // The best is drawn last; up is more. The rates are a factor of 100 apart, so that their axis is logarithmic.
    #expect(paths.count == 3)
    let (low, middle, best) = (paths[0], paths[1], paths[2])
    #expect(low[0] > middle[0] && middle[0] > best[0])
    #expect(abs(low[0] - 2 * middle[0] + best[0]) < 0.02)
    #expect(middle[1] == best[1] && low[1] != best[1])
    #expect(low[2] > middle[2] && middle[2] > best[2])
    // All options are those of one stage, which need not be named.
    #expect(plot.content.text.contains(">learning-rate</text>"))
    try ReportTests().expectTextInside([.init(name: "search", plot: plot)])
  }

  @Test("points as good as the best are counted") func ties() {
    let values = [["1"], ["2"], ["3"]]
    #expect(results(["tune.epochs"], values, scores: [0.5, 0.5, 0.5]).ties == 2)
    #expect(results(["tune.epochs"], values, scores: [0.5, 0.4, 0.5]).ties == 1)
    #expect(results(["tune.epochs"], values, scores: [0.9, 0.5, 0.7]).ties == 0)
  }

  @Test func textIsInsideThePlot() throws {
    let names = (0..<7).map { "a-very-long-name-of-a-stage.learning-rate-\($0)" }
    let values = (0..<40).map { row in
      names.indices.map {
        $0 % 2 == 0 ? "\(Double(row + 1) * 1.37e-6)" : "[World, Sports, Business, Sci/Tech, \(row)]"
      }
    }
    let plot = try #require(
      ParallelPlot.draw(results(names, values, scores: (0..<40).map { Double($0) / 40 })))
    try ReportTests().expectTextInside([.init(name: "search", plot: plot)])
    let single = try #require(ParallelPlot.draw(results(["x.y"], [["1"]], scores: [1])))
    try ReportTests().expectTextInside([.init(name: "search", plot: single)])
  }
}
