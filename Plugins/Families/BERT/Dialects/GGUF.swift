import GraftCore
import PostNormEncoder
import GraftTensors
import OrderedCollections

extension Dialect {
  /// BERT in llama.cpp: the encoder, with a classifier on the pooler as the only head.
  ///
  /// Norms, biases and the two small embeddings are in float32 whatever the others are.
  /// https://github.com/ggml-org/llama.cpp/blob/master/src/models/bert.cpp
  public static let ggufBERT = Dialect(
    name: "gguf",
    float32: [".bias", ".norm.weight", "embeddings.position.weight", "embeddings.token_type.weight"],
    leavesOutHeads: true,
    files: CheckpointFiles(
      configuration: .ggufBERT, library: nil, tokenizer: .ggml, attributes: ggufAttributes),
    backbone: [
      [
        Row("embeddings.word.weight", "token_embd.weight"),
        Row("embeddings.token_type.weight", "token_types.weight"),
        Row("embeddings.position.weight", "position_embd.weight"),
      ],
      Row.linear("embeddings.norm", "token_embd_norm"),
      Row.linear("layers.{}.attention.query", "blk.{}.attn_q"),
      Row.linear("layers.{}.attention.key", "blk.{}.attn_k"),
      Row.linear("layers.{}.attention.value", "blk.{}.attn_v"),
      Row.linear("layers.{}.attention.output", "blk.{}.attn_output"),
      Row.linear("layers.{}.attention.norm", "blk.{}.attn_output_norm"),
      Row.linear("layers.{}.feed_forward.intermediate", "blk.{}.ffn_up"),
      Row.linear("layers.{}.feed_forward.output", "blk.{}.ffn_down"),
      Row.linear("layers.{}.feed_forward.norm", "blk.{}.layer_output_norm"),
    ],
    pooler: Row.linear("pooler", "cls", .optional),
    heads: [
      "sequence-classification": Row.linear("sequence_classification", "cls.output")
    ]
  )

  /// The file's attributes: the configuration, the tokenizer, and how hidden states become one vector.
  private static func ggufAttributes(_ checkpoint: Checkpoint) throws -> OrderedDictionary<String, JSON> {
    var configuration = checkpoint.configuration
    let numbers = try EncoderConfiguration(configuration)
    configuration["max_position_embeddings"] = JSON(numbers.positionCount)
    configuration["type_vocab_size"] = JSON(numbers.tokenTypeCount)
    configuration["layer_norm_eps"] = JSON(numbers.layerNormEpsilon)
    var attributes = ConfigurationFile.ggufBERT.own(configuration).values
    if checkpoint.activeHead?.hasLabels == true {
      attributes["bert.pooling_type"] = 4  // what llama.cpp calls rank: the classifier's logits
      attributes[GGUFKeys.labels] = .array(try configuration.labels().map { .string($0) })
    } else {
      attributes["bert.pooling_type"] = 1  // the mean
    }
    var tokenizer = checkpoint.tokenizer?.attributes(as: .ggml) ?? [:]
    guard var tokens = tokenizer[GGUFKeys.tokens]?.array, var types = tokenizer[GGUFKeys.types]?.array
    else {
      attributes["tokenizer.ggml.model"] = "no_vocab"
      return attributes
    }
    guard tokens.count <= numbers.vocabularySize else {
      throw GraftError(
        .mismatch, "the tokenizer has more tokens than the model",
        expected: "at most \(numbers.vocabularySize)",
        found: "\(tokens.count)", advice: "Use the tokenizer that the model was trained with.")
    }
    // Padded vocabularies: every row of the embedding has a token there.
    for id in tokens.count..<numbers.vocabularySize {
      tokens.append(.string("\u{2581}[PAD\(id)]"))
      types.append(5)
    }
    tokenizer[GGUFKeys.tokens] = .array(tokens)
    tokenizer[GGUFKeys.types] = .array(types)
    attributes.merge(tokenizer) { _, new in new }
    return attributes
  }
}

private enum GGUFKeys {
  static let tokens = "tokenizer.ggml.tokens"
  static let types = "tokenizer.ggml.token_type"
  static let labels = "bert.classifier.output_labels"
}

extension ConfigurationFile {
  /// The keys of llama.cpp in the file itself. Its GELU is the tanh approximation in half precision whatever the
  /// model's is, so that any GELU is the same to it.
  static let ggufBERT = ConfigurationFile(
    name: nil,
    discriminator: "general.architecture",
    constants: [
      "general.architecture": "bert", "general.type": "model", "bert.attention.causal": false,
    ],
    keys: [
      "bert.vocab_size": "vocab_size", "bert.block_count": "num_hidden_layers",
      "bert.context_length": "max_position_embeddings", "bert.embedding_length": "hidden_size",
      "bert.feed_forward_length": "intermediate_size", "bert.attention.head_count": "num_attention_heads",
      "bert.attention.layer_norm_epsilon": "layer_norm_eps", "bert.hidden_activation": "hidden_act",
      "tokenizer.ggml.token_type_count": "type_vocab_size",
    ],
    implied: ["model_type": "bert", "hidden_act": "gelu"],
    equivalents: ["hidden_act": ["gelu_python", "gelu_new", "gelu_pytorch_tanh", "gelu_fast"]]
  ) { file, standard in
    // llama.cpp's converter leaves the size to the list of tokens.
    if standard["vocab_size"] == nil {
      standard["vocab_size"] = file[GGUFKeys.tokens]?.array.map { JSON($0.count) }
    }
    if let labels = file[GGUFKeys.labels]?.array { standard.setLabels(labels.compactMap(\.string)) }
  }
}
