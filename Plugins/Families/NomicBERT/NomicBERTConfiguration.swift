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
            "activation_function", expected: "one of \(gates.map(\.key).joined(separator: ", "))",
            found: name)
        }
        known["hidden_act"] = .string(gate.value)
      }
      return known.filling([
        "max_position_embeddings": 2048, "hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0,
      ])
    }
  }

  /// The base of rotary positions: the model's own code calls it `rotary_emb_base`, and transformers takes `rope_theta`
  /// outside of `rope_parameters` too.
  var nomicBERTRotaryBase: Float {
    get throws {
      try rotaryBase(key: self["rope_theta"] == nil ? "rotary_emb_base" : "rope_theta", default: 1000)
    }
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
      throw unsupported(key, expected: "false", found: "true")
    }
    for key in ["rotary_scaling_factor", "rotary_emb_scale_base"] {
      if let value = self[key] { throw unsupported(key, expected: "null", found: value.text()) }
    }
    let experts = try number("num_experts", default: 0)
    guard experts <= 0 else { throw unsupported("num_experts", expected: "0", found: "\(experts)") }
    let fraction = try number("rotary_emb_fraction", default: 1)
    guard fraction == 1 else { throw unsupported("rotary_emb_fraction", expected: "1", found: "\(fraction)") }
  }
}
