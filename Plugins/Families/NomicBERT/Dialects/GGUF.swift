import GraftCore
import GraftTensors
import OrderedCollections
import PostNormEncoder

extension Dialect {
  /// NomicBERT in llama.cpp: the encoder. It has no heads there.
  ///
  /// Norms and the small embedding are in float32 whatever the others are.
  /// https://github.com/ggml-org/llama.cpp/blob/master/src/models/nomic-bert.cpp
  static let ggufNomicBERT = Dialect(
    name: GGUFKeys.dialect,
    float32: [".bias", ".norm.weight", "embeddings.token_type.weight"],
    leavesOutHeads: true,
    files: CheckpointFiles(
      configuration: .ggufNomicBERT, library: nil, tokenizer: .ggml, attributes: ggufAttributes),
    backbone: [
      [
        Row("embeddings.word.weight", "token_embd.weight"),
        Row("embeddings.token_type.weight", "token_types.weight"),
      ],
      Row.linear("embeddings.norm", "token_embd_norm"),
      [
        Row.stacked(
          ["query", "key", "value"].map { "layers.{}.attention.\($0).weight" }, "blk.{}.attn_qkv.weight"),
        Row("layers.{}.attention.output.weight", "blk.{}.attn_output.weight"),
      ],
      Row.linear("layers.{}.attention.norm", "blk.{}.attn_output_norm"),
      [
        Row("layers.{}.feed_forward.intermediate.weight", "blk.{}.ffn_up.weight"),
        Row("layers.{}.feed_forward.gate.weight", "blk.{}.ffn_gate.weight"),
        Row("layers.{}.feed_forward.output.weight", "blk.{}.ffn_down.weight"),
      ],
      Row.linear("layers.{}.feed_forward.norm", "blk.{}.layer_output_norm"),
    ]
  )

  private static func ggufAttributes(_ checkpoint: Checkpoint) throws -> OrderedDictionary<String, JSON> {
    var configuration = try checkpoint.configuration.nomicBERT
    let file = ConfigurationFile.ggufNomicBERT
    // The model's own code has another word for its activation, which the table of keys does not know.
    if checkpoint.configuration["hidden_act"] == nil { _ = try file.differences(from: configuration) }
    let numbers = try EncoderConfiguration(configuration)
    configuration["max_position_embeddings"] = JSON(numbers.positionCount)
    configuration["type_vocab_size"] = JSON(numbers.tokenTypeCount)
    configuration["layer_norm_eps"] = JSON(numbers.layerNormEpsilon)
    configuration["rotary_emb_base"] = JSON(try configuration.nomicBERTRotaryBase)
    return try GGUFArchitecture.nomicBERT.completing(
      file.own(configuration).values, of: checkpoint, vocabularySize: numbers.vocabularySize)
  }
}

extension GGUFArchitecture {
  fileprivate static let nomicBERT = GGUFArchitecture("nomic-bert")
}

extension ConfigurationFile {
  /// The keys of llama.cpp in the file itself.
  static let ggufNomicBERT = ConfigurationFile(
    name: nil,
    discriminator: GGUFKeys.architecture,
    condition: { file, _ in
      GGUFKeys.isWordPiece(file) || file[GGUFKeys.tokenizer] == GGUFKeys.unigram
    },
    constants: [
      GGUFKeys.architecture: "nomic-bert", "general.type": "model", "nomic-bert.attention.causal": false,
    ],
    keys: [
      "nomic-bert.vocab_size": "vocab_size", "nomic-bert.block_count": "num_hidden_layers",
      "nomic-bert.context_length": "max_position_embeddings", "nomic-bert.embedding_length": "hidden_size",
      "nomic-bert.feed_forward_length": "intermediate_size",
      "nomic-bert.attention.head_count": "num_attention_heads",
      "nomic-bert.attention.layer_norm_epsilon": "layer_norm_eps",
      "nomic-bert.rope.freq_base": "rotary_emb_base",
      "tokenizer.ggml.token_type_count": "type_vocab_size",
      "tokenizer.ggml.padding_token_id": "pad_token_id",
    ],
    implied: ["model_type": "nomic_bert", "hidden_act": "silu"],
    equivalents: ["hidden_act": ["swish"]],
    completion: { file, standard in
      GGUFArchitecture.nomicBERT.complete(&standard, from: file)
      // As transformers writes it; llama.cpp has another base than its class where the file does not say it.
      let base = standard["rotary_emb_base"] ?? 10000.0
      standard["rope_parameters"] = .object(["rope_theta": base, "rope_type": "default"])
      standard.values["rotary_emb_base"] = nil
    }
  )
}
