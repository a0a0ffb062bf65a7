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
  ///   - embeddings: The rows of the tables.
  ///   - pooler: The pooler's rows.
  ///   - classifier: The rows of the head of the task `sequence-classification`.
  ///   - classifierSettings: What the text classifier has for that head beside the classes.
  public static func kerasHub(
    _ family: KerasHubFamily, configuration: ConfigurationFile, embeddings: [Row], pooler: [Row] = [],
    classifier: [Row],
    classifierSettings: @escaping @Sendable (Configuration) -> OrderedDictionary<String, JSON>
  ) -> Dialect {
    let layer = "layers/transformer_encoder{_}"
    let attention = "\(layer)/_self_attention_layer"
    return Dialect(
      name: "keras-hub",
      backbonePrefixes: ["layers/\(family.name("backbone"))/", ""],
      dropped: [Dropped(.beginning("optimizer/"), "an optimizer's state")],
      files: CheckpointFiles(
        configuration: configuration, weights: "model.weights.h5", heads: "task.weights.h5",
        library: "keras-hub", tokenizer: family.tokenizer,
        others: { try kerasHubTask(of: $0, family, configuration, classifierSettings) }),
      backbone: [
        embeddings,
        Row.pair("embeddings.norm", "layers/layer_normalization", .normVariables),
        Row.pair("layers.{}.attention.query", "\(attention)/query_dense", .headsVariables),
        Row.pair("layers.{}.attention.key", "\(attention)/key_dense", .headsVariables),
        Row.pair("layers.{}.attention.value", "\(attention)/value_dense", .headsVariables),
        Row.pair(
          "layers.{}.attention.output", "\(attention)/output_dense",
          PairNames("/vars/0", "/vars/1", .inputsSplit)),
        Row.pair("layers.{}.attention.norm", "\(layer)/_self_attention_layer_norm", .normVariables),
        Row.pair(
          "layers.{}.feed_forward.intermediate", "\(layer)/_feedforward_intermediate_dense", .denseVariables),
        Row.pair("layers.{}.feed_forward.output", "\(layer)/_feedforward_output_dense", .denseVariables),
        Row.pair("layers.{}.feed_forward.norm", "\(layer)/_feedforward_layer_norm", .normVariables),
      ],
      pooler: pooler,
      heads: [
        "masked-lm": Row.pair(
          "masked_lm.transform", "layers/masked_lm_head/_intermediate_dense", .denseVariables)
          + Row.pair("masked_lm.norm", "layers/masked_lm_head/_intermediate_layer_norm", .normVariables)
          + [Row("masked_lm.bias", "layers/masked_lm_head/vars/0")],
        "sequence-classification": classifier,
      ]
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

extension Dialect.PairNames {
  /// The projections of Keras's attention.
  fileprivate static let headsVariables = Dialect.PairNames("/vars/0", "/vars/1", .outputsSplit, .biasSplit)
}

extension ConfigurationFile {
  /// `config.json` of a serialized backbone of KerasHub.
  ///
  /// - Parameters:
  ///   - family: What KerasHub calls it.
  ///   - implied: What it has without saying it, in standard keys.
  ///   - equivalents: As ``ConfigurationFile/equivalents``.
  ///   - approximations: As ``ConfigurationFile/approximations``.
  ///   - preparation: As ``ConfigurationFile/preparation``.
  ///   - completion: As ``ConfigurationFile/completion``.
  public static func kerasHub(
    _ family: KerasHubFamily, implied: OrderedDictionary<String, JSON>,
    equivalents: [String: [JSON]] = [:], approximations: [String: [JSON]] = [:],
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
        "vocabulary_size": "vocab_size", "num_layers": "num_hidden_layers",
        "num_heads": "num_attention_heads", "hidden_dim": "hidden_size",
        "intermediate_dim": "intermediate_size", "dropout": "hidden_dropout_prob",
        "dropout": "attention_probs_dropout_prob", "max_sequence_length": "max_position_embeddings",
        "num_segments": "type_vocab_size",
      ],
      implied: implied,
      equivalents: equivalents,
      approximations: approximations,
      preparation: preparation,
      completion: completion)
  }
}
