import GraftCore
import GraftTensors
import PostNormEncoder

extension Dialect {
  /// DeBERTa-v3 as KerasHub stores it. The LayerNorm of the masked-language-model head has an epsilon of its own.
  ///
  /// https://github.com/keras-team/keras-hub/blob/v0.32.0/keras_hub/src/models/deberta_v3/deberta_v3_backbone.py
  static let kerasHubDeBERTa = kerasHub(
    kerasDeBERTa,
    configuration: .kerasHub(
      kerasDeBERTa,
      keys: ["bucket_size": "position_buckets"],
      implied: [
        "model_type": "deberta-v2", "hidden_act": "gelu", "layer_norm_eps": .number("1e-7"),
        "pooler_hidden_act": "gelu", "type_vocab_size": 0, "position_biased_input": false,
      ],
      headSettings: [.kerasHubMaskedLM(epsilon: "1e-7")],
      equivalents: ["hidden_act": ["gelu_python"], "pooler_hidden_act": ["gelu_python"]],
      approximations: ["hidden_act": ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"]],
      preparation: { $0["type_vocab_size"] = .null },
      completion: { _, standard in
        standard["relative_attention"] = true
        standard["share_att_key"] = true
        standard["pos_att_type"] = ["p2c", "c2p"]
        standard["norm_rel_ebd"] = "layer_norm"
      }),
    check: checkVersion3,
    embeddings: [
      Row("embeddings.word.weight", "layers/reversible_embedding/vars/0"),
      Row("relative.weight", "layers/relative_embedding/vars/0"),
    ] + Row.pair("relative.norm", "layers/relative_embedding/layer_norm", .normVariables),
    encoder: kerasHubEncoder(
      layer: "layers/disentangled_attention_encoder{_}", projection: "_", output: .denseVariables),
    classifier: kerasHubClassifier,
    classifierSettings: { configuration in
      [
        "hidden_dim": configuration["hidden_size"] ?? .null,
        "dropout": configuration["pooler_dropout"] ?? .number("0.0"),
      ]
    }
  )

  static let kerasDeBERTa = KerasHubFamily(module: "deberta_v3", classPrefix: "DebertaV3")

  /// There is the shape of version 3 alone.
  @Sendable private static func checkVersion3(_ configuration: Configuration) throws {
    let model = try DeBERTaConfiguration(configuration)
    func demand(_ holds: Bool, _ key: String, _ expected: String) throws {
      guard !holds else { return }
      throw GraftError(
        .unsupported, "the framework has the shape of version 3 alone", subject: "key '\(key)'",
        expected: expected, found: configuration[key]?.text() ?? "nothing",
        advice: "Choose another \(option: "dialect").")
    }
    try demand(model.relative != nil, "relative_attention", "true")
    guard let relative = model.relative else { return }
    try demand(relative.hasContentToPosition && relative.hasPositionToContent, "pos_att_type", "p2c and c2p")
    try demand(relative.sharesProjections, "share_att_key", "true")
    try demand(relative.isNormalized, "norm_rel_ebd", "layer_norm")
    try demand(relative.distances.buckets != nil, "position_buckets", "a number of buckets")
    let positions = model.numbers.positionCount
    try demand(relative.distances.furthest == positions, "max_relative_positions", "-1 or \(positions)")
    try demand(!model.hasPositions, "position_biased_input", "false")
    try demand(model.tokenTypeCount == 0, "type_vocab_size", "0")
    try demand(
      model.embeddingSize == model.numbers.hiddenSize, "embedding_size", "\(model.numbers.hiddenSize)")
    try demand(model.convolution == nil, "conv_kernel_size", "0")
  }
}
