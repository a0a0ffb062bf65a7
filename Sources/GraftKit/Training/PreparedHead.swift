import GraftCore
import GraftData
import GraftTensors

/// A head that is ready to be trained: its model, and its data as the model reads it.
struct PreparedHead {
  /// What its losses and scores are called by; `nil` in a run that does not name its head.
  let name: String?
  /// The checkpoint in which this head is the active one.
  let checkpoint: Checkpoint
  let model: Model
  /// The rows that are trained on.
  let training: TrainingData
  let data: Dataset
  /// What the head is evaluated on, by names that scores bear, with the names of the files.
  let evaluations: [(name: String?, data: Dataset, files: [String])]
  /// How the rows became inputs.
  let inputs: TrainedInputs
  /// Files of the run's record, by their names.
  private(set) var records: [String: String] = [:]

  /// - Parameters:
  ///   - head: What it is trained on.
  ///   - checkpoint: The checkpoint in which it is active, with all settings.
  ///   - other: A model whose backbone it shares.
  /// - Throws: `GraftError` when there is no head or no tokenizer, or a label is unknown.
  init(
    _ head: HeadTraining, of checkpoint: Checkpoint, sharing other: Model?, _ options: TrainingOptions,
    _ observe: (TrainingEvent) -> Void
  ) throws {
    var trained = checkpoint
    // The override is for training alone: what is written keeps its configuration.
    if let dropout = options.dropout {
      trained.configuration = trained.family.overridingDropout(dropout, in: trained.configuration)
    }
    let name = head.head
    let model = try trained.makeModel(
      frozen: options.freezesBackbone ? .backbone : .none, sharing: other,
      qualifier: name == checkpoint.activeHead?.name ? nil : name)
    try model.requireHead()
    var (training, evaluated) = (head.data, head.evaluationData)
    if options.evalSplit != nil {
      let split = try Self.split(head, model, options, observe)
      (training, evaluated) = (split.training, split.evaluation)
      records[DataSplit.fileName(of: name)] = split.record
    }
    if options.thresholdTuning == nil, let kept = try checkpoint.keptThresholds {
      observe(.noted(.keptThresholds(kept)))
    }
    if let warning = checkpoint.changeOfInputs(training.rows) { observe(.warned(warning)) }
    let sets = head.evaluationSets.map { (head.name(of: $0), $1) }
    let named: [(name: String?, data: TrainingData)] =
      (evaluated.map { [(name, $0)] } ?? []) + sets.map { ($0, $1) }
    // Sets with a name of their own are told of first.
    let ordered = named.suffix(sets.count) + named.dropLast(sets.count)
    let known = try RepeatedRows(training.rows, for: model.heads.first?.task)
    for note in try known.notes(
      evaluating: ordered.map { ($0.name, $0.data.rows) }, head: name)
    {
      observe(.noted(note))
    }
    func dataset(_ data: TrainingData) throws -> Dataset {
      var data = try data.dataset(for: model, options)
      data.facts.head = name
      return data
    }
    var data = try dataset(training)
    let task = model.heads.first?.task
    let decided = try task?.learningNote(on: data.rows, training.labelReading)
    data.facts.remarks += task?.learningRemarks(on: data.labels, of: data.rows) ?? []
    observe(.prepared(data.facts, isEvaluation: false))
    if let decided { observe(.noted(.decided(decided, head: name))) }
    if task?.scoreNames(topRanks: []) == Metrics.namesOfValues,
      let scale = ValueScale(data.labels, names: try model.configuration.labels())
    {
      observe(.noted(.scale(scale, head: name)))
    }
    do {
      evaluations = try named.map { ($0.name, try dataset($0.data), $0.data.names) }
    } catch let error as GraftError where options.evalSplit == nil {
      throw error.ofEvaluationData
    }
    for set in evaluations {
      var facts = set.data.facts
      // That the model takes fewer tokens is said of the training data.
      facts.excessiveLength = nil
      observe(.prepared(facts, isEvaluation: true))
    }
    self.name = name
    self.checkpoint = checkpoint
    self.model = model
    self.training = training
    self.data = data
    inputs = training.inputs(options)
  }

  /// Holds out rows of the training data to evaluate on.
  private static func split(
    _ head: HeadTraining, _ model: Model, _ options: TrainingOptions, _ observe: (TrainingEvent) -> Void
  ) throws -> (training: TrainingData, evaluation: TrainingData, record: String) {
    guard head.evaluationData == nil, head.evaluationSets.isEmpty else {
      throw GraftError(
        .refused, "there is data to evaluate on already", option: "eval-split",
        advice: "Leave out this option or \(option: "eval-data").")
    }
    let data = head.data
    let labels = try Dataset.labels(of: data.rows, tasks: model.heads.map(\.task), data.labelReading)
    let split = try DataSplit(labels, count: data.rows.count, options)
    let names = try split.missing.isEmpty ? [] : model.configuration.labels()
    observe(
      .noted(
        .split(
          training: split.training.count, evaluation: split.evaluation.count,
          missingLabels: split.missing.map { names.indices.contains(Int($0)) ? names[Int($0)] : "\($0)" })))
    return (
      data.rows(at: split.training), data.rows(at: split.evaluation), split.document(options, of: data.rows)
    )
  }
}

extension TrainingData {
  /// How its rows become inputs.
  fileprivate func inputs(_ options: TrainingOptions) -> TrainedInputs {
    var inputs = TrainedInputs()
    inputs.maxLength = options.maxLength
    inputs.stride = options.stride
    inputs.pairs = rows.contains { $0.pair != nil }
    if let file = files.first {
      inputs.textColumns = file.textColumns.map(\.description)
      inputs.pairColumn = file.pairColumn?.description
      inputs.labelColumns = file.labelColumns.map(\.description)
      inputs.labelDelimiter = file.labelDelimiter
    }
    inputs.labelBase = labelBase
    return inputs
  }
}
