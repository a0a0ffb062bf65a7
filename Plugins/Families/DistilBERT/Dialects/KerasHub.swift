import GraftCore
import GraftTensors
import PostNormEncoder

extension Dialect {
  /// DistilBERT as KerasHub stores it. The LayerNorm of the masked-language-model head has an epsilon of its own.
  ///
  /// https://github.com/keras-team/keras-hub/blob/v0.32.0/keras_hub/src/models/distil_bert/distil_bert_backbone.py
  static let kerasHubDistilBERT = kerasHub(
    kerasDistilBERT,
    configuration: .kerasHub(
      kerasDistilBERT,
      implied: ["model_type": "distilbert", "hidden_act": "gelu"],
      headSettings: [.kerasHubMaskedLM(epsilon: "1e-12", key: "mlm_layer_norm_eps")],
      equivalents: ["hidden_act": ["gelu_python"]],
      approximations: ["hidden_act": ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"]]),
    embeddings: [
      Row("embeddings.word.weight", "layers/token_and_position_embedding/token_embedding/vars/0"),
      Row("embeddings.position.weight", "layers/token_and_position_embedding/position_embedding/vars/0"),
    ],
    classifier: kerasHubClassifier,
    classifierSettings: { configuration in
      [
        "hidden_dim": configuration["hidden_size"] ?? .null,
        "dropout": configuration["seq_classif_dropout"] ?? .number("0.2"),
      ]
    }
  )

  static let kerasDistilBERT = KerasHubFamily(module: "distil_bert", classPrefix: "DistilBert")
}
