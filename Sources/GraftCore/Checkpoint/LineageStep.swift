import Foundation
import GraftTensors
import OrderedCollections

/// One step of how a checkpoint came to be: it was imported, trained, given another head.
///
/// `graft.json` keeps all steps, the first one first, so that a checkpoint tells its whole history alone.
public struct LineageStep: Sendable, Equatable {
  /// What was done: `import`, `train`, `swap`, `attach`.
  public let action: String
  /// What with: names, commits, hashes, counts.
  public let facts: OrderedDictionary<String, JSON>

  public init(_ action: String, _ facts: OrderedDictionary<String, JSON>) {
    self.action = action
    self.facts = facts
  }

  /// The steps in a record, as far as they can be read.
  static func list(_ json: JSON?) -> [LineageStep] {
    (json?.array ?? []).compactMap { step in
      guard var facts = step.object, let action = facts.removeValue(forKey: "action")?.string else {
        return nil
      }
      return LineageStep(action, facts)
    }
  }

  public var json: JSON {
    var members: OrderedDictionary<String, JSON> = ["action": .string(action)]
    members.merge(facts) { first, _ in first }
    return .object(members)
  }
}

extension Checkpoint {
  /// The repository of the Hub that the checkpoint comes from, as far as that is known: by its lineage, else by
  /// what transformers notes in configurations, which may also be a directory.
  public var repository: String? {
    let steps = lineage.reversed().lazy
    if let known = steps.compactMap({ $0.facts["repository"]?.string }).first { return known }
    guard let name = configuration["_name_or_path"]?.string else { return nil }
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    let isName =
      parts.count == 2
      && parts.allSatisfy { part in
        part.first?.isPunctuation == false
          && part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
      }
    return isName && !FileManager.default.fileExists(atPath: name) ? name : nil
  }

  /// Notes that the checkpoint is imported. What opening it has found out about a model of the Hub is part of
  /// the same step.
  public mutating func noteImport(_ step: LineageStep) {
    guard let last = lineage.last, let commit = step.facts["commit"], last.facts["commit"] == commit else {
      return lineage.append(step)
    }
    let facts = step.facts.merging(last.facts) { first, _ in first }
    lineage[lineage.count - 1] = LineageStep(step.action, facts)
  }
}
