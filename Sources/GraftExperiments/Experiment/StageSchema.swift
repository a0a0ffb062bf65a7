import GraftCompute
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
      // Those of stages that evaluate several heads have one.
      if name.contains("/") { diagnostics.add(place, "a stage's name must not have a '/'") }
      for stage in stages(name, place, value) { result[stage.name] = stage }
    }
    return result
  }

  /// The stages that one of the file stands for: itself, or one for each head that it evaluates.
  func stages(_ name: String, _ place: YAMLValue.Place, _ value: YAMLValue) -> [Experiment.Stage] {
    evaluations(value).compactMap { head, value in
      guard let task = task(value, of: head) else { return nil }
      let own = head.map { "\(name)/\($0)" } ?? name
      return Experiment.Stage(name: own, task: task, place: place, group: head == nil ? nil : name)
    }
  }

  /// A stage that evaluates several heads as one for each, and any other stage as it is.
  private func evaluations(_ stage: YAMLValue) -> [(head: String?, stage: YAMLValue)] {
    guard case .mapping(let members) = stage.content,
      let value = members.first(where: { $0.key.text == "evaluate" })?.value,
      case .mapping(let heads) = value.content
    else { return [(nil, stage)] }
    if heads.isEmpty { diagnostics.add(value.place, "'evaluate' names no head") }
    return MappingReader(value, "'evaluate'", diagnostics).entries.map { head, _, data in
      (head, stage.setting("evaluate", to: data))
    }
  }

  /// - Parameter head: What a stage evaluates, where it names heads.
  func task(_ value: YAMLValue, of head: String? = nil) -> Experiment.Task? {
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
    case "evaluate": return scoring(reader, head).map { .evaluate($0) }
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

  /// Options of `evaluate` that no stage takes, and why.
  private static let commandOptions = [
    ("tune-threshold", "is for stages that train: an evaluation leaves the model as it is"),
    ("corpus", "is for the command 'evaluate': no stage searches texts of a file"),
    ("qrels", "is for the command 'evaluate': no stage searches texts of a file"),
    ("predictions", "is left out: an evaluation keeps them in its directory"),
    ("output", "is left out: an evaluation keeps its results in its directory"),
    ("allow-single-texts", "is for the command 'evaluate': name the 'pair-column' of the data set"),
  ]

  /// - Parameter head: What is evaluated, where the stage names heads.
  private func scoring(_ reader: MappingReader, _ head: String?) -> Experiment.Scoring? {
    var scoring = Experiment.Scoring(data: "", options: EvaluationOptions())
    reader.read("batch-size", &scoring.options.batchSize)
    reader.read("mlm-probability", &scoring.options.mlmProbability)
    reader.read("seed", &scoring.options.seed)
    reader.read("max-length", &scoring.maxLength)
    reader.read("pseudo-perplexity", &scoring.pseudoPerplexity)
    reader.read("group-texts", &scoring.groupsTexts)
    if let name: String = reader.read("long-texts") {
      let known = LongTexts.allCases.map(\.rawValue)
      require(known.contains(name), "long-texts", known.joined(separator: ", "), reader)
      scoring.longTexts = LongTexts(rawValue: name)
    }
    if let name: String = reader.read("precision") {
      let known = WeightPrecision.allCases.map(\.rawValue)
      require(known.contains(name), "precision", known.joined(separator: ", "), reader)
      scoring.precision = WeightPrecision(rawValue: name) ?? .float32
    }
    reader.read("task", &scoring.head)
    if let head {
      require(scoring.head == nil, "task", "left out where 'evaluate' names heads", reader)
      scoring.head = head
    }
    scoring.thresholds = reader.list("threshold")
    require(
      scoring.thresholds?.allSatisfy { (0..<1).contains($0) } != false, "threshold",
      "a number from 0 to below 1, or one for each label", reader)
    reader.read("null-threshold", &scoring.nullThreshold)
    reader.read("tag-scheme", &scoring.tagScheme)
    reader.read("allow-untrained", &scoring.allowsUntrained)
    reader.read("stride", &scoring.stride)
    require(scoring.stride ?? 0 >= 0, "stride", "at least 0", reader)
    for (key, reason) in Self.commandOptions where reader.names.contains(key) {
      diagnostics.add(reader.place(of: key), "'\(key)' \(reason)")
      _ = reader[key]
    }
    scoring.generator = generator(reader)
    if let numbers: [String] = reader.list("top-k") {
      scoring.options.topRanks = RankList(text: numbers.joined(separator: ","))?.values
      require(scoring.options.topRanks != nil, "top-k", RankList.expectation, reader)
    }
    require(1...65536 ~= scoring.options.batchSize, "batch-size", "between 1 and 65536", reader)
    let probability = scoring.options.mlmProbability
    require(probability > 0 && probability <= 1, "mlm-probability", "above 0, at most 1", reader)
    require(scoring.maxLength ?? 3 >= 3, "max-length", "at least 3", reader)
    guard let data = name("evaluate", of: "data set", names(under: "data"), reader) else { return nil }
    scoring.data = data
    return scoring
  }

  /// The path of a stage's generator, which stands beside the experiment's file or anywhere.
  private func generator(_ keys: MappingReader) -> String? {
    let name: String? = keys.read("generator")
    return name.map { checkpoint($0, keys.place(of: "generator")).path }
  }

  private func training(_ keys: MappingReader) -> Experiment.Training? {
    var training = Experiment.Training(
      heads: heads(keys), options: TrainingOptions(reading: keys), hasOwnSeed: keys["seed"] != nil)
    keys.read("precision", &training.precision)
    keys.read("task", &training.head)
    require(!training.namesHeads || training.head == nil, "task", "left out where 'train' names heads", keys)
    training.options.generator = generator(keys)
    readEvaluationData(of: &training.heads, keys)
    let isEvaluated = keys["eval-data"] != nil || training.options.evalSplit != nil
    if keys["eval-data"] != nil, training.options.evalSplit != nil {
      diagnostics.add(keys.place(of: "eval-split"), "a stage has either 'eval-data' or 'eval-split'")
    }
    let options = training.options
    for var error in options.missingEvaluations(hasData: isEvaluated) + options.uselessIntervals {
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
    return training.heads.isEmpty ? nil : training
  }

  /// What each head is trained on: one data set for the active head, or a mapping of heads to data sets. None where a data
  /// set is wrong.
  private func heads(_ keys: MappingReader) -> [Experiment.HeadData] {
    guard let value = keys["train"] else { return [] }
    guard case .mapping = value.content else {
      return dataSet(value, of: "train").map { [Experiment.HeadData(data: $0)] } ?? []
    }
    let entries = MappingReader(value, "'train'", diagnostics).entries
    if entries.isEmpty { diagnostics.add(value.place, "'train' names no head") }
    let heads = entries.compactMap { head, _, value in
      dataSet(value, of: head).map { Experiment.HeadData(head: head, data: $0) }
    }
    return heads.count == entries.count ? heads : []
  }

  /// One data set, or a list of them; of several heads a mapping of heads to these.
  private func readEvaluationData(of heads: inout [Experiment.HeadData], _ keys: MappingReader) {
    guard let value = keys["eval-data"] else { return }
    let isNamed = if case .mapping? = keys["train"]?.content { true } else { false }
    guard case .mapping = value.content else {
      if isNamed {
        diagnostics.add(
          value.place, "'eval-data' has to say which head a data set is for, as 'train' does")
      } else {
        // What is wrong here is said whatever else is.
        var own = heads.first ?? Experiment.HeadData(data: "")
        readEvaluationData(value, of: "eval-data", &own)
        if !heads.isEmpty { heads[0] = own }
      }
      return
    }
    guard isNamed else {
      return diagnostics.add(value.place, "'eval-data' names heads, and 'train' does not")
    }
    let known = heads.compactMap(\.head)
    for (head, place, value) in MappingReader(value, "'eval-data'", diagnostics).entries where !known.isEmpty
    {
      guard let index = heads.firstIndex(where: { $0.head == head }) else {
        diagnostics.add(
          place, "the head '\(head)' is not trained\(NearestName.suggestion(for: head, among: known))")
        continue
      }
      readEvaluationData(value, of: head, &heads[index])
    }
  }

  /// - Parameter key: What the value stands under.
  private func readEvaluationData(_ value: YAMLValue, of key: String, _ head: inout Experiment.HeadData) {
    guard case .list(let items) = value.content else {
      head.evaluationData = dataSet(value, of: key)
      return
    }
    if items.isEmpty { diagnostics.add(value.place, "'\(key)' is an empty list") }
    let given = items.compactMap { dataSet($0, of: key) }
    if Set(given).count < given.count { diagnostics.add(value.place, "a data set is given twice") }
    head.evaluationSets = given
  }

  /// The name of a data set.
  private func dataSet(_ value: YAMLValue, of key: String) -> String? {
    let known = names(under: "data")
    guard let name = value.text, !name.isEmpty else {
      diagnostics.add(value.place, "'\(key)' has to be the name of a data set; found \(value.kind)")
      return nil
    }
    guard !known.contains(name) else { return name }
    diagnostics.add(
      value.place, "there is no data set '\(name)'\(NearestName.suggestion(for: name, among: known))")
    return nil
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
