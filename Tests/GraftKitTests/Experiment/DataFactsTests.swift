import Foundation
import GraftData
import TestSupport
import Testing

@testable import GraftExperiments

/// What an experiment says of its data.
@Suite struct DataFactsTests {
  private func labels(_ file: URL, _ options: DataOptions = DataOptions()) throws -> [String] {
    try DataFacts("data", Experiment.DataSet(source: .files([file], labelBase: nil), options: options), [])
      .labels
  }

  /// Lists and columns are named by what they are made of, not by each combination that occurs.
  @Test func labelsOfSeveralAreNamedOnce() throws {
    #expect(
      try labels(fixtures.appending(path: "tagging/train.conll"))
        == ["B-FORMAT", "B-LANG", "B-SYS", "I-LANG", "O"])
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "rows.csv")
      try Data("text,new,old\na,1,0\nb,0,1\nc,1,1\nd,0,0\n".utf8).write(to: file)
      var options = DataOptions()
      options.labelColumns = [.name("new"), .name("old")]
      #expect(try labels(file, options) == ["new", "old"])
    }
  }
}
