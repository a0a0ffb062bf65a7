import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

/// Two parts of a data set, one to train on and one to test on.
@Suite struct PartsTests {
  private func sets(_ first: String, _ second: String, rows: String) throws -> [[TextRow]] {
    try withTemporaryDirectory { directory in
      try Data(rows.utf8).write(to: directory.appending(path: "rows.csv"))
      let yaml = """
        base: \(Support.fixture("masked-lm").path)
        data:
          train: {files: rows.csv, \(first)}
          test: {files: rows.csv, \(second)}
        stages: {tune: {train: train}, check: {evaluate: test}}
        arms: {a: [tune, check]}
        """
      let experiment = try Experiment(
        parsing: Array(yaml.utf8), relativeTo: directory, registry: Support.registry())
      return try ["train", "test"].map { try #require(experiment.data[$0]).read().rows }
    }
  }

  private func rows(_ labels: [String]) -> String {
    "text,label\n" + labels.enumerated().map { "t\($0.offset),\($0.element)\n" }.joined()
  }

  private func text(_ label: WrittenLabel?) -> String {
    if case .text(let text)? = label { text } else { "" }
  }

  @Test func eachLabelHasItsShareOfBoth() throws {
    // 100 rows: 70, 25, 4 and 1 of a label, mixed.
    let labels = (0..<100).map { index in
      let place = index * 37 % 100
      return place < 70 ? "a" : place < 95 ? "b" : place < 99 ? "c" : "d"
    }
    for size in ["0.2", "20"] {
      let parts = try sets(
        "test-size: \(size), part: train", "test-size: \(size), part: test", rows: rows(labels))
      #expect(parts.map(\.count) == [80, 20])
      #expect(Set(parts.joined().map(\.text)) == Set((0..<100).map { "t\($0)" }))
      // As of scikit-learn's train_test_split(stratify=…): 14, 5, 0.8 and 0.2 rows.
      let counts = ["a", "b", "c", "d"].map { name in parts[1].count { text($0.label) == name } }
      #expect(counts == [14, 5, 1, 0])
      let again = try sets(
        "test-size: \(size), part: train, split-seed: 42", "test-size: \(size), part: test, split-seed: 1",
        rows: rows(labels))
      #expect(again[0].map(\.text) == parts[0].map(\.text) && again[1].map(\.text) != parts[1].map(\.text))
    }
  }

  @Test func valuesAreNotSpread() throws {
    let parts = try sets(
      "test-size: 0.25, part: train, shuffle-seed: 1, take: 10",
      "test-size: 0.25, part: test, shuffle-seed: 1, take: 10",
      rows: rows((0..<30).map { "\(Double($0) / 7)" }))
    // 2.5 rows are 3, as in scikit-learn.
    #expect(parts.map(\.count) == [7, 3] && Set(parts.joined().map(\.text)).count == 10)
    let classes = StratifiedSplit.classes(of: parts[0])
    #expect(Set(classes) == [0])
  }

  @Test("many labels are spread in a moment", .timeLimit(.minutes(1)))
  func manyLabels() {
    let split = StratifiedSplit((0..<120_000).map { $0 / 2 }, heldOut: 12_000, seed: 42)
    #expect(split.heldOut.count == 12_000 && Set(split.heldOut.map { $0 / 2 }).count == 12_000)
    #expect(split.others.count == 108_000)
  }

  @Test(arguments: [
    (
      "test-size: 3, part: test",
      "'test-size': there are too few rows to hold out as many; expected at most 2, with a row of each label to train on, found 3"
    ),
    ("test-size: 0.2", "'test-size' needs the key 'part': train or test"),
    ("part: test", "'part' has to be left out where there is no 'test-size'"),
    ("split-seed: 1", "'split-seed' has to be left out where there is no 'test-size'"),
    (
      "test-size: 1.5, part: test", "'test-size' has to be a share between 0 and 1, or a whole number of rows"
    ),
    ("test-size: 0, part: test", "'test-size' has to be a share between 0 and 1, or a whole number of rows"),
    (
      "test-size: 2.0, part: test", "'test-size' has to be a share between 0 and 1, or a whole number of rows"
    ),
    ("test-size: 2, part: dev", "'part' has to be"),
    (
      "test-size: 4, part: test", "there are too few rows to hold out as many; expected fewer than 4, found 4"
    ),
  ])
  func mistakesAreNamed(_ keys: String, _ message: String) throws {
    let error = try #require(throws: GraftError.self) {
      _ = try sets(keys, "take: 2", rows: rows(["a", "b", "a", "b"]))
    }
    #expect(error.description.contains(message), "\(error)")
  }
}
