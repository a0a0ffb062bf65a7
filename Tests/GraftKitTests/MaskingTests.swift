import GraftCompute
import GraftCore
import MaskedLM
import Testing

@Suite struct MaskingTests {
  private let specialTokens = SpecialTokens(padding: 0, unknown: 1, classification: 2, separator: 3, mask: 4)

  /// Sequences of `[CLS]`, words that are all 50, `[SEP]`.
  private func examples(_ count: Int, words: Int) -> [Example] {
    (0..<count).map { _ in
      let ids: [Int32] = [2] + [Int32](repeating: 50, count: words) + [3]
      let isSpecial = ids.map { $0 != 50 }
      return Example(
        Encoding(ids: ids, tokenTypes: ids.map { _ in 0 }, offsets: [], isSpecial: isSpecial))
    }
  }

  private func prepare(_ examples: [Example], seed: UInt64, probability: Float = 0.15) throws -> PreparedBatch
  {
    let registry = try Support.registry()
    let model = try registry.open(Support.fixture("masked-lm")).checkpoint.makeModel()
    var batch = PreparedBatch(Batch(examples.map(\.encoding)))
    let context = BatchContext(
      key: RandomKey(seed: seed), specialTokens: specialTokens, vocabularySize: 260,
      mlmProbability: probability)
    try model.requireHead().task.prepare(&batch, examples, context)
    return batch
  }

  /// Devlin et al., arXiv:1810.04805: of 15 % of the tokens, 80 % become `[MASK]`, 10 % a random token.
  @Test func sharesAreThePapers() throws {
    let examples = examples(200, words: 500)
    let prepared = try prepare(examples, seed: 3)
    let selected = try #require(prepared.selections[MaskedLM.name]).map { Int($0) }
    let targets: ClassTargets = try prepared.targets(of: MaskedLM(Configuration()))
    #expect(targets == ClassTargets(selected.map { _ in 50 }))
    let batch = prepared.inputs
    #expect(abs(Double(selected.count) / 100_000 - 0.15) < 0.005)

    let masked = selected.count { batch.ids[$0] == 4 }
    let kept = selected.count { batch.ids[$0] == 50 }
    let replacements = selected.map { batch.ids[$0] }.filter { $0 != 4 && $0 != 50 }
    #expect(abs(Double(masked) / Double(selected.count) - 0.8) < 0.015)
    #expect(abs(Double(kept) / Double(selected.count) - 0.1) < 0.015)
    #expect(abs(Double(replacements.count) / Double(selected.count) - 0.1) < 0.015)
    // Replacements come from the whole vocabulary.
    #expect(Set(replacements).count > 240)
    #expect(replacements.allSatisfy { (0..<260).contains($0) })

    let untouched = Set(batch.ids.indices).subtracting(selected)
    let original = examples.flatMap(\.encoding.ids)
    #expect(untouched.allSatisfy { batch.ids[$0] == original[$0] })
    #expect(selected.allSatisfy { original[$0] == 50 })
  }

  @Test func everyBatchHasAtLeastOneMask() throws {
    for seed in 0..<20 {
      let batch = try prepare(examples(1, words: 2), seed: UInt64(seed), probability: 1e-6)
      let selected = batch.selections[MaskedLM.name]
      #expect(selected?.count == 1)
      #expect([1, 2].contains(selected?.first))
    }
  }

  @Test func theKeyDecides() throws {
    let examples = examples(4, words: 30)
    let inputs = try [1, 1, 2].map { try prepare(examples, seed: $0).inputs }
    #expect(inputs[0] == inputs[1])
    #expect(inputs[0] != inputs[2])
  }
}
