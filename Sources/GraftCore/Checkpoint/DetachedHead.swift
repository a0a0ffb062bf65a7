import Foundation
import GraftTensors
import OrderedCollections

/// A head without a backbone, as it is written: a weight file, and a `config.json` with its
/// labels and the facts of the backbone that it has to fit.
public struct DetachedHead: Sendable {
  /// What it is called: a task's name, or a combination's, which has a component for each part.
  public let heads: HeadSet
  public var components: [Component]
  /// The family of the model it came from.
  public let family: Family
  /// The configuration of the model it came from, with the head's own settings.
  public var configuration: Configuration
  /// The width of the hidden states that it reads.
  public var hiddenSize: Int

  /// The active heads of a checkpoint.
  ///
  /// - Throws: ``GraftError`` when the checkpoint's configuration is not usable, or a tensor cannot be read.
  public init(_ heads: HeadSet, of checkpoint: Checkpoint) throws {
    let checkpoint = try checkpoint.confirmed()
    try self.init(heads, checkpoint.activeHeads, of: checkpoint)
  }

  /// One head of a checkpoint.
  ///
  /// - Throws: ``GraftError`` when no plugin knows it, the checkpoint's configuration is not usable, or a tensor
  ///   cannot be read.
  public init(_ head: Component, of checkpoint: Checkpoint) throws {
    let checkpoint = try checkpoint.confirmed()
    guard let heads = checkpoint.headSet(of: head), let own = checkpoint[head.id] else {
      throw GraftError(.unsupported, "no plugin knows the head '\(head.id)'")
    }
    try self.init(heads, [own], of: checkpoint)
  }

  private init(_ heads: HeadSet, _ components: [Component], of checkpoint: Checkpoint) throws {
    let configuration = components.reduce(checkpoint.configuration) { $0.applying($1) }
    self.init(
      heads, components.map(checkpoint.withFiles), checkpoint.family, configuration,
      hiddenSize: try checkpoint.makeBackbone().hiddenSize)
  }

  fileprivate init(
    _ heads: HeadSet, _ components: [Component], _ family: Family, _ configuration: Configuration,
    hiddenSize: Int
  ) {
    self.heads = heads
    self.components = components
    self.family = family
    self.configuration = configuration
    self.configuration.values["architectures"] = nil
    self.hiddenSize = hiddenSize
  }

  /// Writes the files of a detached head into a directory that exists.
  ///
  /// - Parameters:
  ///   - directory: Where they go.
  ///   - options: The format, the dialect and the type of what is written.
  ///   - tally: Counts values that are not finite in what is written.
  /// - Throws: ``GraftError`` when a file cannot be written or the dialect cannot name a tensor.
  public func write(
    into directory: URL, _ options: Checkpoint.WriteOptions, counting tally: NonFiniteTally? = nil
  ) throws {
    try FileWriter.write(
      directory.appendingPathComponent(ModelDirectory.configurationName),
      text: configuration.text
    )
    var weights = Weights()
    for component in components { weights.tensors.merge(component.weights.tensors) { first, _ in first } }
    let stored = try NameTable(options.dialect, on: nil, heads: heads.taskNames).encode(
      weights, options, architecture: heads.classSuffix, withHead: true)
    // Beside another head of its task it is called otherwise.
    let histories = components.map { component in
      var component = component
      component.id = component.task?.name ?? component.id
      return component
    }
    let fileName = try options.format.type.fileName()
    try options.write(stored, to: directory.appendingPathComponent(fileName), counting: tally)
    try FileWriter.write(
      directory.appendingPathComponent(ModelDirectory.recordName),
      text: Checkpoint.record(
        heads.name, histories, ["detached": true, "hidden_size": JSON(hiddenSize)])
    )
    for component in components { try component.sentenceFiles?.write(into: directory) }
  }
}

extension Registry {
  /// Whether a directory says that it holds a head alone, as ``DetachedHead/write(into:_:)`` writes it.
  ///
  /// - Throws: ``GraftError`` when there are no weights, or `graft.json` is broken.
  public func isDetachedHead(_ url: URL) throws -> Bool {
    try ModelDirectory(url, formats: checkpointFormats).record()?["detached"]?.bool == true
  }

  /// Opens what ``DetachedHead/write(into:_:)`` wrote.
  ///
  /// - Throws: ``GraftError`` when the directory is no detached head, or is broken.
  public func openHead(_ url: URL) throws -> DetachedHead {
    let directory = try ModelDirectory(url, formats: checkpointFormats, isHead: true)
    guard let record = try directory.record(), let name = record["head"]?.string,
      record["detached"]?.bool == true, let hiddenSize = record["hidden_size"]?.int
    else {
      throw GraftError(
        .mismatch,
        "not a detached head",
        file: url.path,
        expected: "a directory that a head was detached into",
        found: "no \(ModelDirectory.recordName) that names a head"
      )
    }
    let plain = try directory.configuration()
    let family = try self.family(of: plain)
    let configuration = family.adopting(plain)
    let heads = try heads(name, of: family)
    let stored = try openWeights(directory.weights).weights
    let tables = family.dialects.map { NameTable($0, on: nil, heads: heads.taskNames) }
    guard let table = tables.max(by: { $0.matches(stored.tensors.keys) < $1.matches(stored.tensors.keys) })
    else { throw GraftError(.unsupported, "the family '\(family.name)' has no dialect", file: url.path) }
    var report = LoadReport()
    let decoded = try table.decode(stored, report: &report)
    guard report.unexpected.isEmpty else {
      throw GraftError(
        .mismatch,
        "tensors that are not the head's",
        file: url.path,
        found: LoadReport.sample(report.unexpected),
        advice: "This looks like a whole checkpoint; detach its head first."
      )
    }
    let histories = record["heads"]?.object ?? [:]
    // Earlier versions wrote the name that a head had beside another of its task: `sequence-classification.2`.
    let only = heads.tasks.count == 1 && histories.count == 1 ? histories.values[0] : nil
    let components = try heads.tasks.map { task in
      guard let weights = decoded.components[task.name] else {
        throw GraftError(.missing, "no tensor of the head '\(task.name)'", file: url.path)
      }
      var head = Component(
        head: task, settings: configuration.settings(of: task.settingKeys), weights: weights,
        history: Component.History(histories[task.name] ?? only, source: directory.name))
      head.copies = decoded.copies[task.name]
      head.sentenceFiles = try headFiles(in: directory, of: task, configuration, hiddenSize: hiddenSize)
      return head
    }
    return DetachedHead(heads, components, family, configuration, hiddenSize: hiddenSize)
  }

  /// Whether the plugins know the head that a directory holds; one that says nothing of itself is looked into.
  func isKnownHead(_ url: URL, _ family: Family) throws -> Bool {
    guard let name = try ModelDirectory(url).record()?["head"]?.string else { return true }
    return heads(of: family).contains { $0.name == name }
  }
}
