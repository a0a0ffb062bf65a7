import GraftTensors
import OrderedCollections

/// What became of every tensor when a checkpoint was read: nothing is lost silently.
public struct LoadReport: Sendable, Equatable {
  /// The tensors of the backbone or of one head.
  public struct Group: Sendable, Equatable {
    /// `backbone`, or the name of the head.
    public let name: String
    /// Stored names that are spelled as they would be written.
    public var loaded: [String] = []
    /// Stored names that are spelled differently today, and what they are called now.
    public var renamed: [Renaming] = []
    /// Names of parameters that were nowhere and start anew.
    public var initialized: [String] = []
  }

  public struct Renaming: Sendable, Equatable {
    public let stored: String
    public let current: String
  }

  public struct Dropped: Sendable, Equatable {
    public let name: String
    public let reason: Reason

    /// Whether it is a copy of a parameter that was read.
    public var isTied: Bool {
      if case .tied = reason { return true }
      return false
    }
  }

  /// Why a stored tensor was left out.
  public enum Reason: Sendable, Equatable, CustomStringConvertible {
    /// The dialect says so: a buffer, an optimizer's slot.
    case declared(String)
    /// It is equal to a parameter, by canonical name, that it is a copy of.
    case tied(to: String)
    /// It is the same parameter, by canonical name, stored a second time.
    case copy(of: String)

    /// For people and machines: what stands in brackets behind the name.
    public var description: String {
      switch self {
      case .declared(let reason): reason
      case .tied(let target): "equal to '\(target)', which it is tied to"
      case .copy(let parameter): "'\(parameter)' a second time"
      }
    }
  }

  public var groups: [Group] = []
  /// Stored names that were left out on purpose.
  public var dropped: [Dropped] = []
  /// Stored names that nothing knows.
  public var unexpected: [String] = []
  /// What else a person should know: a corrected vocabulary size, an architecture without a plugin.
  public var notes: [String] = []
  /// How many values are not finite in the tensors that were read through, by name.
  public var nonFinite: OrderedDictionary<String, NonFiniteCount> = [:]

  public init() {}

  /// Changes the group of a name, adding it at the end when it is new.
  mutating func update(_ name: String, _ change: (inout Group) -> Void) {
    if let index = groups.firstIndex(where: { $0.name == name }) {
      change(&groups[index])
    } else {
      var group = Group(name: name)
      change(&group)
      groups.append(group)
    }
  }

  /// Fails when anything had to be initialised or was not recognised.
  ///
  /// - Throws: `GraftError` naming the first few.
  public func requireStrict() throws {
    let initialized = groups.flatMap(\.initialized)
    if !initialized.isEmpty {
      throw GraftError(
        .missing,
        "\(initialized.count) parameters are missing from the checkpoint, which has to be complete",
        found: "no \(LoadReport.sample(initialized))",
        advice: "Without \(option: "strict") they are initialised."
      )
    }
    if !unexpected.isEmpty {
      throw GraftError(
        .mismatch,
        "\(unexpected.count) tensors belong to nothing known, and none may be left out",
        found: LoadReport.sample(unexpected),
        advice: "Without \(option: "strict") they are left out."
      )
    }
  }

  static func sample(_ names: [String]) -> String {
    let shown = names.prefix(3).map { "'\($0.asName)'" }.joined(separator: ", ")
    return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
  }
}

extension LoadReport: CustomStringConvertible {
  /// A few lines: one for each group, then what was dropped, unexpected or noteworthy.
  public var description: String {
    var lines = groups.map { group in
      var parts = ["\(group.loaded.count + group.renamed.count) loaded"]
      if !group.renamed.isEmpty {
        parts.append(
          "\(group.renamed.count) of them renamed ('\(group.renamed[0].stored.asName)' → '\(group.renamed[0].current)')"
        )
      }
      if !group.initialized.isEmpty {
        parts.append("\(group.initialized.count) newly initialised (\(LoadReport.sample(group.initialized)))")
      }
      return "\(group.name): " + parts.joined(separator: ", ")
    }
    if !dropped.isEmpty {
      let reasons = dropped.map { "'\($0.name.asName)' (\($0.reason.description.asName))" }
      lines.append("dropped: " + reasons.prefix(3).joined(separator: ", ") + (reasons.count > 3 ? ", …" : ""))
    }
    if !unexpected.isEmpty { lines.append("unexpected: \(LoadReport.sample(unexpected))") }
    if !nonFinite.isEmpty {
      let found = nonFinite.prefix(3).map { "'\($0.key.asName)' (\($0.value))" }.joined(separator: ", ")
      lines.append(
        (nonFinite.count == 1 ? "1 tensor has" : "\(nonFinite.count) tensors have")
          + " values that are not finite: \(found)" + (nonFinite.count > 3 ? ", …" : ""))
    }
    return (lines + notes.map { "note: \($0.shown(limit: 2000))" }).joined(separator: "\n")
  }

  /// The report for machines.
  public var json: JSON {
    func list(_ names: [String]) -> JSON { .array(names.map { .string($0) }) }
    return [
      "groups": .array(
        groups.map { group in
          [
            "name": .string(group.name), "loaded": list(group.loaded),
            "renamed": .array(
              group.renamed.map { ["stored": .string($0.stored), "current": .string($0.current)] }
            ),
            "initialized": list(group.initialized),
          ]
        }
      ),
      "dropped": .array(dropped.map { ["name": .string($0.name), "reason": .string("\($0.reason)")] }),
      "unexpected": list(unexpected),
      "notes": list(notes),
      "non_finite": .array(
        nonFinite.map {
          ["name": .string($0.key), "nan": JSON($0.value.nan), "infinite": JSON($0.value.infinite)]
        }),
    ]
  }
}

extension String {
  /// A name from a file as a sentence has it.
  fileprivate var asName: String { shown(limit: 400) }
}
