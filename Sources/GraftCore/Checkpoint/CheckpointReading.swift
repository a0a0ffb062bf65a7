import Foundation
import GraftTensors
import OrderedCollections

/// A checkpoint that was opened, how it was stored, and what became of its tensors.
public struct OpenedCheckpoint: Sendable {
  public var checkpoint: Checkpoint
  public var report: LoadReport
  /// The name of the weight format.
  public let format: String
  /// The dialect its names are in.
  public let dialect: Dialect
  /// The weights as they are stored.
  public let stored: Weights

  /// Compares what was taken for copies, and corrects the report. Reads tensors.
  ///
  /// - Throws: as ``Checkpoint/confirmCopies()``.
  public mutating func confirmCopies() throws {
    let untied = try checkpoint.confirmCopies()
    report.dropped.removeAll { untied.contains($0.name) }
    if !untied.isEmpty {
      report.notes.append("\(LoadReport.sample(untied)) differs from what it is usually tied to, and is kept")
    }
  }
}

extension Registry {
  /// Opens a checkpoint directory or weight file, whatever wrote it. Reads headers only.
  ///
  /// A tensor that is usually a copy of another is taken for one when it has the same type and shape; see
  /// ``OpenedCheckpoint/confirmCopies()``.
  ///
  /// - Parameter path: A directory in the Hugging Face layout, or a weight file beside its `config.json`.
  /// - Throws: `GraftError` when a file is missing or broken, when no dialect fits, or when a backbone
  ///   tensor is missing or of another shape.
  public func open(_ path: URL) throws -> OpenedCheckpoint {
    let directory = try ModelDirectory(path, formats: checkpointFormats)
    let record = try directory.record()
    if let head = record?["head"]?.string, record?["detached"]?.bool == true {
      throw GraftError(
        .mismatch, "the head '\(head)' alone, not a checkpoint", file: directory.url.path,
        advice: "Put it on one with \(action: .attachHead).")
    }
    // Half of the time goes into the vocabulary, the other into names.
    let tokenizer = BackgroundTask { try loadTokenizer(from: directory.url) }
    defer { _ = try? tokenizer.value() }
    let (file, format, hasHeadFile) = try openModelFile(of: directory)
    do {
      var report = LoadReport()
      report.notes += [directory.note].compactMap { $0 } + file.notes
      let identity = try identify(file, directory, hasHeadFile: hasHeadFile)
      report.notes += identity.wrapperParts.map {
        "'\($0).' in the names is a wrapper's, and is taken off"
      }
      if !identity.wrapper.isEmpty {
        report.notes.append("'\(identity.wrapper)' before the names is a wrapper's, and is taken off")
      }
      var checkpoint = try assemble(identity, record, directory, &report)
      do {
        checkpoint.tokenizer = try tokenizer.value()
      } catch let error as GraftError where error.kind == .unsupported {
        // One of another kind, and not one that is damaged.
        checkpoint.unreadTokenizer = try UnreadTokenizer(error, in: directory.url, names: tokenizerFileNames)
        report.notes.append(
          "the tokenizer cannot be read, so that the model cannot read texts: \(error.withoutAdvice)")
      }
      if checkpoint.tokenizer == nil, checkpoint.unreadTokenizer == nil {
        checkpoint.tokenizer = try loadTokenizer(describedBy: file.attributes)
      }
      report.notes += checkpoint.tokenizer?.notes ?? []
      if let tokens = checkpoint.tokenizer?.vocabularySize, tokens > identity.backbone.vocabularySize {
        report.notes.append(
          "the tokenizer has \(tokens) tokens, the model \(identity.backbone.vocabularySize): a text with one of the "
            + "others cannot be read. Tokens were added without resizing the model, or the tokenizer is another model's"
        )
      }
      checkpoint.sentences = try sentencePipeline(
        in: directory.root, hiddenSize: identity.backbone.hiddenSize)
      if checkpoint.activeHead?.tasks.contains(where: { $0.readsCrossEncoder }) == true {
        checkpoint.crossEncoder = try CrossEncoder(in: directory.root, checkpoint.configuration)
      }
      report.notes += checkpoint.parkedHeads.compactMap { head in
        guard case .unread(_, let error) = head.sentenceFiles else { return nil }
        return "the head '\(head.id)' cannot be made active: \(error.withoutAdvice)"
      }
      report.notes += [checkpoint.quantizationNote].compactMap { $0 }
      report.notes += [linksNote(directory)].compactMap { $0 }
      checkpoint.card = directory.card(&report)
      checkpoint.source = directory.title
      return OpenedCheckpoint(
        checkpoint: checkpoint, report: report, format: format, dialect: identity.dialect,
        stored: file.weights)
    } catch var error as GraftError {
      if error.file == ModelDirectory.configurationName {
        error.file = try? directory.configurationFile(configurationFiles).path
      }
      throw error.inFile(directory.weights.path)
    }
  }

  private var tokenizerFileNames: [String] { tokenizers.values.flatMap { $0.fileNames.all } }

  /// Which files that are read, and whose content goes into what is written, are links that lead out of the directory.
  private func linksNote(_ directory: ModelDirectory) -> String? {
    let names = OrderedSet(
      [ModelDirectory.configurationName] + configurationFiles.compactMap(\.name) + tokenizerFileNames)
    let folder = CheckpointFolder(directory.url)
    let links = names.filter { folder.leadsOut($0) }
    guard !links.isEmpty else { return nil }
    return
      "\(LoadReport.sample(Array(links))): \(links.count == 1 ? "a link that leads" : "links that lead") out of "
      + "the checkpoint; what is written has what \(links.count == 1 ? "it leads" : "they lead") to"
  }

  /// What a file's configuration and names say that it is.
  private struct Identity {
    let configuration: Configuration
    let family: Family
    let dialect: Dialect
    /// The file's, without what wrappers add to the names.
    let weights: Weights
    /// What is no part of the model: other layers' than that which it is.
    let others: Weights
    /// What the file calls them, by their names without what wrappers add.
    let fileNames: [String: String]
    /// What stood before all names.
    let wrapper: String
    /// What stood in them.
    let wrapperParts: [Substring]
    let backbone: any Backbone
    let architecture: Architecture
    /// The tasks whose heads may be in the file, likeliest first.
    let tasks: [any Task.Type]
    /// Those that the file's tensors do not decide between.
    let undecided: [any Task.Type]
    /// Where the configuration stands in a document.
    let place: ModelDirectory.Description.Place
    let table: NameTable
  }

  private func identify(
    _ file: ModelFile, _ directory: ModelDirectory, hasHeadFile: Bool
  ) throws -> Identity {
    let description = try directory.description(
      configurationFiles, families: Set(families.values.map(\.name)), or: file)
    let read = description.configuration
    try QuantizationSettings.check(read)
    let (stored, wrapperParts) = try file.weights.withoutWrapperParts()
    let recognition = try recognize(stored, read)
    let (family, dialect) = (recognition.family, recognition.dialect)
    var (inside, others) = (stored, Weights())
    switch dialect.headEvidence {
    case .name: break
    // What is not behind the prefix is no part of the model, whatever it is called.
    case .place, .classes: (inside, others) = stored.divided(by: recognition.wrapper)
    }
    let weights = try inside.withoutPrefix(recognition.wrapper)
    let original = Dictionary(uniqueKeysWithValues: zip(stored.tensors.keys, file.weights.tensors.keys))
    let fileNames = zip(weights.tensors.keys, inside.tensors.keys).map { ($0, original[$1] ?? $1) }
    let configuration = family.adopting(read).inOwnSpelling
    let backbone = try family.makeBackbone(configuration)
    let architecture = Architecture(
      configuration, family, dialect, heads(of: family), names: Array(weights.tensors.keys))
    var likely = Architecture.LikelyTasks(tasks: [])
    let showsHeads = try dialect.showsHeads(
      description.place, behind: recognition.wrapper, in: directory, hasHeadFile: hasHeadFile)
    if showsHeads {
      likely = try architecture.likelyTasks(
        needsPooler: { task in
          try family.head(for: task.name)?.head(configuration, on: backbone, outputs: 1).readsPooled == true
        },
        fits: { try dialect.fits($0, family, configuration, on: backbone, weights) })
    } else if description.place.depth == 0 {
      likely.tasks = architecture.claimedTasks
    }
    return Identity(
      configuration: configuration, family: family, dialect: dialect, weights: weights, others: others,
      fileNames: Dictionary(uniqueKeysWithValues: fileNames), wrapper: recognition.wrapper,
      wrapperParts: wrapperParts, backbone: backbone, architecture: architecture, tasks: likely.tasks,
      undecided: likely.undecided, place: description.place,
      table: NameTable(dialect, on: backbone, heads: likely.tasks.map { $0.name }))
  }

  /// Makes a checkpoint of a file's tensors and of what stands beside it, and checks that it is whole.
  private func assemble(
    _ identity: Identity, _ record: JSON?, _ directory: ModelDirectory,
    _ report: inout LoadReport
  ) throws -> Checkpoint {
    let (family, table) = (identity.family, identity.table)
    var configuration = identity.configuration
    let isTied = try configuration.bool("tie_word_embeddings", default: true)
    let decoded = try table.decode(
      identity.weights, besides: identity.others, isTied: isTied, report: &report,
      fileName: { identity.fileNames[$0] ?? $0 })
    report.notes += [headNote(identity, decoded.unknown)].compactMap { $0 }
    correctVocabulary(&configuration, decoded.components[Component.backbone], identity.backbone, &report)

    var checkpoint = Checkpoint(
      configuration: configuration, family: family,
      components: try components(decoded, identity.tasks, configuration, family, record, directory),
      extra: decoded.unknown)
    try dropAssumedParts(of: &checkpoint)
    try initializeUnusedParts(of: &checkpoint, table, &report)
    try checkEncoder(checkpoint, table)
    checkpoint.lineage = try directory.lineage(record)
    checkpoint.activeHead = identity.architecture.active(
      holding: checkpoint.heads.map(\.id), note: &report)
    report.notes += [
      identity.architecture.note(checkpoint.activeHead),
      identity.architecture.note(onUndecided: identity.undecided),
    ].compactMap(\.self)
    // Another tool's folder of that name is no concern of ours.
    if record != nil { checkpoint.components += try parkedHeads(in: directory.url, family) }
    try initializeMissingParts(of: &checkpoint, settings: configuration, seed: 0, report: &report)
    for head in checkpoint.heads {
      try head.check(configuration, family, on: checkpoint.makeBackbone(), table)
    }
    try restoreKept(&checkpoint, in: directory, record, identity.dialect, &report)
    return checkpoint
  }

  /// How layers beside an encoder would be its head, where its configuration alone is there.
  private func headNote(_ identity: Identity, _ unknown: Weights) -> String? {
    guard case .classes(_, let values, let file) = identity.dialect.headEvidence, let example = values.first,
      identity.place.depth == 0, identity.tasks.isEmpty
    else { return nil }
    let stored = identity.weights.tensors.keys
    let heads = Set(NameTable.completeHeads(identity.dialect, in: stored).values.joined())
    let names = stored.filter(heads.contains).compactMap { identity.fileNames[$0] }
      .filter { unknown[$0] != nil }
    guard !names.isEmpty else { return nil }
    return
      "\(LoadReport.sample(names)): the names of a head's, which any layer may have. They count as one where "
      + "\(ModelDirectory.configurationName) or \(file) describes the whole model, such as '\(example)'"
  }

  /// The names of the files that hold a model's configuration: `config.json`, and those of other frameworks.
  public var configurationNames: [String] {
    var names: OrderedSet = [ModelDirectory.configurationName]
    names.formUnion(configurationFiles.compactMap(\.name))
    return Array(names)
  }

  /// The spellings of configurations that the dialects bring.
  var configurationFiles: [ConfigurationFile] { dialects.compactMap(\.dialect.files.configuration) }

  /// The weights of a checkpoint: those of its weight file, and of one for the heads where a dialect has one.
  private func openModelFile(
    of directory: ModelDirectory
  ) throws -> (file: ModelFile, format: String, hasHeadFile: Bool) {
    let (opened, format) = try openModelFile(directory.weights)
    for (_, dialect) in dialects where dialect.files.weights == directory.weights.lastPathComponent {
      guard let name = dialect.files.heads else { continue }
      let file = directory.url.appendingPathComponent(name)
      guard FileManager.default.fileExists(atPath: file.path) else { continue }
      // Families have their files under the same names.
      guard try dialect.files.configuration.map(directory.isConfigured) != false else { continue }
      var joined = Weights(metadata: opened.weights.metadata)
      for (name, tensor) in opened.weights.tensors { joined[dialect.backbonePrefixes[0] + name] = tensor }
      let heads = try openWeights(file).weights
      joined.tensors.merge(heads.tensors) { first, _ in first }
      joined.notes = opened.notes + heads.notes
      return (ModelFile(joined), format, true)
    }
    return (opened, format, false)
  }

  /// The components that a file's tensors make, in the order of the checkpoint.
  private func components(
    _ decoded: NameTable.Decoded, _ tasks: [any Task.Type], _ configuration: Configuration, _ family: Family,
    _ record: JSON?, _ directory: ModelDirectory
  ) throws -> [Component] {
    func component(_ kind: Component.Kind, _ id: String) -> Component {
      var component = Component(kind, id: id, weights: decoded.components[id] ?? Weights())
      component.copies = decoded.copies[id]
      return component
    }
    var components = [component(.backbone, Component.backbone)]
    if decoded.components[Component.pooler] != nil {
      var pooler = component(.pooler, Component.pooler)
      pooler.history = record?["pooler"].map { Component.History($0, source: directory.name) }
      components.append(pooler)
    }
    let backbone = try family.makeBackbone(configuration)
    for task in tasks where decoded.components[task.name] != nil {
      var head = component(.head(task), task.name)
      head.settings = configuration.settings(of: task.settingKeys)
      head.history = Component.History(record?["heads"]?[task.name], source: directory.name)
      try head.settleSettings(task, configuration, family, backbone)
      components.append(head)
    }
    return components
  }

  /// Drops what a file's reader has made out to be there, where the model has no such parameter.
  private func dropAssumedParts(of checkpoint: inout Checkpoint) throws {
    let backbone = try checkpoint.makeBackbone()
    for index in checkpoint.components.indices {
      let component = checkpoint.components[index]
      let assumed = component.weights.assumed
      guard !assumed.isEmpty else { continue }
      let specs = try component.parameters(checkpoint.configuration, checkpoint.family, on: backbone)
      let names = Set(specs.map(\.name))
      checkpoint.components[index].weights.tensors.removeAll {
        assumed.contains($0.key) && !names.contains($0.key)
      }
      checkpoint.components[index].weights.assumed = []
    }
  }

  /// Takes the vocabulary's size from the tensor, which padded vocabularies make larger.
  private func correctVocabulary(
    _ configuration: inout Configuration,
    _ weights: Weights?,
    _ backbone: any Backbone,
    _ report: inout LoadReport
  ) {
    guard let shape = weights?[backbone.wordEmbedding]?.spec.shape, shape.count == 2,
      shape[1] == backbone.embeddingSize, shape[0] != backbone.vocabularySize
    else { return }
    report.notes.append(
      "config.json says vocab_size \(backbone.vocabularySize), the word embedding has \(shape[0]) rows; "
        + "\(shape[0]) is used"
    )
    configuration["vocab_size"] = JSON(shape[0])
  }

  /// Gives the backbone new values for what the file lacks and the forward pass does not read.
  private func initializeUnusedParts(
    of checkpoint: inout Checkpoint, _ table: NameTable, _ report: inout LoadReport
  ) throws {
    guard let index = checkpoint.components.firstIndex(where: { $0.id == Component.backbone }) else { return }
    let stored = checkpoint.components[index].weights
    let missing = try checkpoint.makeBackbone().parameters.filter { !$0.isUsed && stored[$0.name] == nil }
    guard !missing.isEmpty else { return }
    checkpoint.components[index].weights.tensors.merge(try missing.initialized(seed: 0).tensors) { $1 }
    report.update(Component.backbone) { $0.initialized += missing.map { table.storedName($0.name) } }
  }

  /// Demands every tensor of the backbone, and of a pooler that is there, in its shape.
  private func checkEncoder(_ checkpoint: Checkpoint, _ table: NameTable) throws {
    let backbone = try checkpoint.makeBackbone()
    var specs = backbone.parameters
    if let pooler = try checkpoint.makePooler(on: backbone) { specs += pooler.parameters }
    for spec in specs {
      let name = table.storedName(spec.name)
      let weights = [Component.backbone, Component.pooler].compactMap { checkpoint[$0]?.weights }
      guard let tensor = weights.compactMap({ $0[spec.name] }).first else {
        throw GraftError(
          .missing,
          "the backbone is incomplete",
          subject: "tensor '\(name)'",
          expected: "\(spec.shape)",
          found: "nothing",
          advice: "Download the checkpoint again, or correct config.json."
        )
      }
      try tensor.check(spec, name: name)
    }
  }

  private func parkedHeads(in directory: URL, _ family: Family) throws -> [Component] {
    let folder = directory.appendingPathComponent(ModelDirectory.headsName)
    return try directoryContents(folder).filter { !$0.hasPrefix(".") }.flatMap { name -> [Component] in
      let url = folder.appendingPathComponent(name)
      guard try isKnownHead(url, family) else {
        var opaque = Component(
          .opaque(try OpaqueFiles("\(ModelDirectory.headsName)/\(name)", of: directory)), id: name,
          weights: Weights())
        opaque.history = .imported(from: name)
        return [opaque]
      }
      return try openHead(url).components.map { component in
        var component = component
        component.id = name
        return component
      }
    }
  }

  private func restoreKept(
    _ checkpoint: inout Checkpoint,
    in directory: ModelDirectory,
    _ record: JSON?,
    _ dialect: Dialect,
    _ report: inout LoadReport
  ) throws {
    for format in checkpointFormats {
      guard let fileName = format.fileNames.first else { continue }
      let file = directory.url.appendingPathComponent(ModelDirectory.keptName(fileName))
      guard FileManager.default.fileExists(atPath: file.path) else { continue }
      let table = NameTable(dialect, on: try checkpoint.makeBackbone(), heads: [])
      var kept = LoadReport()
      let stored = try openWeights(file).weights
      let decoded = try table.decode(stored, report: &kept)
      if let weights = decoded.components[Component.pooler], checkpoint[Component.pooler] == nil {
        let history = record?["pooler"].map { Component.History($0, source: directory.name) }
        checkpoint.components.insert(
          Component(.pooler, id: Component.pooler, weights: weights, history: history), at: 1)
      }
      checkpoint.extra.tensors.merge(decoded.unknown.tensors) { first, _ in first }
      report.unexpected += kept.unexpected
      report.notes.append("\(file.lastPathComponent): \(stored.tensors.count) tensors kept")
      try checkEncoder(checkpoint, table)
    }
  }

  /// The first registered tokenizer that a weight file describes.
  public func loadTokenizer(describedBy attributes: OrderedDictionary<String, JSON>) throws -> (
    any Tokenizer
  )? {
    guard !attributes.isEmpty else { return nil }
    for type in tokenizers.values {
      if let tokenizer = try type.load(describedBy: attributes) { return tokenizer }
    }
    return nil
  }

  /// The first registered tokenizer whose files are in a directory.
  ///
  /// - Throws: `GraftError` when the files are there, but broken.
  public func loadTokenizer(from directory: URL) throws -> (any Tokenizer)? {
    for type in tokenizers.values {
      if let tokenizer = try type.load(from: directory) { return tokenizer }
    }
    return nil
  }
}

extension GraftError {
  /// Of a note, which is read by whoever opens the checkpoint: advice would name functions.
  fileprivate var withoutAdvice: GraftError {
    var error = self
    error.advice = nil
    return error
  }
}

extension Dialect {
  /// Whether tensors with the names of heads are heads.
  ///
  /// - Parameters:
  ///   - place: Where the configuration stands in a document.
  ///   - wrapper: What stood before the names of the model's tensors.
  ///   - directory: Where other documents are.
  ///   - hasHeadFile: Whether heads have a file of their own.
  /// - Throws: `GraftError` when a document is not a JSON object.
  fileprivate func showsHeads(
    _ place: ModelDirectory.Description.Place, behind wrapper: String, in directory: ModelDirectory,
    hasHeadFile: Bool
  ) throws -> Bool {
    switch headEvidence {
    case .name: return true
    // The object of the model's own class is around its configuration.
    case .place: return !wrapper.isEmpty || place.depth <= 1
    case .classes(let key, let values, let file):
      guard !hasHeadFile else { return true }
      // What is beside the encoder's configuration is about the same file.
      let holder = try place.holder ?? (place.depth == 0 ? directory.document(file) : nil)
      return holder?[key]?.string.map(values.contains) == true
    }
  }

  /// Whether a file's tensors have as many outputs as the head of a task whose outputs are no labels: of two heads with
  /// the same names, a classifier of five labels is none that chooses.
  fileprivate func fits(
    _ task: any Task.Type, _ family: Family, _ configuration: Configuration, on backbone: any Backbone,
    _ weights: Weights
  ) throws -> Bool {
    guard !task.hasLabels, let head = family.head(for: task.name) else { return true }
    let count = try task.init(configuration).outputCount(on: backbone)
    // A file that says that there is one label is a classifier's.
    let labels = configuration["id2label"]?.object?.count ?? configuration["num_labels"]?.int
    if count == 1, labels == 1 { return false }
    let made = try head.head(configuration, on: backbone, outputs: count)
    guard let weight = made.outputWeight else { return true }
    let bias = weight.dropLast("weight".count) + "bias"
    guard let row = heads[task.name]?.first(where: { $0.parameters == [String(bias)] }) else { return true }
    let index = NameIndex([row.stored])
    guard let stored = weights.tensors.first(where: { index[$0.key] != nil })?.value else { return true }
    return stored.spec.elementCount == count
  }
}
