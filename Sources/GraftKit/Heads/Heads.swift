import Foundation
import GraftCore
import GraftTensors

/// What swapping or attaching a head did.
public struct HeadChange: Sendable {
  public let checkpoint: Checkpoint
  /// What was loaded from the source, and what starts anew.
  public let report: LoadReport
  /// Heads that were active and are parked now, by the names that they have there.
  public let parked: [String]
  /// Heads that were parked and are active now, with their weights.
  public let restored: [String]
  /// The labels of a new head for which none were given; `nil` when it has none or they were.
  public let assumedLabels: [String]?
}

/// Puts another head on a checkpoint without touching the backbone.
///
/// The old head is parked in the checkpoint. A parked head of the wanted kind comes back with its weights,
/// unless labels are given that are not its own; any other starts anew.
///
/// - Parameters:
///   - source: A checkpoint.
///   - name: A registered head, or the id of a parked one.
///   - labels: Names of the outputs, for a head that has labels.
///   - problemType: How the labels are read; `nil` infers it.
///   - seed: The randomness of new weights.
///   - registry: The plugins.
/// - Throws: `GraftError` when the head is unknown, or labels are given to one that has none.
public func swapHead(
  _ source: URL, to name: String, labels: [String]? = nil, problemType: ProblemType? = nil, seed: UInt64 = 42,
  registry: Registry
) throws -> HeadChange {
  var opened = try registry.open(source)
  let known = Set(opened.checkpoint.heads.map(\.id))
  let before = Set(opened.checkpoint.parkedHeads.map(\.id))
  let restored = try opened.checkpoint.activate(
    name, labels: labels, problemType: problemType, seed: seed, report: &opened.report, registry: registry)
  let heads = opened.checkpoint.activeHeads
  let new = heads.filter { $0.isUntrained && $0.task?.hasLabels == true && !known.contains($0.id) }
  opened.checkpoint.lineage.append(
    LineageStep("swap", ["parent": .string(source.lastPathComponent), "head": .string(name)]))
  return HeadChange(
    checkpoint: opened.checkpoint, report: opened.report,
    // The head that changed places with a parked one has its name now.
    parked: opened.checkpoint.parkedHeads.map(\.id).filter { !before.contains($0) || $0 == name },
    restored: restored,
    assumedLabels: labels == nil ? try new.first.map { try $0.settings.labels() } : nil)
}

/// The labels that a new head of a checkpoint needs for data, and what they mean.
///
/// - Parameters:
///   - rows: All rows.
///   - name: The head: a registered one.
///   - source: The checkpoint that it is for.
///   - problemType: What labels mean, if that is known.
///   - registry: The plugins.
/// - Throws: `GraftError` when the head is unknown, has no labels, or the data do not say them clearly.
public func inferLabels(
  of rows: [TextRow], forHead name: String, of source: URL, problemType: ProblemType? = nil,
  registry: Registry
) throws -> InferredLabels {
  let heads = try registry.heads(name, of: registry.open(source).checkpoint.family)
  guard let task = heads.tasks.first(where: { $0.hasLabels }) else {
    throw GraftError(
      .refused, "the head '\(heads.name)' has no labels of its own",
      advice: "Leave out \(option: "labels-from").")
  }
  return try task.inferredLabels(of: rows, problemType)
}

extension InferredLabels {
  /// What a task makes of rows whose labels these are.
  ///
  /// - Parameter reading: How labels that are numbers are counted.
  /// - Throws: `GraftError` naming the row without a label, or with one that is none.
  package func labels(
    of rows: [TextRow], for task: any Task.Type, _ reading: LabelReading
  ) throws -> [(any ExampleLabel)?] {
    var configuration = Configuration()
    configuration.setLabels(labels)
    if let problemType { configuration["problem_type"] = .string(problemType.rawValue) }
    return try task.init(configuration).labels(of: rows, reading)
  }

  /// How many rows have no label.
  package func missing(in rows: [TextRow], for heads: HeadSet) -> Int {
    guard let task = heads.tasks.first(where: { $0.hasLabels }) else { return 0 }
    return rows.count { !task.hasLabel($0, problemType) }
  }

  /// How many rows have each label; `nil` where labels are no classes of rows.
  ///
  /// - Throws: as ``labels(of:for:_:)``, but for rows without a label, which are none of them.
  package func counts(of rows: [TextRow], for heads: HeadSet, _ reading: LabelReading) throws -> [Int]? {
    guard let task = heads.tasks.first(where: { $0.hasLabels && !$0.labelsTokens }),
      problemType == .singleLabel || problemType == .multiLabel
    else { return nil }
    return counts(
      of: try labels(of: rows.filter { task.hasLabel($0, problemType) }, for: task, reading))
  }

  /// How many rows have each label, where rows have one or several.
  package func counts(of rows: [(any ExampleLabel)?]) -> [Int] {
    var counts = [Int](repeating: 0, count: labels.count)
    for label in rows {
      if let one = label as? ClassLabel { counts[Int(one.index)] += 1 }
      if let several = label as? ValuesLabel {
        for (index, value) in several.values.enumerated() where value > 0 { counts[index] += 1 }
      }
    }
    return counts
  }
}

/// The active head of a checkpoint alone, or a parked one.
///
/// `id` is the head as the list of heads shows it; `nil` is the active one.
///
/// - Throws: `GraftError` when there is no such head.
public func detachHead(_ source: URL, id: String? = nil, registry: Registry) throws -> DetachedHead {
  let checkpoint = try registry.open(source).checkpoint
  if let id, id != checkpoint.activeHead?.name {
    guard let head = checkpoint.heads.first(where: { $0.id == id }) else {
      throw GraftError(
        .unknownName, "the checkpoint has no head '\(id)'",
        advice: "It has: \(checkpoint.heads.map(\.id).joined(separator: ", ")).")
    }
    return try DetachedHead(head, of: checkpoint)
  }
  guard let active = checkpoint.activeHead else {
    throw GraftError(.missing, "the checkpoint has no head to detach", file: source.path)
  }
  return try DetachedHead(active, of: checkpoint)
}

/// Puts a detached head on a checkpoint; the checkpoint's own head is parked.
///
/// - Throws: `GraftError` giving both widths when the head does not fit the backbone.
public func attachHead(_ source: URL, head: URL, registry: Registry) throws -> HeadChange {
  var opened = try registry.open(source)
  let detached = try registry.openHead(head)
  let (theirs, ours) = (detached.hiddenSize, try opened.checkpoint.makeBackbone().hiddenSize)
  guard theirs == ours else {
    throw GraftError(
      .mismatch, "the head was made for another width", file: head.path, expected: "hidden_size \(ours)",
      found: "\(theirs)", advice: "Attach it to a backbone of width \(theirs).")
  }
  let before = Set(opened.checkpoint.parkedHeads.map(\.id))
  try opened.checkpoint.attach(detached, file: head, report: &opened.report, registry: registry)
  opened.checkpoint.lineage.append(
    LineageStep(
      "attach",
      [
        "parent": .string(source.lastPathComponent), "head": .string(detached.heads.name),
        "from": .string(head.lastPathComponent),
      ]))
  return HeadChange(
    checkpoint: opened.checkpoint, report: opened.report,
    parked: opened.checkpoint.parkedHeads.map(\.id).filter { !before.contains($0) }, restored: [],
    assumedLabels: nil)
}

extension DetachedHead {
  /// Writes a detached head's directory, which appears complete or not at all.
  ///
  /// - Throws: `GraftError` when the directory exists or cannot be written.
  public func write(
    to url: URL, _ options: OutputOptions = OutputOptions(), registry: Registry
  ) throws {
    let resolved = try options.resolve(registry, for: family)
    try DirectoryWriter.write(url) { try write(into: $0, resolved) }
  }
}

extension Checkpoint {
  /// Makes a head the active one, bringing back or initialising its parts.
  ///
  /// - Returns: The ids of parked heads that came back.
  package mutating func activate(
    _ name: String, labels: [String]?, problemType: ProblemType?, seed: UInt64, report: inout LoadReport,
    registry: Registry
  ) throws -> [String] {
    let before = activeHeads
    let previous = Set(before.map(\.id))
    let parked = parkedHeads.first { $0.id == name }
    let set = try registry.heads(parked?.task?.name ?? name, of: family)
    if labels != nil || problemType != nil, !set.hasLabels {
      throw GraftError(
        .refused, "the head '\(set.name)' has no labels of its own",
        advice: labels == nil
          ? "Leave out \(option: "problem-type")."
          : "Leave out \(option: "labels") or \(option: "num-labels").")
    }
    try labels.map(LabelColumn.requireDifferentNames)
    if problemType != nil, !set.tasks.contains(where: { $0.settingKeys.contains("problem_type") }) {
      throw GraftError(
        .refused, "the labels of the head '\(set.name)' mean one thing alone", option: "problem-type",
        advice: "Leave it out.")
    }
    let current = parked ?? self[set.name]
    var settings = Configuration()
    if let labels, try current.map({ try $0.settings.labels() != labels }) ?? true {
      // Other labels are another head.
      setAside(set.name)
      settings.setLabels(labels)
    } else if let parked {
      exchangeHeads(parked.id, set.name)
    } else if current == nil, set.hasLabels {
      settings.setLabels(try Configuration().labels())
    }
    if let problemType {
      settings["problem_type"] = .string(problemType.rawValue)
      self[set.name]?.settings["problem_type"] = .string(problemType.rawValue)
    }
    try makeActive(set)
    let restored = set.taskNames.filter { !previous.contains($0) && self[$0] != nil }
    try registry.initializeMissingParts(of: &self, settings: settings, seed: seed, report: &report)
    try checkWritable(set, in: registry.dialect(of: family))
    let isAnother =
      parked != nil || before.map(\.id) != activeHeads.map(\.id)
      || before.map(\.settings) != activeHeads.map(\.settings)
    if isAnother { card?.removeFormerHead() }
    return restored
  }

  /// Makes sure that heads can be written, before they are trained.
  private func checkWritable(_ heads: HeadSet, in dialect: Dialect) throws {
    guard let task = heads.taskNames.first(where: { dialect.heads[$0] == nil }) else { return }
    throw GraftError(
      .unsupported,
      "the dialect '\(dialect.name)' of the family '\(family.name)' has no names for the head '\(task)'",
      advice: "It has those of: \(dialect.heads.keys.sorted().joined(separator: ", ")).")
  }

  /// Adds a detached head and makes it active.
  mutating func attach(
    _ detached: DetachedHead, file: URL, report: inout LoadReport, registry: Registry
  ) throws {
    guard detached.family.name == family.name else {
      throw GraftError(
        .mismatch, "the head was made for another family", file: file.path, expected: "'\(family.name)'",
        found: "'\(detached.family.name)'", advice: "Attach it to a checkpoint of that family.")
    }
    let backbone = try makeBackbone()
    for head in detached.components {
      do {
        try head.check(configuration, family, on: backbone)
      } catch let error as GraftError {
        throw error.inFile(file.path)
      }
      setAside(head.id)
      components.append(head)
    }
    try makeActive(detached.heads)
    try registry.initializeMissingParts(of: &self, seed: 0, report: &report)
    card?.removeFormerHead()
    try checkWritable(detached.heads, in: registry.dialect(of: family))
  }

  /// Gives the head of this id a numbered one, so that another of its kind can be active.
  private mutating func setAside(_ id: String) {
    guard let index = components.firstIndex(where: { $0.id == id }) else { return }
    let free = (2...).lazy.map { "\(id).\($0)" }.first { self[$0] == nil }
    if let free { components[index].id = free }
  }
}
