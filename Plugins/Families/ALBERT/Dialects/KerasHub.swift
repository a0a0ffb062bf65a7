import GraftCore
import GraftTensors
import PostNormEncoder

extension Dialect {
  /// ALBERT as KerasHub stores it. The LayerNorm of the masked-language-model head has an epsilon of its own.
  ///
  /// https://github.com/keras-team/keras-hub/blob/v0.32.0/keras_hub/src/models/albert/albert_backbone.py
  static let kerasHubALBERT = kerasHub(
    kerasALBERT,
    configuration: .kerasHub(
      kerasALBERT,
      keys: [
        "embedding_dim": "embedding_size", "num_groups": "num_hidden_groups",
        "num_inner_repetitions": "inner_group_num",
      ],
      implied: [
        "model_type": "albert", "hidden_act": "gelu_new", "layer_norm_eps": .number("1e-12"),
      ],
      headSettings: [.kerasHubMaskedLM(epsilon: "1e-12")],
      equivalents: ["hidden_act": ["gelu_pytorch_tanh", "gelu_fast"]],
      approximations: ["hidden_act": ["gelu", "gelu_python"]],
      preparation: { $0 = $0.filling(["embedding_size": 128, "hidden_dropout_prob": 0]) }),
    check: checkGroups,
    initializesPooler: true,
    embeddings: [
      Row("embeddings.word.weight", "layers/reversible_embedding/vars/0"),
      Row("embeddings.position.weight", "layers/position_embedding/vars/0"),
      Row("embeddings.token_type.weight", "layers/embedding/vars/0"),
    ] + Row.pair("embeddings.projection", "layers/dense", .denseVariables),
    encoder: kerasHubEncoder(canonical: "layers.{}.{}", layer: "layers/transformer_encoder{_*}"),
    pooler: Row.pair("pooler", "layers/dense_1", .denseVariables),
    classifier: Row.pair("sequence_classification", "layers/dense", .denseVariables),
    classifierSettings: { ["dropout": $0["classifier_dropout_prob"] ?? .number("0.1")] }
  )

  static let kerasALBERT = KerasHubFamily(module: "albert", classPrefix: "Albert")

  /// Every group has the same number of layers there.
  @Sendable private static func checkGroups(_ configuration: Configuration) throws {
    let layers = try configuration.size("num_hidden_layers")
    let groups = try configuration.size("num_hidden_groups", default: 1)
    guard layers.isMultiple(of: groups) else {
      throw GraftError(
        .unsupported, "the framework needs the same number of layers in every group",
        subject: "key 'num_hidden_groups'",
        expected: "a divisor of \(layers), the number of layers", found: "\(groups)",
        advice: "Choose another \(option: "dialect").")
    }
  }
}
