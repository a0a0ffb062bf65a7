import GraftCore
import GraftTensors
import OrderedCollections

/// What KerasHub calls the classes of a family, and where they are.
public struct KerasHubFamily: Sendable {
  /// What modules and objects begin with: `bert`, `distil_bert`.
  public let module: String
  /// What classes begin with: `Bert`, `DistilBert`.
  public let classPrefix: String

  public init(module: String, classPrefix: String) {
    self.module = module
    self.classPrefix = classPrefix
  }

  /// The name of an object and of its module, such as `bert_backbone`.
  public func name(_ part: String) -> String { "\(module)_\(part)" }

  /// A serialized object of one of the classes.
  ///
  /// - Parameters:
  ///   - part: What follows in the module's name, such as `masked_lm`.
  ///   - suffix: What follows in the class's, such as `MaskedLM`.
  ///   - settings: The object's.
  func object(
    _ part: String, _ suffix: String, _ settings: OrderedDictionary<String, JSON>
  ) -> OrderedDictionary<String, JSON> {
    [
      "module": .string("keras_hub.src.models.\(module).\(name(part))"),
      "class_name": .string(classPrefix + suffix),
      "config": .object(settings), "registered_name": .string("keras_hub>\(classPrefix)\(suffix)"),
    ]
  }

  /// The classes with heads, as Keras registers them: today's, and those of KerasNLP.
  var headClasses: [String] {
    ["keras_hub", "keras_nlp"].flatMap { package in
      ["TextClassifier", "MaskedLM", "Classifier"].map { "\(package)>\(classPrefix)\($0)" }
    }
  }

  /// How its tokenizer is spelled.
  public var tokenizer: TokenizerRepresentation {
    .keras(
      module: "keras_hub.src.models.\(module).\(name("tokenizer"))", className: "\(classPrefix)Tokenizer")
  }
}

extension Dialect {
  /// A family as KerasHub stores it: the backbone in `model.weights.h5`, a task's head in `task.weights.h5`; or both in
  /// one file, as `save_weights` of a task writes it.
  ///
  /// Keras numbers what is of one class; attention weights are divided among the heads.
  /// https://github.com/keras-team/keras-hub/blob/v0.32.0/keras_hub/src/models/bert/bert_backbone.py
  ///
  /// - Parameters:
  ///   - family: What KerasHub calls it.
  ///   - configuration: Its `config.json`.
  ///   - check: As ``Dialect/check``.
  ///   - initializesPooler: As ``Dialect/initializesPooler``.
  ///   - embeddings: The rows of the tables, and of what else is no layer of the encoder.
  ///   - encoder: The rows of the layers.
  ///   - pooler: The pooler's rows.
  ///   - classifier: The rows of the head of the task `sequence-classification`; `nil` where KerasHub has no task of the
  ///     family.
  ///   - classifierSettings: What the text classifier has for that head beside the classes.
  public static func kerasHub(
    _ family: KerasHubFamily, configuration: ConfigurationFile,
    check: (@Sendable (Configuration) throws -> Void)? = nil, initializesPooler: Bool = false,
    embeddings: [Row], encoder: [[Row]] = kerasHubEncoder(), pooler: [Row] = [], classifier: [Row]?,
    classifierSettings: @escaping @Sendable (Configuration) -> OrderedDictionary<String, JSON> = { _ in [:] }
  ) -> Dialect {
    Dialect(
      name: "keras-hub",
      backbonePrefixes: ["layers/\(family.name("backbone"))/", ""],
      synonyms: kerasNLPSynonyms(embeddings + encoder.joined()),
      dropped: [Dropped(.beginning("optimizer/"), "an optimizer's state")],
      initializesPooler: initializesPooler,
      check: check,
      headEvidence: .classes(key: "registered_name", values: family.headClasses, file: "task.json"),
      files: CheckpointFiles(
        configuration: configuration, weights: "model.weights.h5", heads: "task.weights.h5",
        library: "keras-hub", tokenizer: family.tokenizer,
        others: { try kerasHubTask(of: $0, family, configuration, classifierSettings) }),
      backbone: [
        embeddings, Row.pair("embeddings.norm", "layers/layer_normalization", .normVariables),
      ] + encoder,
      pooler: pooler,
      heads: classifier.map { ["masked-lm": kerasHubMaskedLM, "sequence-classification": $0] } ?? [:]
    )
  }

  /// The layers of KerasHub's encoders.
  ///
  /// - Parameters:
  ///   - canonical: What the canonical names begin with.
  ///   - layer: What the stored names begin with.
  ///   - projection: What the names of attention's projections begin with.
  ///   - output: How the projection behind attention is stored.
  public static func kerasHubEncoder(
    canonical: String = "layers.{}", layer: String = "layers/transformer_encoder{_}", projection: String = "",
    output: PairNames = .denseVariables.splitInputs
  ) -> [[Row]] {
    let attention = "\(layer)/_self_attention_layer/\(projection)"
    return [
      Row.pair("\(canonical).attention.query", "\(attention)query_dense", .denseVariables.splitOutputs),
      Row.pair("\(canonical).attention.key", "\(attention)key_dense", .denseVariables.splitOutputs),
      Row.pair("\(canonical).attention.value", "\(attention)value_dense", .denseVariables.splitOutputs),
      Row.pair("\(canonical).attention.output", "\(attention)output_dense", output),
      Row.pair("\(canonical).attention.norm", "\(layer)/_self_attention_layer_norm", .normVariables),
      Row.pair(
        "\(canonical).feed_forward.intermediate", "\(layer)/_feedforward_intermediate_dense", .denseVariables),
      Row.pair("\(canonical).feed_forward.output", "\(layer)/_feedforward_output_dense", .denseVariables),
      Row.pair("\(canonical).feed_forward.norm", "\(layer)/_feedforward_layer_norm", .normVariables),
    ]
  }

  /// What KerasNLP called the same under Keras 2.
  ///
  /// https://github.com/keras-team/keras-hub/blob/v0.6.4/keras_nlp/layers/modeling/transformer_encoder.py
  private static func kerasNLPSynonyms(_ rows: [Row]) -> [Synonym] {
    let parts = ["query", "key", "value", "output"].filter { part in
      rows.contains { $0.stored.hasSuffix("/_self_attention_layer/\(part)_dense/vars/0") }
    }
    let layer = "_self_attention_layer"
    let attention = parts.flatMap { part in
      (0...1).map { Synonym("\(layer)/_\(part)_dense/vars/\($0)", "\(layer)/\(part)_dense/vars/\($0)") }
    }
    let word = rows.first { $0.canonical == "embeddings.word.weight" }
    return attention + (word.map { [Synonym("token_embedding/vars/0", $0.stored)] } ?? [])
  }

  private static let kerasHubMaskedLM =
    Row.pair("masked_lm.transform", "layers/masked_lm_head/_intermediate_dense", .denseVariables)
    + Row.pair("masked_lm.norm", "layers/masked_lm_head/_intermediate_layer_norm", .normVariables)
    + [Row("masked_lm.bias", "layers/masked_lm_head/vars/0")]

  /// RoBERTa and the families that took it over, as KerasHub stores them: without token types, whose only row is part
  /// of the positions, and with positions from the first that a token can have.
  ///
  /// https://github.com/keras-team/keras-hub/blob/v0.32.0/keras_hub/src/models/roberta/roberta_backbone.py
  ///
  /// - Parameters:
  ///   - family: What KerasHub calls it.
  ///   - modelType: What transformers calls it.
  public static func kerasHubCountedPositions(_ family: KerasHubFamily, modelType: String) -> Dialect {
    kerasHub(
      family,
      configuration: .kerasHub(
        family,
        implied: [
          "model_type": .string(modelType), "hidden_act": "gelu", "layer_norm_eps": .number("1e-5"),
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
  }

  /// A dense layer on the first token, and one to the classes: the text classifier of families without a pooler.
  public static let kerasHubClassifier =
    Row.pair("sequence_classification.dense", "layers/dense", .denseVariables)
    + Row.pair("sequence_classification.output", "layers/dense_1", .denseVariables)

  /// `task.json`, by which a task class loads its head: the backbone's configuration inside its own.
  private static func kerasHubTask(
    of checkpoint: Checkpoint, _ family: KerasHubFamily, _ file: ConfigurationFile,
    _ classifierSettings: @Sendable (Configuration) -> OrderedDictionary<String, JSON>
  ) throws -> [String: JSON] {
    let configuration = checkpoint.configuration
    let part: (name: String, classSuffix: String)
    var own: OrderedDictionary<String, JSON> = [:]
    switch checkpoint.activeHead?.name {
    case "masked-lm": part = ("masked_lm", "MaskedLM")
    case "sequence-classification":
      part = ("text_classifier", "TextClassifier")
      own = ["num_classes": JSON(try configuration.labels().count), "activation": "linear"]
      own.merge(classifierSettings(configuration)) { _, new in new }
    default: return [:]
    }
    var settings: OrderedDictionary<String, JSON> = [
      "backbone": .object(file.own(configuration).values), "preprocessor": .null,
      "name": .string(family.name(part.name)),
    ]
    settings.merge(own) { first, _ in first }
    return ["task.json": .object(family.object(part.name, part.classSuffix, settings))]
  }
}

extension ConfigurationFile.HeadSetting {
  /// The epsilon of the LayerNorm in KerasHub's masked-language-model head, whatever the encoder's is.
  ///
  /// - Parameters:
  ///   - epsilon: The family's, where a configuration does not say it.
  ///   - key: The key of the head's epsilon in files without one of its own.
  public static func kerasHubMaskedLM(epsilon: String, key: String = "layer_norm_eps") -> Self {
    Self("masked-lm", "mlm_layer_norm_eps", .number("1e-5"), fallback: key, unsaid: .number(epsilon))
  }
}

extension ConfigurationFile {
  /// `config.json` of a serialized backbone of KerasHub.
  ///
  /// - Parameters:
  ///   - family: What KerasHub calls it.
  ///   - vocabularySize: The key of the vocabulary's size.
  ///   - keys: Keys beyond those that the families have in common, and the standard ones.
  ///   - implied: What it has without saying it, in standard keys.
  ///   - headSettings: As ``ConfigurationFile/headSettings``.
  ///   - equivalents: As ``ConfigurationFile/equivalents``.
  ///   - approximations: As ``ConfigurationFile/approximations``.
  ///   - preparation: As ``ConfigurationFile/preparation``.
  ///   - completion: As ``ConfigurationFile/completion``.
  public static func kerasHub(
    _ family: KerasHubFamily, vocabularySize: String = "vocabulary_size",
    keys: KeyValuePairs<String, String> = [:], implied: OrderedDictionary<String, JSON>,
    headSettings: [HeadSetting] = [], equivalents: [String: [JSON]] = [:],
    approximations: [String: [JSON]] = [:],
    preparation: (@Sendable (inout Configuration) -> Void)? = nil,
    completion: (@Sendable (_ file: Configuration, inout Configuration) -> Void)? = nil
  ) -> ConfigurationFile {
    let dtype: JSON = [
      "module": "keras", "class_name": "DTypePolicy", "config": ["name": "float32"], "registered_name": .null,
    ]
    let constants: OrderedDictionary<String, JSON> = [
      "name": .string(family.name("backbone")), "trainable": true, "dtype": dtype,
    ]
    return ConfigurationFile(
      name: "config.json",
      document: family.object("backbone", "Backbone", [:]),
      configurationKey: "config",
      discriminator: "class_name",
      constants: constants,
      keys: [
        vocabularySize: "vocab_size", "num_layers": "num_hidden_layers",
        "num_heads": "num_attention_heads", "hidden_dim": "hidden_size",
        "intermediate_dim": "intermediate_size", "dropout": "hidden_dropout_prob",
        "dropout": "attention_probs_dropout_prob", "max_sequence_length": "max_position_embeddings",
        "num_segments": "type_vocab_size",
      ],
      furtherKeys: keys,
      implied: implied,
      headSettings: headSettings,
      equivalents: equivalents,
      approximations: approximations,
      preparation: preparation,
      completion: completion)
  }
}
