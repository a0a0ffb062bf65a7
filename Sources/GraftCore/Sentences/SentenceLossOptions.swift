import GraftTensors
import OrderedCollections

/// The losses that vectors for texts are learnt by, as sentence-transformers has them.
public enum SentenceLoss: String, Sendable, CaseIterable {
  /// Of all texts of a batch, the second of a row is the right one for the first: cross-entropy over similarities. Further
  /// texts of a row are wrong ones. Henderson et al., arXiv:1705.00652.
  case multipleNegatives = "multiple-negatives"
  /// Pairs with a higher score are more alike: https://kexue.fm/archives/8847.
  case cosent
  /// The squared difference between cosine and score. Reimers & Gurevych, arXiv:1908.10084.
  case cosine
  /// The first text is nearer to the second than to the third, by a margin. Schroff et al., arXiv:1503.03832.
  case triplet

  /// Whether it learns from scores of pairs.
  public var readsScores: Bool { self == .cosent || self == .cosine }

  /// How vectors are compared where nothing else is said.
  public var usualSimilarity: VectorSimilarity { self == .triplet ? .euclidean : .cosine }
}

/// The widths that vectors are cut to when they are learnt, so that their first numbers are vectors as well, with what the
/// loss of each counts for. Kusupati et al., arXiv:2205.13147.
public struct MatryoshkaWidths: Sendable, Equatable {
  /// By width.
  public let weights: OrderedDictionary<Int, Double>

  /// - Returns: `nil` when there is none, or a width or a weight is not above 0.
  public init?(_ weights: OrderedDictionary<Int, Double>) {
    guard !weights.isEmpty, weights.allSatisfy({ $0.key > 0 && $0.value > 0 && $0.value.isFinite }) else {
      return nil
    }
    self.weights = weights
  }
}

/// What a loss over vectors is and how it compares them. The defaults are those of sentence-transformers.
public struct SentenceLossOptions: Sendable, Equatable {
  /// `nil` is ``SentenceLoss/cosent`` for pairs with scores, else ``SentenceLoss/multipleNegatives``.
  public var loss: SentenceLoss?
  /// What similarities are multiplied by, in losses that are a softmax over them.
  public var scale = 20.0
  /// `nil` is the euclidean distance for triplets, else the cosine.
  public var similarity: VectorSimilarity?
  /// By how much a triplet's third text has to be farther than its second.
  public var margin = 5.0
  /// `nil` learns whole vectors.
  public var widths: MatryoshkaWidths?

  /// The defaults.
  public init() {}

  private static let keys = (
    loss: "sentence_loss", scale: "sentence_loss_scale", similarity: "sentence_loss_similarity",
    margin: "sentence_triplet_margin", widths: "sentence_matryoshka"
  )

  /// For ``Checkpoint/runSettings``.
  public var settings: Configuration {
    var settings: OrderedDictionary<String, JSON> = [:]
    settings[Self.keys.loss] = loss.map { .string($0.rawValue) }
    settings[Self.keys.scale] = JSON(scale)
    settings[Self.keys.similarity] = similarity.map { .string($0.rawValue) }
    settings[Self.keys.margin] = JSON(margin)
    settings[Self.keys.widths] = widths.map { widths in
      .array(widths.weights.map { [JSON($0.key), JSON($0.value)] })
    }
    return Configuration(taskSettings: settings)
  }

  /// What ``settings`` has, where they are there.
  ///
  /// - Throws: `GraftError` naming the key of a number that is none.
  public init(_ configuration: Configuration) throws {
    let settings = Configuration(configuration.taskSettings)
    loss = settings[Self.keys.loss]?.string.flatMap(SentenceLoss.init)
    scale = try settings.number(Self.keys.scale, default: scale)
    similarity = settings[Self.keys.similarity]?.string.flatMap(VectorSimilarity.init)
    margin = try settings.number(Self.keys.margin, default: margin)
    widths = settings[Self.keys.widths]?.array.flatMap { list in
      let pairs = list.compactMap { pair -> (Int, Double)? in
        guard let width = pair.array?.first?.int, let weight = pair.array?.last?.double else { return nil }
        return (width, weight)
      }
      return MatryoshkaWidths(OrderedDictionary(pairs) { first, _ in first })
    }
  }
}
