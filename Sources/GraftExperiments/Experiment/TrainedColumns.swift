import GraftCore
import GraftData
import OrderedCollections

extension Experiment {
  /// The experiment whose data sets are read as the heads of the base checkpoint were trained, where nothing else is
  /// given: with their columns where a file has them, with their label base, and with what stands between labels.
  ///
  /// A data set is read once for all stages. So it is read like this only where each stage that uses it has the same head
  /// of the base checkpoint, before the arm goes on with another head or other columns.
  ///
  /// - Throws: `GraftError` when a head of the base checkpoint cannot be selected.
  func readingAsTrained(_ base: Checkpoint) throws -> Experiment {
    var uses: OrderedDictionary<String, [TrainedInputs?]> = [:]
    for part in outlook {
      for (arm, names) in part.arms {
        var isBase = true
        for stage in names.compactMap({ part.stage($0, of: arm) }) {
          if !stage.task.keepsHead { isBase = false }
          for (data, head) in stage.task.headsOfData {
            uses[data, default: []].append(isBase ? try base.trainedInputs(ofHead: head) : nil)
          }
          if case .train = stage.task, stage.task.data.contains(where: { data[$0]?.namesColumns == true }) {
            isBase = false
          }
        }
      }
    }
    var experiment = self
    for (name, inputs) in uses {
      guard let first = inputs[0], inputs.allSatisfy({ $0 == first }) else { continue }
      experiment.data[name]?.readAsTrained(first)
    }
    return experiment
  }
}

extension Experiment.Task {
  /// Whether the model has the heads that it had before.
  fileprivate var keepsHead: Bool {
    switch self {
    case .train, .evaluate, .export: true
    case .importing, .swap: false
    }
  }

  /// The data sets, each with the head that reads it; `nil` is the active one.
  fileprivate var headsOfData: [(data: String, head: String?)] {
    switch self {
    case .train(let training):
      training.heads.flatMap { own in
        ([own.data] + own.evaluations).map { (data: $0, head: own.head ?? training.head) }
      }
    case .evaluate(let scoring): [(data: scoring.data, head: scoring.head)]
    case .swap, .importing, .export: data.map { (data: $0, head: nil) }
    }
  }
}

extension Checkpoint {
  /// How a head was trained; `nil` is the active one.
  fileprivate func trainedInputs(ofHead name: String?) throws -> TrainedInputs? {
    guard let name, activeHead?.name != name else { return trainedInputs }
    return parkedHeads.contains { $0.id == name } ? try selecting(head: name).trainedInputs : nil
  }
}

extension Experiment.DataSet {
  /// Whether the experiment says where its texts or labels are.
  fileprivate var namesColumns: Bool {
    !options.textColumns.isEmpty || options.pairColumn != nil || !options.labelColumns.isEmpty
  }

  /// Takes from a head's training what the experiment does not say.
  fileprivate mutating func readAsTrained(_ inputs: TrainedInputs) {
    guard case .files(let files, let labelBase) = source else { return }
    source = .files(files, labelBase: labelBase ?? inputs.labelBase)
    isLabelBaseGiven = labelBase != nil
    options.usual = inputs
    if options.labelDelimiter == nil, options.labelColumns.count < 2 {
      options.labelDelimiter = inputs.labelDelimiter
    }
  }
}
