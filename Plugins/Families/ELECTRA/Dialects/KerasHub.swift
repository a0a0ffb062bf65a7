import GraftCore
import GraftTensors
import PostNormEncoder

extension Dialect {
  /// ELECTRA's encoder as KerasHub stores it, which has no class with a head. Its pooler is no part of the published
  /// models.
  ///
  /// https://github.com/keras-team/keras-hub/blob/v0.32.0/keras_hub/src/models/electra/electra_backbone.py
  static let kerasHubELECTRA = kerasHub(
    electra,
    configuration: .kerasHub(
      electra,
      vocabularySize: "vocab_size",
      keys: ["embedding_dim": "embedding_size"],
      implied: ["model_type": "electra", "hidden_act": "gelu_new", "layer_norm_eps": .number("1e-12")],
      equivalents: ["hidden_act": ["gelu_pytorch_tanh", "gelu_fast"]],
      approximations: ["hidden_act": ["gelu", "gelu_python"]],
      preparation: { $0 = $0.filling(["embedding_size": 128]) }),
    initializesPooler: true,
    embeddings: [
      Row("embeddings.word.weight", "layers/reversible_embedding/vars/0"),
      Row("embeddings.position.weight", "layers/position_embedding/vars/0"),
      Row("embeddings.token_type.weight", "layers/embedding/vars/0"),
    ] + Row.pair("embeddings.projection", "layers/dense", .denseVariables, .optional),
    pooler: Row.pair("pooler", "layers/dense{_embeddings.projection.weight}", .denseVariables),
    classifier: nil
  )

  private static let electra = KerasHubFamily(module: "electra", classPrefix: "Electra")
}
