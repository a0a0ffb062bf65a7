import GraftCore
import GraftTensors
import OrderedCollections

extension ConfigurationFile {
  /// `config.json` of a serialized `BertBackbone`.
  ///
  /// The encoder's GELU is always the tanh approximation. The transform of the masked-language-model head is
  /// not: it has the exact GELU, and an epsilon of its own.
  static let kerasHubBERT = ConfigurationFile(
    name: "config.json",
    document: [
      "module": "keras_hub.src.models.bert.bert_backbone", "class_name": "BertBackbone", "config": [:],
      "registered_name": "keras_hub>BertBackbone",
    ],
    configurationKey: "config",
    discriminator: "class_name",
    constants: ["name": "bert_backbone", "trainable": true, "dtype": .kerasPolicy("float32")],
    keys: [
      "vocabulary_size": "vocab_size", "num_layers": "num_hidden_layers",
      "num_heads": "num_attention_heads", "hidden_dim": "hidden_size",
      "intermediate_dim": "intermediate_size", "dropout": "hidden_dropout_prob",
      "dropout": "attention_probs_dropout_prob", "max_sequence_length": "max_position_embeddings",
      "num_segments": "type_vocab_size",
    ],
    implied: [
      "model_type": "bert", "hidden_act": "gelu_new", "layer_norm_eps": .number("1e-12"),
      "mlm_hidden_act": "gelu", "mlm_layer_norm_eps": .number("1e-5"),
    ],
    equivalents: ["hidden_act": ["gelu_pytorch_tanh", "gelu_fast"]],
    approximations: ["hidden_act": ["gelu", "gelu_python"]]
  )
}

extension Dialect {
  /// `task.json`, by which a task class loads its head: the backbone's configuration inside its own.
  static func kerasHubTask(_ checkpoint: Checkpoint) throws -> [String: JSON] {
    let configuration = checkpoint.configuration
    guard let name = checkpoint.activeHead?.name, let task = kerasHubTasks[name] else { return [:] }
    let own = try task.settings(configuration)
    var settings: OrderedDictionary<String, JSON> = [
      "backbone": .object(ConfigurationFile.kerasHubBERT.own(configuration).values), "preprocessor": .null,
      "name": .string(task.module),
    ]
    settings.merge(own) { first, _ in first }
    return [
      "task.json": [
        "module": .string("keras_hub.src.models.bert.\(task.module)"), "class_name": .string(task.className),
        "config": .object(settings), "registered_name": .string("keras_hub>\(task.className)"),
      ]
    ]
  }

  /// The task classes of KerasHub by the task of their head: the module, the class, and its own settings.
  private static let kerasHubTasks:
    [String: (
      module: String, className: String,
      settings: @Sendable (Configuration) throws -> OrderedDictionary<String, JSON>
    )] = [
      "masked-lm": ("bert_masked_lm", "BertMaskedLM", { _ in [:] }),
      "sequence-classification": (
        "bert_text_classifier", "BertTextClassifier",
        { configuration in
          [
            "num_classes": JSON(try configuration.labels().count), "activation": "linear",
            "dropout": configuration["classifier_dropout"] ?? configuration["hidden_dropout_prob"]
              ?? .number("0.1"),
          ]
        }
      ),
    ]
}

extension JSON {
  /// How Keras serializes a type of numbers.
  static func kerasPolicy(_ name: JSON) -> JSON {
    [
      "module": "keras", "class_name": "DTypePolicy", "config": ["name": name], "registered_name": .null,
    ]
  }
}
