import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import Synchronization
import TestSupport
import Testing

@testable import GraftKit

/// Evaluations on several ranks against those of one process.
@Suite struct RankEvaluationTests {
  /// What ranks send each other, counted.
  private struct Counting: ProcessGroup {
    let base: any ProcessGroup
    let bytes: Counter

    final class Counter: Sendable {
      let sum = Mutex(0)
    }

    var rank: Int { base.rank }
    var size: Int { base.size }
    var hosts: [String] { base.hosts }
    func gather(_ own: [UInt8], for purpose: GatheringPurpose) throws -> [[UInt8]] {
      bytes.sum.withLock { $0 += own.count }
      return try base.gather(own, for: purpose)
    }
    func broadcast(_ memory: UnsafeMutableRawBufferPointer) throws { try base.broadcast(memory) }
    func exchange(
      sent: (Int) -> UnsafeRawBufferPointer, received: (Int) -> UnsafeMutableRawBufferPointer
    ) throws { try base.exchange(sent: sent, received: received) }
    func start(_ sum: RankSum) -> PendingSum { base.start(sum) }
    func start(_ spread: RankSpread) -> PendingSum { base.start(spread) }
    func abort(code: Int32) { base.abort(code: code) }
  }

  private static let texts = [
    "a b c", "the cat", "d e f g h i", "x", "a dog b", "c d", "e f g", "h", "b c d e",
  ]

  /// The results, and how many bytes all ranks have sent.
  private static func results(
    _ fixture: String, _ ranks: Int, keepsPredictions: Bool = false,
    _ rows: @escaping @Sendable (Model) -> [TextRow]
  ) throws -> (results: [String: Double], predictions: Int, bytes: Int) {
    let counter = Counting.Counter()
    @Sendable func run(_ group: any ProcessGroup) throws -> (results: [String: Double], predictions: Int) {
      let registry = try Support.registry()
      let model = try registry.open(Support.fixture(fixture)).checkpoint.makeModel()
      let evaluation = try evaluate(
        model, on: try Dataset(rows(model), for: model),
        options: EvaluationOptions(batchSize: 2, mlmProbability: 0.5, keepsPredictions: keepsPredictions),
        backend: try ReferenceBackend(threads: 1), group: Counting(base: group, bytes: counter))
      return (
        evaluation.results.filter { !$0.key.hasSuffix("runtime") && !$0.key.hasSuffix("_second") },
        evaluation.predictions.count
      )
    }
    if ranks == 1 {
      let (results, predictions) = try run(SingleProcess())
      return (results, predictions, 0)
    }
    let all = try Meeting(ranks).run(run).map { try $0.get() }
    #expect(all.allSatisfy { $0 == all[0] })
    return (all[0].results, all[0].predictions, counter.sum.withLock { $0 })
  }

  /// Scores of hidden tokens are as wide as the vocabulary: each rank counts its own.
  @Test func scoresOfTokensStayWhereTheyAreMade() throws {
    let rows: @Sendable (Model) -> [TextRow] = { _ in Self.texts.map { TextRow($0) } }
    let alone = try Self.results("masked-lm", 1, rows)
    #expect(alone.results["eval_accuracy"] != nil && alone.results["eval_perplexity"] != nil)
    for ranks in [2, 3] {
      let found = try Self.results("masked-lm", ranks, rows)
      #expect(found.results == alone.results)
      // Five batches.
      #expect(found.bytes > 0 && found.bytes < 5 * ranks * 400, "\(found.bytes)")
    }
  }

  /// Bit for bit: what ranks find is added up in the order of batches.
  @Test func pseudoPerplexitiesAreThoseOfOneProcess() throws {
    @Sendable func run(_ group: any ProcessGroup) throws -> (PseudoPerplexity, done: [Int]) {
      let model = try Support.registry().open(Support.fixture("masked-lm")).checkpoint.makeModel()
      var done: [Int] = []
      let found = try pseudoPerplexity(
        InferenceSession(model, backend: try ReferenceBackend(threads: 1)),
        on: Dataset(Self.texts.map { TextRow($0) }, for: model), batchSize: 4, group: group,
        progress: { done.append($0) })
      return (found, done)
    }
    let (alone, done) = try run(SingleProcess())
    #expect(alone.tokens > 16 && done.count > 4)
    for ranks in [2, 3] {
      let all = try Meeting(ranks).run(run).map { try $0.get() }
      #expect(all.allSatisfy { $0.0 == alone && $0.done == all[0].done })
      #expect(all[0].done.last == Self.texts.count && all[0].done.count < done.count)
    }
  }

  @Test(arguments: [false, true]) func scoresOfRowsAreThoseOfOneProcess(_ keepsPredictions: Bool) throws {
    let rows: @Sendable (Model) -> [TextRow] = { model in
      let labels = (try? model.configuration.labels()) ?? []
      return Self.texts.enumerated().map { TextRow($1, label: .text(labels[$0 % labels.count])) }
    }
    let alone = try Self.results("sequence-classification", 1, keepsPredictions: keepsPredictions, rows)
    #expect(alone.predictions == (keepsPredictions ? 9 : 0) && alone.results["eval_log_loss"] != nil)
    let found = try Self.results("sequence-classification", 3, keepsPredictions: keepsPredictions, rows)
    #expect(found.results == alone.results && found.predictions == alone.predictions)
  }
}
