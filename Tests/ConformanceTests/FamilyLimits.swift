import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

@Suite("Every family's limits")
struct FamilyLimits {
  /// Families whose positions begin behind the padding token's row, as in RobertaEmbeddings.
  private static let counting = ["roberta", "xlm-roberta", "camembert", "mpnet"]

  @Test("the longest sequence is computed, and the next is refused", arguments: FamilyFixtures.all)
  func longest(_ fixtures: FamilyFixtures) throws {
    let registry = try FamilyFixtures.registry.get()
    let model = try registry.open(fixtures.directory.appending(path: "base")).checkpoint.makeModel()
    let longest = model.backbone.maximumLength
    // A family without a table of positions has the length that its configuration says.
    let table =
      try model.parameters.all.first { $0.name == "embeddings.position.weight" }?.value.rows
      ?? fixtures.configuration.size("max_position_embeddings")
    let first = model.backbone.vocabularySize - 1
    for count in [longest, longest + 1] {
      let ids = [Int32](repeating: Int32(first), count: count)
      var batch = Batch()
      batch.append(ids: ids, tokenTypes: ids.map { _ in 0 }, positions: Array(0..<Int32(count)))
      let tape = Tape(try ReferenceBackend(threads: 1), recording: false)
      if count == longest {
        #expect(try model.encode(batch, tape).hiddenStates.value.rows == count)
      } else {
        let error = #expect(throws: GraftError.self) { try model.encode(batch, tape) }
        #expect(error?.expected == "at most \(longest) tokens")
      }
    }
    #expect(longest == table - (Self.counting.contains(fixtures.family.name) ? 2 : 0))
  }

  /// As `_init_weights` of transformers 5.23 leaves them; it draws the row of ModernBERT like the others.
  @Test("rows of padding start as 0, as `padding_idx` has them", arguments: FamilyFixtures.all)
  func padding(_ fixtures: FamilyFixtures) throws {
    let configuration = try fixtures.configuration
    let weights = try fixtures.family.makeBackbone(configuration).parameters.initialized(seed: 1)
    let counts = Self.counting.contains(fixtures.family.name)
    let padding = Int(try configuration.number("pad_token_id", default: counts ? 1 : 0))
    for name in ["embeddings.word.weight"] + (counts ? ["embeddings.position.weight"] : []) {
      let table = try Tensor(#require(weights[name]))
      let row = table.buffer[padding * table.columns..<(padding + 1) * table.columns]
      #expect(row.allSatisfy { $0 == 0 } == (fixtures.family.name != "modernbert"))
      let other = (padding == 0 ? 1 : 0) * table.columns
      #expect(table.buffer[other..<other + table.columns].contains { $0 != 0 })
    }
  }

  /// `Fixtures/bert-tiny/make_epsilon.py`: BERT's other goldens have its usual epsilon, which a head that does not read the
  /// configuration has too. RoBERTa's `relu` has another.
  @Test("BERT's epsilon is the configuration's, in the encoder and in the head")
  func configuredEpsilon() throws {
    let registry = try FamilyFixtures.registry.get()
    let golden = fixtures.appending(path: "bert-tiny/epsilon.safetensors")
    var checkpoint = try registry.open(fixtures.appending(path: "bert-tiny/masked-lm")).checkpoint
    checkpoint.configuration["layer_norm_eps"] = 0.002
    try withTemporaryDirectory { directory in
      let changed = directory.appending(path: "changed")
      try checkpoint.write(to: changed, registry: registry)
      let result = try verify(
        changed, golden: golden, backend: ReferenceBackend(threads: 1), registry: registry)
      #expect(result.outputs.map(\.name) == ["prediction_logits"])
      for output in result.outputs { #expect(output.maximum <= 1e-5 * output.scale, "\(output)") }
    }
    // A head's own epsilon goes before.
    checkpoint.configuration["mlm_layer_norm_eps"] = 0.1
    try withTemporaryDirectory { directory in
      let changed = directory.appending(path: "changed")
      try checkpoint.write(to: changed, registry: registry)
      #expect(
        try !verify(changed, golden: golden, backend: ReferenceBackend(threads: 1), registry: registry).passes
      )
    }
  }

  /// `nn.LayerNorm(config.dim, eps=1e-12)` in modeling_distilbert.py: no class of it reads a key.
  @Test("DistilBERT's epsilon is fixed, whatever a configuration says")
  func fixedEpsilon() throws {
    let registry = try FamilyFixtures.registry.get()
    let golden = fixtures.appending(path: "distilbert-tiny/masked-lm")
    try withTemporaryDirectory { directory in
      let copy = directory.appending(path: "copy")
      try FileManager.default.copyItem(at: golden.resolvingSymlinksInPath(), to: copy)
      let file = copy.appending(path: "config.json")
      var configuration = try Configuration(parsing: Array(Data(contentsOf: file)))
      configuration.values["layer_norm_eps"] = JSON(0.1)
      try FileWriter.write(file, text: configuration.text)
      let result = try verify(
        copy, golden: golden.appending(path: "golden.safetensors"), backend: ReferenceBackend(threads: 1),
        registry: registry)
      #expect(result.outputs.map(\.name).contains("prediction_logits"))
      for output in result.outputs { #expect(output.maximum <= 1e-5 * output.scale, "\(output)") }
    }
  }
}
