import Foundation
import Testing

@testable import GraftCompute
@testable import GraftCore
import GraftPlugins

/// Every head in the registry on every backbone: what a plugin has to do to work with the rest.
@Suite("Every head on every backbone")
struct HeadConformance {
  static let registry = Result { try Registry(builtInPlugins) }
  static let pairs: [(backbone: String, head: String)] =
    (try? registry.get()).map { registry in
      registry.backbones.names.flatMap { backbone in registry.heads.names.map { (backbone, $0) } }
    } ?? []

  static let configuration = Configuration([
    "vocab_size": 30, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 16, "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
    "id2label": ["0": "a", "1": "b", "2": "c"], "initializer_range": 0.3,
  ])

  @Test("there are some: an empty list would pass every test below")
  func notEmpty() throws {
    let registry = try Self.registry.get()
    #expect(!Self.pairs.isEmpty)
    #expect(Self.pairs.count == registry.backbones.names.count * registry.heads.names.count)
  }

  private func makeModel(_ backbone: String, _ head: String) throws -> Model {
    let registry = try Self.registry.get()
    let type = try registry.backbones.find(backbone)
    var checkpoint = Checkpoint(
      configuration: Self.configuration, backboneType: type,
      backbone: try type.init(Self.configuration).parameters.initialized(seed: 1),
      activeHead: try registry.heads.find(head))
    var report = LoadReport()
    try registry.initializeMissingParts(of: &checkpoint, seed: 1, report: &report)
    return try checkpoint.makeModel()
  }

  private let examples: [Example] = [[2, 9, 8, 7, 3], [2, 14, 15, 3], [2, 20, 21, 22, 23, 24, 3]].enumerated()
    .map {
      index, ids in
      Example(
        Encoding(
          ids: ids, tokenTypes: ids.map { _ in 0 }, offsets: ids.map { _ in 0..<1 },
          isSpecial: ids.map { $0 < 5 }),
        label: .index(Int32(index % 2)))
    }

  private let sampler = Sampler(
    key: RandomKey(seed: 7, step: 3),
    specialTokens: SpecialTokens(padding: 0, unknown: 1, classification: 2, separator: 3, mask: 4),
    vocabularySize: 30, maskingProbability: 0.4)

  private func loss(_ model: Model, _ batch: Batch, dropout: Bool = false) throws -> (Variable, Tape) {
    let tape = Tape(
      try ReferenceBackend(threads: 1), dropoutKey: dropout ? RandomKey(seed: 5) : nil, pool: MemoryPool())
    let head = try model.requireHead()
    return (try head.loss(try model.logits(batch, tape), batch, tape), tape)
  }

  @Test("the loss is finite and reaches every parameter", arguments: pairs)
  func gradients(_ pair: (backbone: String, head: String)) throws {
    let model = try makeModel(pair.backbone, pair.head)
    var batch = Batch(examples.map(\.encoding))
    try model.requireHead().prepare(&batch, examples: examples, sampler: sampler)
    let (loss, tape) = try loss(model, batch)
    #expect(loss.value.item.isFinite && loss.value.item > 0)
    tape.backward(from: loss)
    let idle = model.parameters.all.filter { $0.gradient == nil }
    let pooler = type(of: try model.requireHead()).needsPooler ? [] : model.backbone.poolerParameters
    #expect(Set(idle.map(\.name)) == pooler)
  }

  @Test("the gradient agrees with finite differences along a random direction", arguments: pairs)
  func finiteDifference(_ pair: (backbone: String, head: String)) throws {
    let model = try makeModel(pair.backbone, pair.head)
    var batch = Batch(examples.map(\.encoding))
    try model.requireHead().prepare(&batch, examples: examples, sampler: sampler)
    let (value, tape) = try loss(model, batch)
    tape.backward(from: value)
    var random = RandomKey(seed: 11).generator
    let directions = model.parameters.all.map { parameter in
      (0..<parameter.value.count).map { _ in random.normal() }
    }
    var slope = 0.0
    for (parameter, direction) in zip(model.parameters.all, directions) {
      guard let gradient = parameter.gradient else { continue }
      for (g, d) in zip(gradient.buffer, direction) { slope += Double(g) * Double(d) }
    }
    func move(_ step: Float) {
      for (parameter, direction) in zip(model.parameters.all, directions) {
        for index in direction.indices { parameter.value.pointer[index] += step * direction[index] }
      }
    }
    let step: Float = 1e-3
    move(step)
    let after = Double(try loss(model, batch).0.value.item)
    move(-2 * step)
    let before = Double(try loss(model, batch).0.value.item)
    let difference = (after - before) / Double(2 * step)
    #expect(abs(difference - slope) <= 2e-3 * max(1, abs(slope)), "\(difference) and \(slope)")
  }

  @Test("preparing a batch is a function of its key", arguments: pairs)
  func reproducible(_ pair: (backbone: String, head: String)) throws {
    let head = try makeModel(pair.backbone, pair.head).requireHead()
    var (first, second) = (Batch(examples.map(\.encoding)), Batch(examples.map(\.encoding)))
    try head.prepare(&first, examples: examples, sampler: sampler)
    try head.prepare(&second, examples: examples, sampler: sampler)
    #expect(first == second)
  }

  @Test("scoring gives a share between 0 and 1, or a non-negative error", arguments: pairs)
  func score(_ pair: (backbone: String, head: String)) throws {
    let model = try makeModel(pair.backbone, pair.head)
    var batch = Batch(examples.map(\.encoding))
    try model.requireHead().prepare(&batch, examples: examples, sampler: sampler)
    var metrics = Metrics()
    let tape = Tape(try ReferenceBackend(threads: 1), recording: false)
    try model.requireHead().score(try model.logits(batch, tape), batch, into: &metrics)
    #expect(!metrics.means.isEmpty)
    #expect(metrics.means.values.allSatisfy { (0...1).contains($0) })
  }

  @Test(
    "the head's rows name exactly its parameters, in every dialect of the backbone that knows it",
    arguments: pairs)
  func rows(_ pair: (backbone: String, head: String)) throws {
    let registry = try Self.registry.get()
    let backbone = try registry.backbones.find(pair.backbone).init(Self.configuration)
    let type = try registry.heads.find(pair.head)
    guard type.parts.count == 1 else { return }
    let parameters = Set(try type.init(Self.configuration, on: backbone).parameters.map(\.name))
    let known = registry.dialects.values.filter {
      $0.backbone == pair.backbone && !$0.rows(of: type).isEmpty
    }
    #expect(!known.isEmpty, "no dialect of the backbone can store the head")
    for dialect in known {
      let names = dialect.rows(of: type).filter { $0.target == nil && !$0.isCopy }.map(\.canonical)
      #expect(Set(names) == parameters, "\(dialect.id)")
      #expect(names.count == parameters.count, "\(dialect.id)")
    }
  }
}
