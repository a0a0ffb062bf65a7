import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import TestSupport
import Testing

/// Where a family drops and how much, as transformers does. Goldens are made without dropout, so it shows only in what
/// varies with the mask.
@Suite("Every family's dropout")
struct FamilyDropout {
  private let registry: Registry

  init() throws { registry = try FamilyFixtures.registry.get() }

  private func open(_ family: String, _ name: String) throws -> Checkpoint {
    try registry.open(fixtures.appending(path: "\(family)-tiny/\(name)")).checkpoint
  }

  private func batch(_ model: Model) -> PreparedBatch {
    let ids: [Int32] = [5, 9, 8, 7, 6]
    var batch = Batch()
    batch.append(ids: ids, tokenTypes: ids.map { _ in 0 }, positions: [0, 1, 2, 3, 4])
    return PreparedBatch(batch)
  }

  /// The first head's scores under a mask; without one when there is no seed.
  private func scores(_ model: Model, seed: UInt64?) throws -> [Float] {
    let tape = Tape(
      try ReferenceBackend(threads: 1), recording: false, dropoutKey: seed.map { RandomKey(seed: $0) })
    let scores = try model.scores(batch(model), tape)
    return try #require(scores[model.requireHead().name]).value.values
  }

  @Test("the keys that are overridden are all that there are", arguments: HeadConformance.pairs)
  func overriding(_ pair: HeadConformance.Pair) throws {
    let family = pair.fixtures.family
    for probability in [0, 0.5] {
      var checkpoint = try open(family.name, pair.head.name)
      checkpoint.configuration = family.overridingDropout(probability, in: checkpoint.configuration)
      let model = try checkpoint.makeModel()
      let plain = try scores(model, seed: nil)
      let varies = try (1...3).contains { try scores(model, seed: $0) != plain }
      #expect(varies == (probability > 0))
    }
  }

  /// What `configuration_NAME.py` calls its dropout probabilities.
  @Test(
    "every probability of transformers' configuration is overridden",
    arguments: [
      ("bert", ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"]),
      ("roberta", ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"]),
      ("xlm-roberta", ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"]),
      ("camembert", ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"]),
      ("distilbert", ["dropout", "attention_dropout", "qa_dropout", "seq_classif_dropout"]),
      (
        "electra",
        [
          "hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "summary_last_dropout",
        ]
      ),
      ("mpnet", ["hidden_dropout_prob", "attention_probs_dropout_prob"]),
      ("albert", ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout_prob"]),
    ])
  func keys(_ family: String, _ names: [String]) throws {
    let found = try registry.families.find(family)
    #expect(Set(found.dropoutKeys) == Set(names))
    var configuration = try open(family, "sequence-classification").configuration
    for name in names { configuration.values[name] = 0.3 }
    let overridden = found.overridingDropout(0.5, in: configuration)
    for name in names { #expect(overridden.values[name]?.double == 0.5, "\(name)") }
  }

  /// Dropout of a classifier in `modeling_NAME.py`: its key, the default where it is not the encoder's probability, and
  /// whether it is before a dense layer too.
  struct Classifier: Sendable, CustomTestStringConvertible {
    let family: String
    let key: String
    let fallback: Float?
    let dropsInput: Bool

    var testDescription: String { family }
  }

  @Test(
    "a classifier's dropout is where its class has it",
    arguments: [
      // BertForSequenceClassification: dropout, classifier.
      Classifier(family: "bert", key: "classifier_dropout", fallback: nil, dropsInput: false),
      // DistilBertForSequenceClassification: pre_classifier, ReLU, dropout, classifier.
      Classifier(family: "distilbert", key: "seq_classif_dropout", fallback: 0.2, dropsInput: false),
      // RobertaClassificationHead: dropout, dense, tanh, dropout, out_proj.
      Classifier(family: "roberta", key: "classifier_dropout", fallback: nil, dropsInput: true),
      Classifier(family: "xlm-roberta", key: "classifier_dropout", fallback: nil, dropsInput: true),
      Classifier(family: "camembert", key: "classifier_dropout", fallback: nil, dropsInput: true),
      // MPNetClassificationHead: the same, with the encoder's probability.
      Classifier(family: "mpnet", key: "hidden_dropout_prob", fallback: nil, dropsInput: true),
      // AlbertForSequenceClassification: dropout, classifier.
      Classifier(family: "albert", key: "classifier_dropout_prob", fallback: 0.1, dropsInput: false),
      // ElectraClassificationHead: dropout, dense, GELU, dropout, out_proj.
      Classifier(family: "electra", key: "classifier_dropout", fallback: nil, dropsInput: true),
      // NomicBertForSequenceClassification: dropout, classifier.
      Classifier(family: "nomic_bert", key: "classifier_dropout", fallback: nil, dropsInput: false),
      // ModernBertForSequenceClassification: head, dropout, classifier.
      Classifier(family: "modernbert", key: "classifier_dropout", fallback: 0, dropsInput: false),
      // DebertaV2ForSequenceClassification: pooler, dropout, classifier.
      Classifier(family: "deberta-v2", key: "cls_dropout", fallback: nil, dropsInput: false),
    ])
  func classifier(_ expected: Classifier) throws {
    // A first score that is one element of what the output layer reads.
    var checkpoint = try open(expected.family, "sequence-classification")
    let id = "sequence-classification"
    let names = try #require(checkpoint[id]).weights.tensors.keys
    let output = names.contains("sequence_classification.output.weight") ? ".output" : ""
    let name = "sequence_classification\(output)"
    let shape = try #require(checkpoint[id]?.weights["\(name).weight"]).spec.shape
    var row = [Float](repeating: 0, count: shape[0] * shape[1])
    row[0] = 1
    checkpoint[id]?.weights["\(name).weight"] = LazyTensor(row, shape: shape)
    checkpoint[id]?.weights["\(name).bias"] = LazyTensor(
      [Float](repeating: 0, count: shape[0]), shape: [shape[0]])
    if !output.isEmpty {
      // Above 0, so that ReLU lets it through.
      checkpoint[id]?.weights["sequence_classification.dense.bias"] = LazyTensor(
        [Float](repeating: 1, count: shape[1]), shape: [shape[1]])
    }

    func firstScores(_ probability: Float?) throws -> (plain: Float, dropped: Set<Float>) {
      var changed = checkpoint
      var configuration = checkpoint.family.overridingDropout(0, in: checkpoint.configuration)
      configuration.values[expected.key] = probability.map { JSON(Double($0)) }
      changed.configuration = configuration
      let model = try changed.makeModel()
      return (
        try scores(model, seed: nil)[0],
        Set(try (1...60).map { try scores(model, seed: UInt64($0))[0] })
      )
    }
    let half = try firstScores(0.5)
    // The element is dropped, or it is twice as large. What is dropped before the dense layer changes it as well.
    #expect(half.dropped.contains(0))
    #expect((half.dropped.count > 2) == expected.dropsInput)
    if !expected.dropsInput {
      let largest = try #require(half.dropped.max { abs($0) < abs($1) })
      #expect(abs(largest / half.plain - 2) < 1e-5)
      if let fallback = expected.fallback {
        let usual = try firstScores(nil)
        let kept = try #require(usual.dropped.max { abs($0) < abs($1) })
        #expect(abs(kept / usual.plain - 1 / (1 - fallback)) < 1e-5)
      }
    }
  }

  /// Which of the layers' two output layers have dropout behind them, in `modeling_NAME.py`.
  struct Sublayers: Sendable, CustomTestStringConvertible {
    let family: String
    var attention = true
    var feedForward = true

    var testDescription: String { family }
  }

  @Test(
    "dropout behind output layers",
    arguments: [
      Sublayers(family: "bert"), Sublayers(family: "roberta"), Sublayers(family: "xlm-roberta"),
      Sublayers(family: "camembert"), Sublayers(family: "electra"), Sublayers(family: "mpnet"),
      Sublayers(family: "distilbert", attention: false),
      // AlbertLayer has a dropout for it, and does not use it.
      Sublayers(family: "albert", feedForward: false),
    ])
  func sublayers(_ expected: Sublayers) throws {
    #expect(
      try varies(expected.family, silent: ".feed_forward.output.", loud: ".attention.value.bias")
        == expected.attention)
    #expect(
      try varies(expected.family, silent: ".attention.output.", loud: ".feed_forward.intermediate.bias")
        == expected.feedForward)
  }

  /// Whether an encoder's result varies with the mask of a dropout behind its output layers, when nothing comes out of
  /// its embeddings and of one of the output layers, so that dropout there does not show.
  private func varies(_ family: String, silent: String, loud: String) throws -> Bool {
    var checkpoint = try open(family, "base")
    var weights = try #require(checkpoint[Component.backbone]).weights
    for (name, tensor) in weights.tensors {
      let count = tensor.spec.elementCount
      if name.hasPrefix("embeddings.norm.") || name.contains(silent) {
        weights[name] = LazyTensor([Float](repeating: 0, count: count), shape: tensor.spec.shape)
      } else if name.hasSuffix(loud) {
        weights[name] = LazyTensor((0..<count).map { Float($0 % 5) - 2 }, shape: tensor.spec.shape)
      }
    }
    checkpoint[Component.backbone]?.weights = weights
    checkpoint.configuration = checkpoint.family.overridingDropout(0, in: checkpoint.configuration)
    checkpoint.configuration["hidden_dropout_prob"] = JSON(0.5)
    let model = try checkpoint.makeModel()
    let states = try (1...4).map { seed in
      let tape = Tape(
        try ReferenceBackend(threads: 1), recording: false, dropoutKey: RandomKey(seed: UInt64(seed)))
      return try model.encode(batch(model).inputs, tape).hiddenStates.value.values
    }
    return states.contains { $0 != states[0] }
  }
}
