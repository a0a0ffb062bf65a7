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
