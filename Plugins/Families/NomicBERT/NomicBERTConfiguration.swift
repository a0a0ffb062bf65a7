import GraftCore
import GraftTensors

extension Configuration {
  /// With the defaults of `NomicBertConfig`, and `hidden_act` where the file says `activation_function`.
  ///
  /// Published files are those of the model's own code, in GPT-2's words:
  /// https://huggingface.co/nomic-ai/nomic-bert-2048/blob/main/configuration_hf_nomic_bert.py
  ///
  /// - Throws: `GraftError` when it asks for a variant of that code that no transformers class has.
  var nomicBERT: Configuration {
    get throws {
      try refuseVariants()
      var known = self
      if self["hidden_act"] == nil {
        let gates: KeyValuePairs = ["swiglu": "silu", "geglu": "gelu", "glu": "sigmoid"]
        let name = try string("activation_function", default: "swiglu")
        guard let gate = gates.first(where: { $0.key == name }) else {
          throw unsupported(
            "activation_function", "one of \(gates.map(\.key).joined(separator: ", "))", name)
        }
        known["hidden_act"] = .string(gate.value)
      }
      return known.filling([
        "max_position_embeddings": 2048, "hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0,
      ])
    }
  }

  /// The base of rotary positions.
  var nomicBERTRotaryBase: Float {
    get throws { try rotaryBase(key: "rotary_emb_base", default: 1000) }
  }

  /// The decoder of the model's own code has no biases where the feed-forward layers have none; transformers' class
  /// always has them.
  var hasBiasesInDecoder: Bool {
    get throws {
      try values["hidden_size"] != nil || bool("mlp_fc1_bias", default: true)
    }
  }

  private func refuseVariants() throws {
    for key in [
      "prenorm", "parallel_block", "causal", "qkv_proj_bias", "mlp_fc1_bias", "mlp_fc2_bias", "use_rms_norm",
      "rotary_emb_interleaved",
    ] where try bool(key, default: false) {
      throw unsupported(key, "false", "true")
    }
    for key in ["rotary_scaling_factor", "rotary_emb_scale_base"] {
      if let value = self[key] { throw unsupported(key, "null", value.text()) }
    }
    let experts = try number("num_experts", default: 0)
    guard experts <= 0 else { throw unsupported("num_experts", "0", "\(experts)") }
    let fraction = try number("rotary_emb_fraction", default: 1)
    guard fraction == 1 else { throw unsupported("rotary_emb_fraction", "1", "\(fraction)") }
  }

  private func unsupported(_ key: String, _ expected: String, _ found: String) -> GraftError {
    GraftError(
      .unsupported, "not supported", file: "config.json", subject: "key '\(key)'", expected: expected,
      found: found)
  }
}
