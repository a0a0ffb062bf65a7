import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

/// Scores against scikit-learn's: `Fixtures/evaluation/make_metrics.py`.
@Suite struct ConfusionMatrixTests {
  @Test func scoresAreScikitLearns() throws {
    let file = fixtures.appendingPathComponent("evaluation/metrics.json")
    let cases = try JSON(parsing: Array(Data(contentsOf: file))).array ?? []
    #expect(cases.count == 8)
    for golden in cases {
      let name = golden["name"]?.string ?? ""
      func integers(_ json: JSON?) throws -> [Int32] { try #require(json?.array).map { Int32($0.int ?? -1) } }
      func numbers(_ key: String) throws -> [Double] {
        try #require(golden[key]?.array).map { $0.double ?? .nan }
      }
      func expect(_ found: [Double], _ key: String) throws {
        let expected = try numbers(key)
        #expect(found.count == expected.count)
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(key) of \(name)")
      }
      var metrics = Metrics()
      metrics.add(
        actual: try integers(golden["labels"]), predicted: try integers(golden["predictions"]),
        classes: try #require(golden["classes"]?.int))
      let matrix = try #require(metrics.confusion)
      try expect(matrix.scores.map(\.precision), "precision")
      try expect(matrix.scores.map(\.recall), "recall")
      try expect(matrix.scores.map(\.f1), "f1")
      try expect(matrix.scores.map { Double($0.support) }, "support")
      let means = metrics.means
      try expect(["precision_macro", "recall_macro", "f1_macro"].map { means[$0] ?? .nan }, "macro")
      #expect(means["accuracy"] == golden["accuracy"]?.double)
      #expect(JSON.array(matrix.rows.map { .array($0.map { JSON($0) }) }) == golden["matrix"])
    }
  }

  /// As transformers' and seqeval's callers leave out labels of -100.
  @Test func classesThatDoNotCountAreLeftOut() throws {
    var metrics = Metrics()
    metrics.add(actual: [1, -100, 0, -100], predicted: [1, 1, 1, 0], classes: 2)
    #expect(metrics.confusion?.rows == [[0, 1], [0, 1]])
    #expect(metrics.means["accuracy"] == 0.5)
  }

  @Test func aMillionClassesTakeNoMatrixOfTheirSquare() {
    var matrix = ConfusionMatrix(classes: 1_000_000)
    matrix.add(actual: 999_999, predicted: 0)
    matrix.add(actual: 5, predicted: 5)
    #expect(matrix.accuracy == 0.5)
    #expect(matrix[actual: 999_999, predicted: 0] == 1)
    #expect(matrix.macro.recall == 1.0 / 3)
  }
}
