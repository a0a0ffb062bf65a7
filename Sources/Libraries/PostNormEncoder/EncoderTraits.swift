import GraftCompute

extension PostNormEncoder {
  /// Where families differ.
  public struct Traits: Sendable {
    /// How wide the embeddings are.
    public var embeddings = EmbeddingWidth.hidden
    /// Whether tokens have types.
    public var hasTokenTypes = true
    /// Whether there is dropout behind the attention's output layer.
    public var dropsAttentionOutput = true
    /// Whether there is dropout behind the feed-forward output layer.
    public var dropsFeedForwardOutput = true
    /// The id of the padding token, in a family whose positions count the tokens that are no padding, from the row
    /// behind that id on; `nil` counts columns from 0 on.
    public var paddingID: Int32?
    /// The epsilon of every LayerNorm, in a family whose classes fix it; `nil` is the configuration's.
    public var layerNormEpsilon: Float?
    /// A bias of attention by the distance of two tokens, the same for all layers; `nil` for none.
    public var relativeBias: RelativeBiasTable?
    /// The order of the layers, in a family that uses some more than once; `nil` for each in turn.
    public var layers: LayerOrder?
    /// The activation where the configuration names none.
    public var defaultActivation = "gelu"
    /// The dropout where the configuration says none.
    public var defaultDropout = 0.1

    /// Those of BERT.
    public init() {}
  }

  /// How wide embeddings are.
  public enum EmbeddingWidth: Sendable {
    /// As hidden states.
    case hidden
    /// `embedding_size` of the configuration, with a linear layer to the width of hidden states: always, or only
    /// where that is another.
    case own(default: Int, isAlwaysProjected: Bool)
  }

  /// A table of biases by the distance of two tokens, `[rows, heads]`.
  public struct RelativeBiasTable: Sendable {
    /// The rows that the table has: as many as there are buckets, or more.
    public let rows: Int
    /// Which row belongs to a distance.
    public let buckets: RelativeBuckets

    public init(rows: Int, buckets: RelativeBuckets) {
      self.rows = rows
      self.buckets = buckets
    }
  }

  /// The layers that are stored, and which of them a token passes through.
  public struct LayerOrder: Sendable {
    /// How many there are, or how many groups and how many in each: what `{}` runs over in the rows of a dialect.
    public let stored: [Int]
    /// The name of each layer that a token passes through, one after the other.
    let order: [String]

    /// - Parameters:
    ///   - stored: How many layers there are, or how many groups and how many layers in each.
    ///   - order: The numbers of each layer that a token passes through, one for each of `stored`.
    public init(stored: [Int], order: [[Int]]) {
      self.stored = stored
      self.order = order.map(Self.name)
    }

    /// Each layer once, in turn.
    static func each(_ count: Int) -> LayerOrder {
      LayerOrder(stored: [count], order: (0..<count).map { [$0] })
    }

    /// The name of every stored layer.
    var names: [String] {
      stored.reduce([[]]) { numbers, count in numbers.flatMap { first in (0..<count).map { first + [$0] } } }
        .map(Self.name)
    }

    private static func name(_ numbers: [Int]) -> String {
      "layers." + numbers.map(String.init).joined(separator: ".")
    }
  }
}
