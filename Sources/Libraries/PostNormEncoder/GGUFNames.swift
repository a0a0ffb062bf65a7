import GraftCore
import GraftTensors
import OrderedCollections

extension Dialect {
  /// A family that llama.cpp runs as its architecture `bert`: the encoder, with a classifier as the only head.
  ///
  /// Norms, biases and the two small embeddings are in float32 whatever the others are.
  /// https://github.com/ggml-org/llama.cpp/blob/master/src/models/bert.cpp
  ///
  /// - Parameters:
  ///   - configuration: A ``ConfigurationFile/ggufEncoder(_:constants:implied:condition:preparation:completion:)``.
  ///   - hasTokenTypes: Whether tokens have types.
  ///   - positions: How the table of positions is stored.
  ///   - pooler: The pooler's rows.
  ///   - classifier: The rows of the head of the task `sequence-classification`.
  ///   - differences: What llama.cpp computes otherwise with that head, in a sentence.
  public static func ggufEncoder(
    _ configuration: ConfigurationFile, hasTokenTypes: Bool = true, positions: Layout = .same,
    pooler: [Row] = [], classifier: [Row], differences: String? = nil
  ) -> Dialect {
    Dialect(
      name: "gguf",
      float32: [".bias", ".norm.weight", "embeddings.position.weight", "embeddings.token_type.weight"],
      leavesOutHeads: true,
      differences: differences.map { ["sequence-classification": $0] } ?? [:],
      files: CheckpointFiles(
        configuration: configuration, library: nil, tokenizer: .ggml,
        attributes: { try ggufAttributes(of: $0, configuration) }),
      backbone: [
        [Row("embeddings.word.weight", "token_embd.weight")],
        hasTokenTypes ? [Row("embeddings.token_type.weight", "token_types.weight")] : [],
        [Row("embeddings.position.weight", "position_embd.weight", positions)],
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
      pooler: pooler,
      heads: ["sequence-classification": classifier]
    )
  }

  /// A file's attributes: the configuration, the tokenizer, and how hidden states become one vector.
  private static func ggufAttributes(
    of checkpoint: Checkpoint, _ file: ConfigurationFile
  ) throws -> OrderedDictionary<String, JSON> {
    var configuration = checkpoint.configuration
    let numbers = try EncoderConfiguration(configuration)
    configuration["max_position_embeddings"] = JSON(numbers.positionCount)
    configuration["type_vocab_size"] = JSON(numbers.tokenTypeCount)
    configuration["layer_norm_eps"] = JSON(numbers.layerNormEpsilon)
    var attributes = file.own(configuration).values
    if checkpoint.activeHead?.hasLabels == true {
      attributes["bert.pooling_type"] = 4  // what llama.cpp calls rank: the classifier's logits
      attributes[GGUFKeys.labels] = .array(try configuration.labels().map { .string($0) })
    } else {
      attributes["bert.pooling_type"] = 1  // the mean
    }
    var tokenizer = checkpoint.tokenizer?.attributes(as: .ggml) ?? [:]
    guard var tokens = tokenizer[GGUFKeys.tokens]?.array, var types = tokenizer[GGUFKeys.types]?.array
    else {
      attributes[GGUFKeys.tokenizer] = "no_vocab"
      return attributes
    }
    guard tokens.count <= numbers.vocabularySize else {
      throw GraftError(
        .mismatch, "the tokenizer has more tokens than the model",
        expected: "at most \(numbers.vocabularySize)",
        found: "\(tokens.count)", advice: "Use the tokenizer that the model was trained with.")
    }
    // Padded vocabularies: every row of the embedding has a token there. Byte-level tokens have no mark.
    let mark = tokenizer[GGUFKeys.tokenizer] == GGUFKeys.byteLevel ? "" : "\u{2581}"
    for id in tokens.count..<numbers.vocabularySize {
      tokens.append(.string("\(mark)[PAD\(id)]"))
      types.append(5)
    }
    tokenizer[GGUFKeys.tokens] = .array(tokens)
    tokenizer[GGUFKeys.types] = .array(types)
    attributes.merge(tokenizer) { _, new in new }
    return attributes
  }
}

/// Keys and values of llama.cpp.
public enum GGUFKeys {
  public static let tokenizer = "tokenizer.ggml.model"
  /// What llama.cpp calls byte-level BPE.
  public static let byteLevel: JSON = "gpt2"
  /// Whether a file's tokens are those of WordPiece, or it has none.
  public static func isWordPiece(_ file: Configuration) -> Bool {
    [nil, "bert", "no_vocab"].contains(file[tokenizer])
  }
  static let tokens = "tokenizer.ggml.tokens"
  static let types = "tokenizer.ggml.token_type"
  static let labels = "bert.classifier.output_labels"
  /// Of which family a file is: llama.cpp does not say it. Files by its own converter lack the key.
  static let family = "bert.model_type"
}

extension ConfigurationFile {
  /// The keys of llama.cpp in the file itself. Its GELU is the tanh approximation in half precision whatever the
  /// model's is, so that any GELU is the same to it.
  ///
  /// - Parameters:
  ///   - family: The family's name.
  ///   - constants: What it always has there.
  ///   - implied: What holds for it without being said, in standard keys.
  ///   - isNamed: Whether files say which family they are of.
  ///   - condition: Whether a file that does not say it is of this family, by its attributes and the names of its tensors.
  ///   - preparation: Makes of the standard configuration what the keys mean there.
  ///   - completion: Makes of what the keys mean there the standard configuration.
  public static func ggufEncoder(
    _ family: String, constants: OrderedDictionary<String, JSON> = [:],
    implied: OrderedDictionary<String, JSON> = [:], isNamed: Bool = true,
    condition: @escaping @Sendable (_ file: Configuration, _ tensors: Set<String>) -> Bool,
    preparation: (@Sendable (inout Configuration) -> Void)? = nil,
    completion: (@Sendable (_ file: Configuration, inout Configuration) -> Void)? = nil
  ) -> ConfigurationFile {
    var constants = constants
    constants["general.architecture"] = "bert"
    constants["general.type"] = "model"
    constants["bert.attention.causal"] = false
    if isNamed { constants[GGUFKeys.family] = .string(family) }
    var implied = implied
    implied["model_type"] = .string(family)
    implied["hidden_act"] = "gelu"
    return ConfigurationFile(
      name: nil,
      discriminator: "general.architecture",
      condition: { file, tensors in
        file[GGUFKeys.family].map { $0.string == family } ?? condition(file, tensors)
      },
      constants: constants,
      keys: [
        "bert.vocab_size": "vocab_size", "bert.block_count": "num_hidden_layers",
        "bert.context_length": "max_position_embeddings", "bert.embedding_length": "hidden_size",
        "bert.feed_forward_length": "intermediate_size", "bert.attention.head_count": "num_attention_heads",
        "bert.attention.layer_norm_epsilon": "layer_norm_eps", "bert.hidden_activation": "hidden_act",
        "tokenizer.ggml.token_type_count": "type_vocab_size",
        "tokenizer.ggml.padding_token_id": "pad_token_id",
      ],
      implied: implied,
      equivalents: ["hidden_act": ["gelu_python", "gelu_new", "gelu_pytorch_tanh", "gelu_fast"]],
      preparation: preparation
    ) { file, standard in
      // llama.cpp's converter leaves the size to the list of tokens.
      if standard["vocab_size"] == nil {
        standard["vocab_size"] = file[GGUFKeys.tokens]?.array.map { JSON($0.count) }
      }
      if let labels = file[GGUFKeys.labels]?.array { standard.setLabels(labels.compactMap(\.string)) }
      completion?(file, &standard)
    }
  }
}
