import GraftCore
import GraftTensors
import OrderedCollections
import PostNormEncoder

extension Dialect {
  /// ModernBERT in llama.cpp: the encoder without biases, with a classifier as the only head.
  ///
  /// Norms are in float32 whatever the others are.
  /// https://github.com/ggml-org/llama.cpp/blob/master/src/models/modern-bert.cpp
  static let ggufModernBERT = Dialect(
    name: GGUFKeys.dialect,
    float32: [".bias", "norm.weight"],
    leavesOutHeads: true,
    files: CheckpointFiles(
      configuration: .ggufModernBERT, library: nil, tokenizer: .ggml, attributes: ggufAttributes),
    backbone: [
      [
        Row("embeddings.word.weight", "token_embd.weight"),
        Row("embeddings.norm.weight", "token_embd_norm.weight"),
        // The first layer has none: the embeddings' norm comes right before it.
        Row("layers.{}.attention.norm.weight", "blk.{}.attn_norm.weight", .same, .optional),
        Row.stacked(
          ["query", "key", "value"].map { "layers.{}.attention.\($0).weight" }, "blk.{}.attn_qkv.weight"),
        Row("layers.{}.attention.output.weight", "blk.{}.attn_output.weight"),
        Row("layers.{}.feed_forward.norm.weight", "blk.{}.ffn_norm.weight"),
        Row.stacked(
          ["intermediate", "gate"].map { "layers.{}.feed_forward.\($0).weight" }, "blk.{}.ffn_up.weight"),
        Row("layers.{}.feed_forward.output.weight", "blk.{}.ffn_down.weight"),
        Row("norm.weight", "output_norm.weight"),
      ]
    ],
    heads: [
      "sequence-classification": [
        Row("sequence_classification.dense.weight", "cls.weight"),
        Row("sequence_classification.norm.weight", "cls.norm.weight"),
      ] + Row.linear("sequence_classification.output", "cls.output")
    ]
  )

  private static func ggufAttributes(_ checkpoint: Checkpoint) throws -> OrderedDictionary<String, JSON> {
    let own = checkpoint.configuration
    let model = try ModernBERTConfiguration(own)
    var configuration = own
    configuration["max_position_embeddings"] = JSON(model.numbers.positionCount)
    configuration["layer_norm_eps"] = JSON(model.numbers.layerNormEpsilon)
    configuration["local_attention"] = JSON(try own.size("local_attention", default: 128))
    var values = ConfigurationFile.ggufModernBERT.own(configuration).values
    let architecture = GGUFArchitecture.modernBERT
    let activation = try own.string("hidden_act", default: "gelu")
    values[architecture.key("hidden_activation")] = .string(try ModernBERTKeys.stored(activation))
    values[architecture.key("rope.freq_base")] = model.bases[.global].map { JSON($0) }
    values[architecture.key("rope.freq_base_swa")] = model.bases[.local].map { JSON($0) }
    values[architecture.key(ModernBERTKeys.pattern)] = ModernBERTKeys.pattern(of: model.layers)
    if checkpoint.activeHead?.hasLabels == true {
      let activation = try own.string("classifier_activation", default: "gelu")
      guard ModernBERTKeys.gelus.contains(activation) else {
        throw ModernBERTKeys.unsupported("classifier_activation", "gelu", activation)
      }
    }
    values[architecture.key(ModernBERTKeys.classifierPooling)] =
      try own.modernBERTPooling == .mean ? ModernBERTKeys.mean : ModernBERTKeys.firstToken
    return try architecture.completing(
      values, of: checkpoint, vocabularySize: model.numbers.vocabularySize)
  }
}

extension GGUFArchitecture {
  fileprivate static let modernBERT = GGUFArchitecture("modern-bert")
}

/// What llama.cpp says of a ModernBERT, where a table of keys cannot.
private enum ModernBERTKeys {
  static let window = "attention.sliding_window"
  static let pattern = "attention.sliding_window_pattern"
  static let classifierPooling = "classifier.pooling_type"
  static let mean: JSON = 1
  static let firstToken: JSON = 2
  /// What transformers calls its kinds of GELU; llama.cpp has the tanh approximation in half precision for each of them.
  static let gelus = ["gelu", "gelu_python", "gelu_new", "gelu_pytorch_tanh", "gelu_fast"]
  /// transformers' name of an activation, and llama.cpp's of the gated layer that has it.
  private static let activations: KeyValuePairs = ["silu": "silu", "swish": "swish", "relu": "reglu"]
  private static let synonyms: KeyValuePairs = ["geglu": "gelu", "swiglu": "silu", "reglu": "relu"]
  /// How many layers there are to one that sees the whole text, where a file does not say it.
  private static let usualPace = 3

  /// - Throws: `GraftError` for an activation that llama.cpp does not have in gated layers.
  static func stored(_ activation: String) throws -> String {
    if gelus.contains(activation) { return activation }
    guard let stored = activations.first(where: { $0.key == activation }) else {
      throw unsupported("hidden_activation", "one of gelu, silu, relu", activation)
    }
    return stored.value
  }

  static func unsupported(_ key: String, _ expected: String, _ found: String) -> GraftError {
    GraftError(
      .unsupported, "the framework supports only other values", subject: "key '\(key)'", expected: expected,
      found: found, advice: "Choose another \(option: "dialect").")
  }

  static func activation(_ stored: JSON?) -> JSON {
    guard let name = stored?.string else { return stored ?? "gelu" }
    return .string(synonyms.first { $0.key == name }?.value ?? name)
  }

  /// Every how many layers one sees the whole text, beginning with the first; or of each whether it sees a window.
  static func pattern(of layers: [ModernBERTConfiguration.Layer]) -> JSON {
    let pace = (1...max(1, layers.count)).first { pace in
      layers.enumerated().allSatisfy { ($1 == .global) == $0.isMultiple(of: pace) }
    }
    return pace.map { JSON($0) } ?? .array(layers.map { JSON($0 == .local) })
  }

  /// The inverse of ``pattern(of:)``, as `layer_types`. What is none is kept, for the configuration to refuse.
  static func layerTypes(_ file: Configuration, count: Int) -> JSON? {
    func types(_ isLocal: (Int) -> Bool) -> JSON {
      .array((0..<count).map { isLocal($0) ? "sliding_attention" : "full_attention" })
    }
    let architecture = GGUFArchitecture.modernBERT
    guard file[architecture.key(window)] != nil else { return types { _ in false } }
    guard let pattern = file[architecture.key(pattern)] else {
      return types { !$0.isMultiple(of: usualPace) }
    }
    if let list = pattern.array?.compactMap({ $0.bool ?? $0.int.map { $0 != 0 } }), list.count == count {
      return types { list[$0] }
    }
    guard let pace = pattern.int, pace >= 0 else { return pattern }
    return types { pace == 0 || !$0.isMultiple(of: pace) }
  }
}

extension ConfigurationFile {
  /// The keys of llama.cpp in the file itself.
  static let ggufModernBERT = ConfigurationFile(
    name: nil,
    discriminator: GGUFKeys.architecture,
    condition: { file, _ in GGUFKeys.tokens(of: file, are: GGUFKeys.byteLevel) },
    constants: [
      GGUFKeys.architecture: "modern-bert", "general.type": "model", "modern-bert.attention.causal": false,
      "modern-bert.rope.scaling.type": "none",
    ],
    keys: [
      "modern-bert.vocab_size": "vocab_size", "modern-bert.block_count": "num_hidden_layers",
      "modern-bert.context_length": "max_position_embeddings", "modern-bert.embedding_length": "hidden_size",
      "modern-bert.feed_forward_length": "intermediate_size",
      "modern-bert.attention.head_count": "num_attention_heads",
      "modern-bert.attention.layer_norm_epsilon": "norm_eps",
      "modern-bert.attention.sliding_window": "local_attention",
      "tokenizer.ggml.padding_token_id": "pad_token_id",
    ],
    implied: [
      "model_type": "modernbert", "norm_bias": false, "attention_bias": false, "mlp_bias": false,
      "classifier_bias": false,
    ],
    completion: { file, standard in
      let architecture = GGUFArchitecture.modernBERT
      architecture.complete(&standard, from: file)
      standard["norm_eps"] =
        standard["norm_eps"] ?? file[architecture.key("attention.layer_norm_rms_epsilon")]
      standard["hidden_activation"] = ModernBERTKeys.activation(file[architecture.key("hidden_activation")])
      if let count = standard["num_hidden_layers"]?.int, 0...10_000 ~= count {
        standard["layer_types"] = ModernBERTKeys.layerTypes(file, count: count)
      }
      func rotation(_ key: String) -> JSON {
        .object(["rope_theta": file[architecture.key(key)] ?? 10000.0, "rope_type": "default"])
      }
      standard["rope_parameters"] = .object([
        "full_attention": rotation("rope.freq_base"), "sliding_attention": rotation("rope.freq_base_swa"),
      ])
      standard["classifier_pooling"] =
        switch file[architecture.key(ModernBERTKeys.classifierPooling)] {
        case nil, ModernBERTKeys.mean: "mean"  // as llama.cpp has it where a file does not say it
        case ModernBERTKeys.firstToken: "cls"
        case .some(let other): .string("pooling type \(other.text())")
        }
    }
  )
}
