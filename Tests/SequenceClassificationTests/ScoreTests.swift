import GraftCompute
import GraftCore
import SequenceClassification
import Testing

/// What scores say, counted by hand.
@Suite struct ScoreTests {
  private let task: SequenceClassification

  init() throws {
    var configuration = Configuration()
    configuration.setLabels(["a", "b", "c"])
    task = try SequenceClassification(configuration)
  }

  /// `numpy.argmax` and `torch.argmax` take the first of equal scores.
  private let scores = Tensor([1, 3, 3, 2, 2, 2, 0, -1, 0], shape: [3, 3])
  private let examples = [1, 2, 0].map {
    Example(Encoding(ids: [], tokenTypes: [], offsets: [], isSpecial: []), label: ClassLabel($0))
  }

  @Test("of equal scores the first label is predicted")
  func tiedPredictions() throws {
    let found = try task.predictions(scores, Batch(), examples)
    #expect(found.map(\.labels) == [["b"], ["a"], ["a"]])
    #expect(found.map(\.answer) == [1, 0, 0])
    #expect(TextLabels([7, 7], names: ["x", "y"], problemType: .singleLabel).labels == ["x"])
  }

  @Test("and it is the one that an evaluation counts")
  func tiedScores() throws {
    var batch = PreparedBatch(Batch())
    let context = BatchContext(
      key: RandomKey(seed: 1), specialTokens: SpecialTokens(), vocabularySize: 9)
    try task.prepare(&batch, examples, context)
    var metrics = Metrics()
    try task.score(scores, batch, examples, into: &metrics)
    #expect(
      metrics.confusion?.rows == [
        [1, 0, 0],
        [0, 1, 0],
        [1, 0, 0],
      ])
    #expect(metrics.means["accuracy"] == 2.0 / 3)
  }
}
