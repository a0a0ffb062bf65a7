import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftKit
import GraftTensors
import OrderedCollections

/// A comparison as data: a base checkpoint, data sets, and arms, each a list of stages.
///
///     let machine = ExperimentMachine { try registry.makeBackend(precision: $0) }
///     let experiment = try Experiment(file: URL(filePath: "experiment.yaml"), registry: registry)
///     let plan = try ExperimentPlan(experiment, on: machine, registry: registry, output: output)
///     let outcome = try runExperiment(plan, output: output, on: machine, registry: registry)
public struct Experiment: Sendable {
  /// Where it was read from.
  public var file: URL?
  public var name: String
  /// The checkpoint that every arm starts from.
  public var base: URL
  /// Each arm runs once with each: what a stage leaves to chance follows from it.
  public var seeds: [UInt64]
  public var data: OrderedDictionary<String, DataSet>
  public var stages: OrderedDictionary<String, Stage>
  /// The names of the stages of each arm, in their order.
  public var arms: OrderedDictionary<String, [String]>
  /// Stages of an arm that are not those of the file, by arm and name.
  var changes: [String: [String: Stage]] = [:]
  /// The search for the best options of an arm.
  public var search: Search?
  /// The score that arms are compared by, by its name in results without `eval_`; `nil` is the usual one of their task.
  public var metric: String?
  /// Where the file says it.
  var metricPlace: YAMLValue.Place?
  /// The file as data.
  public var document: JSON

  /// Rows of files, or of a data set that is known by name.
  public struct DataSet: Sendable {
    public var source: Source
    /// Whether the file says the number of their first label, which is the head's otherwise.
    var isLabelBaseGiven = true
    /// Which rows; of files, also which columns.
    public var options = DataOptions()
    /// Into how many parts the rows are divided, each of which is tested once by a model that was trained on the others.
    public var folds: Int?
    /// Decides which rows are in which part.
    public var foldSeed = TrainingOptions().seed
    /// Which of two parts of the rows it is; `nil` is all of them.
    public var part: Part?
    /// Where the file says which files and columns are read, by the key.
    var places: [String: YAMLValue.Place] = [:]

    /// One of two parts of some rows: those that are held out to test on, or the others. Each label has the same share of
    /// both, as far as can be.
    public struct Part: Sendable {
      /// The share of the rows that are held out when it is below 1, else their number.
      public var testSize: Double
      /// Decides which rows they are.
      public var seed: UInt64
      /// Whether it is the part that is held out.
      public var isTest: Bool

      func of(_ data: TrainingData) throws -> TrainingData {
        let count = data.rows.count
        let wanted = Int((testSize < 1 ? testSize * Double(count) : testSize).rounded(.up))
        guard wanted < count else {
          throw GraftError(
            .mismatch, "there are too few rows to hold out as many", file: data.names.first,
            subject: "'test-size'", expected: "fewer than \(count)", found: "\(wanted)")
        }
        let split = StratifiedSplit(StratifiedSplit.classes(of: data.rows), heldOut: wanted, seed: seed)
        // Of each label a row stays to train on.
        guard split.heldOut.count == wanted else {
          throw GraftError(
            .mismatch, "there are too few rows to hold out as many", file: data.names.first,
            subject: "'test-size'",
            expected: "at most \(split.heldOut.count), with a row of each label to train on",
            found: "\(wanted)")
        }
        return data.rows(at: isTest ? split.heldOut : split.others)
      }
    }

    public enum Source: Sendable {
      /// Read one after another, as if they were one; the number of their first label, see `LabelReader.base`.
      case files([URL], labelBase: Int?)
      case named(NamedDataSet, NamedDataSet.Split, directories: [URL])
    }

    /// The rows.
    ///
    /// - Parameter limit: The most that are wanted.
    /// - Throws: `GraftError` naming file and row.
    func read(atMost limit: Int? = nil) throws -> TrainingData {
      guard let part else { return try readAll(atMost: limit) }
      let data = try part.of(readAll())
      return limit.map { data.rows(at: Array(data.rows.indices.prefix($0))) } ?? data
    }

    private func readAll(atMost limit: Int? = nil) throws -> TrainingData {
      var options = options
      if let limit { options.take = min(options.take ?? .max, limit) }
      switch source {
      case .files(let files, let labelBase):
        let contents = try DataSource(reading: files, options: options).contents()
        var data = TrainingData(contents.rows, named: files.map(\.lastPathComponent), labelBase: labelBase)
        data.isLabelBaseGiven = isLabelBaseGiven
        data.files = contents.files
        return data
      case .named(let set, let split, let directories):
        return try set.read(split, in: directories, selection: options)
      }
    }

    /// Where they are read from.
    ///
    /// - Throws: `GraftError` when a named data set is not there.
    func files() throws -> [URL] {
      switch source {
      case .files(let files, _): files
      case .named(let set, let split, let directories): [try set.locate(split, in: directories)]
      }
    }
  }

  /// A step of an arm.
  public struct Stage: Sendable {
    public var name: String
    public var task: Task
    /// Its place in the file, for messages.
    var place: YAMLValue.Place
    /// The name that it has in the file together with others: an evaluation of several heads is one stage for each.
    var group: String?
  }

  /// What a stage does.
  public enum Task: Sendable {
    /// Starts over from a checkpoint.
    case importing(from: URL, dtype: String?)
    case train(Training)
    case swap(Swap)
    /// Scores the model, which stays as it is.
    case evaluate(Scoring)
    /// Writes the model for other tools; it stays as it is.
    case export(OutputOptions)

    /// As it is written in the file.
    public var kind: String {
      switch self {
      case .importing: "import"
      case .train: "train"
      case .swap: "swap"
      case .evaluate: "evaluate"
      case .export: "export"
      }
    }

    /// Whether the arm goes on with another model afterwards.
    var makesModel: Bool {
      switch self {
      case .importing, .train, .swap: true
      case .evaluate, .export: false
      }
    }

    /// The names of its data sets.
    var data: [String] {
      switch self {
      case .train(let training): training.heads.map(\.data) + training.evaluations
      case .evaluate(let scoring): [scoring.data]
      case .swap(let swap): [swap.labelsFrom].compactMap { $0 }
      case .importing, .export: []
      }
    }
  }

  public struct Training: Sendable {
    /// What each head is trained on; one alone may be without a name.
    public var heads: [HeadData]
    /// The seed is the stage's own when `hasOwnSeed`, else the run's.
    public var options: TrainingOptions
    public var hasOwnSeed: Bool
    /// `nil` is the precision of the whole run.
    public var precision: Precision?
    /// The step whose checkpoint goes on to the next stage; `nil` is the end.
    public var usedStep: Int?
    /// The task, where it is not the active head's: that of a parked head, as the list of heads shows it, or one that needs
    /// no head, `sentence-embedding`.
    public var head: String?

    /// Whether it says which heads it trains.
    var namesHeads: Bool { heads.contains { $0.head != nil } }

    /// The names of the data sets that it is evaluated on.
    var evaluations: [String] { heads.flatMap(\.evaluations) }
  }

  /// The data sets of a head that is trained.
  public struct HeadData: Sendable, Equatable {
    /// The head as the list of heads shows it; `nil` is the active one.
    public var head: String?
    public var data: String
    public var evaluationData: String?
    /// Several data sets to evaluate on instead, whose scores bear their names.
    public var evaluationSets: [String] = []

    /// The names of the data sets that it is evaluated on.
    var evaluations: [String] { (evaluationData.map { [$0] } ?? []) + evaluationSets }
  }

  public struct Swap: Sendable {
    public var head: String
    public var labels: [String]?
    /// The data set whose labels they are, and which says what they mean unless ``problemType`` does.
    public var labelsFrom: String?
    public var problemType: ProblemType?
    /// `nil` is the run's.
    public var seed: UInt64?
  }

  public struct Scoring: Sendable {
    public var data: String
    public var options: EvaluationOptions
    public var maxLength: Int?
    /// Whether each token is hidden in turn as well.
    public var pseudoPerplexity = false
    /// Whether texts are put one after another and cut into pieces of the full length.
    public var groupsTexts = false
    /// What becomes of long texts; `nil` is as in training.
    public var longTexts: LongTexts?
    /// Above which probability each of several labels is given: one number, or one for each label; `nil` is as the head has
    /// it.
    public var thresholds: [Double]?
    /// How much likelier than the best answer none has to be; `nil` is as the head has it.
    public var nullThreshold: Double?
    /// The scheme of the data's tags; `nil` is the head's.
    public var tagScheme: String?
    /// How many tokens the windows of a long text share; `nil` is as in training.
    public var stride: Int?
    /// What the linear layers of the encoder and, in bfloat16, its attention multiply in.
    public var precision = WeightPrecision.float32
    /// The head as the list of heads shows it, or the task, where it needs no head: `sentence-embedding`. `nil` is the
    /// active head.
    public var head: String?
    /// The directory of a checkpoint that fills hidden tokens, for a head that wants it.
    public var generator: String?
    /// Whether a head is scored that was never trained.
    public var allowsUntrained = false

    /// Settles what the stage says of the active head.
    ///
    /// - Throws: `GraftError` when it is not for such a head.
    func settle(_ checkpoint: inout Checkpoint) throws {
      try checkpoint.setLongTexts(longTexts)
      try checkpoint.setTagging(scheme: tagScheme)
      if let thresholds { try checkpoint.setThresholds(thresholds) }
      if let nullThreshold { try checkpoint.setAnswering(nullThreshold: nullThreshold) }
    }
  }
}

extension Experiment {
  /// The data set that is in folds.
  var foldedData: String? { data.first { $0.value.folds != nil }?.key }

  /// What every arm and seed is done with: each fold, counted from 0, or no fold.
  var folds: [Int?] {
    foldedData.flatMap { data[$0]?.folds }.map { (0..<$0).map { $0 } } ?? [nil]
  }

  /// A stage as an arm has it.
  func stage(_ name: String, of arm: String) -> Stage? { changes[arm]?[name] ?? stages[name] }

  /// The experiment with the columns that its heads read beside text and label: those of the base checkpoint, and those
  /// that stages put on.
  ///
  /// - Throws: `GraftError` when the base checkpoint's task is not known.
  func readingColumns(of base: Checkpoint, _ registry: Registry) throws -> Experiment {
    let all = outlook.flatMap { $0.changes.values.flatMap(\.values) } + stages.values
    let names = all.flatMap { stage -> [String?] in
      switch stage.task {
      case .swap(let swap): [swap.head]
      case .train(let training): [training.head] + training.heads.map(\.head)
      case .evaluate(let scoring): [scoring.head]
      case .importing, .export: []
      }
    }
    // The second head of a task is called `token-classification.2`.
    let heads = names.compactMap { $0.flatMap { registry.tasks[String($0.prefix { $0 != "." })] } }
    var base = base
    // A folder of sentence-transformers has a task, and no head.
    try base.selectTask(registry: registry)
    let columns = OrderedSet((base.activeHead?.columns ?? []) + heads.flatMap { $0.columns })
    var experiment = self
    let readsLabels = ((base.activeHead?.tasks ?? []) + heads).contains { $0.readsLabels }
    for name in data.keys {
      experiment.data[name]?.options.fields = columns.elements
      experiment.data[name]?.options.wantsLabels = readsLabels
    }
    return experiment
  }
}
