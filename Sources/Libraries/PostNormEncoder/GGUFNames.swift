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
      name: GGUFKeys.dialect,
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

  /// RoBERTa and the families that took it over, in llama.cpp: positions from the first that a token can have, and a
  /// classifier as the only head.
  ///
  /// - Parameters:
  ///   - family: The family's name.
  ///   - condition: Whether a file that does not say its family is of this one.
  public static func ggufCountedPositions(
    _ family: String, condition: @escaping @Sendable (_ file: Configuration) -> Bool
  ) -> Dialect {
    ggufEncoder(
      .ggufEncoder(
        family,
        condition: { file, _ in condition(file) },
        preparation: { $0.countPositionsFromFirst() },
        completion: { _, standard in standard.countPositionsFromZero() }),
      positions: .reachablePositions,
      classifier: Row.linear("sequence_classification.dense", "cls")
        + Row.linear("sequence_classification.output", "cls.output")
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
    return try ConfigurationFile.ggufArchitecture.completing(
      file.own(configuration).values, of: checkpoint, vocabularySize: numbers.vocabularySize)
  }
}

/// Keys and values of llama.cpp.
public enum GGUFKeys {
  /// What the dialects of all families are called.
  public static let dialect = "gguf"
  public static let architecture = "general.architecture"
  public static let tokenizer = "tokenizer.ggml.model"
  public static let tokens = "tokenizer.ggml.tokens"
  static let types = "tokenizer.ggml.token_type"
  static let scores = "tokenizer.ggml.scores"
  static let wordPiece: JSON = "bert"
  /// What llama.cpp calls byte-level BPE.
  public static let byteLevel: JSON = "gpt2"
  /// What llama.cpp calls Unigram models.
  public static let unigram: JSON = "t5"

  /// Whether a file's tokens are of a kind, or it has none.
  public static func tokens(of file: Configuration, are kind: JSON) -> Bool {
    [nil, kind, "no_vocab"].contains(file[tokenizer])
  }

  /// Whether a file's tokens are those of WordPiece, or it has none.
  public static func isWordPiece(_ file: Configuration) -> Bool { tokens(of: file, are: wordPiece) }
}

extension ConfigurationFile {
  fileprivate static let ggufArchitecture = GGUFArchitecture("bert")
  /// Of which family a file is: llama.cpp does not say it. Files by its own converter lack the key.
  private static let ggufFamily = ggufArchitecture.key("model_type")

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
    constants[GGUFKeys.architecture] = .string(ggufArchitecture.name)
    constants["general.type"] = "model"
    constants["bert.attention.causal"] = false
    if isNamed { constants[ggufFamily] = .string(family) }
    var implied = implied
    implied["model_type"] = .string(family)
    implied["hidden_act"] = "gelu"
    return ConfigurationFile(
      name: nil,
      discriminator: GGUFKeys.architecture,
      condition: { file, tensors in
        file[ggufFamily].map { $0.string == family } ?? condition(file, tensors)
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
      ggufArchitecture.complete(&standard, from: file)
      completion?(file, &standard)
    }
  }
}
