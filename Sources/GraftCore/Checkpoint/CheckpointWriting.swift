import Foundation
import GraftTensors
import OrderedCollections

extension ModelDirectory {
  /// The name of the file of kept tensors in a format: `kept.safetensors` beside `model.safetensors`.
  static func keptName(_ fileName: String) -> String {
    let parts = fileName.split(separator: ".", maxSplits: 1)
    return parts.count == 2 ? "\(keptStem).\(parts[1])" : keptStem
  }
}

extension Checkpoint {
  /// How a checkpoint is written.
  public struct WriteOptions: Sendable {
    public var format: CheckpointFormat
    public var dialect: Dialect
    /// Converts floating-point tensors; `nil` keeps each as it is.
    public var dtype: StorageType?
    /// The most bytes of tensors in one file; `nil` leaves it to the format.
    public var shardLimit: Int?

    public init(
      format: CheckpointFormat,
      dialect: Dialect,
      dtype: StorageType? = nil,
      shardLimit: Int? = nil
    ) {
      self.format = format
      self.dialect = dialect
      self.dtype = dtype
      self.shardLimit = shardLimit
    }

    /// Whether weights of eight bits are written as they are.
    package var keepsNumbers: Bool { format.type.holdsScales && dtype == nil }

    /// Whether they are two tensors each, of which other tools are told in `config.json`.
    fileprivate var separatesScales: Bool {
      if case .container = format { keepsNumbers } else { false }
    }

    /// Writes one file, or shards where a limit is given.
    func write(
      _ file: ModelFile, to url: URL, limit: Int? = nil, counting tally: NonFiniteTally?
    ) throws {
      var file = file
      if separatesScales { file.weights = try file.weights.separatingScales() }
      if let tally { file.weights = tally.watching(file.weights) }
      try format.write(file, to: url, limit: limit)
    }
  }

  /// Writes the files of a checkpoint into a directory that exists.
  ///
  /// `config.json`, the weights and the tokenizer are exactly what the active architecture's class loads.
  /// What it has no place for stands beside them: parked heads under `heads/`, a pooler that the class does
  /// not have and unrecognised tensors in `kept.…`, and what is known of the heads in `graft.json`.
  ///
  /// - Parameters:
  ///   - directory: Where they go.
  ///   - options: The format, the dialect and the type of what is written.
  ///   - tally: Counts values that are not finite in what is written.
  /// - Throws: `GraftError` when a file cannot be written or the dialect cannot name a tensor.
  public func write(
    into directory: URL, _ options: WriteOptions, counting tally: NonFiniteTally? = nil
  ) throws {
    var written = try confirmed()
    // Such a task has no head of its own: the encoder is written, with its modules beside it.
    if activeHead?.readsSentenceVectors == true { written.activeHead = nil }
    try written.writeConfirmed(into: directory, options, tally)
  }

  private func writeConfirmed(
    into directory: URL, _ options: WriteOptions, _ tally: NonFiniteTally?
  ) throws {
    var configuration = writtenConfiguration(options)
    if options.separatesScales {
      configuration[QuantizationSettings.key] = QuantizationSettings(try encodedWeights(options))?.json
    }
    let own = options.dialect.files.configuration.flatMap { file in file.name.map { ($0, file) } }
    if own?.0 != ModelDirectory.configurationName {
      try FileWriter.write(
        directory.appendingPathComponent(ModelDirectory.configurationName), text: configuration.text)
    }
    if let (name, file) = own {
      try FileWriter.write(directory.appendingPathComponent(name), text: file.own(configuration).text)
    }
    for (name, file) in try options.dialect.files.others?(self) ?? [:] {
      try FileWriter.write(directory.appendingPathComponent(name), text: file.text(.pretty) + "\n")
    }
    // What a weight file says in words of its own has the usual files beside it.
    let files = options.dialect.files
    let representation = files.attributes == nil ? files.tokenizer : .huggingFace
    // These are made while the weights are on their way to the disk.
    let tokenizerFiles = BackgroundTask { [tokenizer, unreadTokenizer] in
      try tokenizer?.write(to: directory, as: representation)
      if representation == .huggingFace { try unreadTokenizer?.files.write(into: directory) }
    }
    defer { _ = try? tokenizerFiles.value() }
    try writeWeights(into: directory, options, tally)
    try writeKept(into: directory, options, tally)
    for head in parkedHeads {
      let folder = directory.appendingPathComponent(ModelDirectory.headsName).appendingPathComponent(head.id)
      try DirectoryWriter.makeDirectory(folder)
      if case .opaque(let files) = head.kind {
        try files.write(into: folder)
      } else {
        try DetachedHead(head, of: self).write(into: folder, options, counting: tally)
      }
    }
    var others: OrderedDictionary<String, JSON> = [:]
    others["pooler"] = self[Component.pooler]?.history?.json
    if !lineage.isEmpty { others["lineage"] = .array(lineage.map(\.json)) }
    try FileWriter.write(
      directory.appendingPathComponent(ModelDirectory.recordName),
      text: Self.record(activeHead?.name, activeHeads, others))
    try tokenizerFiles.value()
    if let sentences, sentences.splade == nil || scoresTokens {
      try sentences.write(
        into: directory, options, hiddenSize: makeBackbone().hiddenSize, counting: tally)
    }
    try crossEncoder?.files?.write(into: directory)
    try writeCard(into: directory, options)
  }

  /// Whether sparse vectors can be made, which come from the scores of a masked-language-model head.
  var scoresTokens: Bool { activeHead?.tasks.contains { $0.predictsTokens } == true }

  /// Writes the tensors that the active architecture has no place for: its pooler, and what nothing recognises.
  private func writeKept(into directory: URL, _ options: WriteOptions, _ tally: NonFiniteTally?) throws {
    var kept = ModelFile()
    if let pooler = self[Component.pooler], try !usesPooler(options.dialect) {
      kept = try encoded(pooler.weights, options)
    }
    kept.weights.tensors.merge(extra.tensors) { first, _ in first }
    guard !kept.weights.tensors.isEmpty else { return }
    let name = ModelDirectory.keptName(try options.format.type.fileName())
    try options.write(kept, to: directory.appendingPathComponent(name), counting: tally)
  }

  /// Writes the card, if there is one, with the task of the active head.
  private func writeCard(into directory: URL, _ options: WriteOptions) throws {
    guard var card else { return }
    // What a swap of heads has made untrue; all else stays as it is.
    let library = library(in: options.dialect)
    card.removeOtherTasks(
      than: pipelineTag, parkedHeads.compactMap { $0.task?.pipelineTag }, library: library)
    if library != ModelCard.sentenceLibrary,
      card["library_name"]?.hasSuffix(ModelCard.sentenceLibrary) == true
    {
      card["library_name"] = library.map { "library_name: \($0)" }
    }
    if card["pipeline_tag"] != nil, pipelineTag.map({ card.names(task: $0) }) != true {
      card["pipeline_tag"] = pipelineTag.map { "pipeline_tag: \($0)" }
    }
    try FileWriter.write(directory.appendingPathComponent(ModelCard.fileName), text: card.text)
  }
}

extension Checkpoint {
  /// Takes off the parked heads that a dialect has no names for; the active one too where it leaves heads out. Adds a
  /// pooler that the dialect's framework cannot be without, where it asks for a new one.
  ///
  /// - Returns: What of the checkpoint the dialect does not hold, in sentences: these heads, and the active
  ///   head's labels where the framework's configuration has no place for them.
  /// - Throws: `GraftError` when the labels are not usable.
  public mutating func leaveOut(whatIsUnknownTo dialect: Dialect) throws -> [String] {
    if dialect.leavesOutHeads, let active = activeHead, !dialect.knows(active) { activeHead = nil }
    var notes = try whatIsChanged(by: dialect)
    if dialect.initializesPooler, self[Component.pooler] == nil,
      let pooler = try family.makePooler(configuration, on: makeBackbone())
    {
      let weights = try pooler.parameters.initialized(seed: 0)
      components.insert(
        Component(.pooler, id: Component.pooler, weights: weights, history: .untrained), at: 1)
      notes.append("the pooler is new and untrained: the framework's encoder always has one")
    }
    if dialect.pooler.isEmpty, self[Component.pooler] != nil, try !activeHeadReadsPooler() {
      self[Component.pooler] = nil
      notes.append("the pooler is left out: the dialect '\(dialect.name)' has no names for it")
    }
    let unknown = parkedHeads.filter { head in
      // The files of a head that no plugin knows are copied, whatever the dialect.
      guard let task = head.task else { return false }
      let names = Set(dialect.heads[task.name]?.flatMap(\.parameters) ?? [])
      return !names.isSuperset(of: head.weights.tensors.keys)
    }
    components.removeAll { component in unknown.contains { $0.id == component.id } }
    notes += unknown.map {
      "the head '\($0.id)' is left out: the dialect '\(dialect.name)' has no names for it"
    }
    guard dialect.files.configuration?.name == ModelDirectory.configurationName else { return notes }
    for head in activeHeads where head.task?.hasLabels == true {
      let labels = try head.settings.labels()
      var plain = Configuration()
      plain.setLabels(Configuration.numberedLabels(labels.count))
      if try labels != plain.labels() || head.settings.problemType() != plain.problemType() {
        notes.append(
          "labels and problem type are left out: config.json of '\(dialect.name)' has no place for them")
      }
    }
    return notes
  }

  /// What of the active architecture a dialect cannot hold, and what the framework computes otherwise, in sentences.
  private func whatIsChanged(by dialect: Dialect) throws -> [String] {
    var notes = (activeHead?.taskNames ?? []).compactMap { dialect.differences[$0] }
    for row in dialect.backbone {
      if row.layout == .reachablePositions {
        let count = LayoutExtents(try makeBackbone(), for: [row]).unreachablePositions
        notes.append(
          "the first \(count) rows of '\(row.canonical)' are left out: they are the position of padding and those before"
        )
      }
      if row.isSum {
        notes.append(
          "'\(row.parameters[1])' is added to '\(row.canonical)': the framework has no place for it")
      }
    }
    if unreadTokenizer != nil, dialect.files.tokenizer != .huggingFace {
      notes.append("the tokenizer is left out: it cannot be read")
    }
    if dialect.files.attributes != nil, let tokenizer,
      tokenizer.attributes(as: dialect.files.tokenizer).isEmpty
    {
      notes.append("the tokenizer is left out: the dialect '\(dialect.name)' has no words for it")
    }
    notes += tokenizer?.differences(as: dialect.files.tokenizer) ?? []
    return notes
  }

  /// What one weight file does not hold of the checkpoint: parked heads, a pooler without a place, what makes a vector.
  public func leftOut(ofOneFileIn dialect: Dialect) throws -> [String] {
    let hasUnused = try self[Component.pooler] != nil && !usesPooler(dialect)
    return parkedHeads.map { "the head '\($0.id)'" } + (hasUnused ? ["the pooler"] : [])
      + (dialect.holds(sentences)
        ? []
        : [
          "what makes a vector of the hidden states (\(sentences?.description ?? ""))"
        ])
  }

  /// What `config.json` says of the checkpoint as it is written.
  private func writtenConfiguration(_ options: WriteOptions) -> Configuration {
    var configuration = configuration
    configuration["architectures"] = [.string(architecture)]
    configuration["model_type"] = .string(family.name)
    // It is about the file that was read.
    if QuantizationSettings.areOwn(configuration) { configuration[QuantizationSettings.key] = nil }
    if let dtype = options.dtype?.dtype ?? self[Component.backbone]?.weights.tensors.values.first?.spec.dtype
    {
      // transformers 5 writes `dtype`; older files have `torch_dtype`.
      configuration.values["torch_dtype"] = nil
      configuration["dtype"] = .string(dtype.rawValue)
    }
    return configuration
  }

  /// Writes the weights of the active architecture, with what it computes where the format has a place for that.
  ///
  /// - Parameters:
  ///   - file: ``encodedFile(_:)``, and what is carried along.
  ///   - url: The file when one is enough.
  ///   - options: How it was encoded, and is written.
  ///   - tally: Counts values that are not finite.
  /// - Throws: `GraftError` when a file cannot be written.
  public func write(
    _ file: ModelFile, to url: URL, _ options: WriteOptions, counting tally: NonFiniteTally? = nil
  ) throws {
    try options.write(file, to: url, limit: options.shardLimit, counting: tally)
  }

  /// Writes the weights in one file, in shards, or in the two files that the dialect asks for.
  private func writeWeights(into directory: URL, _ options: WriteOptions, _ tally: NonFiniteTally?) throws {
    let file = try encodedFile(options)
    let weights = file.weights
    let files = options.dialect.files
    func url(_ name: String) -> URL { directory.appendingPathComponent(name) }
    // A framework's names are for files of the format that it uses; in another nothing would find them.
    guard let name = files.weights, options.format.fileNames.contains(name) else {
      return try write(file, to: url(options.format.type.fileName()), options, counting: tally)
    }
    guard let heads = files.heads, activeHead != nil else {
      return try write(file, to: url(name), options, counting: tally)
    }
    let prefix = options.dialect.backbonePrefixes[0]
    var (backbone, rest) = (Weights(metadata: weights.metadata), Weights(metadata: weights.metadata))
    for (name, tensor) in weights.tensors {
      if name.hasPrefix(prefix) {
        backbone[String(name.dropFirst(prefix.count))] = tensor
      } else {
        rest[name] = tensor
      }
    }
    try write(ModelFile(backbone), to: url(name), options, counting: tally)
    try write(ModelFile(rest), to: url(heads), options, counting: tally)
  }

  /// The tensors of the active architecture as a dialect stores them.
  ///
  /// - Throws: `GraftError` when the dialect cannot name a tensor, or its classes have one that is missing.
  public func encodedWeights(_ options: WriteOptions) throws -> Weights {
    try encodedTensors(options).weights
  }

  /// What the file of the active architecture holds: its tensors, and for a format of whole models what else
  /// such a file says.
  ///
  /// - Throws: `GraftError` when the dialect cannot name a tensor or lays out weights otherwise than the model
  ///   reads them, or its classes have one that is missing.
  public func encodedFile(_ options: WriteOptions) throws -> ModelFile {
    var file = try encodedTensors(options)
    guard case .model(let format) = options.format else { return file }
    if let attributes = options.dialect.files.attributes {
      file.attributes = try attributes(self)
    } else {
      file.attributes[ModelDirectory.configurationName] = .string(writtenConfiguration(options).text)
      let texts = tokenizer?.attributes(as: options.dialect.files.tokenizer) ?? [:]
      file.attributes.merge(texts) { first, _ in first }
    }
    guard format.holdsGraph else { return file }
    let places = try nameTable(options).storedPlaces(architecture: architecture, withHead: activeHead != nil)
    let weights = try activeWeights(options.dialect)
    file.graph = try graph().storing { parameter in
      guard let place = places[parameter] else { return .init(parameter) }
      guard place.count > 1, let shape = weights[parameter]?.spec.shape else { return .init(place.name) }
      return .init(
        place.name, rows: place.part * shape[0]..<(place.part + 1) * shape[0],
        width: shape.dropFirst().reduce(1, *))
    }
    return file
  }

  private func encodedTensors(_ options: WriteOptions) throws -> ModelFile {
    try options.dialect.check?(configuration)
    let weights = try confirmed().activeWeights(options.dialect)
    try nameTable(options).checkComplete(weights)
    return try encoded(weights, options)
  }

  private func encoded(_ weights: Weights, _ options: WriteOptions) throws -> ModelFile {
    try nameTable(options).encode(
      weights, options, architecture: architecture, withHead: activeHead != nil)
  }

  private func nameTable(_ options: WriteOptions) throws -> NameTable {
    NameTable(options.dialect, on: try makeBackbone(), heads: activeHead?.taskNames ?? [])
  }
}

extension Dialect {
  /// Whether one weight file says how vectors are made. Files with attributes say that they are the mean of the states,
  /// and who reads them divides them by their length.
  fileprivate func holds(_ sentences: SentencePipeline?) -> Bool {
    guard let sentences else { return true }
    guard files.attributes != nil else { return false }
    return sentences.modules.allSatisfy { module in
      switch module {
      case .pooling(let pooling): pooling.modes == [.mean]
      case .normalize: true
      case .dense, .splade: false
      }
    }
  }
}

extension NameTable {
  /// Names, lays out and converts tensors as they are stored.
  ///
  /// - Throws: `GraftError` when the dialect has no name for a tensor, or no place for its shape.
  func encode(
    _ tensors: Weights, _ options: Checkpoint.WriteOptions, architecture: String, withHead: Bool
  ) throws -> ModelFile {
    let types = dialect.storageTypes(of: tensors, as: options.dtype)
    var converted = tensors
    for (name, type) in types { converted[name] = tensors[name]?.dequantized.converted(to: type.dtype) }
    let weights = try encode(
      converted, architecture: architecture, withHead: withHead, sharing: options.format.sharesTensors)
    guard case .model = options.format, !types.isEmpty else { return ModelFile(weights) }
    let names = storedNames(architecture: architecture, withHead: withHead)
    let stored = types.compactMap { canonical, type in names[canonical].map { ($0, type) } }
    return ModelFile(weights, storageTypes: Dictionary(stored) { first, _ in first })
  }
}

extension Checkpoint {
  /// The text of `graft.json`: the active head, the histories of its parts, and other members.
  static func record(
    _ head: String?, _ parts: [Component], _ others: OrderedDictionary<String, JSON>
  ) -> String {
    let histories = parts.map { ($0.id, $0.history?.json ?? .null) }
    let document: OrderedDictionary<String, JSON> = [
      "head": head.map { .string($0) } ?? .null,
      "heads": .object(OrderedDictionary(uniqueKeysWithValues: histories)),
    ]
    return JSON.object(document.merging(others) { first, _ in first }).text(.pretty) + "\n"
  }
}
