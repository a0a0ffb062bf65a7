import GraftCore
import GraftKit
import GraftTensors
import OrderedCollections

/// How stages are read.
extension ExperimentSchema {
  private static let kinds = ["import", "train", "swap", "evaluate", "export"]

  func stages() -> OrderedDictionary<String, Experiment.Stage> {
    guard let value = keys.required("stages") else { return [:] }
    var result: OrderedDictionary<String, Experiment.Stage> = [:]
    for (name, place, value) in MappingReader(value, "'stages'", diagnostics).entries {
      guard let task = task(value) else { continue }
      result[name] = Experiment.Stage(name: name, task: task, place: place)
    }
    return result
  }

  func task(_ value: YAMLValue) -> Experiment.Task? {
    let stage = MappingReader(value, "a stage", diagnostics)
    let kinds = Self.kinds.filter(stage.names.contains)
    guard stage.isMapping, kinds.count == 1, let kind = kinds.first else {
      if stage.isMapping {
        let nearest = stage.names.compactMap { name in
          NearestName.find(name, among: Self.kinds).map { "'\(name)'; the nearest is '\($0)'" }
        }
        let found = kinds.isEmpty ? nearest.first ?? "none" : kinds.joined(separator: " and ")
        let known = Self.kinds.joined(separator: ", ")
        diagnostics.add(value.place, "a stage needs one of the keys \(known); found \(found)")
      }
      return nil
    }
    let reader = MappingReader(value, "a stage of kind '\(kind)'", diagnostics)
    defer { reader.finish() }
    switch kind {
    case "import":
      let source: String? = reader.read(kind)
      return source.map { source in
        .importing(
          from: checkpoint(source, reader.place(of: kind)),
          dtype: storageType(of: OutputOptions().format, reader))
      }
    case "train": return training(reader).map { .train($0) }
    case "swap": return swap(reader).map { .swap($0) }
    case "evaluate":
      var scoring = Experiment.Scoring(data: "", options: EvaluationOptions())
      reader.read("batch-size", &scoring.options.batchSize)
      reader.read("mlm-probability", &scoring.options.mlmProbability)
      reader.read("seed", &scoring.options.seed)
      reader.read("max-length", &scoring.maxLength)
      reader.read("pseudo-perplexity", &scoring.pseudoPerplexity)
      scoring.head = taskWithoutHead(reader)
      scoring.generator = generator(reader)
      if let numbers: [String] = reader.list("top-k") {
        scoring.options.topRanks = RankList(text: numbers.joined(separator: ","))?.values
        require(scoring.options.topRanks != nil, "top-k", RankList.expectation, reader)
      }
      require(1...65536 ~= scoring.options.batchSize, "batch-size", "between 1 and 65536", reader)
      let probability = scoring.options.mlmProbability
      require(probability > 0 && probability <= 1, "mlm-probability", "above 0, at most 1", reader)
      require(scoring.maxLength ?? 3 >= 3, "max-length", "at least 3", reader)
      guard let data = name(kind, of: "data set", names(under: "data"), reader) else { return nil }
      scoring.data = data
      return .evaluate(scoring)
    default:
      var options = OutputOptions()
      reader.read("dialect", &options.dialect)
      let known = registry.checkpointFormats.map(\.name)
      guard let format = name(kind, of: "weight format", known, reader) else { return nil }
      options.format = format
      options.dtype = storageType(of: format, reader)
      return .export(options)
    }
  }

  /// The task under the key `task`, which no stage of kind 'swap' can put on.
  private func taskWithoutHead(_ keys: MappingReader) -> String? {
    let known = registry.tasks.values.filter { $0.readsSentenceVectors }.map { $0.name }
    return name("task", of: "task without a head", known, keys, isOptional: true)
  }

  /// The path of a stage's generator, which stands beside the experiment's file or anywhere.
  private func generator(_ keys: MappingReader) -> String? {
    let name: String? = keys.read("generator")
    return name.map { checkpoint($0, keys.place(of: "generator")).path }
  }

  private func training(_ keys: MappingReader) -> Experiment.Training? {
    var training = Experiment.Training(
      data: "", options: TrainingOptions(reading: keys), hasOwnSeed: keys["seed"] != nil)
    keys.read("precision", &training.precision)
    training.head = taskWithoutHead(keys)
    training.options.generator = generator(keys)
    readEvaluationData(of: &training, keys)
    let isEvaluated = keys["eval-data"] != nil || training.options.evalSplit != nil
    if keys["eval-data"] != nil, training.options.evalSplit != nil {
      diagnostics.add(keys.place(of: "eval-split"), "a stage has either 'eval-data' or 'eval-split'")
    }
    for var error in training.options.missingEvaluations(hasData: isEvaluated) {
      let key = error.option ?? ""
      (error.option, error.subject) = (nil, "'\(key)'")
      diagnostics.add(keys.place(of: key), error)
    }
    if !isEvaluated {
      let wants = [
        ("eval-strategy", training.options.evalStrategy != .no),
        ("eval-on-start", training.options.evalOnStart),
      ]
      for (key, _) in wants.filter(\.1) {
        diagnostics.add(keys.place(of: key), "'\(key)' needs the key 'eval-data' or 'eval-split'")
      }
    }
    if let used: String = keys.read("use") {
      training.usedStep = used.hasPrefix("checkpoint-") ? Int(used.dropFirst("checkpoint-".count)) : nil
      if training.usedStep == nil {
        diagnostics.add(keys.place(of: "use"), "'use' has to be checkpoint-N; found '\(used)'")
      } else if training.options.saveStrategy == .no {
        diagnostics.add(keys.place(of: "use"), "'use' needs checkpoints, and 'save-strategy' is no")
      }
    }
    let writers = registry.metricsWriters.names
    for writer in training.options.reportTo where !writers.contains(writer) {
      diagnostics.add(
        keys.place(of: "report-to"),
        "there is no metrics writer '\(writer)'\(NearestName.suggestion(for: writer, among: writers + ["none"]))"
      )
    }
    _ = name("optimizer", of: "optimizer", registry.optimizers.names, keys, isOptional: true)
    guard let data = name("train", of: "data set", names(under: "data"), keys) else { return nil }
    training.data = data
    return training
  }

  /// One data set, or a list of them.
  private func readEvaluationData(of training: inout Experiment.Training, _ keys: MappingReader) {
    guard let value = keys["eval-data"] else { return }
    guard case .list = value.content else {
      training.evaluationData = name("eval-data", of: "data set", names(under: "data"), keys)
      return
    }
    let known = names(under: "data")
    let given: [String] = keys.list("eval-data") ?? []
    for name in given where !known.contains(name) {
      diagnostics.add(
        value.place, "there is no data set '\(name)'\(NearestName.suggestion(for: name, among: known))")
    }
    if Set(given).count < given.count { diagnostics.add(value.place, "a data set is given twice") }
    training.evaluationSets = given.filter(known.contains)
  }

  private func swap(_ keys: MappingReader) -> Experiment.Swap? {
    var swap = Experiment.Swap(head: "")
    swap.labels = keys.list("labels")
    if let count: Int = keys.read("num-labels") {
      require(1...100_000 ~= count, "num-labels", "between 1 and 100000", keys)
      require(swap.labels == nil, "num-labels", "left out where there are 'labels'", keys)
      swap.labels = swap.labels ?? (0..<max(0, min(count, 100_000))).map { "LABEL_\($0)" }
    }
    if keys["labels-from"] != nil {
      require(swap.labels == nil, "labels-from", "left out where there are 'labels' or 'num-labels'", keys)
      swap.labelsFrom = name("labels-from", of: "data set", names(under: "data"), keys)
    }
    if let labels = swap.labels, Set(labels).count < labels.count {
      diagnostics.add(keys.place(of: "labels"), "a label is given twice")
    }
    swap.problemType = (keys.read("problem-type") as ProblemTypeName?)?.problemType
    keys.read("seed", &swap.seed)
    guard let head = name("swap", of: "head", registry.headNames, keys) else { return nil }
    swap.head = head
    return swap
  }

  private enum ProblemTypeName: String, CaseIterable, OptionValue {
    case singleLabel = "single-label"
    case multiLabel = "multi-label"
    case regression

    var problemType: ProblemType {
      switch self {
      case .singleLabel: .singleLabel
      case .multiLabel: .multiLabel
      case .regression: .regression
      }
    }
  }

  /// The name of what a format stores weights as, under the key 'dtype'.
  private func storageType(of format: String, _ keys: MappingReader) -> String? {
    let type = registry.checkpointFormats.first { $0.name == format }?.type
    let known = type?.storageTypes.map(\.name) ?? []
    guard let name: String = keys.read("dtype") else { return nil }
    guard !known.contains(name) else { return name }
    diagnostics.add(
      keys.place(of: "dtype"),
      "'dtype' has to be \(known.joined(separator: ", ")) in the format '\(format)'; found '\(name)'")
    return nil
  }
}
