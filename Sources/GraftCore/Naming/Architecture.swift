import GraftTensors

/// Which heads a checkpoint has, by the class that its configuration names and by its tensors.
struct Architecture {
  private enum Claim {
    /// A class of the family whose heads are registered.
    case heads(HeadSet)
    /// A class of the family with several heads, of which this one is registered.
    case part(HeadSet, of: String)
    /// A class of the family whose head is not registered; its tensors must not be taken for another head's.
    case unknownHead(String)
    /// The bare encoder, no class, or an unknown class: the tensors decide.
    case none(named: String?)
  }

  private let claim: Claim
  private let sets: [HeadSet]
  private let complete: [String: Set<String>]
  private let hasPooler: Bool
  private let family: String
  /// What the names of the family's classes begin with.
  private let classPrefix: String
  /// The classes of the family whose heads are registered.
  private let classes: [String]

  /// - Parameters:
  ///   - sets: The heads of the family that are registered.
  ///   - names: The stored names of a file.
  init(
    _ configuration: Configuration, _ family: Family, _ dialect: Dialect, _ sets: [HeadSet], names: [String]
  ) {
    self.sets = sets
    (self.family, classPrefix) = (family.name, family.classPrefix)
    classes = sets.map { family.classPrefix + $0.classSuffix }
    complete = NameTable.completeHeads(dialect, in: names)
    hasPooler = NameTable(dialect, on: nil, heads: []).holdsPooler(in: names)
    let written = configuration["architectures"]?.array?.first?.string
    let name = written.map { family.classAliases[$0] ?? $0 }
    guard let name, name.hasPrefix(family.classPrefix) else {
      claim = .none(named: name)
      return
    }
    let suffix = name.dropFirst(family.classPrefix.count)
    if suffix == "Model" {
      claim = .none(named: nil)
    } else if let set = sets.first(where: { $0.classSuffix == suffix && dialect.knows($0) }) {
      claim = .heads(set)
    } else if let combination = family.combinations.first(where: { $0.classSuffix == suffix }),
      let part = sets.first(where: {
        $0.isSingle && combination.tasks.contains($0.name) && dialect.knows($0)
      })
    {
      claim = .part(part, of: name)
    } else {
      claim = suffix.hasPrefix("For") ? .unknownHead(name) : .none(named: name)
    }
  }

  /// The tasks of the class that the configuration names.
  var claimedTasks: [any Task.Type] {
    switch claim {
    case .heads(let set), .part(let set, _): set.tasks
    case .unknownHead, .none: []
    }
  }

  /// The tasks whose tensors are looked for.
  struct LikelyTasks {
    /// The claimed ones first: names that several heads use are then taken for the right one's. None for a class whose head
    /// nothing registered implements.
    var tasks: [any Task.Type]
    /// Those that are not looked for, as each has the very names of another that the file may have as well.
    var undecided: [any Task.Type] = []
  }

  /// The tasks whose tensors are looked for.
  ///
  /// - Parameters:
  ///   - needsPooler: Whether a task's head reads the pooler's result.
  ///   - fits: Whether the file's tensors have as many outputs as a task's head.
  func likelyTasks(
    needsPooler: (any Task.Type) throws -> Bool, fits: (any Task.Type) throws -> Bool
  ) rethrows -> LikelyTasks {
    let tasks = sets.filter(\.isSingle).flatMap(\.tasks)
    switch claim {
    case .unknownHead: return LikelyTasks(tasks: [])
    case .part(let set, _): return LikelyTasks(tasks: set.tasks)
    case .heads(let set):
      let claimed = set.taskNames
      return LikelyTasks(tasks: set.tasks + tasks.filter { !claimed.contains($0.name) })
    case .none:
      // A head is recognised when all that it needs is there, and no other head explains more of it: of two with the
      // same names, the one that reads the pooler where there is one.
      let candidates = try tasks.map { (task: $0, readsPooler: try needsPooler($0)) }.filter {
        try complete[$0.task.name] != nil && (hasPooler || !$0.readsPooler) && fits($0.task)
      }
      // A head of no registered task may explain as much, and then nothing is guessed.
      let excluded = Set(tasks.map { $0.name }).subtracting(candidates.map { $0.task.name })
      let others = complete.filter { !excluded.contains($0.key) }
      let readingTokens = Set(candidates.filter { !$0.readsPooler }.map { $0.task.name })
      let found = candidates.filter { candidate in
        let own = complete[candidate.task.name] ?? []
        return others.allSatisfy { name, others in
          name == candidate.task.name || own.isDisjoint(with: others) || own.isStrictSuperset(of: others)
            || own == others && candidate.readsPooler && readingTokens.contains(name)
        }
      }.map { $0.task }
      let left = candidates.map { $0.task }.filter { task in !found.contains { $0.name == task.name } }
      let undecided = left.filter { task in
        left.contains { $0.name != task.name && complete[$0.name] == complete[task.name] }
      }
      return LikelyTasks(tasks: found, undecided: undecided)
    }
  }

  /// What to do where the tensors may be those of several heads.
  func note(onUndecided tasks: [any Task.Type]) -> String? {
    let heads = tasks.compactMap { task in sets.first { $0.isSingle && $0.name == task.name } }
    guard heads.count > 1 else { return nil }
    let names = heads.map { "'\($0.name)'" }.joined(separator: " and ")
    let lines = heads.map { "\"architectures\": [\"\(classPrefix)\($0.classSuffix)\"]" }
    return
      "the heads \(names) have the same names of tensors here, and none is taken. The class decides, in the configuration: "
      + lines.joined(separator: " or ")
  }

  /// What a person should know about the class.
  func note(_ found: HeadSet?) -> String? {
    switch claim {
    case .unknownHead(let name):
      // One or two letters off is a mistake; more is another class.
      let nearest = classes.first { NearestName.distance(name, $0) <= 2 }
      return "no plugin implements the head of \(name); the backbone is used alone"
        + (nearest.map { ". Did you mean \($0)?" } ?? "")
    case .part(let set, let name):
      return "no plugin implements all heads of \(name); \(set.name) is used"
    case .none(let name?):
      let use = found.map { "its tensors are those of the head '\($0.name)'" } ?? "the backbone is used alone"
      return "config.json names the class \(name), which is none of the family '\(family)'; \(use)"
    case .none, .heads: return nil
    }
  }

  /// The heads that are active, given those a file holds.
  ///
  /// What the file holds decides over what the configuration says: `bert-base-uncased` calls itself
  /// `BertForMaskedLM` and carries the next-sentence head and the pooler as well.
  func active(holding names: [String], note report: inout LoadReport) -> HeadSet? {
    func covering(_ names: Set<String>) -> HeadSet? { sets.first { Set($0.taskNames) == names } }
    switch claim {
    case .heads(let set):
      guard let richer = covering(Set(set.taskNames).union(names)), richer.name != set.name else {
        return set
      }
      report.notes.append(
        "config.json names the head \(set.classSuffix), the weights hold \(richer.classSuffix); "
          + "\(richer.name) is used"
      )
      return richer
    case .none:
      return covering(Set(names)) ?? sets.first { $0.isSingle && names.contains($0.name) }
    case .part(let set, _): return names.contains(set.name) ? set : nil
    case .unknownHead: return nil
    }
  }
}
