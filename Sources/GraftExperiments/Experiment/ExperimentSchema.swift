import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors
import OrderedCollections

extension Experiment {
  /// Reads an experiment.
  ///
  /// - Parameters:
  ///   - file: YAML. Paths in it are relative to its directory.
  ///   - base: Takes the place of the base checkpoint that the file names.
  ///   - seeds: Take the place of the file's.
  ///   - dataDirectory: Where named data sets are, unless the file says so.
  ///   - registry: The plugins, whose names it may use.
  ///   - locate: Finds checkpoints that are no path, such as published ones; called when nothing else is wrong.
  /// - Throws: One `GraftError` that lists all mistakes with line, column and the nearest valid name.
  public init(
    file: URL, base: URL? = nil, seeds: [UInt64]? = nil, dataDirectory: URL? = nil, registry: Registry,
    locate: ((String) throws -> URL)? = nil
  ) throws {
    do {
      try self.init(
        parsing: RandomAccessFile(file).bytesOfWholeFile(limit: 1 << 24),
        relativeTo: file.deletingLastPathComponent(), base: base, seeds: seeds, dataDirectory: dataDirectory,
        registry: registry, locate: locate)
      self.file = file
    } catch let error as GraftError {
      throw error.inFile(file.path)
    }
  }

  /// Reads an experiment from memory.
  ///
  /// - Parameter directory: What paths are relative to.
  /// - Throws: As ``init(file:base:seeds:dataDirectory:registry:)``, without the file's name.
  public init(
    parsing bytes: [UInt8], relativeTo directory: URL, base: URL? = nil, seeds: [UInt64]? = nil,
    dataDirectory: URL? = nil, registry: Registry, locate: ((String) throws -> URL)? = nil
  ) throws {
    let diagnostics = Diagnostics()
    let root = try YAMLValue(parsing: bytes)
    let keys = MappingReader(root, "an experiment", diagnostics)
    let schema = ExperimentSchema(
      directory: directory, diagnostics: diagnostics, registry: registry, keys: keys,
      dataDirectory: dataDirectory,
      locate: locate.map(LocatedCheckpoints.init)?.locate)

    name = keys.read("name") ?? "experiment"
    _ = (keys["base"], keys["seeds"])
    self.base = base ?? directory
    self.seeds = seeds ?? keys.list("seeds") ?? [TrainingOptions().seed]
    if Set(self.seeds).count < self.seeds.count {
      diagnostics.add(keys.place(of: "seeds"), "a seed is given twice")
    }
    data = schema.dataSets()
    stages = schema.stages()
    arms = schema.arms()
    document = root.json
    schema.checkFolds(self)
    search = schema.search(self)
    if base == nil { self.base = schema.base() }
    keys.finish()
    try diagnostics.check()
  }
}

/// Finds each checkpoint once, however often a search reads the stage that imports it.
private final class LocatedCheckpoints {
  private var known: [String: URL] = [:]
  private let find: (String) throws -> URL

  init(_ find: @escaping (String) throws -> URL) { self.find = find }

  func locate(_ name: String) throws -> URL {
    if let url = known[name] { return url }
    let url = try find(name)
    known[name] = url
    return url
  }
}

/// How the parts of an experiment are read.
private struct ExperimentSchema {
  let directory: URL
  let diagnostics: Diagnostics
  let registry: Registry
  let keys: MappingReader
  let dataDirectory: URL?
  let locate: ((String) throws -> URL)?

  func url(_ path: String) -> URL {
    let path = (path as NSString).expandingTildeInPath
    let url = path.hasPrefix("/") ? URL(fileURLWithPath: path) : directory.appending(path: path)
    return url.standardizedFileURL
  }

  /// A path at which something has to be.
  func existing(_ path: String, _ place: YAMLValue.Place) -> URL {
    let url = url(path)
    if !FileManager.default.fileExists(atPath: url.path) {
      diagnostics.add(place, "there is no '\(path)' (\(url.path))")
    }
    return url
  }

  /// The files of a path or a pattern.
  private func matching(_ path: String, _ place: YAMLValue.Place) -> [URL] {
    do {
      let files = try FilePattern.files(url(path))
      return files == [url(path)] ? [existing(path, place)] : files
    } catch {
      diagnostics.add(place, "no file matches '\(path)' (\(url(path).path))")
      return []
    }
  }

  /// A checkpoint at a path, or of a name. Nothing is fetched for a file that has mistakes.
  func checkpoint(_ name: String, _ place: YAMLValue.Place) -> URL {
    let path = url(name)
    if isCheckpoint(path) { return path }
    guard let locate, !isPath(name) else { return existing(name, place) }
    guard diagnostics.isEmpty else { return path }
    do {
      let located = try locate(name)
      return isCheckpoint(located) ? located : existing(name, place)
    } catch {
      diagnostics.add(place, error)
      return path
    }
  }

  /// Whether something is at a path, or at what a format's files add to it.
  private func isCheckpoint(_ url: URL) -> Bool {
    ([""] + registry.checkpointFormats.flatMap { $0.pathSuffixes }).contains { suffix in
      FileManager.default.fileExists(atPath: url.path + suffix)
    }
  }

  /// Whether a text cannot be a model's name, `NAME` or `ORG/NAME@REVISION`.
  private func isPath(_ text: String) -> Bool {
    ["/", "~", "."].contains { text.hasPrefix($0) } || text.prefix { $0 != "@" }.count { $0 == "/" } > 1
  }

  func base() -> URL {
    guard keys.required("base") != nil, let path: String = keys.read("base") else { return directory }
    return checkpoint(path, keys.place(of: "base"))
  }

  // MARK: Data

  func dataSets() -> OrderedDictionary<String, Experiment.DataSet> {
    let place: String? = keys.read("data-dir")
    let given = [place.map(url) ?? dataDirectory].compactMap { $0 }
    let paths = OrderedSet((given + NamedDataSet.directories()).map(\.standardizedFileURL.path))
    let directories = paths.map { URL(fileURLWithPath: $0, isDirectory: true) }
    guard let value = keys.required("data") else { return [:] }
    var result: OrderedDictionary<String, Experiment.DataSet> = [:]
    for (name, _, value) in MappingReader(value, "'data'", diagnostics).entries {
      result[name] = dataSet(MappingReader(value, "a data set", diagnostics), in: directories)
    }
    return result
  }

  private func dataSet(_ keys: MappingReader, in directories: [URL]) -> Experiment.DataSet? {
    defer { keys.finish() }
    var options = DataOptions()
    keys.read("take", &options.take)
    keys.read("skip", &options.skip)
    keys.read("shuffle-seed", &options.shuffleSeed)
    require(options.skip >= 0, "skip", "0 or more", keys)
    if let take = options.take { require(take > 0, "take", "at least 1", keys) }
    let (folds, foldSeed): (Int?, UInt64?) = (keys.read("folds"), keys.read("fold-seed"))
    if let folds { require(2...1000 ~= folds, "folds", "between 2 and 1000", keys) }
    if foldSeed != nil { require(folds != nil, "fold-seed", "left out where there are no 'folds'", keys) }
    keys.read("data-format", &options.format)
    keys.read("quoting", &options.quoting)
    keys.read("delimiter", expecting: "one character, or comma, semicolon, tab, pipe or space") { text in
      options.delimiter = DataOptions.delimiter(text)
      return options.delimiter != nil
    }
    options.textColumns = columns("text-column", keys)
    options.pairColumn = columns("pair-column", keys).first
    let labelColumns = columns("label-column", keys)
    options.labelColumn = labelColumns.count == 1 ? labelColumns[0] : nil
    options.labelColumns = labelColumns.count > 1 ? labelColumns : []
    let labelBase: Int? = keys.read("label-base")
    guard keys.required("files") != nil else { return nil }
    let files: [String] = keys.list("files") ?? []
    let place = keys.place(of: "files")
    do {
      if files.count == 1, !FileManager.default.fileExists(atPath: url(files[0]).path),
        let (set, split) = try NamedDataSet.find(files[0])
      {
        for key in [
          "text-column", "pair-column", "label-column", "label-base", "data-format", "delimiter", "quoting",
        ]
        where keys[key] != nil {
          diagnostics.add(
            keys.place(of: key), "'\(files[0])' has its own columns and labels; leave '\(key)' out")
        }
        do {
          _ = try set.locate(split, in: directories)
        } catch var error as GraftError {
          error.advice =
            """
            Put the original CSV file there, or name the directory above with \(option: "data-dir") or GRAFT_DATA.
            """
          throw error
        }
        return Experiment.DataSet(
          source: .named(set, split, directories: directories), options: options, folds: folds,
          foldSeed: foldSeed ?? TrainingOptions().seed)
      }
    } catch {
      diagnostics.add(place, error)
      return nil
    }
    return Experiment.DataSet(
      source: .files(files.flatMap { matching($0, place) }, labelBase: labelBase), options: options,
      folds: folds,
      foldSeed: foldSeed ?? TrainingOptions().seed)
  }

  private func columns(_ key: String, _ keys: MappingReader) -> [Column] {
    let texts: [String] = keys.list(key) ?? []
    do {
      return try texts.flatMap(Column.list)
    } catch {
      diagnostics.add(keys.place(of: key), error)
      return []
    }
  }

  /// The names that stand under a key, whatever is wrong with what they name.
  private func names(under key: String) -> [String] {
    guard case .mapping(let members)? = keys[key]?.content else { return [] }
    return members.compactMap(\.key.text)
  }

  // MARK: Stages

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

  private func task(_ value: YAMLValue) -> Experiment.Task? {
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

  private func training(_ keys: MappingReader) -> Experiment.Training? {
    var training = Experiment.Training(
      data: "", options: TrainingOptions(reading: keys), hasOwnSeed: keys["seed"] != nil)
    keys.read("precision", &training.precision)
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

  /// The value of a key that has to be one of some names.
  private func name(
    _ key: String, of kind: String, _ known: [String], _ keys: MappingReader, isOptional: Bool = false
  ) -> String? {
    if isOptional, keys[key] == nil { return nil }
    guard let name: String = keys.read(key) else { return nil }
    if known.contains(name) { return name }
    diagnostics.add(
      keys.place(of: key), "there is no \(kind) '\(name)'\(NearestName.suggestion(for: name, among: known))")
    return nil
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

  private func require(_ condition: Bool, _ key: String, _ expected: String, _ keys: MappingReader) {
    if !condition { diagnostics.add(keys.place(of: key), "'\(key)' has to be \(expected)") }
  }

  // MARK: Folds

  /// Notes what cannot be cross-validated.
  func checkFolds(_ experiment: Experiment) {
    guard let name = experiment.foldedData, let value = keys["data"] else { return }
    let sets = MappingReader(value, "'data'", diagnostics).entries
    func place(_ set: String) -> YAMLValue.Place { sets.first { $0.name == set }?.place ?? value.place }
    for (other, set) in experiment.data where set.folds != nil && other != name {
      diagnostics.add(place(other), "only one data set may have folds, and '\(name)' has")
    }
    for (arm, names) in experiment.arms {
      let stages = names.compactMap { experiment.stages[$0] }
      var (isTrained, isTested) = (false, false)
      for stage in stages {
        switch stage.task {
        case .train(let training):
          if training.data == name { isTrained = true }
          if training.evaluations.contains(name) {
            diagnostics.add(
              stage.place,
              "the folds of '\(name)' are test sets; the stage '\(stage.name)' evaluates with 'eval-split' instead of 'eval-data'"
            )
          }
        case .evaluate(let scoring):
          if scoring.data == name { isTested = true }
          if scoring.data != name {
            diagnostics.add(
              stage.place,
              "the folds of '\(name)' are test sets; the stage '\(stage.name)' has another, '\(scoring.data)'"
            )
          }
        case .importing, .swap, .export: break
        }
      }
      if !isTrained || !isTested {
        diagnostics.add(
          place(name), "'\(name)' has folds; the arm '\(arm)' has to train and to evaluate on it")
      }
    }
  }

  // MARK: Search

  func search(_ experiment: Experiment) -> Experiment.Search? {
    guard let value = keys["search"] else { return nil }
    // What the section says is only understood when the stages and arms that it names are.
    guard diagnostics.isEmpty else { return nil }
    var stages: [String: YAMLValue] = [:]
    if case .mapping(let members)? = keys["stages"]?.content {
      for (key, value) in members { stages[key.text ?? ""] = value }
    }
    return SearchSchema(
      keys: MappingReader(value, "'search'", diagnostics), diagnostics: diagnostics, experiment: experiment,
      stages: stages, task: task
    ).read()
  }

  // MARK: Arms

  func arms() -> OrderedDictionary<String, [String]> {
    guard let value = keys.required("arms") else { return [:] }
    var result: OrderedDictionary<String, [String]> = [:]
    let arms = MappingReader(value, "'arms'", diagnostics)
    let stages = names(under: "stages")
    for (name, place, value) in arms.entries {
      // Links to models bear it.
      if name.utf8.count > 100 || name.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "/") }) {
        diagnostics.add(place, "an arm's name has to be at most 100 bytes, none of them '/'")
      }
      guard case .list(let items) = value.content, !items.isEmpty else {
        let found = value.isEmptyList ? "an empty one" : value.kind
        diagnostics.add(value.place, "an arm has to be a list of stages; found \(found)")
        continue
      }
      result[name] = items.compactMap { item in
        guard let stage = item.text else {
          diagnostics.add(item.place, "an arm names stages, which stand under 'stages'; found \(item.kind)")
          return nil
        }
        if !stages.contains(stage) {
          diagnostics.add(
            item.place, "there is no stage '\(stage)'\(NearestName.suggestion(for: stage, among: stages))")
        }
        return stage
      }
    }
    if result.isEmpty { diagnostics.add(arms.place, "an experiment needs an arm") }
    return result
  }
}
