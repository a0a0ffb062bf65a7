/// What `architectures` in a configuration says of the head.
struct Architecture {
  private enum Claim {
    /// A registered head.
    case head(any Head.Type)
    /// The bare encoder.
    case none
    /// A class whose head nothing registered implements; its tensors are not to be taken for another's.
    case foreign(String)
    /// Nothing is said; the tensors decide.
    case silent
  }

  private let claim: Claim

  /// - Throws: ``GraftError`` when the class belongs to another backbone.
  init(
    _ configuration: Configuration, _ backbone: any Backbone.Type, _ dialect: Dialect, heads: [any Head.Type]
  ) throws {
    guard let name = configuration["architectures"]?.array?.first?.string else {
      claim = .silent
      return
    }
    guard name.hasPrefix(backbone.architecture) else {
      claim = .foreign(name)
      return
    }
    let suffix = name.dropFirst(backbone.architecture.count)
    if suffix == "Model" {
      claim = .none
    } else {
      claim =
        heads.first { $0.architecture == suffix && $0.isKnown(to: dialect) }.map(Claim.head) ?? .foreign(name)
    }
  }

  /// The heads that are no combination, the claimed one's parts first: names that several heads use are then
  /// taken for the right one's. None for a class that no plugin implements.
  func likelyLeaves(of heads: [any Head.Type]) -> [any Head.Type] {
    let leaves = heads.filter { $0.isLeaf }
    switch claim {
    case .foreign: return []
    case .none, .silent: return leaves
    case .head(let head):
      let parts = Set(head.parts.map { $0.name })
      return leaves.filter { parts.contains($0.name) } + leaves.filter { !parts.contains($0.name) }
    }
  }

  var note: String? {
    if case .foreign(let name) = claim {
      return "no plugin implements the head of \(name); the backbone is used alone"
    }
    return nil
  }

  /// The head that is active, given those a file holds.
  ///
  /// What the file holds decides over what the configuration says: `bert-base-uncased` calls itself
  /// `BertForMaskedLM` and carries the next-sentence head and the pooler as well.
  func head(
    holding names: [String],
    of heads: [any Head.Type],
    note report: inout LoadReport
  ) -> (any Head.Type)? {
    func covering(_ names: Set<String>) -> (any Head.Type)? {
      heads.first { Set($0.parts.map { $0.name }) == names }
    }
    switch claim {
    case .head(let head):
      let claimed = Set(head.parts.map { $0.name })
      guard let richer = covering(claimed.union(names)), richer.name != head.name else { return head }
      report.notes.append(
        "config.json names the head \(head.architecture), the weights hold \(richer.architecture); "
          + "\(richer.name) is used"
      )
      return richer
    case .none, .silent: return covering(Set(names)) ?? heads.first { names.contains($0.name) }
    case .foreign: return nil
    }
  }
}

extension Head {
  /// Whether a dialect has names for all of the head's parts.
  static func isKnown(to dialect: Dialect) -> Bool { parts.allSatisfy { !dialect.rows(of: $0).isEmpty } }
}
