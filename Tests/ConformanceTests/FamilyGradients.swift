import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import QuestionAnswering
import ReplacedTokenDetection
import TestSupport
import Testing

/// The gradient of every parameter of whole models, as PyTorch computes it in double precision.
@Suite("Every family's gradients against PyTorch")
struct FamilyGradients {
  /// Whether a bias adds the same to all scores of a query, which changes no loss.
  static func isKeyBias(_ parameter: String) -> Bool {
    [".attention.key.bias", ".attention.position_key.bias"].contains { parameter.hasSuffix($0) }
  }

  @Test(arguments: FamilyFixtures.taskFiles("gradients"))
  func gradients(_ fixture: FamilyFixtures.TaskFile) throws {
    let registry = try FamilyFixtures.registry.get()
    let file = try registry.openWeights(fixture.file).weights
    let checkpoint = try registry.open(fixture.checkpoint).checkpoint
    let model = try checkpoint.makeModel()
    let batch = try GoldenBatch(padded: file).prepared(for: model, file)

    let tape = Tape(try ReferenceBackend(threads: 1))
    let loss = try model.loss(try model.scores(batch, tape), batch, tape)
    let expectedLoss = try #require(file["loss"]).floats()[0]
    #expect(abs(loss.value.item - expectedLoss) <= 1e-5 * expectedLoss)
    tape.backward(from: loss)

    var gradients = Weights()
    for parameter in model.parameters.all {
      if let gradient = parameter.gradient { gradients[parameter.name] = LazyTensor(gradient) }
    }
    let table = NameTable(
      try registry.dialect("transformers", of: checkpoint.family), on: try checkpoint.makeBackbone(),
      heads: checkpoint.activeHead?.taskNames ?? [])
    let named = try table.encode(gradients, architecture: checkpoint.architecture, withHead: true)
    let expected = file.tensors.filter { $0.key.hasPrefix("grad.") }
    #expect(expected.count > 30 && expected.count == named.tensors.count)
    let keyBiases = Set(
      model.backbone.parameters.map(\.name).filter(Self.isKeyBias).map { "grad.\(table.storedName($0))" })
    let largestOfAll = try expected.keys.map(largest).max() ?? 0
    func largest(_ name: String) throws -> Float {
      try #require(file[name], "\(name)").floats().reduce(0) { max($0, abs($1)) }
    }
    for (name, tensor) in expected {
      let truth = try tensor.floats()
      let found = try #require(named[String(name.dropFirst(5))], "\(name)").floats()
      // The true gradient of some biases is zero, as that of the keys'; what it is the sum of is as large as for their
      // weight.
      let isIdle = try keyBiases.contains(name) || largest(name) < 1e-9 * largestOfAll
      let own = try largest(isIdle ? name.dropLast("bias".count) + "weight" : name)
      // As the script that wrote the file measures PyTorch's own rounding.
      let scale = max(own, 1e-3 * largestOfAll)
      let largest = zip(truth, found).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      #expect(largest <= 1e-5 * scale, "\(name): \(largest) of \(scale)")
    }
  }
}

/// A batch of a golden file without its padding, and the places that its tokens had.
struct GoldenBatch {
  let batch: Batch
  let places: [Int]

  /// `input_ids`, `attention_mask` and `token_type_ids`, each `[batch, length]`.
  init(padded file: Weights) throws {
    let ids = try #require(file["input_ids"])
    let (rows, length) = (ids.spec.shape[0], ids.spec.shape[1])
    let (values, mask) = (try ids.integers(), try #require(file["attention_mask"]).integers())
    let types = try #require(file["token_type_ids"]).integers()
    var (batch, places) = (Batch(), [Int]())
    for row in 0..<rows {
      let row = row * length..<(row + 1) * length
      batch.append(
        paddedRow: row.map { Int32(values[$0]) }, tokenTypes: row.map { Int32(types[$0]) },
        mask: row.map { mask[$0] != 0 })
      places += row.filter { mask[$0] != 0 }
    }
    (self.batch, self.places) = (batch, places)
  }

  /// With the targets of a file: `labels`, of which -100 does not count, and `next_sentence_label` or `sentence_order_label`; `start_positions`
  /// and `end_positions`; or, of questions, `labels` and how many `choices` each has.
  func prepared(for model: Model, _ file: Weights) throws -> PreparedBatch {
    var prepared = PreparedBatch(batch)
    if let first = try file["start_positions"]?.integers(), let last = try file["end_positions"]?.integers() {
      try prepared.setAnswers(first: first, last: last, of: model.requireHead().task)
      return prepared
    }
    let labels = try #require(file["labels"]).integers()
    if let choices = try file["choices"]?.integers() {
      try model.requireHead().task.prepare(
        &prepared, zip(labels, choices).map { .question(answer: $0, of: $1) }, .test)
      return prepared
    }
    for active in model.heads {
      if type(of: active.task).name == "replaced-token-detection" {
        prepared.setReplaced(places.map { Float(labels[$0]) }, of: active.task)
        continue
      }
      // A label for each token, or one for each row.
      if type(of: active.task).outputs.allSatisfy({ $0.rows == .tokens }) {
        let rows = places.indices.filter { labels[places[$0]] != -100 }
        prepared.setClasses(rows.map { Int32(labels[places[$0]]) }, of: active.task, at: rows.map(Int32.init))
      } else {
        let ofPairs = file["next_sentence_label"] ?? file["sentence_order_label"]
        let own = model.heads.count > 1 ? try #require(ofPairs).integers() : labels
        let examples = own.map { Example(Encoding.empty, label: ClassLabel(Int32($0))) }
        try active.task.prepare(&prepared, examples, .test)
      }
    }
    return prepared
  }
}

extension PreparedBatch {
  /// Sets the classes of some tokens.
  mutating func setClasses<T: Task>(_ classes: [Int32], of task: T, at rows: [Int32]) {
    guard let targets = ClassTargets(classes) as? T.Targets else { return }
    setTargets(targets, of: task, selection: rows)
  }
}

extension PreparedBatch {
  /// Sets which tokens were replaced.
  mutating func setReplaced<T: Task>(_ labels: [Float], of task: T) {
    if let targets = ReplacedTokenDetection.Targets(labels: labels) as? T.Targets {
      setTargets(targets, of: task)
    }
  }
}

extension PreparedBatch {
  /// Sets where answers begin and end, as tokens of their sequences.
  mutating func setAnswers<T: Task>(first: [Int], last: [Int], of task: T) {
    let targets = QuestionAnswering.Targets(first: first.map(Int32.init), last: last.map(Int32.init))
    if let targets = targets as? T.Targets { setTargets(targets, of: task) }
  }
}

extension Example {
  /// A question of which only the answer and the number of choices matter.
  static func question(answer: Int, of choices: Int) -> Example {
    Example(
      .empty, others: Array(repeating: .empty, count: choices - 1), label: ClassLabel(Int32(answer)))
  }
}

extension Encoding {
  static let empty = Encoding(ids: [], tokenTypes: [], offsets: [], isSpecial: [])
}

extension BatchContext {
  static let test = BatchContext(
    key: RandomKey(seed: 7, step: 3),
    specialTokens: SpecialTokens(padding: 0, unknown: 1, classification: 2, separator: 3, mask: 4),
    vocabularySize: 30, mlmProbability: 0.4)
}
