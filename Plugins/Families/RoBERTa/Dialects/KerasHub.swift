import GraftCore
import GraftTensors
import PostNormEncoder

extension Dialect {
  /// RoBERTa as KerasHub stores it: without token types, whose only row is part of the positions, and with positions
  /// from the first that a token can have.
  ///
  /// https://github.com/keras-team/keras-hub/blob/v0.32.0/keras_hub/src/models/roberta/roberta_backbone.py
  static let kerasHubRoBERTa = kerasHub(
    roberta,
    configuration: .kerasHub(
      roberta,
      implied: [
        "model_type": "roberta", "hidden_act": "gelu", "layer_norm_eps": .number("1e-5"),
        "type_vocab_size": 1, "pad_token_id": 1,
      ],
      equivalents: ["hidden_act": ["gelu_python"]],
      approximations: ["hidden_act": ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"]],
      preparation: {
        $0.countPositionsFromFirst()
        $0["type_vocab_size"] = .null
      },
      completion: { _, standard in standard.countPositionsFromZero() }),
    embeddings: [
      Row("embeddings.word.weight", "layers/token_and_position_embedding/token_embedding/vars/0"),
      .sum(
        "embeddings.position.weight", adding: "embeddings.token_type.weight",
        "layers/token_and_position_embedding/position_embedding/vars/0", .reachablePositions),
    ],
    classifier: kerasHubClassifier,
    classifierSettings: { configuration in
      [
        "hidden_dim": configuration["hidden_size"] ?? .null,
        "dropout": configuration["classifier_dropout"] ?? configuration["hidden_dropout_prob"]
          ?? .number("0.1"),
      ]
    }
  )

  private static let roberta = KerasHubFamily(module: "roberta", classPrefix: "Roberta")
}
