import GraftCompute
import GraftCore
import GraftTensors

/// Finds the answer to a question in a context: where it begins and where it ends. Devlin et al., arXiv:1810.04805.
///
/// A context that is longer than the model takes becomes several windows, each with the whole question. In a window
/// that does not have the answer, and for a question without one, the first token is learnt, which stands for no answer.
public struct QuestionAnswering: Task {
  public static let name = "question-answering"
  public static let classSuffix = "ForQuestionAnswering"
  public static let pipelineTag: String? = "question-answering"
  public static let splitsRows = true
  public static let scoresRows = true
  public static let settingKeys = AnswerSettings.keys
  public static let tunedSetting: TunedSetting? = TunedSetting(
    key: AnswerSettings.nullThresholdKey, bestValue: "best_f1_thresh", score: "f1")
  public static let columns = [
    TaskColumn("question", replacesText: true), TaskColumn("context"),
    TaskColumn("answers", hasLists: true, isLabel: true), TaskColumn("id"), TaskColumn("is_impossible"),
  ]
  public static let outputs = [
    TaskOutput("start_logits", rows: .tokens, column: 0), TaskOutput("end_logits", rows: .tokens, column: 1),
  ]

  let settings: AnswerSettings

  public init(_ configuration: Configuration) throws { settings = try AnswerSettings(configuration) }

  public func outputCount(on backbone: any Backbone) -> Int { 2 }

  public func labels(of rows: [TextRow], _ reading: LabelReading) throws -> [(any ExampleLabel)?] {
    guard reading.isRequired else { return try rows.map { try Answers($0) } }
    return try rows.requiring(
      "answers",
      orThrow: GraftError(
        .missing, "there are no answers", expected: #"'answers': {"text": ["…"], "answer_start": [0]}"#)
    ) { try Answers($0) }
  }

  // MARK: Examples

  public func sequences(of row: TextRow) throws -> [TextRow] {
    let question = try Question(row)
    return [TextRow(question.text, pair: question.context, place: row.place)]
  }

  /// Where the answer begins and ends in a window, as tokens: the first token twice where it is not there.
  struct WindowAnswer: ExampleLabel, Equatable {
    let first: Int
    let last: Int

    var json: JSON { .array([JSON(first), JSON(last)]) }
  }

  public func examples(
    of row: TextRow, label: (any ExampleLabel)?, _ encoder: TextEncoder
  ) throws -> [Example] {
    let question = try Question(row)
    var row = row
    (row.text, row.pair) = (question.text, question.context)
    do {
      return try encoder.windows(of: question.text, question.context, over: 1).map { encoding in
        let place = (label as? Answers).map { Self.place(of: $0.found.first?.place, in: encoding) }
        return Example(encoding, label: place, row: row)
      }
    } catch let error as GraftError {
      throw error.inRow(row)
    }
  }

  /// The tokens of a window that an answer begins and ends in.
  static func place(of answer: Range<Int>?, in encoding: Encoding) -> WindowAnswer {
    let nowhere = WindowAnswer(first: 0, last: 0)
    guard let answer, encoding.sequences.count > 1 else { return nowhere }
    let tokens = encoding.sequences[1]
    guard let first = tokens.last(where: { encoding.offsets[$0].lowerBound <= answer.lowerBound }),
      let last = tokens.first(where: { encoding.offsets[$0].upperBound >= answer.upperBound }),
      let end = tokens.last, encoding.offsets[end].upperBound >= answer.upperBound
    else { return nowhere }
    return WindowAnswer(first: first, last: last)
  }

  // MARK: Learning

  /// Where answers begin and end: `[sequences]`, as tokens of their sequences.
  public struct Targets: TaskTargets, Equatable {
    let first: [Int32]
    let last: [Int32]

    public init(first: [Int32], last: [Int32]) { (self.first, self.last) = (first, last) }

    public var count: Int { first.count }
  }

  public func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {
    let places = try examples.map { example in
      guard let place = example.label as? WindowAnswer else {
        throw GraftError(.missing, "a row has no answers").inRow(example.row)
      }
      return place
    }
    batch.setTargets(
      Targets(first: places.map { Int32($0.first) }, last: places.map { Int32($0.last) }), of: self)
  }

  /// The mean of both cross-entropies, over the tokens of each sequence.
  public func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    let (targets, offsets) = (try batch.targets(of: self), batch.inputs.offsets)
    let first = tape.sequenceCrossEntropy(scores, column: 0, places: targets.first, offsets: offsets)
    let last = tape.sequenceCrossEntropy(scores, column: 1, places: targets.last, offsets: offsets)
    return tape.scale(tape.add(first, last), by: 0.5)
  }

  // MARK: Predicting

  public func predictions(
    _ scores: Tensor, _ batch: Batch, _ examples: [Example]
  ) throws -> [AnswerPrediction] {
    zip(examples, zip(batch.offsets, batch.offsets.dropFirst())).map { example, tokens in
      let logits = (tokens.0..<tokens.1).map {
        (start: scores.pointer[2 * $0], end: scores.pointer[2 * $0 + 1])
      }
      return AnswerPrediction(logits, example.encoding, settings)
    }
  }

  public func joined(_ predictions: [AnswerPrediction], of row: TextRow) throws -> AnswerPrediction {
    AnswerPrediction(
      joining: predictions, context: Array(try Question(row).context.unicodeScalars), settings)
  }

  // MARK: Scoring

  /// As SQuAD's scripts score answers, as shares from 0 to 1: `exact_match` and `f1` where every question has an
  /// answer, as version 1.1 does, and otherwise what version 2.0 does, with `HasAns_…`, `NoAns_…` and the best
  /// thresholds.
  public func score(
    _ predictions: [AnswerPrediction], of labels: [(any ExampleLabel)?], into metrics: inout Metrics
  ) throws {
    let right = try labels.map { label in
      guard let answers = label as? Answers else {
        throw GraftError(.mismatch, "a row has no answers")
      }
      return answers.texts
    }
    let given = predictions.map { (text: $0.text, nullDifference: Double($0.nullDifference)) }
    let scores =
      right.allSatisfy { !$0.isEmpty }
      ? AnswerScores.version1(given.map(\.text), right)
      : AnswerScores.version2(given, right, threshold: Double(settings.nullThreshold ?? 0))
    for (name, value) in scores { metrics.add(name, total: value.total, weight: value.weight) }
  }

  /// As SQuAD's scripts do: an answer always where every question has one, else no answer beyond the threshold, which is 0
  /// where the settings have none.
  public func asScored(
    _ predictions: [AnswerPrediction], of labels: [(any ExampleLabel)?]
  ) -> [AnswerPrediction] {
    let haveAnswers = labels.allSatisfy { ($0 as? Answers)?.found.isEmpty == false }
    let threshold = haveAnswers ? nil : settings.nullThreshold ?? 0
    return predictions.map { $0.choosing(threshold) }
  }

  /// The F1 of each question.
  public func rowScores(
    _ predictions: [AnswerPrediction], of labels: [(any ExampleLabel)?], _ rows: [TextRow],
    _ backend: any ComputeBackend
  ) throws -> RowScores? {
    let right = labels.map { ($0 as? Answers)?.texts ?? [] }
    let haveAnswers = right.allSatisfy { !$0.isEmpty }
    let threshold = Double(settings.nullThreshold ?? 0)
    return RowScores(
      "f1", .mean, unit: "question",
      rows: zip(predictions, right).map { prediction, right in
        let scores =
          haveAnswers
          ? AnswerScores.version1([prediction.text], [right])
          : AnswerScores.version2(
            [(prediction.text, Double(prediction.nullDifference))], [right], threshold: threshold)
        let isNone =
          prediction.text.isEmpty || !haveAnswers && Double(prediction.nullDifference) > threshold
        return RowScores.Row(
          [scores["f1"]?.total ?? 0],
          label: right.isEmpty ? RowScores.Row.noAnswer : right.joined(separator: " | "),
          prediction: isNone ? RowScores.Row.noAnswer : prediction.text)
      })
  }
}
