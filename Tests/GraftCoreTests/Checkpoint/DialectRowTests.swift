import GraftCompute
import GraftCore
import GraftTensors
import TestSupport
import Testing

/// An encoder on paper that stores its tensors in every way that families do: projections stacked in one, layers in
/// groups, a pooler outside the prefix, heads that share some names.
private struct PaperBackbone: Backbone {
  let hiddenSize: Int

  init(_ configuration: Configuration) throws { hiddenSize = try configuration.size("hidden_size") }

  var vocabularySize: Int { 5 }
  var maximumLength: Int { 8 }
  var layerCount: Int { 6 }
  var storedLayers: [Int] { [3, 2] }

  var parameters: [ParameterSpec] {
    let groups = (0..<3).flatMap { group in
      (0..<2).flatMap { layer in
        ["query", "key", "value"].map {
          ParameterSpec("groups.\(group).layers.\(layer).\($0).weight", [hiddenSize, hiddenSize], .zeros)
        }
      }
    }
    return [ParameterSpec(wordEmbedding, [5, hiddenSize], .zeros)] + groups
      + (0..<3).map { ParameterSpec("groups.\($0).norm.weight", [hiddenSize], .ones) }
  }

  func forward(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    try scope[wordEmbedding].parameter
  }
}

extension Dialect {
  fileprivate static let paper = Dialect(
    name: "paper",
    backbonePrefixes: ["model.", ""],
    backbone: [
      [Row("embeddings.word.weight", "tok.weight")],
      [
        Row.stacked(
          ["query", "key", "value"].map { "groups.{}.layers.{}.\($0).weight" },
          "blocks.{}.inner.{}.Wqkv.weight")
      ],
      [Row("groups.{}.norm.weight", "blocks.{}.norm.weight")],
    ],
    pooler: Row.linear("pooler", "pooler.dense", isAtRoot: true),
    heads: [
      "choosing": Row.linear("choosing.dense", "head.dense") + Row.linear("choosing.output", "classifier"),
      "filling": Row.linear("filling.dense", "head.dense") + [Row("filling.bias", "decoder.bias")],
    ]
  )
}

extension Family {
  fileprivate static let paper = Family(
    name: "paper", classPrefix: "Paper", backbone: PaperBackbone.self, heads: [],
    configurationKeys: ["hidden_size": "width"], dropoutKeys: ["drop"], dialects: [.paper])
}

@Suite("Rows of a dialect")
struct DialectRowTests {
  private let backbone: any Backbone
  private let weights: Weights

  init() throws {
    backbone = try Family.paper.makeBackbone(Configuration(["width": 4]))
    var weights = Weights()
    for (index, spec) in backbone.parameters.enumerated() {
      let count = spec.shape.reduce(1, *)
      weights[spec.name] = LazyTensor((0..<count).map { Float(index * 100 + $0) }, shape: spec.shape)
    }
    weights["pooler.weight"] = LazyTensor([Float](repeating: 7, count: 16), shape: [4, 4])
    weights["pooler.bias"] = LazyTensor([Float](repeating: 8, count: 4), shape: [4])
    self.weights = weights
  }

  @Test("stacked tensors, two numbers in a name and names outside the prefix are written")
  func written() throws {
    let stored = try NameTable(.paper, on: backbone, heads: []).encode(
      weights, architecture: "PaperForChoosing", withHead: true)
    #expect(
      Array(stored.tensors.keys) == [
        "model.tok.weight",
        "model.blocks.0.inner.0.Wqkv.weight", "model.blocks.0.inner.1.Wqkv.weight",
        "model.blocks.1.inner.0.Wqkv.weight", "model.blocks.1.inner.1.Wqkv.weight",
        "model.blocks.2.inner.0.Wqkv.weight", "model.blocks.2.inner.1.Wqkv.weight",
        "model.blocks.0.norm.weight", "model.blocks.1.norm.weight", "model.blocks.2.norm.weight",
        "pooler.dense.weight", "pooler.dense.bias",
      ])
    let stacked = try #require(stored["model.blocks.1.inner.0.Wqkv.weight"])
    #expect(stacked.spec.shape == [12, 4])
    let parts = try ["query", "key", "value"].flatMap {
      try #require(weights["groups.1.layers.0.\($0).weight"]).floats()
    }
    #expect(try stacked.floats() == parts)
  }

  @Test("and read again, with the prefix and without", arguments: [true, false])
  func readAgain(_ withHead: Bool) throws {
    let table = NameTable(.paper, on: backbone, heads: [])
    let stored = try table.encode(weights, architecture: "PaperModel", withHead: withHead)
    var report = LoadReport()
    let decoded = try table.decode(stored, report: &report)
    #expect(report.unexpected.isEmpty && decoded.unknown.tensors.isEmpty)
    let found = decoded.components.values.reduce(into: [:]) {
      $0.merge($1.tensors.map { ($0.key, $0.value) }) { a, _ in a }
    }
    #expect(found.count == weights.tensors.count)
    for (name, tensor) in weights.tensors { #expect(try found[name]?.floats() == tensor.floats(), "\(name)") }
    #expect(
      Set(decoded.components[Component.pooler]?.tensors.keys ?? []) == ["pooler.weight", "pooler.bias"])
  }

  /// GPT-2's `c_attn` is `[in, 3 · out]`, at the root of the file, and its bias may be missing.
  @Test("stacked tensors may be transposed, optional and outside the prefix")
  func stackedOtherwise() throws {
    let parts = ["query", "key", "value"]
    let names = parts.map { "groups.0.layers.0.\($0).weight" }
    let dialect = Dialect(
      name: "transposed", backbonePrefixes: ["model."],
      backbone: [
        [
          .init("embeddings.word.weight", "tok.weight"),
          .stacked(names, "c_attn.weight", .transposed, isAtRoot: true),
          .stacked(parts.map { "\($0).bias" }, "c_attn.bias", .same, .optional),
        ]
      ])
    // Of numbers that are all different, in two columns for each part: query 0, 1 … in its first row.
    let values = (0..<3).map { part in (0..<8).map { Float(100 * part + $0) } }
    var weights = Weights([
      "embeddings.word.weight": LazyTensor([Float](repeating: 9, count: 20), shape: [5, 4])
    ])
    for (name, values) in zip(names, values) { weights[name] = LazyTensor(values, shape: [2, 4]) }
    let table = NameTable(dialect, on: backbone, heads: [])
    let stored = try table.encode(weights, architecture: "PaperModel", withHead: true)
    #expect(Array(stored.tensors.keys) == ["model.tok.weight", "c_attn.weight"])
    let stacked = try #require(stored["c_attn.weight"])
    #expect(stacked.spec.shape == [4, 6])
    // Row i has what reads input i: column i of the query's two outputs, of the key's, of the value's.
    #expect(try stacked.floats().prefix(6) == [0, 4, 100, 104, 200, 204])
    #expect(try stacked.floats().suffix(6) == [3, 7, 103, 107, 203, 207])
    var report = LoadReport()
    let decoded = try table.decode(stored, report: &report)
    #expect(report.unexpected.isEmpty)
    for (name, values) in zip(names, values) {
      #expect(try decoded.components[Component.backbone]?[name]?.floats() == values)
    }
  }

  @Test("a stacked tensor whose rows do not divide, and parts of different types, are refused")
  func refused() throws {
    let table = NameTable(.paper, on: backbone, heads: [])
    var report = LoadReport()
    let odd = Weights([
      "blocks.0.inner.0.Wqkv.weight": LazyTensor([Float](repeating: 0, count: 44), shape: [11, 4])
    ])
    let error = #expect(throws: GraftError.self) { try table.decode(odd, report: &report) }
    #expect(
      error?.description
        == "tensor 'blocks.0.inner.0.Wqkv.weight': wrong shape; expected 3 times as many rows as each part, "
        + "found float32 [11, 4].")
    var mixed = weights
    mixed["groups.0.layers.0.key.weight"] = weights["groups.0.layers.0.key.weight"]?.converted(to: .float16)
    let other = #expect(throws: GraftError.self) {
      try table.encode(mixed, architecture: "PaperModel", withHead: false)
    }
    #expect(other?.problem == "tensors that are stored as one do not fit together")
  }

  @Test("of heads that share a name, the likelier one has it")
  func sharedNames() throws {
    let stored = Weights([
      "head.dense.weight": LazyTensor([Float](repeating: 1, count: 16), shape: [4, 4]),
      "head.dense.bias": LazyTensor([Float](repeating: 1, count: 4), shape: [4]),
      "decoder.bias": LazyTensor([Float](repeating: 1, count: 5), shape: [5]),
    ])
    for (heads, owner, unexpected) in [
      (["filling", "choosing"], "filling", []), (["choosing", "filling"], "choosing", ["decoder.bias"]),
    ] {
      var report = LoadReport()
      let decoded = try NameTable(.paper, on: nil, heads: heads).decode(stored, report: &report)
      #expect(Array(decoded.components.keys) == [owner])
      #expect(report.unexpected == unexpected)
    }
  }

  @Test("a family's spelling of a key is found under its usual name, and kept")
  func configurationKeys() throws {
    var configuration = Family.paper.adopting(Configuration(["width": 4, "other": 1]))
    #expect(try configuration.size("hidden_size") == 4)
    configuration["hidden_size"] = 6
    #expect(configuration.values["width"] == 6 && configuration.values["hidden_size"] == nil)
    let dropped = Family.paper.overridingDropout(0.25, in: configuration)
    #expect(dropped.values["drop"]?.double == 0.25 && dropped.values["hidden_dropout_prob"] == nil)
    let error = #expect(throws: GraftError.self) {
      try Family.paper.makeBackbone(Configuration(["width": "wide"]))
    }
    #expect(error?.subject == "key 'width'")
  }

  @Test("an older spelling is read where a file has it, and the usual one otherwise")
  func legacyKeys() throws {
    let family = Family(
      name: "paper", classPrefix: "Paper", backbone: Family.paper.backbone, heads: [],
      legacyKeys: ["hidden_size": "n_embd"], dialects: [])
    var usual = family.adopting(Configuration(["hidden_size": 4]))
    usual["hidden_size"] = 5
    #expect(try usual.size("hidden_size") == 5 && usual.values == ["hidden_size": 5])
    var legacy = family.adopting(Configuration(["n_embd": 4]))
    #expect(try legacy.size("hidden_size") == 4)
    legacy["hidden_size"] = 5
    #expect(legacy.values == ["n_embd": 5])
  }

  @Test("layers of groups are counted through, and a number depends on what the encoder has")
  func numbers() throws {
    func names(_ rows: [Dialect.Row], pooler: [Dialect.Row] = []) throws -> [String] {
      let dialect = Dialect(name: "counting", backbone: rows.map { [$0] }, pooler: pooler)
      let table = NameTable(dialect, on: backbone, heads: [])
      let held = Weights(
        weights.tensors.filter { name, _ in
          name.hasSuffix("query.weight")
            ? rows[0].canonical.hasPrefix("groups")
            : !rows[0].canonical.hasPrefix("groups") && !name.hasPrefix("groups")
        })
      return Array(try table.encode(held, architecture: "Any", withHead: true).tensors.keys)
    }
    #expect(
      try names([Dialect.Row("groups.{}.layers.{}.query.weight", "encoder{_*}/group{_}/{}/query")])
        == [
          "encoder/group/0/query", "encoder_1/group/1/query", "encoder_2/group_1/0/query",
          "encoder_3/group_1/1/query", "encoder_4/group_2/0/query", "encoder_5/group_2/1/query",
        ])
    let word = Dialect.Row("embeddings.word.weight", "table{_pooler.weight}")
    #expect(
      try names([word], pooler: Dialect.Row.linear("pooler", "dense{_embeddings.word.weight}"))
        == ["table", "dense_1.weight", "dense_1.bias"])
  }

  @Test("a convolution is stored with its extents in reverse order")
  func convolution() throws {
    let dialect = Dialect(
      name: "convolution", backbone: [[Dialect.Row("embeddings.word.weight", "kernel", .convolution)]])
    let table = NameTable(dialect, on: backbone, heads: [])
    // [out, in, width]
    let kernel = LazyTensor((0..<24).map { Float($0) }, shape: [2, 3, 4])
    let stored = try table.encode(
      Weights(["embeddings.word.weight": kernel]), architecture: "Any", withHead: true)
    #expect(stored["kernel"]?.spec.shape == [4, 3, 2])
    var expected: [Float] = []
    for place in 0..<4 {
      for input in 0..<3 {
        for output in 0..<2 { expected.append(Float(output * 12 + input * 4 + place)) }
      }
    }
    #expect(try stored["kernel"]?.floats() == expected)
    var report = LoadReport()
    let decoded = try table.decode(stored, report: &report)
    #expect(
      try decoded.components[Component.backbone]?["embeddings.word.weight"]?.isIdentical(to: kernel) == true)
    let error = #expect(throws: GraftError.self) {
      try table.decode(Weights(["kernel": LazyTensor([1, 2] as [Float], shape: [1, 2])]), report: &report)
    }
    #expect(
      error?.description == "tensor 'kernel': wrong shape; expected three extents, found float32 [1, 2].")
  }
}
