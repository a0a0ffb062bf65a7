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
    public var format: any WeightFormat.Type
    public var dialect: Dialect
    /// Converts floating-point tensors; `nil` keeps each as it is.
    public var dtype: StorageType?
    /// The most bytes of tensors in one file; `nil` leaves it to the format.
    public var shardLimit: Int?
    /// Counts values that are not finite in what is written.
    public var tally: NonFiniteTally?

    public init(
      format: any WeightFormat.Type,
      dialect: Dialect,
      dtype: StorageType? = nil,
      shardLimit: Int? = nil
    ) {
      self.format = format
      self.dialect = dialect
      self.dtype = dtype
      self.shardLimit = shardLimit
    }

    /// Writes one file, or shards where a limit is given.
    public func write(_ weights: Weights, to url: URL, limit: Int? = nil) throws {
      try format.init().write(tally?.watching(weights) ?? weights, to: url, limit: limit)
    }
  }

  /// Writes the files of a checkpoint into a directory that exists.
  ///
  /// `config.json`, the weights and the tokenizer are exactly what the active architecture's class loads.
  /// What it has no place for stands beside them: parked heads under `heads/`, a pooler that the class does
  /// not have and unrecognised tensors in `kept.…`, and what is known of the heads in `graft.json`.
  ///
  /// - Throws: ``GraftError`` when a file cannot be written or the dialect cannot name a tensor.
  public func write(into directory: URL, _ options: WriteOptions) throws {
    let configuration = writtenConfiguration(options)
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
    // These are made while the weights are on their way to the disk.
    let tokenizerFiles = BackgroundTask { [tokenizer] in
      try tokenizer?.write(to: directory, as: options.dialect.files.tokenizer)
    }
    defer { _ = try? tokenizerFiles.value() }
    try writeWeights(into: directory, options)

    let fileName = try options.format.fileName()
    let unused = try unusedBackboneParameters(options.dialect)
    var kept = try encoded(Weights(backbone.tensors.filter { unused.contains($0.key) }), options)
    kept.tensors.merge(extra.tensors) { first, _ in first }
    if !kept.tensors.isEmpty {
      try options.write(kept, to: directory.appendingPathComponent(ModelDirectory.keptName(fileName)))
    }
    for record in parkedRecords {
      let folder = directory.appendingPathComponent(ModelDirectory.headsName).appendingPathComponent(
        record.id
      )
      try DirectoryWriter.makeDirectory(folder)
      try DetachedHead(record.type, [record], of: self).write(into: folder, options)
    }
    var others: OrderedDictionary<String, JSON> = [:]
    others["pooler"] = poolerHistory?.json
    if !lineage.isEmpty { others["lineage"] = .array(lineage.map(\.json)) }
    try FileWriter.write(
      directory.appendingPathComponent(ModelDirectory.recordName),
      text: HeadRecord.document(activeHead?.name, activeRecords, others)
    )
    try tokenizerFiles.value()
    try writeCard(into: directory)
  }

  /// Writes the card, if there is one, with the task of the active head.
  private func writeCard(into directory: URL) throws {
    guard var card else { return }
    // What a swap of heads has made untrue; all else stays as it is.
    if let tag = card["pipeline_tag"], !tag.hasSuffix(pipelineTag ?? " ") {
      card["pipeline_tag"] = pipelineTag.map { "pipeline_tag: \($0)" }
    }
    try FileWriter.write(directory.appendingPathComponent(ModelCard.fileName), text: card.text)
  }
}

extension Checkpoint {
  /// Takes off the parked heads that a dialect has no names for; the active one too where it leaves heads out.
  ///
  /// - Returns: What of the checkpoint the dialect does not hold, in sentences: these heads, and the active
  ///   head's labels where the framework's configuration has no place for them.
  /// - Throws: ``GraftError`` when the labels are not usable.
  public mutating func leaveOut(whatIsUnknownTo dialect: Dialect) throws -> [String] {
    if dialect.leavesOutHeads, activeHead?.isKnown(to: dialect) == false { activeHead = nil }
    let unknown = parkedRecords.filter { record in
      let names = Set(dialect.rows(of: record.type).map(\.canonical))
      return !names.isSuperset(of: record.weights.tensors.keys)
    }
    heads.removeAll { head in unknown.contains { $0.id == head.id } }
    var notes = unknown.map {
      "the head '\($0.id)' is left out: the dialect '\(dialect.name)' has no names for it"
    }
    guard dialect.files.configuration?.name == ModelDirectory.configurationName else { return notes }
    for record in activeRecords where record.type.hasLabels {
      let labels = try record.settings.labels()
      var plain = Configuration()
      plain.setLabels(Configuration.numberedLabels(labels.count))
      if try labels != plain.labels() || record.settings.problemType() != plain.problemType() {
        notes.append(
          "labels and problem type are left out: config.json of '\(dialect.name)' has no place for them")
      }
    }
    return notes
  }

  /// What one weight file does not hold of the checkpoint: parked heads, and a pooler without a place.
  public func leftOut(ofOneFileIn dialect: Dialect) throws -> [String] {
    let hasUnused = try unusedBackboneParameters(dialect).contains { backbone[$0] != nil }
    return parkedRecords.map { "the head '\($0.id)'" } + (hasUnused ? ["the pooler"] : [])
  }

  /// What `config.json` says of the checkpoint as it is written.
  private func writtenConfiguration(_ options: WriteOptions) -> Configuration {
    var configuration = configuration
    configuration["architectures"] = [.string(architecture)]
    configuration["model_type"] = .string(backboneType.name)
    if let dtype = options.dtype?.dtype ?? backbone.tensors.values.first?.spec.dtype {
      // transformers 5 writes `dtype`; older files have `torch_dtype`.
      configuration.values["torch_dtype"] = nil
      configuration["dtype"] = .string(dtype.rawValue)
    }
    return configuration
  }

  /// Writes the weights of the active architecture, with what it computes where the format has a place for that.
  ///
  /// - Parameters:
  ///   - weights: ``encodedWeights(_:)``, and what is carried along.
  ///   - url: The file when one is enough.
  ///   - options: How they were encoded, and are written.
  /// - Throws: ``GraftError`` when a file cannot be written, or the dialect lays out weights otherwise than the
  ///   model reads them.
  public func write(_ weights: Weights, to url: URL, _ options: WriteOptions) throws {
    guard let format = options.format.init() as? any GraphFormat else {
      return try options.write(weights, to: url, limit: options.shardLimit)
    }
    let weights = options.tally?.watching(weights) ?? weights
    let names = try nameTable(options).storedNames(architecture: architecture, withHead: activeHead != nil)
    let graph = try graph().renamingParameters { names[$0] ?? $0 }
    try format.write(weights, computing: graph, to: url, limit: options.shardLimit)
  }

  /// Writes the weights in one file, in shards, or in the two files that the dialect asks for.
  private func writeWeights(into directory: URL, _ options: WriteOptions) throws {
    let weights = try encodedWeights(options)
    let files = options.dialect.files
    func url(_ name: String) -> URL { directory.appendingPathComponent(name) }
    // A framework's names are for files of the format that it uses; in another nothing would find them.
    guard let name = files.weights, options.format.fileNames.contains(name) else {
      return try write(weights, to: url(options.format.fileName()), options)
    }
    guard let heads = files.heads, activeHead != nil else {
      return try write(weights, to: url(name), options)
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
    try write(backbone, to: url(name), options)
    try write(rest, to: url(heads), options)
  }

  /// The tensors of the active architecture as a dialect stores them.
  ///
  /// - Throws: ``GraftError`` when the dialect cannot name a tensor, or its classes have one that is missing.
  public func encodedWeights(_ options: WriteOptions) throws -> Weights {
    let weights = try activeWeights(options.dialect)
    try nameTable(options).checkComplete(weights)
    var stored = try encoded(weights, options)
    stored.attributes = try options.dialect.files.attributes?(self) ?? [:]
    if options.format is any GraphFormat.Type {
      stored.attributes[ModelDirectory.configurationName] = .string(writtenConfiguration(options).text)
      stored.attributes.merge(tokenizer?.attributes(as: options.dialect.files.tokenizer) ?? [:]) { first, _ in
        first
      }
    }
    return stored
  }

  private func encoded(_ weights: Weights, _ options: WriteOptions) throws -> Weights {
    try nameTable(options).encode(
      options.dialect.stored(weights, as: options.dtype), architecture: architecture,
      withHead: activeHead != nil)
  }

  private func nameTable(_ options: WriteOptions) throws -> NameTable {
    NameTable(options.dialect, on: try makeBackbone(), heads: activeHead?.parts ?? [])
  }
}

extension HeadRecord {
  /// The text of `graft.json`: the head, its parts' histories, and other members.
  static func document(
    _ head: String?, _ records: [HeadRecord], _ others: OrderedDictionary<String, JSON>
  ) -> String {
    let histories = records.map { ($0.type.name, $0.history.json) }
    let document: OrderedDictionary<String, JSON> = [
      "head": head.map { .string($0) } ?? .null,
      "heads": .object(OrderedDictionary(uniqueKeysWithValues: histories)),
    ]
    return JSON.object(document.merging(others) { first, _ in first }).text(.pretty) + "\n"
  }
}
