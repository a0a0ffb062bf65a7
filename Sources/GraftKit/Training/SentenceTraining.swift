import GraftCore
import GraftTensors
import OrderedCollections

extension MatryoshkaWidths: OptionValue {
  package init?(text: String) {
    var weights: OrderedDictionary<Int, Double> = [:]
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let width = Int(pair[0]), weights[width] == nil,
        let weight = pair.count == 1 ? 1 : Double(pair[1])
      else { return nil }
      weights[width] = weight
    }
    self.init(weights)
  }

  package static var expectation: String {
    "widths such as 256,128,64, each once, or with positive weights such as 256=1,64=0.5"
  }

  package var json: JSON {
    .object(OrderedDictionary(uniqueKeysWithValues: weights.map { ("\($0.key)", JSON($0.value)) }))
  }
}

extension Checkpoint {
  /// Settles how the active task learns vectors for texts, and how a checkpoint makes them whose folder does not say.
  ///
  /// - Throws: `GraftError` when there is something to settle and the active head does not learn from such vectors, or
  ///   the folder says how they are made.
  package mutating func settleSentences(_ options: TrainingOptions) throws {
    guard activeHead?.readsSentenceVectors == true else {
      let (loss, usual) = (options.sentenceLoss, SentenceLossOptions())
      let given = [
        ("loss", loss.loss != nil), ("loss-scale", loss.scale != usual.scale),
        ("loss-similarity", loss.similarity != nil), ("triplet-margin", loss.margin != usual.margin),
        ("matryoshka", loss.widths != nil), ("pooling", options.pooling != nil),
      ]
      guard let first = given.first(where: \.1)?.0 else { return }
      throw GraftError(
        .refused, problem(ofHead: "does not learn vectors for texts"), option: first,
        advice: "Leave out this option.")
    }
    runSettings = options.sentenceLoss.settings
    guard sentences == nil else {
      guard options.pooling == nil else {
        throw GraftError(
          .refused, "the checkpoint says how tokens become one vector", option: "pooling",
          found: "\(sentences?.description ?? "")", advice: "Leave the option out.")
      }
      return
    }
    sentences = SentencePipeline(
      pooling: options.pooling ?? .mean,
      maximumLength: min(options.maxLength, try makeBackbone().maximumLength))
  }
}
