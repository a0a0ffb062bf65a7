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
  ])
  func refused(_ refused: Refused) throws {
    let fixtures = try #require(FamilyFixtures.all.first { $0.family.name == refused.family })
    var configuration = try fixtures.configuration
    configuration.values[refused.key] = refused.value
    let error = #expect(throws: GraftError.self) { try fixtures.family.makeBackbone(configuration) }
    #expect(error?.subject == "key '\(refused.key)'")
    #expect(error?.expected == refused.expected && error?.found == refused.found)
  }

  @Test("a rotation that is scaled, and a gate that is not known")
  func rotation() throws {
    let fixtures = try #require(FamilyFixtures.all.first { $0.family.name == "nomic_bert" })
    var configuration = try fixtures.configuration
    configuration.values["rope_parameters"] = ["rope_type": "yarn", "rope_theta": 1000]
    var error = #expect(throws: GraftError.self) { try fixtures.family.makeBackbone(configuration) }
    #expect(error?.subject == "key 'rope_type'" && error?.found == "yarn")
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
