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
}

extension Registry {
  /// Opens a checkpoint directory or weight file, whatever wrote it. Reads headers only.
  ///
  /// - Parameter path: A directory in the Hugging Face layout, or a weight file beside its `config.json`.
  /// - Throws: ``GraftError`` when a file is missing or broken, when no dialect fits, or when a backbone
  ///   tensor is missing or of another shape.
  public func open(_ path: URL) throws -> OpenedCheckpoint {
    let directory = try ModelDirectory(path, formats: checkpointFormats)
    let record = try directory.record()
    if let head = record?["head"]?.string, record?["detached"]?.bool == true {
      throw GraftError(
        .mismatch, "the head '\(head)' alone, not a checkpoint", file: directory.url.path,
        advice: "Put it on one with 'graft head attach CKPT --head DIR --output DIR'.")
    }
    // Half of the time goes into the vocabulary, the other into names.
    let tokenizer = BackgroundTask { try loadTokenizer(from: directory.url) }
    defer { _ = try? tokenizer.value() }
    let (file, format) = try openModelFile(of: directory)
    let stored = file.weights
    do {
      var configuration = try directory.configuration(configurationFiles, or: file.attributes)
      let (dialect, backboneType) = try recognize(stored, configuration)
      let backbone = try backboneType.init(configuration)
      let architecture = try Architecture(configuration, backboneType, dialect, heads: heads.values)
      let leaves = architecture.likelyLeaves(of: heads.values)
      let table = NameTable(dialect, on: backbone, heads: leaves)

      var report = LoadReport()
      report.notes += [directory.note, architecture.note].compactMap { $0 }
      var decoded = try table.decode(stored, report: &report)
      let extra = decoded.removeValue(forKey: "") ?? Weights()
      let encoder = decoded.removeValue(forKey: NameTable.backbone) ?? Weights()
      correctVocabulary(&configuration, encoder, backbone, &report)

      var checkpoint = Checkpoint(
        configuration: configuration,
        backboneType: backboneType,
        backbone: encoder,
        extra: extra
      )
      try checkBackbone(checkpoint, table)

      checkpoint.heads = try leaves.compactMap { leaf in
        try decoded[leaf.name].map { weights in
          var found = HeadRecord(
            leaf, settings: configuration.settings(of: leaf), weights: weights,
            history: HeadRecord.History(record?["heads"]?[leaf.name], source: directory.name))
          try found.settleSettings(dialect, backbone)
          return found
        }
      }
      checkpoint.lineage = directory.lineage(record)
      if let pooler = record?["pooler"] {
        checkpoint.poolerHistory = HeadRecord.History(pooler, source: directory.name)
      }
      checkpoint.activeHead = architecture.head(
        holding: checkpoint.heads.map { $0.id }, of: heads.values, note: &report)
      // Another tool's folder of that name is no concern of ours.
      if record != nil { checkpoint.heads += try parkedHeads(in: directory.url) }
      try initializeMissingParts(of: &checkpoint, settings: configuration, seed: 0, report: &report)
      for head in checkpoint.heads { try head.check(configuration, on: checkpoint.makeBackbone(), table) }
      try restoreKept(&checkpoint, in: directory.url, dialect, &report)
      checkpoint.tokenizer =
        try tokenizer.value() ?? loadTokenizer(describedBy: file.attributes)
      checkpoint.card = directory.card(&report)
      checkpoint.source = directory.title
      return OpenedCheckpoint(
        checkpoint: checkpoint,
        report: report,
        format: format,
        dialect: dialect,
        stored: stored
      )
    } catch var error as GraftError {
      if error.file == ModelDirectory.configurationName {
        error.file = try? directory.configurationFile(configurationFiles).path
      }
      throw error.inFile(directory.weights.path)
    }
  }

  /// The spellings of configurations that the dialects bring.
  var configurationFiles: [ConfigurationFile] { dialects.values.compactMap(\.files.configuration) }

  /// The weights of a checkpoint: those of its weight file, and of one for the heads where a dialect has one.
  private func openModelFile(of directory: ModelDirectory) throws -> (file: ModelFile, format: String) {
    let (opened, format) = try openModelFile(directory.weights)
    for dialect in dialects.values where dialect.files.weights == directory.weights.lastPathComponent {
      guard let name = dialect.files.heads else { continue }
      let file = directory.url.appendingPathComponent(name)
      guard FileManager.default.fileExists(atPath: file.path) else { continue }
      var joined = Weights(metadata: opened.weights.metadata)
      for (name, tensor) in opened.weights.tensors { joined[dialect.backbonePrefixes[0] + name] = tensor }
      joined.tensors.merge(try openWeights(file).weights.tensors) { first, _ in first }
      return (ModelFile(joined), format)
    }
    return (opened, format)
  }

  /// The dialect that knows most of a file's names, and its backbone.
  private func recognize(
    _ stored: Weights,
    _ configuration: Configuration
  ) throws -> (Dialect, any Backbone.Type) {
    let type = try configuration["model_type"].map { _ in
      do {
        return try backbones.find(configuration.string("model_type", default: ""))
      } catch var error as GraftError {
        error.subject = "key 'model_type' of \(ModelDirectory.configurationName)"
        throw error
      }
    }
    let leaves = heads.values.filter { $0.isLeaf }
    var best: (dialect: Dialect, count: Int)?
    for dialect in dialects.values where type == nil || dialect.backbone == type?.name {
      let backbone: any Backbone
      do {
        backbone = try backbones.find(dialect.backbone).init(configuration)
      } catch  where type == nil && dialects.values.count > 1 {
        continue  // The configuration of another backbone.
      }
      let count = NameTable(dialect, on: backbone, heads: leaves).matches(stored.tensors.keys)
      if count > best?.count ?? 0 { best = (dialect, count) }
    }
    guard let best else {
      throw GraftError(
        .unsupported,
        "none of its \(stored.tensors.count) tensors has a name that a dialect knows",
        found: "'\(stored.tensors.keys.first ?? "no tensor")' first",
        advice: "Known dialects: \(dialects.names.joined(separator: ", "))."
      )
    }
    return (best.dialect, try backbones.find(best.dialect.backbone))
  }

  /// Takes the vocabulary's size from the tensor, which padded vocabularies make larger.
  private func correctVocabulary(
    _ configuration: inout Configuration,
    _ weights: Weights,
    _ backbone: any Backbone,
    _ report: inout LoadReport
  ) {
    guard let shape = weights[backbone.wordEmbedding]?.spec.shape, shape.count == 2,
      shape[1] == backbone.hiddenSize, shape[0] != backbone.vocabularySize
    else { return }
    report.notes.append(
      "config.json says vocab_size \(backbone.vocabularySize), the word embedding has \(shape[0]) rows; "
        + "\(shape[0]) is used"
    )
    configuration["vocab_size"] = JSON(shape[0])
  }

  /// Demands every backbone tensor but the pooler, in its shape.
  private func checkBackbone(_ checkpoint: Checkpoint, _ table: NameTable) throws {
    let backbone = try checkpoint.makeBackbone()
    let pooler = backbone.poolerParameters
    let hasPooler = pooler.contains { checkpoint.backbone[$0] != nil }
    for spec in backbone.parameters where hasPooler || !pooler.contains(spec.name) {
      guard let tensor = checkpoint.backbone[spec.name] else {
        throw GraftError(
          .missing,
          "the backbone is incomplete",
          subject: "tensor '\(table.storedName(spec.name))'",
          expected: "\(spec.shape)",
          found: "nothing",
          advice: "Download the checkpoint again, or correct config.json."
        )
      }
      try tensor.check(spec, name: table.storedName(spec.name))
    }
  }

  private func parkedHeads(in directory: URL) throws -> [HeadRecord] {
    let folder = directory.appendingPathComponent(ModelDirectory.headsName)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return try names.filter { !$0.hasPrefix(".") }.sorted().flatMap { name in
      try openHead(folder.appendingPathComponent(name)).records.map { record in
        var record = record
        record.id = name
        return record
      }
    }
  }

  private func restoreKept(
    _ checkpoint: inout Checkpoint,
    in directory: URL,
    _ dialect: Dialect,
    _ report: inout LoadReport
  ) throws {
    for format in checkpointFormats {
      guard let fileName = format.fileNames.first else { continue }
      let file = directory.appendingPathComponent(ModelDirectory.keptName(fileName))
      guard FileManager.default.fileExists(atPath: file.path) else { continue }
      let backbone = try checkpoint.makeBackbone()
      let table = NameTable(dialect, on: backbone, heads: [])
      var kept = LoadReport()
      let stored = try openWeights(file).weights
      let decoded = try table.decode(stored, report: &kept)
      checkpoint.backbone.tensors.merge(decoded[NameTable.backbone]?.tensors ?? [:]) { first, _ in first }
      checkpoint.extra.tensors.merge(decoded[""]?.tensors ?? [:]) { first, _ in first }
      report.unexpected += kept.unexpected
      report.notes.append("\(file.lastPathComponent): \(stored.tensors.count) tensors kept")
      try checkBackbone(checkpoint, table)
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
  /// - Throws: ``GraftError`` when the files are there, but broken.
  public func loadTokenizer(from directory: URL) throws -> (any Tokenizer)? {
    for type in tokenizers.values {
      if let tokenizer = try type.load(from: directory) { return tokenizer }
    }
    return nil
  }
}

extension Head {
  /// Whether the head is no combination of others.
  static var isLeaf: Bool { parts.count == 1 && parts[0].name == name }
}

extension LazyTensor {
  /// Demands a parameter's shape and numbers.
  ///
  /// - Throws: ``GraftError`` naming the parameter and what is wrong.
  func check(_ spec: ParameterSpec, name: String) throws {
    guard self.spec.dtype.isFloatingPoint else {
      throw GraftError(
        .mismatch, "wrong type", subject: "tensor '\(name)'", expected: "floating-point numbers",
        found: "\(self.spec)")
    }
    guard self.spec.shape == spec.shape else {
      throw GraftError(
        .mismatch,
        "wrong shape",
        subject: "tensor '\(name)'",
        expected: "\(spec.shape), as config.json has it",
        found: "\(self.spec)",
        advice: "The weights and config.json belong to different models."
      )
    }
  }
}

extension HeadRecord {
  /// Demands that the head is whole and fits a backbone.
  ///
  /// - Throws: ``GraftError`` naming the first tensor that is missing or of another shape.
  public func check(_ configuration: Configuration, on backbone: any Backbone, _ table: NameTable? = nil)
    throws
  {
    let specs = try type.init(configuration.applying(self), on: backbone).parameters
    for spec in specs {
      let name = table?.storedName(spec.name) ?? spec.name
      guard let tensor = weights[spec.name] else {
        throw GraftError(
          .missing,
          "the head '\(id)' is incomplete",
          subject: "tensor '\(name)'",
          advice: "Download the checkpoint again, or swap the head."
        )
      }
      try tensor.check(spec, name: name)
    }
  }
}

extension HeadRecord {
  /// Corrects what the configuration says of a head by what the file holds: how many labels, tied or not.
  ///
  /// - Throws: ``GraftError`` when nothing says how many labels there are.
  fileprivate mutating func settleSettings(_ dialect: Dialect, _ backbone: any Backbone) throws {
    if type.hasLabels, settings["id2label"] == nil,
      let shape = weights.tensors.values.first(where: { $0.spec.shape.count == 2 })?.spec.shape,
      shape[1] == backbone.hiddenSize, shape[0] <= Configuration.maximumLabels
    {
      settings.setLabels(Configuration.numberedLabels(shape[0]))
    }
    let decoders = dialect.rows(of: type).filter { $0.target == backbone.wordEmbedding }
    let isTied = !decoders.contains { weights[$0.canonical] != nil }
    if !isTied || settings["tie_word_embeddings"] != nil { settings["tie_word_embeddings"] = JSON(isTied) }
  }
}
