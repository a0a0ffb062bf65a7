import AdamW
import Foundation
import GraftCompute
import GraftTensors
import MaskedLM
import NextSentence
import Testing

@testable import GraftCore
@testable import GraftKit

/// Another task that predicts some of the tokens.
private struct OtherTokens: Task {
  static let name = "other-tokens"
  static let classSuffix = "ForOtherTokens"
  static let outputs = [TaskOutput("logits", rows: .tokens)]
  init(_ configuration: Configuration) throws {}
  func outputCount(on backbone: any Backbone) -> Int { backbone.vocabularySize }
  func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {}
  func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    tape.crossEntropy(scores, classes: try batch.targets(of: self).classes)
  }
}

/// A head that nobody asks.
private struct Unasked: Head {
  var parameters: [ParameterSpec] { [] }

  func forward(
    _ states: BackboneOutput, _ batch: Batch, selection: [Int32]?, _ scope: Scope, _ tape: Tape
  ) throws -> Variable { throw GraftError(.refused, "this head is not asked") }
}

/// BERT's pretraining: two heads learn from the same batches, each from targets of its own.
@Suite("Several heads that learn together")
struct SeveralHeadsTests {
  /// What a batch has for the masked-lm head, token by token of all sequences, and for the next-sentence head.
  private struct Part {
    var sequences: [[Int32]]
    var masked: (tokens: [Int32], classes: [Int32]) = ([], [])
    var relations: [Int32]?
  }

  /// Unequal numbers of predictions, differently divided between the heads; one of each is ignored.
  private static let parts = [
    Part(
      sequences: [[2, 30, 31, 32, 33, 3], [2, 40, 41, 3]], masked: ([1, 2, 3, 7], [9, 8, -100, 7]),
      relations: [1, 0]),
    Part(sequences: [[2, 50, 3]], masked: ([1], [60]), relations: [-100]),
    Part(sequences: [[2, 70, 71, 72, 3], [2, 3], [2, 80, 3]], masked: ([2], [12]), relations: [0, 1, 1]),
    Part(sequences: [[2, 90, 91, 3]], masked: ([1, 2], [13, 14])),
  ]

  /// All sequences and all targets in one batch.
  private static let whole: Part = {
    var whole = Part(sequences: [], relations: [])
    for part in parts {
      let start = Int32(whole.sequences.reduce(0) { $0 + $1.count })
      whole.masked.tokens += part.masked.tokens.map { $0 + start }
      whole.masked.classes += part.masked.classes
      whole.relations? += part.relations ?? part.sequences.map { _ in -100 }
      whole.sequences += part.sequences
    }
    return whole
  }()

  private let registry: Registry

  init() throws { registry = try Support.registry() }

  private func model(frozen: Freezing = .none) throws -> Model {
    var checkpoint = try registry.open(Support.fixture("pretraining")).checkpoint
    checkpoint.configuration = checkpoint.family.overridingDropout(0, in: checkpoint.configuration)
    return try checkpoint.makeModel(frozen: frozen)
  }

  private func prepared(_ part: Part) throws -> PreparedBatch {
    var batch = Batch()
    for ids in part.sequences {
      batch.append(ids: ids, tokenTypes: ids.map { _ in 0 }, positions: Array(0..<Int32(ids.count)))
    }
    var prepared = PreparedBatch(batch)
    let configuration = Configuration()
    try prepared.setTargets(
      ClassTargets(part.masked.classes), of: MaskedLM(configuration), selection: part.masked.tokens)
    if let relations = part.relations {
      try prepared.setTargets(ClassTargets(relations), of: NextSentence(configuration))
    }
    return prepared
  }

  /// Keeps what it is given.
  private final class Recording: GradientReduction {
    var names: [String] = []
    var withGradient: [String] = []
    var predictions: [Int] = []

    func total(_ counts: [Double]) -> [Double] {
      predictions = counts.prefix(counts.count / 2).map { Int($0) }
      return counts
    }

    func reduce(_ parameters: [Parameter], loss: Double) -> Double {
      names = parameters.map(\.name)
      withGradient = parameters.filter { $0.gradient != nil }.map(\.name)
      return loss
    }
  }

  /// A step that leaves the gradients where they are: the loss, and the gradients before the update.
  private func step(_ parts: [Part], in model: Model) throws -> (TrainingStep.Result, [String: [Float]]) {
    final class Keeping: GradientReduction {
      var gradients: [String: [Float]] = [:]
      func total(_ counts: [Double]) -> [Double] { counts }
      func reduce(_ parameters: [Parameter], loss: Double) -> Double {
        for parameter in parameters { gradients[parameter.name] = parameter.gradient?.values }
        return loss
      }
    }
    let kept = Keeping()
    let step = TrainingStep(
      model: model, optimizer: AdamWOptimizer(model.parameters.all, options: OptimizerOptions()),
      maxGradNorm: 0, backend: try ReferenceBackend(threads: 1), reduction: kept)
    return (try step.run(try parts.map(prepared), learningRate: 0), kept.gradients)
  }

  /// One batch's losses are plain means, which `FamilyGradients` holds to PyTorch.
  @Test("accumulated batches give the loss and the gradient of one batch that holds them all")
  func accumulation() throws {
    let (together, expected) = try step([Self.whole], in: try model())
    let (accumulated, gradients) = try step(Self.parts, in: try model())
    #expect(together.predictions == 7 + 5 && accumulated.predictions == 7 + 5)
    #expect(abs(accumulated.loss / together.loss - 1) < 1e-6)
    #expect(expected.count > 40 && Set(gradients.keys) == Set(expected.keys))
    for (name, truth) in expected {
      let found = try #require(gradients[name])
      let scale = truth.reduce(Float(1e-3)) { max($0, abs($1)) }
      let difference = zip(found, truth).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      #expect(difference <= 1e-5 * scale, "\(name)")
    }
  }

  @Test("each head predicts the tokens that are selected for it; one without a selection, all of them")
  func selections() throws {
    let single = try registry.open(Support.fixture("masked-lm")).checkpoint.makeModel()
    let head = try single.requireHead().head
    let other = try OtherTokens(single.configuration)
    let model = Model(
      configuration: single.configuration, backbone: single.backbone, pooler: nil,
      heads: single.heads + [Model.ActiveHead(task: other, head: head)], headName: nil, tokenizer: nil,
      parameters: single.parameters)
    var batch = PreparedBatch(try prepared(Self.parts[0]).inputs)
    func scores() throws -> [String: Tensor] {
      let tape = Tape(try ReferenceBackend(threads: 1), recording: false)
      return try model.scores(batch, tape).mapValues(\.value)
    }
    let all = try #require(scores()["masked-lm"])
    #expect(all.rows == 10)
    func rows(_ numbers: [Int]) -> [Float] {
      numbers.flatMap { all.values[$0 * all.columns..<($0 + 1) * all.columns] }
    }
    func expect(_ found: Tensor?, _ numbers: [Int]) throws {
      let found = try #require(found)
      #expect(found.rows == numbers.count)
      #expect(zip(found.values, rows(numbers)).allSatisfy { abs($0 - $1) < 1e-5 })
    }
    batch.select([7, 2], for: OtherTokens.self)
    try expect(scores()["masked-lm"], Array(0..<10))
    try expect(scores()["other-tokens"], [7, 2])
    batch.select([1, 4, 8], for: MaskedLM.self)
    try expect(scores()["masked-lm"], [1, 4, 8])
    try expect(scores()["other-tokens"], [7, 2])
  }

  @Test("each head counts its own predictions; a target that is ignored is none")
  func counts() throws {
    let model = try model()
    let recording = Recording()
    let step = TrainingStep(
      model: model, optimizer: AdamWOptimizer(model.parameters.all, options: OptimizerOptions()),
      maxGradNorm: 1, backend: try ReferenceBackend(threads: 1), reduction: recording)
    let result = try step.run(try Self.parts.map(prepared), learningRate: 0)
    #expect(model.heads.map(\.name) == ["masked-lm", "next-sentence"])
    #expect(recording.predictions == [3 + 1 + 1 + 2, 2 + 0 + 3])
    #expect(result.predictions == 12)
  }

  @Test("ranks add up every parameter that is trained, also those that no gradient has reached here")
  func reduction() throws {
    let frozen = Freezing { _, name in name.hasPrefix("embeddings.") }
    let model = try model(frozen: frozen)
    let recording = Recording()
    let step = TrainingStep(
      model: model, optimizer: AdamWOptimizer(model.parameters.all, options: OptimizerOptions()),
      maxGradNorm: 1, backend: try ReferenceBackend(threads: 1), reduction: recording)
    // No relation: neither the pooler nor the head behind it learns.
    let result = try step.run([try prepared(Self.parts[3])], learningRate: 0)
    let all = model.parameters.all.map(\.name)
    #expect(recording.names == all.filter { !$0.hasPrefix("embeddings.") })
    let idle = Set(recording.names).subtracting(recording.withGradient)
    #expect(idle == ["pooler.weight", "pooler.bias", "next_sentence.weight", "next_sentence.bias"])
    #expect(result.trained == Set(recording.withGradient))
  }

  @Test("an evaluation weighs each head's losses by the head's own predictions")
  func evaluation() throws {
    let model = try model()
    let rows = [("a b c d e f g", "a"), ("the cat", "b c d"), ("x", "y"), ("a dog b c d e", "f")].enumerated()
      .map {
        TextRow($1.0, pair: $1.1, label: .text("\($0 % 2)"))
      }
    let (data, backend) = (try Dataset(rows, for: model), try ReferenceBackend(threads: 1))
    let options = EvaluationOptions(batchSize: 3, mlmProbability: 0.4, seed: 5)
    let found = try evaluate(model, on: data, options: options, backend: backend)

    // The same batches, head by head, with the task's own loss.
    let batching = Batching(model: model, data: data, mlmProbability: 0.4)
    let batches = try Batching.sortedByLength(data, batchSize: 3).enumerated().map { index, indices in
      try batching.prepared(batching.examples(indices), key: Randomness(5).evaluation(index))
    }
    #expect(batches.map { $0.targetCount(of: NextSentence.self) } == [3, 1])
    let masked = batches.map { $0.targetCount(of: MaskedLM.self) }
    #expect(masked[0] != 3 * masked[1], "the heads would be weighted alike")
    var expected = 0.0
    for active in model.heads {
      var (sum, count) = (0.0, 0.0)
      for batch in batches {
        let tape = Tape(backend, recording: false)
        let scores = try #require(model.scores(batch, tape)[active.name])
        let own = Double(batch.targetCount(of: type(of: active.task)))
        sum += Double(try active.task.loss(scores, batch, tape).value.item) * own
        count += own
      }
      expected += sum / count
    }
    #expect(abs(found.loss - expected) < 1e-6)
  }

  @Test("a head that answers alone does so without the scores of the others")
  func answersAlone() throws {
    let both = try model()
    let heads = both.heads.map { active in
      let isAsked = type(of: active.task).predictsRows
      return Model.ActiveHead(task: active.task, head: isAsked ? active.head : Unasked())
    }
    let alone = Model(
      configuration: both.configuration, backbone: both.backbone, pooler: both.pooler, heads: heads,
      headName: both.headName, tokenizer: both.tokenizer, parameters: both.parameters)
    let rows = [TextRow("he can", pair: "do it"), TextRow("so they", pair: "can")]
    let backend = try ReferenceBackend(threads: 1)
    let found = try predict(
      InferenceSession(alone, backend: backend), on: Dataset(rows, for: alone, requiringLabels: false))
    let tape = Tape(backend, recording: false)
    let encodings = try rows.map {
      try both.requireTokenizer().encode($0.text, pair: $0.pair, maximumLength: nil, addSpecialTokens: true)
    }
    let logits = try #require(both.scores(PreparedBatch(Batch(encodings)), tape)["next-sentence"]).value
    for (row, prediction) in found.enumerated() {
      let own = (0..<2).map { Double(exp(logits.buffer[2 * row + $0])) }
      for (score, expected) in zip(prediction.scores, own) {
        #expect(abs(Double(score) - expected / (own[0] + own[1])) < 1e-6)
      }
    }
  }
}
