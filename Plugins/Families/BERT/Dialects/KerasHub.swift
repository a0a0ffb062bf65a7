import GraftCore
import GraftTensors
import PostNormEncoder

extension Dialect {
  /// BERT as KerasHub stores it.
  ///
  /// The encoder's GELU is always the tanh approximation. The transform of the masked-language-model head is not: it
  /// has the exact GELU, and an epsilon of its own.
  /// https://github.com/keras-team/keras-hub/blob/v0.32.0/keras_hub/src/models/bert/bert_backbone.py
  public static let kerasHubBERT = kerasHub(
    kerasBERT,
    configuration: .kerasHub(
      kerasBERT,
      implied: [
        "model_type": "bert", "hidden_act": "gelu_new", "layer_norm_eps": .number("1e-12"),
      ],
      headSettings: [
        .init("masked-lm", "mlm_hidden_act", "gelu", fallback: "hidden_act", unsaid: "gelu"),
        .kerasHubMaskedLM(epsilon: "1e-12"),
      ],
      equivalents: ["hidden_act": ["gelu_pytorch_tanh", "gelu_fast"], "mlm_hidden_act": ["gelu_python"]],
      approximations: [
        "hidden_act": ["gelu", "gelu_python"],
        "mlm_hidden_act": ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"],
      ]),
    initializesPooler: true,
    embeddings: [
      Row("embeddings.word.weight", "layers/reversible_embedding/vars/0"),
      Row("embeddings.position.weight", "layers/position_embedding/vars/0"),
      Row("embeddings.token_type.weight", "layers/embedding/vars/0"),
    ],
    pooler: Row.pair("pooler", "layers/dense", .denseVariables),
    classifier: Row.pair("sequence_classification", "layers/dense", .denseVariables),
    classifierSettings: { configuration in
      [
        "dropout": configuration["classifier_dropout"] ?? configuration["hidden_dropout_prob"]
          ?? .number("0.1")
      ]
    }
  )

  static let kerasBERT = KerasHubFamily(module: "bert", classPrefix: "Bert")
}
