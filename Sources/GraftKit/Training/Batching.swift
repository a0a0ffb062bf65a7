import GraftCompute
import GraftCore

/// How examples are put together for a forward pass.
package struct Batching {
  package let model: Model
  package let data: Dataset
  package let maskingProbability: Float

  package init(model: Model, data: Dataset, maskingProbability: Float) {
    self.model = model
    self.data = data
    self.maskingProbability = maskingProbability
  }

  /// Groups all examples, longest first, so that the sequences of a batch are of about one length.
  ///
  /// Longest first means that the memory of a run is known at its first batch. Ties keep their order.
  package static func sortedByLength(_ data: Dataset, batchSize: Int) -> [[Int]] {
    let lengths = (0..<data.count).map(data.length)
    let order = lengths.indices.sorted { (lengths[$1], $0) < (lengths[$0], $1) }
    return stride(from: 0, to: order.count, by: batchSize).map { start in
      Array(order[start..<min(start + batchSize, order.count)])
    }
  }

  /// The inputs of some examples.
  package func inputs(_ indices: some Sequence<Int>) -> Batch { Batch(indices.map { data[$0].encoding }) }

  /// The inputs and targets of some examples.
  ///
  /// - Parameter key: The randomness of masking.
  /// - Throws: what the head throws when an example lacks what the task needs.
  package func prepared(_ indices: some Sequence<Int>, key: RandomKey) throws -> Batch {
    let examples = indices.map { data[$0] }
    var batch = Batch(examples.map(\.encoding))
    let sampler = Sampler(
      key: key,
      specialTokens: model.tokenizer?.specialTokens ?? SpecialTokens(),
      vocabularySize: model.tokenizer?.vocabularySize ?? model.backbone.vocabularySize,
      maskingProbability: maskingProbability)
    try model.requireHead().prepare(&batch, examples: examples, sampler: sampler)
    return batch
  }
}

extension Batch {
  /// The number of predictions that the loss is the mean of.
  var targetCount: Int { targets.values.reduce(0) { $0 + $1.count } }
}
