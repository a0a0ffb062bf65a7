import Foundation
import GraftKit
import GraftPlugins
import TestSupport
import Testing

@testable import GraftCompute
@testable import GraftCore
@testable import GraftTensors

/// Every head of every family: what a plugin has to do to work with the rest.
@Suite("Every head of every family")
struct HeadConformance {
  struct Pair: Sendable, CustomTestStringConvertible {
    let fixtures: FamilyFixtures
    let head: HeadSet

    var testDescription: String { "\(fixtures.family.name), \(head.name)" }
  }

  static let pairs = FamilyFixtures.all.flatMap { fixtures in
    ((try? fixtures.heads) ?? []).map { Pair(fixtures: fixtures, head: $0) }
  }

  @Test("every head that a family has for a registered task can be stored in one of its dialects")
  func notEmpty() throws {
    let registry = try FamilyFixtures.registry.get()
    #expect(Self.pairs.count == registry.families.values.reduce(0) { $0 + registry.heads(of: $1).count })
    #expect(!Self.pairs.isEmpty)
  }

  private func makeModel(_ pair: Pair) throws -> Model {
    let registry = try FamilyFixtures.registry.get()
    let family = pair.fixtures.family
    var configuration = try pair.fixtures.configuration
    configuration.setLabels(["a", "b", "c"])
    let weights = try family.makeBackbone(configuration).parameters.initialized(seed: 1)
    var checkpoint = Checkpoint(
      configuration: configuration, family: family,
      components: [Component(.backbone, id: Component.backbone, weights: weights)], activeHead: pair.head)
    // Where nothing reads the family's tokenizer, another one's.
    checkpoint.tokenizer =
      try registry.open(pair.fixtures.directory.appending(path: "base")).checkpoint.tokenizer
      ?? registry.loadTokenizer(from: fixtures.appending(path: "mpnet-tiny/base"))
    var report = LoadReport()
    try registry.initializeMissingParts(of: &checkpoint, settings: configuration, seed: 1, report: &report)
    return try checkpoint.makeModel()
  }

  /// What the task makes of its rows, with the family's own tokenizer.
  private func examples(_ pair: Pair, _ model: Model) throws -> [Example] {
    let data = try Dataset(TaskRows.rows(for: pair.head), for: model)
    return try (0..<data.count).map(data.example)
  }

  private func prepared(_ model: Model, _ examples: [Example]) throws -> PreparedBatch {
    var batch = PreparedBatch(Batch(of: examples))
    for active in model.heads { try active.task.prepare(&batch, examples, .test) }
    return batch
  }

  private func loss(
    _ model: Model, _ batch: PreparedBatch, gradientIsComplete: ((Parameter) -> Void)? = nil
  ) throws -> (Variable, Tape) {
    let tape = Tape(
      try ReferenceBackend(threads: 1), pool: MemoryPool(), gradientIsComplete: gradientIsComplete)
    return (try model.loss(try model.scores(batch, tape), batch, tape), tape)
  }

  /// Ranks send gradients as soon as they are said to be complete.
  @Test(
    "the loss is finite and reaches every parameter, whose gradient is complete when it is said to be",
    arguments: pairs)
  func gradients(_ pair: Pair) throws {
    let model = try makeModel(pair)
    var complete: [String: [Float]] = [:]
    let (loss, tape) = try loss(model, try prepared(model, examples(pair, model))) {
      complete[$0.name] = $0.gradient?.values
    }
    #expect(loss.value.item.isFinite && loss.value.item > 0)
    tape.backward(from: loss)
    let idle = model.parameters.all.filter { $0.gradient == nil }
    #expect(idle.map(\.name).isEmpty)
    #expect(!complete.isEmpty)
    for parameter in model.parameters.all {
      #expect(complete[parameter.name] == nil || complete[parameter.name] == parameter.gradient?.values)
    }
  }

  @Test("the gradient agrees with finite differences along a random direction", arguments: pairs)
  func finiteDifference(_ pair: Pair) throws {
    let model = try makeModel(pair)
    let batch = try prepared(model, examples(pair, model))
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
    // A step of one length, however many parameters there are.
    let length = directions.joined().reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    let step = Float(0.02 / length)
    move(step)
    let after = Double(try loss(model, batch).0.value.item)
    move(-2 * step)
    let before = Double(try loss(model, batch).0.value.item)
    let difference = (after - before) / Double(2 * step)
    // The loss is rounded to 1e-7 of itself, which is divided by the step.
    let rounding = 2e-7 * abs(before) / Double(step)
    #expect(abs(difference - slope) <= 2e-3 * abs(slope) + rounding, "\(difference) and \(slope)")
  }

  @Test("preparing a batch is a function of its key", arguments: pairs)
  func reproducible(_ pair: Pair) throws {
    let model = try makeModel(pair)
    let examples = try examples(pair, model)
    let (first, second) = (try prepared(model, examples), try prepared(model, examples))
    #expect(first.inputs == second.inputs && first.selections == second.selections)
    #expect(first.targetCount == second.targetCount && first.targetCount > 0)
  }

  @Test("scoring gives a share between 0 and 1, or a non-negative error", arguments: pairs)
  func score(_ pair: Pair) throws {
    let model = try makeModel(pair)
    let examples = try examples(pair, model)
    let batch = try prepared(model, examples)
    var metrics = Metrics()
    let scores = try model.scores(batch, Tape(try ReferenceBackend(threads: 1), recording: false))
    let active = try model.requireHead()
    let own = try #require(scores[active.name]).value
    try active.task.score(own, batch, examples, into: &metrics)
    if type(of: active.task).scoresRows {
      try score(active.task, own, batch, examples, TaskRows.rows(for: pair.head), &metrics)
    }
    #expect(!metrics.means.isEmpty)
    if let names = active.task.scoreNames(topRanks: ProbabilityScores.usualRanks) {
      #expect(
        Set(metrics.means.keys).isSubset(of: names), "\(metrics.means.keys.filter { !names.contains($0) })")
    }
    for (name, value) in metrics.means {
      switch ScoreDirection(of: name) {
      case .higher: #expect((-1...1).contains(value), "\(name) is \(value)")
      case .lower: #expect(value >= 0, "\(name) is \(value)")
      }
    }
  }

  /// Scores whole rows, each of which is one example.
  private func score<T: Task>(
    _ task: T, _ scores: Tensor, _ batch: PreparedBatch, _ examples: [Example], _ rows: [TextRow],
    _ metrics: inout Metrics
  ) throws {
    let found = try task.predictions(scores, batch.inputs, examples)
    try task.score(found, of: task.labels(of: rows, LabelReading()), into: &metrics)
  }

  @Test("a prediction for every example, where the head says something about a row", arguments: pairs)
  func predictions(_ pair: Pair) throws {
    let model = try makeModel(pair)
    let active = try model.requireHead()
    let examples = try examples(pair, model)
    let batch = PreparedBatch(Batch(of: examples))
    let scores = try model.scores(batch, Tape(try ReferenceBackend(threads: 1), recording: false))
    let own = try #require(scores[active.name]).value
    guard type(of: active.task).predictsRows else {
      #expect(throws: GraftError.self) { try active.task.predictions(own, batch.inputs, examples) }
      return
    }
    let found = try active.task.predictions(own, batch.inputs, examples) as [any TaskPrediction]
    #expect(found.count == examples.count)
    #expect(found.allSatisfy { $0.answer != .null && !$0.columns.isEmpty })
  }

  @Test("the head's rows name exactly its parameters, in every dialect that knows it", arguments: pairs)
  func rows(_ pair: Pair) throws {
    guard pair.head.isSingle else { return }
    let family = pair.fixtures.family
    var configuration = try pair.fixtures.configuration
    configuration["tie_word_embeddings"] = true
    let backbone = try family.makeBackbone(configuration)
    let task = try pair.head.tasks[0].init(configuration)
    let parameters = Set(try family.makeHead(task, configuration, on: backbone).parameters.map(\.name))
    for dialect in family.dialects {
      guard let rows = dialect.heads[pair.head.name] else { continue }
      let own = rows.filter { $0.target == nil && !$0.isCopy }
      let names = own.flatMap(\.parameters)
      #expect(Set(names).count == names.count, "\(dialect.name)")
      #expect(parameters.isSubset(of: names), "\(dialect.name)")
      // A layer's bias may be a matter of the configuration.
      let required = own.filter { $0.presence == .required }.flatMap(\.parameters)
      #expect(parameters.isSuperset(of: required), "\(dialect.name)")
    }
  }
}
