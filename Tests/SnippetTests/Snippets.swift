import Foundation
import GraftCommandLine
import GraftCompute
import GraftCore
import GraftData
import GraftKit
import GraftMPI
import GraftPlugins
import GraftTensors
import OrderedCollections

// The Swift in the documentation, as it stands there, with just enough around it to compile. Nothing here is run.

// MARK: README.md, GraftCore.docc/Dialects.md, GraftKit.docc/Sessions.md

private let headOfTheReadme =
  FamilyHead(
    "sequence-classification",
    HeadLayers(
      .firstToken,
      [
        .dropout(["classifier_dropout"]), .linear("dense", activation: .fixed(.tanh)),
        .dropout(["classifier_dropout"]), .linear("output", width: .outputs),
      ]))

extension Dialect {
  fileprivate static let rowsOfTheReadme = [
    Row.linear("layers.{}.attention.query", "encoder.layer.{}.attention.self.query")
  ]
}

public struct Relation: Task {
  public static let name = "relation"
  public static let classSuffix = "ForRelation"
  public static let outputs = [TaskOutput("logits", rows: .sequences)]
  public init(_ configuration: Configuration) throws {}

  public func outputCount(on backbone: any Backbone) -> Int { 2 }

  public func labels(of rows: [TextRow], _ reading: LabelReading) throws -> [(any ExampleLabel)?] {
    rows.map { $0.label == .text("same") ? ClassLabel(1) : ClassLabel(0) }
  }

  public func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {
    batch.setTargets(ClassTargets(examples.compactMap { ($0.label as? ClassLabel)?.index }), of: self)
  }

  public func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    tape.crossEntropy(scores, classes: try batch.targets(of: self).classes)
  }
}

private func runFromAProgram() -> Never {
  GraftTool.main(plugins: builtInPlugins + [RelationPlugin.self])
}

private func answerFromALibrary(
  _ model: Model, _ dataset: Dataset, _ backend: any ComputeBackend
) throws -> [any TaskPrediction] {
  let session = InferenceSession(model, backend: backend, precision: .int8)
  let predictions = try predict(session, on: dataset)
  return predictions
}

private func quantizeFromALibrary(_ source: URL, _ output: URL, _ registry: Registry) throws {
  let made = try quantizeModel(source, to: output, keeping: ["layer.0"], registry: registry)
  print(made.quantization.rounded.count, made.quantization.kept.map(\.name))
}

private func trainFromALibrary() throws -> TrainingOutcome {
  let registry = try Registry.builtIn()
  let checkpoint = try registry.open(URL(filePath: "base")).checkpoint
  let rows = try DataSource(reading: [URL(filePath: "train.csv")]).rows()
  let outcome = try train(
    checkpoint, on: TrainingData(rows, named: ["train.csv"]), output: URL(filePath: "adapted"),
    backend: registry.makeBackend(), registry: registry)
  return outcome
}

// MARK: GraftKit.docc/TaggingWords.md

private func tagFromALibrary(_ registry: Registry, _ backend: any ComputeBackend) throws -> [[TaggedEntity]] {
  let model = try registry.open(URL(filePath: "ner")).checkpoint.makeModel()
  var options = TaggingOptions()
  options.aggregation = .first
  let session = InferenceSession(model, backend: backend)
  let entities = try tag(["Ada Lovelace lived in London"], with: session, options: options)
  return entities
}

// MARK: GraftKit.docc/FromNothing.md

private func trainFromNothing(_ registry: Registry) throws -> Checkpoint {
  var training = try TokenizerTraining(
    family: "roberta", options: TokenizerTrainingOptions(vocabularySize: 2000), registry: registry)
  try DataSource(reading: [URL(filePath: "train.csv")]).forEachRow { training.add($0) }
  let result = try training.finish()
  try result.tokenizer.write(to: URL(filePath: "tokenizer"))
  let checkpoint = try initializeModel(
    family: "roberta", size: "tiny", tokenizerFrom: URL(filePath: "tokenizer"), registry: registry)
  return checkpoint
}

// MARK: GraftKit.docc/ManyMachines.md

private func trainOnRanks(
  _ checkpoint: Checkpoint, _ data: TrainingData, _ options: TrainingOptions, _ output: URL,
  _ backend: any ComputeBackend, _ registry: Registry
) throws -> TrainingOutcome {
  let launcher = try MPILauncher(ProcessInfo.processInfo.environment)
  let group: any ProcessGroup =
    try launcher.map { try MPI.group($0, timeLimit: 600) } ?? SingleProcess()
  let outcome = try train(
    checkpoint, on: data, options: options, output: output, backend: backend,
    registry: registry, ranks: DataParallel(group))
  return outcome
}

// MARK: GraftCommandLine.docc/YourOwnGraft.md

public enum RelationPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(Relation.self)
    try registry.add(
      FamilyHead("relation", HeadLayers(.pooled, [.linear("", width: .outputs)])), to: "bert",
      rows: ["transformers": Dialect.Row.linear("relation", "classifier")])
  }
}

// MARK: GraftCompute.docc/WritingAnOp.md

extension Tape {
  /// `x²`, element by element.
  public func square(_ x: Variable) -> Variable {
    profile.measure("square") {
      let result = output(x.shape, from: x)
      let (value, slot) = (x.value, x.slot)
      backend.forEachBlock(ofElements: result.value.count) { block in
        for i in block { result.value.pointer[i] = value.pointer[i] * value.pointer[i] }
      }
      record(result) { [backend, pool] slopes in
        slot.add(pool: pool) { gradient, overwrite in
          backend.forEachBlock(ofElements: gradient.count) { block in
            for i in block {
              let slope = 2 * value.pointer[i] * slopes.pointer[i]
              gradient.pointer[i] = overwrite ? slope : gradient.pointer[i] + slope
            }
          }
        }
      }
      return result
    }
  }
}

// MARK: GraftCore.docc/WritingAPlugin.md

public struct WordTagging: Task {
  public static let name = "word-tagging"
  public static let classSuffix = "ForWordTagging"
  public static let pipelineTag: String? = "token-classification"
  public static let hasLabels = true
  public static let settingKeys = ["id2label", "label2id", "num_labels", "classifier_dropout"]
  public static let columns = [TaskColumn("tokens", replacesText: true)]
  public static let outputs = [TaskOutput("logits", rows: .tokens)]

  public let labels: [String]

  public init(_ configuration: Configuration) throws { labels = try configuration.labels() }

  public func outputCount(on backbone: any Backbone) -> Int { labels.count }

  public func labels(of rows: [TextRow], _ reading: LabelReading) throws -> [(any ExampleLabel)?] {
    try rows.map { row in
      guard case .list(let names) = row.label, names.count == row.words.count else {
        throw GraftError(
          .mismatch, "wrong labels", expected: "a list with a label for each of \(row.words.count) words",
          found: row.label?.description ?? "no label",
          advice: "Say which column has them: \(option: "label-column")."
        ).inRow(row)
      }
      return WordLabels(
        try names.map { name in
          if let index = labels.firstIndex(of: name) { return Int32(index) }
          let first = reading.base ?? 0
          if let number = Int(name), let index = labels.indices.first(where: { $0 &+ first == number }) {
            return Int32(index)
          }
          throw GraftError(
            .mismatch, "unknown label", expected: "one of \(labels.joined(separator: ", "))",
            found: "'\(name)'"
          ).inRow(row)
        })
    }
  }

  public func examples(
    of row: TextRow, label: (any ExampleLabel)?, _ encoder: TextEncoder
  ) throws -> [Example] {
    var row = row
    row.text = row.words.joined(separator: " ")
    return [Example(encoder.encode(row.text), label: label, row: row)]
  }

  /// The first token of each word; `nil` for a word that was cut off.
  static func firstTokens(_ example: Example) -> [Int?] {
    let encoding = example.encoding
    var (start, token) = (0, 0)
    return example.row.words.map { word in
      let end = start + word.unicodeScalars.count
      defer { start = end + 1 }
      // A byte-level token may begin with the space before its word: its last scalar decides.
      while token < encoding.ids.count, encoding.offsets[token].upperBound <= start { token += 1 }
      return token < encoding.ids.count && encoding.offsets[token].upperBound <= end ? token : nil
    }
  }

  public func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {
    var (selection, classes): ([Int32], [Int32]) = ([], [])
    for (example, start) in zip(examples, batch.inputs.offsets) {
      guard let label = example.label as? WordLabels else {
        throw GraftError(.missing, "a row has no labels for its words").inRow(example.row)
      }
      for case (let token?, let index) in zip(Self.firstTokens(example), label.classes) {
        selection.append(Int32(start + token))
        classes.append(index)
      }
    }
    batch.setTargets(ClassTargets(classes), of: self, selection: selection)
  }

  public func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    tape.crossEntropy(scores, classes: try batch.targets(of: self).classes)
  }

  public func score(
    _ scores: Tensor, _ batch: PreparedBatch, _ examples: [Example], into metrics: inout Metrics
  ) throws {
    let classes = try batch.targets(of: self).classes
    metrics.add(actual: classes, predicted: scores.largestColumns, classes: labels.count)
  }

  public func predictions(
    _ scores: Tensor, _ batch: Batch, _ examples: [Example]
  ) throws -> [WordPrediction] {
    let classes = scores.largestColumns
    let isSelected = scores.rows != batch.tokenCount
    var row = 0
    return zip(examples, batch.offsets).map { example, start in
      let found = Self.firstTokens(example).map { token -> Int32? in
        guard let token else { return nil }
        defer { row += 1 }
        return classes[isSelected ? row : start + token]
      }
      return WordPrediction(words: example.row.words, classes: found, labels: labels)
    }
  }
}

/// A class for each word.
public struct WordLabels: ExampleLabel, Equatable {
  public let classes: [Int32]
  public init(_ classes: [Int32]) { self.classes = classes }
  public var json: JSON { .array(classes.map { JSON(Int($0)) }) }
}

extension TextRow {
  /// The words as the data have them, or else the parts of the text between spaces.
  var words: [String] {
    fields["tokens"]?.array?.compactMap(\.string) ?? text.split(separator: " ").map(String.init)
  }
}

/// A label for each word of a text.
public struct WordPrediction: TaskPrediction, Equatable {
  public let words: [String]
  /// A label's number for each word; `nil` for a word that was cut off.
  public let classes: [Int32?]
  public let labels: [String]

  private var names: [String] { classes.map { $0.map { labels[Int($0)] } ?? "-" } }

  public var answer: JSON { .array(classes.map { $0.map { JSON(Int($0)) } ?? .null }) }
  public var scores: [Float] { [] }
  public var columns: [String] { [names.joined(separator: " ")] }
  public var members: OrderedDictionary<String, JSON> {
    ["words": .array(words.map { .string($0) }), "labels": .array(names.map { .string($0) })]
  }
}

/// Registers the word-tagging task.
public enum WordTaggingPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(WordTagging.self)
  }
}

private let headOfThePlugin =
  FamilyHead(
    "word-tagging", .linear(on: .tokens, dropout: ["classifier_dropout", "hidden_dropout_prob"]))

extension Dialect {
  fileprivate static let rowsOfThePlugin: [String: [Row]] =
    [
      "word-tagging": Row.linear("word_tagging", "classifier")
    ]
}
