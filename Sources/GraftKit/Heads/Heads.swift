import Foundation
import GraftCore
import GraftTensors

/// What swapping or attaching a head did.
public struct HeadChange: Sendable {
  public let checkpoint: Checkpoint
  /// What was loaded from the source, and what starts anew.
  public let report: LoadReport
  /// Heads that were active and are parked now.
  public let parked: [String]
  /// Heads that were parked and are active now, with their weights.
  public let restored: [String]
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
  let old = opened.checkpoint.activeRecords.map(\.id)
  let restored = try opened.checkpoint.activate(
    name, labels: labels, problemType: problemType, seed: seed, report: &opened.report, registry: registry)
  let active = Set(opened.checkpoint.activeRecords.map(\.id))
  opened.checkpoint.lineage.append(
    LineageStep("swap", ["parent": .string(source.lastPathComponent), "head": .string(name)]))
  return HeadChange(
    checkpoint: opened.checkpoint, report: opened.report, parked: old.filter { !active.contains($0) },
    restored: restored)
}

/// The active head of a checkpoint alone, or a parked one.
///
/// `id` is the head as `graft head list` shows it; `nil` is the active one.
///
/// - Throws: `GraftError` when there is no such head.
public func detachHead(_ source: URL, id: String? = nil, registry: Registry) throws -> DetachedHead {
  let checkpoint = try registry.open(source).checkpoint
  if let id, id != checkpoint.activeHead?.name {
    guard let record = checkpoint.heads.first(where: { $0.id == id }) else {
      throw GraftError(
        .unknownName, "the checkpoint has no head '\(id)'", file: source.path,
        advice: "It has: \(checkpoint.heads.map(\.id).joined(separator: ", ")).")
    }
    return try DetachedHead(record.type, [record], of: checkpoint)
  }
  guard let active = checkpoint.activeHead else {
    throw GraftError(.missing, "the checkpoint has no head to detach", file: source.path)
  }
  return try DetachedHead(active, checkpoint.activeRecords, of: checkpoint)
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
  let old = opened.checkpoint.activeRecords.map(\.id)
  try opened.checkpoint.attach(detached, file: head, report: &opened.report, registry: registry)
  opened.checkpoint.lineage.append(
    LineageStep(
      "attach",
      [
        "parent": .string(source.lastPathComponent), "head": .string(detached.type.name),
        "from": .string(head.lastPathComponent),
      ]))
  return HeadChange(checkpoint: opened.checkpoint, report: opened.report, parked: old, restored: [])
}

extension DetachedHead {
  /// Writes a detached head's directory, which appears complete or not at all.
  ///
  /// - Throws: `GraftError` when the directory exists or cannot be written.
  public func write(
    to url: URL, _ options: OutputOptions = OutputOptions(), registry: Registry
  ) throws {
    let backbone = try configuration.string("model_type", default: "bert")
    let resolved = try options.resolve(registry, backbone: backbone)
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
    let previous = Set(activeRecords.map(\.id))
    let parked = parkedRecords.first { $0.id == name }
    let type = try parked?.type ?? registry.heads.find(name)
    if labels != nil || problemType != nil, !type.hasLabels {
      throw GraftError(
        .refused, "the head '\(type.name)' has no labels of its own", advice: "Leave out the label options.")
    }
    let current = parked ?? heads.first { $0.id == type.name }
    var settings = Configuration()
    if let labels, try current.map({ try $0.settings.labels() != labels }) ?? true {
      // Other labels are another head.
      setAside(type.name)
      settings.setLabels(labels)
    } else if let parked {
      exchange(parked.id, type.name)
    } else if current == nil, type.hasLabels {
      settings.setLabels(try Configuration().labels())
    }
    if let problemType {
      settings["problem_type"] = .string(problemType.rawValue)
      if let index = heads.firstIndex(where: { $0.id == type.name }) {
        heads[index].settings["problem_type"] = .string(problemType.rawValue)
      }
    }
    activeHead = type
    let restored = type.parts.map { $0.name }.filter { part in
      !previous.contains(part) && heads.contains { $0.id == part }
    }
    try registry.initializeMissingParts(of: &self, settings: settings, seed: seed, report: &report)
    return restored
  }

  /// Adds a detached head and makes it active.
  mutating func attach(
    _ detached: DetachedHead, file: URL, report: inout LoadReport, registry: Registry
  ) throws {
    let backbone = try makeBackbone()
    for record in detached.records {
      do {
        try record.check(configuration, on: backbone)
      } catch let error as GraftError {
        throw error.inFile(file.path)
      }
      setAside(record.type.name)
      heads.append(record)
    }
    activeHead = detached.type
    try registry.initializeMissingParts(of: &self, seed: 0, report: &report)
  }

  /// Gives the head of this id a numbered one, so that another of its kind can be active.
  private mutating func setAside(_ id: String) {
    guard let index = heads.firstIndex(where: { $0.id == id }) else { return }
    let free = (2...).lazy.map { "\(id).\($0)" }.first { name in !heads.contains { $0.id == name } }
    if let free { heads[index].id = free }
  }

  /// Lets two heads trade ids; the second may be no head's.
  private mutating func exchange(_ first: String, _ second: String) {
    for index in heads.indices {
      if heads[index].id == first {
        heads[index].id = second
      } else if heads[index].id == second {
        heads[index].id = first
      }
    }
  }
}
