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

  /// As `TextClassificationPipeline` of transformers 5.23 shows logits of 0.3 and -2.
  @Test("one label without a problem type is scored by the sigmoid")
  func oneLabel() throws {
    func labels(_ configuration: Configuration) throws -> [TextLabels] {
      try SequenceClassification(configuration).predictions(
        Tensor([0.3, -2], shape: [2, 1]), Batch(), Array(examples[..<2]))
    }
    var configuration = Configuration(["id2label": ["0": "toxic"]])
    let found = try labels(configuration)
    #expect(
      zip(found.map(\.score), [0.574442516811659, 0.119202922022118] as [Float]).allSatisfy {
        abs($0 - $1) < 1e-7
      })
    #expect(found.map(\.labels) == [["toxic"], ["toxic"]])
    configuration["problem_type"] = "regression"
    #expect(try labels(configuration).map(\.score) == [0.3, -2])
  }

  @Test("how texts are sorted for each of many queries is known in a moment", .timeLimit(.minutes(1)))
  func manyPairs() throws {
    var configuration = Configuration(["id2label": ["0": "relevant"]])
    configuration.taskSettings["activation_fn"] = "Sigmoid"
    let task = try SequenceClassification(configuration)
    let rows = (0..<40_000).map { TextRow("query \($0 / 4)", pair: "text \($0)") }
    let scores = try task.rowScores(
      rows.indices.map { TextLabels([Float($0 % 4)], names: ["relevant"], problemType: .regression) },
      of: rows.indices.map { ValuesLabel([$0 % 4 == 1 ? 1 : 0]) }, rows, ReferenceBackend(threads: 1))
    let found = try #require(scores).rows
    #expect(found[4].label == "text 5" && found[4].prediction == "text 7")
    // The right text is the third of four: 1 / log₂ 4.
    #expect(found[4].terms == [0.5] && found.count { !$0.terms.isEmpty } == 10_000)
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
