import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import OrderedCollections

/// Labels for texts that a model was not trained with: a classifier of entailment says how well a text agrees with a
/// sentence about each label. The results are those of transformers' zero-shot pipeline.
///
///     let question = try ZeroShot(labels: ["sports", "money"])
///     let answers = try classify(rows, with: session, question)
public struct ZeroShot: Sendable {
  /// The sentence about a label that transformers takes.
  public static let usualTemplate = "This example is {}."

  public let labels: [String]
  /// A sentence with `{}` for the label.
  public let template: String
  /// Whether each label is asked for alone, so that several or none can hold; otherwise their scores add up to 1.
  public let givesSeveral: Bool

  /// - Throws: `GraftError` for no label, an empty one or one that is there twice, and for a template without exactly
  ///   one `{}`.
  public init(labels: [String], template: String = ZeroShot.usualTemplate, givesSeveral: Bool = false) throws
  {
    if labels.isEmpty || labels.contains("") {
      throw GraftError(
        .mismatch, labels.isEmpty ? "there are no candidate labels" : "a candidate label is empty")
    }
    var seen = Set<String>()
    if let twice = labels.first(where: { !seen.insert($0).inserted }) {
      throw GraftError(.mismatch, "a candidate label is given twice", subject: "'\(twice)'")
    }
    guard template.components(separatedBy: "{}").count == 2 else {
      throw GraftError(
        .mismatch, "the sentence needs one place for the label", expected: "one '{}'", found: "'\(template)'")
    }
    self.labels = labels
    self.template = template
    self.givesSeveral = givesSeveral
  }

  func sentence(about label: String) -> String { template.replacingOccurrences(of: "{}", with: label) }

  /// What the logits of each label say together.
  ///
  /// - Parameter logits: For each label those of entailment and of contradiction, the latter where labels are asked
  ///   for alone.
  func scores(_ logits: [(entailment: Float, contradiction: Float?)]) -> [Float] {
    if logits.allSatisfy({ $0.contradiction != nil }) {
      return logits.map { [$0.entailment, $0.contradiction ?? 0].softmax()[0] }
    }
    return logits.map(\.entailment).softmax()
  }

  /// What a model reads of a text: it with the sentence about each label.
  @Sendable public func pairs(of row: TextRow) -> [TextRow] {
    labels.map { TextRow(row.text, pair: sentence(about: $0), place: row.place) }
  }
}

/// What ``classify(_:with:_:batchSize:maximumLength:progress:)`` says about a text.
public struct ZeroShotPrediction: TaskPrediction {
  /// The label with the highest score.
  public let label: String
  /// In the order of the labels that were asked for.
  public let scores: [Float]
  private let names: [String]

  init(_ names: [String], _ scores: [Float]) {
    self.names = names
    self.scores = scores
    label = names[scores.indices.max { (scores[$0], $1) < (scores[$1], $0) } ?? 0]
  }

  public var answer: JSON { .string(label) }

  public var columns: [String] { [label, String(format: "%.4f", scores.max() ?? 0)] }

  public var members: OrderedDictionary<String, JSON> {
    [
      "label": .string(label), "score": JSON(scores.max() ?? 0),
      "scores": .object(OrderedDictionary(uniqueKeysWithValues: zip(names, scores.map { JSON($0) }))),
    ]
  }
}

/// Gives texts labels of one's own with a classifier of entailment.
///
/// - Parameters:
///   - rows: Single texts; a text that is too long is cut, a label's sentence is not.
///   - session: Of a model whose first head labels pairs of texts, one of its labels beginning with `entail`.
///   - question: The labels.
///   - batchSize: How many pairs of a text and a label run together; `nil` is as many as make some 2,048
///     tokens.
///   - maximumLength: The most tokens of a pair; `nil` is the model's limit.
///   - progress: Called after each batch with the number of pairs done.
/// - Returns: One prediction for each text.
/// - Throws: `GraftError` when the head does not tell entailment, when a row is a pair, and when a label's sentence
///   leaves no room for a text.
public func classify(
  _ rows: [TextRow],
  with session: InferenceSession,
  _ question: ZeroShot,
  batchSize: Int? = nil,
  maximumLength: Int? = nil,
  progress: (Int) throws -> Void = { _ in }
) throws -> [ZeroShotPrediction] {
  let model = session.model
  let outputs = try EntailmentOutputs(model.textLabels() ?? [])
  let asksEach = question.givesSeveral || question.labels.count == 1
  let contradiction = asksEach ? try outputs.requireContradiction() : nil
  let encoder = try PairEncoder(question, model, maximumLength)
  let count = question.labels.count
  let logits = try headLogits(
    session, lengths: rows.flatMap { Array(repeating: $0.text.utf8.count, count: count) },
    batchSize: batchSize,
    progress: progress
  ) {
    try encoder.encode(rows[$0 / count], label: $0 % count)
  }
  return rows.indices.map { row in
    let ofLabels = logits[(row * count)..<((row + 1) * count)]
    return ZeroShotPrediction(
      question.labels,
      question.scores(
        ofLabels.map { logits in (logits[outputs.entailment], contradiction.map { logits[$0] }) }))
  }
}

/// Which outputs of a classifier are about entailment, by the names of its labels.
private struct EntailmentOutputs {
  let entailment: Int
  private let contradiction: Int?
  private let names: [String]

  init(_ names: [String]) throws {
    func named(_ beginning: String) -> Int? { names.firstIndex { $0.lowercased().hasPrefix(beginning) } }
    guard let entailment = named("entail") else {
      throw GraftError(
        .mismatch, "candidate labels need a head that was trained on entailment",
        expected: "a label whose name begins with 'entail'",
        found: names.isEmpty ? "a head without labels of texts" : "labels " + names.joined(separator: ", "))
    }
    self.entailment = entailment
    // Of two labels the other one is "not entailment".
    contradiction = named("contradict") ?? (names.count == 2 ? 1 - entailment : nil)
    self.names = names
  }

  func requireContradiction() throws -> Int {
    guard let contradiction else {
      throw GraftError(
        .mismatch, "labels that are asked for alone need a head that tells contradiction",
        expected: "a label whose name begins with 'contradict'",
        found: "labels " + names.joined(separator: ", "))
    }
    return contradiction
  }
}

/// A text as the first sequence, and the sentence about a label as the second.
private struct PairEncoder {
  private let tokenizer: any Tokenizer
  private let sentences: [String]
  private let truncation: Truncation

  init(_ question: ZeroShot, _ model: Model, _ maximumLength: Int?) throws {
    tokenizer = try model.requireTokenizer()
    sentences = question.labels.map(question.sentence)
    let limit = min(maximumLength ?? .max, model.backbone.maximumLength)
    truncation = Truncation(limit, strategy: .onlyFirst, direction: tokenizer.truncationDirection)
    for (label, sentence) in zip(question.labels, sentences) {
      let length = tokenizer.encode("", pair: sentence, truncation: nil, addSpecialTokens: true).ids.count
      if length >= limit {
        throw GraftError(
          .mismatch, "a label's sentence leaves no room for a text", subject: "'\(label)'",
          expected: "fewer than \(limit) tokens", found: "\(length)",
          advice: "Check \(option: "max-length").")
      }
    }
  }

  func encode(_ row: TextRow, label: Int) throws -> Encoding {
    guard row.pair == nil else {
      throw GraftError(.mismatch, "candidate labels are for single texts", found: "a pair").inRow(row)
    }
    return tokenizer.encode(row.text, pair: sentences[label], truncation: truncation, addSpecialTokens: true)
  }
}
