import GraftCompute
import GraftCore
import GraftTensors

/// Chooses one of several texts, such as the answer to a question or the end of a sentence. Each choice is read beside
/// the question as a sequence of its own and gets one score; a softmax over the choices of a question makes
/// probabilities. Questions may have different numbers of choices. Zellers et al., arXiv:1808.05326.
public struct MultipleChoice: Task {
  public static let name = "multiple-choice"
  public static let classSuffix = "ForMultipleChoice"
  public static let pipelineTag: String? = "multiple-choice"
  public static let columns = ChoiceQuestion.columns
  public static let settingKeys = ["classifier_dropout"]
  public static let outputs = [TaskOutput("logits", rows: .choices)]

  public init(_ configuration: Configuration) throws {}

  public var usesClassLoss: Bool { true }

  public func scoreNames(topRanks: [Int]) -> Set<String>? { Metrics.namesOfChoices }

  public func outputCount(on backbone: any Backbone) -> Int { 1 }

  // MARK: Rows

  public func labels(of rows: [TextRow], _ reading: LabelReading) throws -> [(any ExampleLabel)?] {
    let read = try ChoiceAnswers(rows, base: reading.base)
    if let answer = read.uncountedAnswer {
      try reading.refuseBase("the answers are no numbers", found: answer, of: rows)
    }
    let answers = read.indices.map { $0.map { ClassLabel($0) } }
    guard reading.isRequired else { return answers }
    var next = answers.makeIterator()
    return try rows.requiring(
      "answer",
      orThrow: GraftError(
        .missing, "there is no answer", expected: "'label', 'answer' or 'answerKey'",
        advice: "Say which column has it: \(option: "label-column").")
    ) { _ -> ClassLabel? in next.next() ?? nil }
  }

  public func sequences(of row: TextRow) throws -> [TextRow] {
    let question = try ChoiceQuestion(row)
    return question.seconds.map { TextRow(question.text, pair: $0, place: row.place) }
  }

  public func examples(
    of row: TextRow, label: (any ExampleLabel)?, _ encoder: TextEncoder
  ) throws -> [Example] {
    let question = try ChoiceQuestion(row)
    var row = row
    row.text = question.text
    let encodings = question.seconds.map { encoder.encode(question.text, $0) }
    return [Example(encodings[0], others: Array(encodings.dropFirst()), label: label, row: row)]
  }

  // MARK: Learning

  /// Which choice of each question is right.
  public struct Targets: TaskTargets, Equatable {
    /// How many choices each question has.
    let choices: [Int]
    /// The right one of each.
    let classes: [Int32]
    public var count: Int { classes.count }
  }

  public func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {
    let classes = try examples.map { example -> Int32 in
      let count = example.others.count + 1
      guard let label = example.label as? ClassLabel, (0..<count).contains(Int(label.index)) else {
        throw GraftError(
          .missing, "a row has no answer", expected: "a number below \(count)",
          found: example.label.map { $0.json.text() } ?? "none"
        ).inRow(example.row)
      }
      return label.index
    }
    batch.setTargets(Targets(choices: examples.map { $0.others.count + 1 }, classes: classes), of: self)
  }

  public func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    let targets: Targets = try batch.targets(of: self)
    return tape.crossEntropy(
      scores, groups: targets.choices, classes: targets.classes, batch.classLoss)
  }

  // MARK: Scores and predictions

  public func score(
    _ scores: Tensor, _ batch: PreparedBatch, _ examples: [Example], into metrics: inout Metrics
  ) throws {
    let targets: Targets = try batch.targets(of: self)
    var place = 0
    for (count, answer) in zip(targets.choices, targets.classes) {
      metrics.add(choice: Int(answer), logits: scores.buffer[place..<place + count])
      place += count
    }
  }

  /// Whether each question is answered right, with the texts that were right and chosen.
  public func rowScores(
    _ predictions: [ChoicePrediction], of labels: [(any ExampleLabel)?], _ rows: [TextRow],
    _ backend: any ComputeBackend
  ) throws -> RowScores? {
    RowScores(
      "accuracy", .mean, unit: "question",
      rows: try zip(zip(predictions, labels), rows).map { answer, row in
        let texts = try ChoiceQuestion(row).seconds
        guard let right = (answer.1 as? ClassLabel).map({ Int($0.index) }), texts.indices.contains(right)
        else {
          throw GraftError(.missing, "a row has no answer").inRow(row)
        }
        return RowScores.Row(
          [answer.0.choice == right ? 1 : 0], label: texts[right], prediction: texts[answer.0.choice])
      })
  }

  public func predictions(
    _ scores: Tensor, _ batch: Batch, _ examples: [Example]
  ) throws -> [ChoicePrediction] {
    var place = 0
    return try examples.map { example in
      let count = example.others.count + 1
      defer { place += count }
      let row = example.row
      let question = try ChoiceQuestion(row)
      return ChoicePrediction(
        scores.buffer[place..<place + count], choices: question.choices,
        question: row.pair == nil ? question.start : nil)
    }
  }
}
