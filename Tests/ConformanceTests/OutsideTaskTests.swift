import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftKit
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

/// Labels every word. A task as anybody may write one, with heads for families that do not know it.
private struct Tagging: Task {
  static let name = "word-tagging"
  static let classSuffix = "ForWordTagging"
  static let hasLabels = true
  static let settingKeys = ["id2label", "label2id", "num_labels"]
  static let columns = [TaskColumn("tokens", replacesText: true), TaskColumn("tags")]
  static let outputs = [TaskOutput("logits", rows: .tokens)]

  let labels: [String]

  init(_ configuration: Configuration) throws { labels = try configuration.labels() }

  func outputCount(on backbone: any Backbone) -> Int { labels.count }

  struct Tags: ExampleLabel {
    let classes: [Int32]
    var json: JSON { .array(classes.map { JSON(Int($0)) }) }
  }

  func labels(of rows: [TextRow], _ reading: LabelReading) throws -> [(any ExampleLabel)?] {
    try rows.map { row in
      let tags = row.fields["tags"]?.array?.map { tag in tag.string.flatMap(labels.firstIndex) }
      guard let tags, !tags.contains(nil), tags.count == row.fields["tokens"]?.array?.count else {
        throw GraftError(.mismatch, "a tag for each token is wanted").inRow(row)
      }
      return Tags(classes: tags.compactMap { $0 }.map(Int32.init))
    }
  }

  /// The tag of a word is that of its first token; the others do not count.
  func examples(
    of row: TextRow, label: (any ExampleLabel)?, _ encoder: TextEncoder
  ) throws -> [Example] {
    let words = row.fields["tokens"]?.array?.compactMap(\.string) ?? []
    let encoding = encoder.encode(words.joined(separator: " "))
    let starts = words.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.unicodeScalars.count + 1) }
    let tags = (label as? Tags)?.classes ?? []
    let classes = zip(encoding.offsets, encoding.isSpecial).map { offset, isSpecial -> Int32 in
      guard !isSpecial, let word = starts.firstIndex(of: offset.lowerBound), word < tags.count else {
        return -100
      }
      return tags[word]
    }
    return [Example(encoding, label: Tags(classes: classes), row: row)]
  }

  func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {
    batch.setTargets(ClassTargets(examples.flatMap { ($0.label as? Tags)?.classes ?? [] }), of: self)
  }

  func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    tape.crossEntropy(scores, classes: try batch.targets(of: self).classes)
  }
}

private enum OutsidePlugin: Plugin {
  static func register(in registry: inout Registry) throws {
    try registry.add(Tagging.self)
    for (family, dropout) in [
      ("bert", "hidden_dropout_prob"), ("distilbert", "dropout"), ("roberta", "hidden_dropout_prob"),
    ] {
      try registry.add(
        FamilyHead(Tagging.name, .linear(on: .tokens, dropout: ["classifier_dropout", dropout])), to: family,
        rows: ["transformers": Dialect.Row.linear("word_tagging", "tagger")])
    }
  }
}

/// Tasks from outside: nothing of the core, of a family or of the kit changes for them.
@Suite("A task from outside")
struct OutsideTaskTests {
  private let registry: Registry

  init() throws { registry = try Registry(builtInPlugins + [OutsidePlugin.self]) }

  @Test("a sentence classifier is not taken for a token classifier, nor the other way round")
  func twins() throws {
    for name in ["sequence-classification", "without-architectures/sequence-classification"] {
      for family in ["distilbert", "roberta"] {
        let opened = try registry.open(fixtures.appending(path: "\(family)-tiny/\(name)"))
        #expect(opened.checkpoint.activeHead?.name == "sequence-classification")
      }
    }
    let bert = try registry.open(fixtures.appending(path: "bert-tiny/sequence-classification"))
    #expect(bert.checkpoint.activeHead?.name == "sequence-classification")
  }

  @Test("swapped on, trained on rows of tokens and tags, evaluated, swapped off and back")
  func training() throws {
    try withTemporaryDirectory { directory in
      let data = directory.appending(path: "words.jsonl")
      let row = #"{"tokens": ["he", "can", "he"], "tags": ["O", "B", "O"]}"#
      try FileWriter.write(data, text: String(repeating: row + "\n", count: 16))
      let swapped = directory.appending(path: "swapped")
      try swapHead(
        fixtures.appending(path: "bert-tiny/masked-lm"), to: Tagging.name, labels: ["O", "B"],
        registry: registry
      ).checkpoint.write(to: swapped, registry: registry)
      let checkpoint = try registry.open(swapped).checkpoint
      let options = DataOptions(fields: checkpoint.activeHead?.columns ?? [])
      let rows = try DataSource(reading: [data], options: options).rows()
      #expect(rows.count == 16 && rows[0].text.isEmpty && rows[0].fields.count == 2)

      let model = try checkpoint.makeModel()
      let batch = try Batching(model: model, data: Dataset(rows, for: model))
        .prepared([Dataset(rows, for: model).example(0)], key: RandomKey(seed: 1))
      #expect(batch.targetCount == 3)

      var training = TrainingOptions()
      training.epochs = 6
      training.batchSize = 4
      training.learningRate = 5e-3
      let trained = directory.appending(path: "trained")
      _ = try train(
        checkpoint, on: TrainingData(rows, named: ["words.jsonl"]), options: training, output: trained,
        backend: registry.makeBackend(), registry: registry)
      let result = try registry.open(trained).checkpoint.makeModel()
      let before = try evaluate(model, on: Dataset(rows, for: model), backend: registry.makeBackend()).loss
      let after = try evaluate(result, on: Dataset(rows, for: result), backend: registry.makeBackend()).loss
      #expect(after < before / 2, "\(before) to \(after)")

      // A program without the plugin carries the head along, and one with it has it back.
      let plain = try Registry.builtIn()
      let parked = directory.appending(path: "parked")
      try swapHead(trained, to: "masked-lm", registry: registry).checkpoint.write(
        to: parked, registry: registry)
      let copied = directory.appending(path: "copied")
      try importModel(parked, to: copied, registry: plain)
      let back = try swapHead(copied, to: Tagging.name, registry: registry).checkpoint
      #expect(
        try back[Tagging.name]?.weights["word_tagging.weight"]?.floats()
          == registry.open(trained).checkpoint[Tagging.name]?.weights["word_tagging.weight"]?.floats()
      )
    }
  }

  @Test("a family takes one head for a task, and only in dialects that it has")
  func refusals() throws {
    var registry = registry
    let head = FamilyHead(Tagging.name, .linear(on: .tokens, dropout: []))
    let twice = #expect(throws: GraftError.self) { try registry.add(head, to: "bert", rows: [:]) }
    #expect(twice?.problem == "the family 'bert' has a head for 'word-tagging' already")
    let other = FamilyHead("other", .linear(on: .tokens, dropout: []))
    let unknown = #expect(throws: GraftError.self) {
      try registry.add(other, to: "roberta", rows: ["google": []])
    }
    let known = try registry.families.find("roberta").dialects.map(\.name).joined(separator: ", ")
    #expect(unknown?.description == "the family 'roberta' has no dialect 'google'. Known: \(known).")
  }
}
