import GraftCore
import GraftTensors
import TestSupport
import Testing

/// What a family's encoder and heads do not have is refused by the key that asks for it.
@Suite("Every family's configuration")
struct FamilyConfigurations {
  /// A key of a usable configuration with another value, and what is said of it.
  struct Refused: Sendable, CustomTestStringConvertible {
    let family: String
    let key: String
    let value: JSON
    let expected: String
    let found: String

    init(_ family: String, _ key: String, _ value: JSON, expected: String, found: String) {
      (self.family, self.key, self.value) = (family, key, value)
      (self.expected, self.found) = (expected, found)
    }

    var testDescription: String { "\(family), \(key)" }
  }

  @Test(arguments: [
    Refused("nomic_bert", "prenorm", true, expected: "false", found: "true"),
    Refused("nomic_bert", "mlp_fc1_bias", true, expected: "false", found: "true"),
    Refused("nomic_bert", "num_experts", 8, expected: "0", found: "8.0"),
    Refused("nomic_bert", "rotary_emb_fraction", 0.5, expected: "1", found: "0.5"),
    Refused("nomic_bert", "rotary_scaling_factor", 2, expected: "null", found: "2"),
    Refused("modernbert", "initializer_cutoff_factor", 0, expected: "at least 0.1", found: "0.0"),
    Refused("modernbert", "num_attention_heads", 4, expected: "heads of even width", found: "3"),
    Refused(
      "modernbert", "layer_types", ["full_attention"],
      expected: "5 of full_attention, sliding_attention", found: "[\"full_attention\"]"),
    Refused(
      "deberta-v2", "position_buckets", 1, expected: "from 2 to less than twice 41", found: "1"),
    Refused(
      "deberta-v2", "max_relative_positions", 2_000_000, expected: "from 2 to 1000000", found: "2000000"),
    Refused("deberta-v2", "conv_kernel_size", 2, expected: "an odd number", found: "2"),
    Refused("deberta-v2", "conv_groups", 2, expected: "1", found: "2"),
    Refused("deberta-v2", "pooler_hidden_size", 5, expected: "12, the hidden size", found: "5"),
    Refused("deberta-v2", "conv_kernel_size", "3", expected: "a whole number", found: "the string \"3\""),
    Refused("deberta-v2", "type_vocab_size", 2.5, expected: "a whole number", found: "the number 2.5"),
    Refused("deberta-v2", "position_buckets", "4", expected: "a whole number", found: "the string \"4\""),
    Refused("deberta-v2", "pos_att_type", ["c2p", 5], expected: "a list of strings", found: "the number 5"),
    Refused("deberta-v2", "pos_att_type", [:], expected: "a string", found: "an object"),
    Refused("mpnet", "relative_attention_num_buckets", 31, expected: "at least 32", found: "31"),
    Refused("albert", "num_hidden_layers", 2000, expected: "at most 1000 layers in all", found: "2000"),
    Refused("albert", "num_hidden_groups", 1001, expected: "at most 1000 layers in all", found: "1001"),
    Refused("albert", "inner_group_num", 500, expected: "at most 1000 layers in all", found: "500"),
    Refused("roberta", "max_position_embeddings", 2, expected: "more than 2", found: "2"),
    Refused("bert", "layer_norm_eps", -1, expected: "a number, 0 or more", found: "-1.0"),
    Refused("bert", "pad_token_id", "0", expected: "the id of a token", found: "the string \"0\""),
    Refused("modernbert", "rope_parameters", "x", expected: "an object", found: "the string \"x\""),
    Refused("nomic_bert", "rope_parameters", [], expected: "an object", found: "a list"),
    Refused(
      "nomic_bert", "rope_scaling", ["rope_theta": 500], expected: "null",
      found: "an object with 'rope_theta'"),
  ])
  func refused(_ refused: Refused) throws {
    let fixtures = try #require(FamilyFixtures.all.first { $0.family.name == refused.family })
    var configuration = try fixtures.configuration
    configuration.values[refused.key] = refused.value
    let error = #expect(throws: GraftError.self) { try fixtures.family.makeBackbone(configuration) }
    #expect(error?.subject == "key '\(refused.key)'")
    #expect(error?.expected == refused.expected && error?.found == refused.found)
  }

  /// What every encoder that begins with BERT's configuration refuses, in the family's own spelling.
  @Test("a decoder, other positions and too many layers", arguments: FamilyFixtures.all)
  func encoders(_ fixtures: FamilyFixtures) throws {
    for (key, value, expected) in [
      ("is_decoder", true, "false: an encoder"), ("add_cross_attention", true, "false: an encoder"),
      ("position_embedding_type", "relative_key", "absolute"), ("num_hidden_layers", 1001, "at most 1000"),
    ] as [(String, JSON, String)] {
      var configuration = try fixtures.configuration
      configuration[key] = value
      if key == "num_hidden_layers" { configuration["layer_types"] = nil }
      let error = #expect(throws: GraftError.self, "\(key)") {
        try fixtures.family.makeBackbone(configuration)
      }
      #expect(error?.kind == .unsupported && error?.subject == "key '\(configuration.spelling(of: key))'")
      #expect(error?.expected?.hasPrefix(expected) == true, "\(String(describing: error?.expected))")
    }
  }

  /// transformers 5.23 refuses these, or rotates otherwise.
  @Test("rotations of ModernBERT")
  func rotations() throws {
    let fixtures = try #require(FamilyFixtures.all.first { $0.family.name == "modernbert" })
    func message(_ key: String, _ value: JSON) throws -> String? {
      var configuration = try fixtures.configuration
      configuration.values[key] = value
      return errorMessage { _ = try fixtures.family.makeBackbone(configuration) }
    }
    #expect(
      try message("rope_parameters", ["rope_theta": 500, "rope_type": "default"])
        == "config.json: key 'rope_parameters.rope_theta': wrong value; expected an object for each kind of layer, "
        + "found the number 500.")
    let linear: JSON = ["type": "linear", "factor": 2]
    #expect(
      try message("rope_parameters", ["full_attention": linear])
        == "config.json: key 'type': not supported; expected default, found linear.")
    #expect(
      try message("rope_scaling", ["rope_type": "linear", "factor": 2])
        == "config.json: key 'rope_type': not supported; expected default, found linear.")
    for value in [.null, [:], ["rope_type": "default"]] as [JSON] {
      #expect(try message("rope_scaling", value) == nil)
    }
  }

  @Test("a rotation that is scaled, and a gate that is not known")
  func rotation() throws {
    let fixtures = try #require(FamilyFixtures.all.first { $0.family.name == "nomic_bert" })
    var configuration = try fixtures.configuration
    configuration.values["rope_parameters"] = ["rope_type": "yarn", "rope_theta": 1000]
    var error = #expect(throws: GraftError.self) { try fixtures.family.makeBackbone(configuration) }
    #expect(error?.subject == "key 'rope_type'" && error?.found == "yarn")
    // The same base in three places has the same effect.
    var bases: Set<Float> = []
    for (key, value) in [
      ("rope_theta", 500), ("rotary_emb_base", 500), ("rope_parameters", ["rope_theta": 500]),
    ]
      as [(String, JSON)]
    {
      var configuration = try fixtures.configuration
      configuration.values["rope_parameters"] = nil
      configuration.values[key] = value
      bases.insert(try configuration.rotaryBase(key: key, default: 1000))
    }
    #expect(bases == [500])
    configuration.values["rope_parameters"] = ["rope_theta": -1]
    error = #expect(throws: GraftError.self) { try fixtures.family.makeBackbone(configuration) }
    #expect(error?.subject == "key 'rope_theta'" && error?.expected == "a number above 0")
    configuration = try fixtures.configuration
    configuration.values["hidden_act"] = nil
    configuration.values["activation_function"] = "gelu"
    error = #expect(throws: GraftError.self) { try fixtures.family.makeBackbone(configuration) }
    #expect(error?.expected == "one of swiglu, geglu, glu")
  }

  @Test("pooling that is not known")
  func pooling() throws {
    let fixtures = try #require(FamilyFixtures.all.first { $0.family.name == "modernbert" })
    var configuration = try fixtures.configuration
    configuration.values["classifier_pooling"] = "max"
    let backbone = try fixtures.family.makeBackbone(configuration)
    let head = try #require(fixtures.family.head(for: "sequence-classification"))
    let error = #expect(throws: GraftError.self) {
      try head.head(configuration, on: backbone, outputs: 2)
    }
    #expect(error?.subject == "key 'classifier_pooling'" && error?.expected == "cls or mean")
  }
}
