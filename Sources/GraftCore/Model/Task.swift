import GraftCompute
import GraftTensors

/// What is learnt and predicted: how rows of data become examples and targets, the loss, the scores, the answers.
///
/// A task knows no family: the head that computes its scores is the family's, see ``FamilyHead``. A task that
/// chooses one of two classes for each text, whole:
///
///     struct Relation: Task {
///       static let name = "relation"
///       static let classSuffix = "ForRelation"
///       static let outputs = [TaskOutput("logits", rows: .sequences)]
///       init(_ configuration: Configuration) throws {}
///       func outputCount(on backbone: any Backbone) -> Int { 2 }
///       func labels(of rows: [TextRow], _ reading: LabelReading) throws -> [(any ExampleLabel)?] { … }
///       func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {
///         try batch.setTargets(ClassTargets(…), of: self)
///       }
///       func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
///         tape.crossEntropy(scores, classes: try batch.targets(of: self).classes)
///       }
///     }
public protocol Task: Sendable {
  /// What the head should say about the rows of a batch.
  associatedtype Targets: TaskTargets = ClassTargets
  /// What is said about one row.
  associatedtype Prediction: TaskPrediction = NoPrediction

  /// The name that the task is registered and its heads are chosen by.
  static var name: String { get }

  /// What class names end with: `ForMaskedLM` in `BertForMaskedLM`.
  static var classSuffix: String { get }

  /// The task as the Hugging Face Hub calls it, such as `text-classification`; `nil` for none.
  static var pipelineTag: String? { get }

  /// Whether the outputs are the labels of the configuration.
  static var hasLabels: Bool { get }

  /// Whether an output is the score of a token of the vocabulary, as filling masks needs it.
  static var predictsTokens: Bool { get }

  /// Whether an output is the score of a label for each token, as tagging needs it.
  static var labelsTokens: Bool { get }

  /// Whether a row may become several examples, as windows over a long text do.
  static var splitsRows: Bool { get }

  /// Whether a row may become several examples with the settings that it was made with; ``splitsRows`` by default.
  var splitsLongRows: Bool { get }

  /// Whether what is said about a row is the mean of the scores of its examples, from which predictions are made and by
  /// which it is evaluated.
  var poolsScores: Bool { get }

  /// Whether it scores what was said about whole rows, as entities and answers are scored; see
  /// ``score(_:of:into:)``.
  static var scoresRows: Bool { get }

  /// Whether it learns from labels, and not from the text alone.
  static var readsLabels: Bool { get }

  /// Whether it tells how the two texts of a pair relate, so that nothing can be said about a row without a second text.
  /// False by default; a task that reads single texts as well, or has columns of its own for the second, leaves it so.
  static var readsPairs: Bool { get }

  /// Whether it labels pairs that have no label by itself, so that it learns from these too, and scores them.
  static var labelsPairs: Bool { get }

  /// Whether it learns from the tokens of a text, so that a row without any, a blank text, is left out of what is learnt
  /// from.
  static var needsTokens: Bool { get }

  /// Whether it learns from one vector for each text, as the checkpoint's ``SentencePipeline`` makes them, and needs no
  /// head of the family's.
  static var readsSentenceVectors: Bool { get }

  /// Whether a generator, a model of masked tokens, fills what ``prepare(_:_:_:)`` hides; see ``fill(_:_:_:)``.
  static var readsGenerator: Bool { get }

  /// Whether the loss of an example depends on the others of its batch, so that batches to evaluate, and those that a step
  /// accumulates, keep the order of the data.
  static var comparesExamples: Bool { get }

  /// The columns that it reads beside the text, the pair and the label; they are in ``TextRow/fields``.
  static var columns: [TaskColumn] { get }

  /// The configuration's keys that belong to the task and go where its head goes.
  static var settingKeys: [String] { get }

  /// A setting as configurations have it, where a value has several names; the value itself by default.
  static func written(_ value: JSON, as key: String) -> JSON

  /// The threshold among its settings that an evaluation may choose the best value for; `nil` without one.
  static var tunedSetting: TunedSetting? { get }

  /// What the head's scores are called in golden files and ONNX graphs.
  static var outputs: [TaskOutput] { get }

  /// - Parameter configuration: A checkpoint's, with the task's settings.
  /// - Throws: `GraftError` naming the setting that is wrong.
  init(_ configuration: Configuration) throws

  /// The names of the classes that each prediction is one of, in the order of the outputs; `nil` where it is something else.
  ///
  /// Such a task has its loss from `Tape.crossEntropy(_:classes:_:)` with ``PreparedBatch/classLoss``.
  var classNames: [String]? { get }

  /// Whether its loss is that of classes with ``PreparedBatch/classLoss``, whose targets can be smoothed and whose examples
  /// can count by how likely they were; true by default for a task with ``classNames``.
  var usesClassLoss: Bool { get }

  /// The names of all scores that an evaluation may have beside the loss, whatever the data; `nil` where they are not known
  /// before one.
  ///
  /// - Parameter topRanks: The k of top-k accuracies.
  func scoreNames(topRanks: [Int]) -> Set<String>?

  /// How many scores a prediction has: the columns of the head's result.
  func outputCount(on backbone: any Backbone) -> Int

  /// What the data say about each row, checked before anything is computed.
  ///
  /// The rows are given all at once, so that a column is read in one way.
  ///
  /// - Returns: A label for each row, or nothing for a task that learns from the text alone.
  /// - Throws: `GraftError` naming file and row: no label, or one that the task cannot learn.
  func labels(of rows: [TextRow], _ reading: LabelReading) throws -> [(any ExampleLabel)?]

  /// How ``labels(of:_:)`` reads a column, where that is not plain: as numbers, say.
  func note(on rows: [TextRow], _ reading: LabelReading) -> Advice?

  /// What a run that trains decides by the rows, where nobody has said it: which loss, say. Nothing by default.
  ///
  /// - Throws: `GraftError` where the rows leave open what to decide, so that somebody has to say it.
  func learningNote(on rows: [TextRow], _ reading: LabelReading) throws -> Advice?

  /// What there is to say of rows that can be learnt from and are rather slips, in sentences without a full stop; nothing by
  /// default.
  ///
  /// - Parameters:
  ///   - labels: What ``labels(of:_:)`` made of each row.
  ///   - rows: The rows.
  func remarks(on labels: [(any ExampleLabel)?], of rows: [TextRow]) -> [String]

  /// What is said of rows that a run learns from, beside ``remarks(on:of:)``, and not of rows to evaluate on.
  func learningRemarks(on labels: [(any ExampleLabel)?], of rows: [TextRow]) -> [String]

  /// Whether a row says something that can be learnt; by default whether its label is more than an empty cell, which for
  /// any number of labels is none of them.
  ///
  /// - Parameters:
  ///   - row: The row.
  ///   - problemType: What labels mean, if that is known.
  static func hasLabel(_ row: TextRow, _ problemType: ProblemType?) -> Bool

  /// Whether a row is written as the task's rows are, whatever is wrong with it: what stands in columns of their names may
  /// be somebody else's, as the `entities` of a post. True by default.
  static func recognizes(_ row: TextRow) -> Bool

  /// The labels that a new head needs for data, and what they mean, where the data say it.
  ///
  /// - Parameters:
  ///   - rows: All rows.
  ///   - given: What labels mean, if that is known.
  /// - Throws: `GraftError` when they are not clear, and by default, for a task that reads none.
  static func inferredLabels(of rows: [TextRow], _ given: ProblemType?) throws -> InferredLabels

  /// The most tokens of a sequence, where the task's settings say so; `nil` by default.
  var maximumLength: Int? { get }

  /// The sequences that the model reads of a row, each a text or a pair, of which those that are too long are counted; the
  /// row itself by default.
  ///
  /// - Throws: `GraftError` naming the row when it lacks a text.
  func sequences(of row: TextRow) throws -> [TextRow]

  /// What the model reads of a row: one example, unless ``splitsRows``.
  ///
  /// - Parameters:
  ///   - row: The text, or the pair.
  ///   - label: What ``labels(of:_:)`` made of it.
  ///   - encoder: The tokenizer and the most tokens of an example.
  /// - Throws: `GraftError` when the label does not fit the text.
  func examples(of row: TextRow, label: (any ExampleLabel)?, _ encoder: TextEncoder) throws -> [Example]

  /// The examples of a batch as one step reads them, where that is a matter of chance: with the two texts of some pairs
  /// swapped, say. Every head of a model has its turn before any batch is made; as they are by default.
  ///
  /// - Parameters:
  ///   - examples: The examples, in the batch's order.
  ///   - context: Randomness and the tokenizer's facts.
  func arranged(_ examples: [Example], _ context: BatchContext) throws -> [Example]

  /// Sets a batch's targets, and changes its inputs where the task asks for it, as masking does.
  ///
  /// - Parameters:
  ///   - batch: The batch of `examples`' encodings.
  ///   - examples: The examples, in the batch's order.
  ///   - context: Randomness and the tokenizer's facts.
  /// - Throws: `GraftError` when an example lacks what the task needs, such as a label.
  func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws

  /// The tokens of a prepared batch that a generator fills; none by default.
  ///
  /// - Throws: `GraftError` when the batch was not prepared.
  func hiddenTokens(of batch: PreparedBatch) throws -> HiddenTokens

  /// Puts what a generator says into a prepared batch.
  ///
  /// - Parameters:
  ///   - batch: The prepared batch, as the generator has read it.
  ///   - probabilities: The generator's, of the hidden tokens: `[hidden tokens, vocabulary]`, each row a softmax.
  ///   - context: Randomness, the same as in ``prepare(_:_:_:)``.
  func fill(_ batch: inout PreparedBatch, _ probabilities: Tensor, _ context: BatchContext) throws

  /// The mean loss over the batch's targets, a scalar.
  ///
  /// - Parameters:
  ///   - scores: The head's result, `[rows, outputs]`.
  ///   - batch: The prepared batch.
  ///   - tape: The ops.
  /// - Throws: `GraftError` when the batch was not prepared.
  func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable

  /// Adds a batch's predictions to a running score.
  ///
  /// - Throws: `GraftError` when the batch was not prepared.
  func score(
    _ scores: Tensor, _ batch: PreparedBatch, _ examples: [Example], into metrics: inout Metrics) throws

  /// Adds what was said about all rows to a score, once all their examples are predicted.
  ///
  /// - Parameters:
  ///   - predictions: What ``joined(_:of:)`` made of the examples of each row.
  ///   - labels: What ``labels(of:_:)`` made of each row.
  ///   - metrics: What ``score(_:_:_:into:)`` has added to.
  /// - Throws: `GraftError` when a label is not of this task.
  func score(
    _ predictions: [Prediction], of labels: [(any ExampleLabel)?], into metrics: inout Metrics) throws

  /// Adds what was said about all rows to a score, where that takes products of matrices; by default what
  /// ``score(_:of:into:)`` adds.
  ///
  /// - Parameters:
  ///   - predictions: What ``joined(_:of:)`` made of the examples of each row.
  ///   - labels: What ``labels(of:_:)`` made of each row.
  ///   - metrics: What ``score(_:_:_:into:)`` has added to.
  ///   - backend: The compute kernels.
  /// - Throws: `GraftError` when a label is not of this task.
  func score(
    _ predictions: [Prediction], of labels: [(any ExampleLabel)?], into metrics: inout Metrics,
    _ backend: any ComputeBackend
  ) throws

  /// The predictions as an evaluation scores them, for a task whose scoring depends on the labels of all rows; unchanged by
  /// default.
  ///
  /// - Parameters:
  ///   - predictions: What ``joined(_:of:)`` made of the examples of each row.
  ///   - labels: What ``labels(of:_:)`` made of each row.
  func asScored(_ predictions: [Prediction], of labels: [(any ExampleLabel)?]) -> [Prediction]

  /// What each row adds to the score that tells most, where that is more than whether it is right; `nil` by default.
  ///
  /// - Parameters:
  ///   - predictions: What ``joined(_:of:)`` made of the examples of each row.
  ///   - labels: What ``labels(of:_:)`` made of each row.
  ///   - rows: The rows.
  ///   - backend: The compute kernels.
  /// - Throws: `GraftError` when a label is not of this task.
  func rowScores(
    _ predictions: [Prediction], of labels: [(any ExampleLabel)?], _ rows: [TextRow],
    _ backend: any ComputeBackend
  ) throws -> RowScores?

  /// What the scores say about each example of a batch.
  ///
  /// - Parameters:
  ///   - scores: The head's result, `[rows, outputs]`.
  ///   - batch: The sequences.
  ///   - examples: The examples, in the batch's order.
  func predictions(_ scores: Tensor, _ batch: Batch, _ examples: [Example]) throws -> [Prediction]

  /// What the examples of one row say together.
  ///
  /// - Parameters:
  ///   - predictions: One for each example of the row; none when the task has made no example of it.
  ///   - row: The row.
  /// - Throws: `GraftError` naming the row when nothing can be said about it, which is what the default does
  ///   without predictions.
  func joined(_ predictions: [Prediction], of row: TextRow) throws -> Prediction
}

extension Task {
  public static var pipelineTag: String? { nil }
  public static var hasLabels: Bool { false }
  public static var predictsTokens: Bool { false }
  public static var labelsTokens: Bool { false }
  public static var splitsRows: Bool { false }
  public static var scoresRows: Bool { false }
  public static var readsLabels: Bool { true }
  public static var readsPairs: Bool { false }
  public static var labelsPairs: Bool { false }
  public static var needsTokens: Bool { false }
  public static var readsSentenceVectors: Bool { false }
  public static var comparesExamples: Bool { false }
  public static var readsGenerator: Bool { false }
  public var splitsLongRows: Bool { Self.splitsRows }
  public var poolsScores: Bool { false }
  public static var columns: [TaskColumn] { [] }
  public static var settingKeys: [String] { [] }
  public static var tunedSetting: TunedSetting? { nil }
  public static func written(_ value: JSON, as key: String) -> JSON { value }
  public var classNames: [String]? { nil }
  public var usesClassLoss: Bool { classNames != nil }
  public var maximumLength: Int? { nil }
  public func sequences(of row: TextRow) throws -> [TextRow] { [row] }

  public func scoreNames(topRanks: [Int]) -> Set<String>? { nil }

  public func labels(of rows: [TextRow], _ reading: LabelReading) throws -> [(any ExampleLabel)?] { [] }

  public func note(on rows: [TextRow], _ reading: LabelReading) -> Advice? { nil }

  public func learningNote(on rows: [TextRow], _ reading: LabelReading) throws -> Advice? { nil }

  public func remarks(on labels: [(any ExampleLabel)?], of rows: [TextRow]) -> [String] { [] }

  public func learningRemarks(on labels: [(any ExampleLabel)?], of rows: [TextRow]) -> [String] { [] }

  public static func hasLabel(_ row: TextRow, _ problemType: ProblemType?) -> Bool {
    row.label != nil && (row.label != .text("") || problemType == .multiLabel)
  }

  public static func recognizes(_ row: TextRow) -> Bool { true }

  public static func inferredLabels(of rows: [TextRow], _ given: ProblemType?) throws -> InferredLabels {
    throw GraftError(
      .refused, "the labels of the head '\(name)' are not inferred from data",
      advice: "Name them with \(option: "labels"), where it has any.")
  }

  public func examples(
    of row: TextRow, label: (any ExampleLabel)?, _ encoder: TextEncoder
  ) throws -> [Example] {
    [Example(encoder.encode(row.text, row.pair), label: label, row: row)]
  }

  public func arranged(_ examples: [Example], _ context: BatchContext) throws -> [Example] { examples }

  public func hiddenTokens(of batch: PreparedBatch) throws -> HiddenTokens { HiddenTokens() }

  public func fill(_ batch: inout PreparedBatch, _ probabilities: Tensor, _ context: BatchContext) throws {}

  public func score(
    _ scores: Tensor, _ batch: PreparedBatch, _ examples: [Example], into metrics: inout Metrics
  ) throws {}

  public func score(
    _ predictions: [Prediction], of labels: [(any ExampleLabel)?], into metrics: inout Metrics
  ) throws {}

  public func score(
    _ predictions: [Prediction], of labels: [(any ExampleLabel)?], into metrics: inout Metrics,
    _ backend: any ComputeBackend
  ) throws { try score(predictions, of: labels, into: &metrics) }

  public func asScored(_ predictions: [Prediction], of labels: [(any ExampleLabel)?]) -> [Prediction] {
    predictions
  }

  public func rowScores(
    _ predictions: [Prediction], of labels: [(any ExampleLabel)?], _ rows: [TextRow],
    _ backend: any ComputeBackend
  ) throws -> RowScores? { nil }

  public func joined(_ predictions: [Prediction], of row: TextRow) throws -> Prediction {
    guard let first = predictions.first else {
      throw GraftError(.missing, "the head '\(Self.name)' has made no example of it").inRow(row)
    }
    return first
  }
}

extension Task {
  /// Whether it says something about a row as a whole.
  public static var predictsRows: Bool { Prediction.self != NoPrediction.self }

  /// What to do with a head that says nothing about a row as a whole.
  package static var otherUse: Advice {
    predictsTokens
      ? "It fills masks: \(action: .fillMask)." : "It is scored by \(action: .evaluate), and not asked."
  }
}

extension Task where Prediction == NoPrediction {
  public func predictions(_ scores: Tensor, _ batch: Batch, _ examples: [Example]) throws -> [NoPrediction] {
    throw GraftError(
      .mismatch, "the head '\(Self.name)' says nothing about a text as a whole", advice: Self.otherUse)
  }
}
