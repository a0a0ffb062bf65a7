import ArgumentParser
import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors
import OrderedCollections

/// A file that may be given for one of several heads or sets: `FILE`, or `NAME=FILE`. What matches a file as a whole is no
/// name, as with `year=2024/*.csv`.
struct NamedFile: ExpressibleByArgument {
  /// The name that begins with it.
  let name: String?
  let path: Path

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = Path(argument: argument) else { return nil }
    let isNamed = parts.count == 2 && Self.isName(parts[0]) && !FilePattern.hasFiles(whole.url)
    name = isNamed ? String(parts[0]) : nil
    guard let path = isNamed ? Path(argument: String(parts[1])) : whole else { return nil }
    self.path = path
  }

  private static func isName(_ text: Substring) -> Bool {
    text.first.map { $0.isLetter || $0.isNumber || $0 == "_" } == true
      && text.allSatisfy { $0.isLetter || $0.isNumber || "_-.:".contains($0) }
  }

  static var defaultCompletionKind: CompletionKind { .file() }

  /// The files of each name, in their order; those of no name are under an empty one. A file without a name belongs to the
  /// name before it.
  static func groups(_ files: [NamedFile]) -> OrderedDictionary<String, [Path]> {
    var (groups, current): (OrderedDictionary<String, [Path]>, String) = ([:], "")
    for file in files {
      current = file.name ?? current
      groups[current, default: []].append(file.path)
    }
    return groups
  }
}

/// A number that holds for all heads, or for one: `1`, or `HEAD=1`.
struct HeadNumber: ExpressibleByArgument {
  let head: String?
  let value: Int

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let last = parts.last, let value = Int(last), parts.count < 2 || !parts[0].isEmpty else {
      return nil
    }
    head = parts.count == 2 ? String(parts[0]) : nil
    self.value = value
  }
}

/// The data of several heads as they are given: files by head, and sets to evaluate on by head or by `HEAD:SET`.
struct HeadFiles {
  /// In the order of the command line.
  let heads: [String]
  private let data: OrderedDictionary<String, [Path]>
  private let evaluated: OrderedDictionary<String, [Path]>

  /// - Parameters:
  ///   - data: What heads are trained on.
  ///   - evaluationData: What they are evaluated on.
  /// - Returns: `nil` when the training data name no head.
  /// - Throws: `ValidationError` for files without a head among others that have one, and for a head without data.
  init?(_ data: [NamedFile], evaluating evaluationData: [NamedFile]) throws {
    self.data = NamedFile.groups(data)
    evaluated = NamedFile.groups(evaluationData)
    heads = self.data.keys.filter { !$0.isEmpty }
    guard !heads.isEmpty else {
      if let name = evaluated.keys.first(where: { $0.contains(":") }) {
        throw ValidationError(
          "--eval-data \(name)=FILE is a set of one of several heads: name the head in --data as well.")
      }
      return nil
    }
    guard self.data[""] == nil else {
      throw ValidationError("Give the data of each head with its name: --data HEAD=FILE.")
    }
    if let name = heads.first(where: { $0.contains(":") }) {
      throw ValidationError("--data \(name)=FILE names no head: sets are for --eval-data.")
    }
    for name in evaluated.keys {
      guard !name.isEmpty else {
        throw ValidationError("Give the data to evaluate each head on with its name: --eval-data HEAD=FILE.")
      }
      let head = Self.parts(name).head
      guard heads.contains(head) else {
        let nearest = NearestName.find(head, among: heads).map { " Did you mean '\($0)'?" } ?? ""
        throw ValidationError(
          "--eval-data \(name)=FILE: there is no --data \(head)=FILE. Trained are \(heads.joined(separator: ", ")).\(nearest)"
        )
      }
    }
  }

  /// `HEAD:SET`, or the head alone.
  private static func parts(_ name: String) -> (head: String, set: String?) {
    let parts = name.split(separator: ":", maxSplits: 1)
    return (String(parts[0]), parts.count == 2 ? String(parts[1]) : nil)
  }

  /// Reads the data of every head, as the head was trained where the flags say nothing.
  ///
  /// - Throws: `GraftError` when the checkpoint has no such head, or naming file and row.
  func read(
    of checkpoint: Checkpoint, _ reading: HeadDataFlags, _ columns: EvaluationColumnFlags,
    _ registry: Registry, _ console: Console
  ) throws -> [HeadTraining] {
    try heads.map { head in
      guard registry.tasks[head]?.readsSentenceVectors != true else {
        throw GraftError(
          .unsupported, "vectors for texts are learnt by a run of their own, not beside heads",
          subject: "--data \(head)=FILE", advice: "Pass --task \(head), and --data FILE.")
      }
      let selected = try checkpoint.selecting(head: head)
      var flags = reading.values(for: head, among: heads)
      var columns = columns.values(for: head, among: heads)
      if selected.activeHead?.tasks.contains(where: { $0.readsLabels }) == false {
        // What is said of all heads says nothing of this one.
        flags.base.labelBases.removeAll { $0.head == nil }
        columns.evalLabelBases.removeAll { $0.head == nil }
      }
      func rows(_ paths: [Path], evaluation: EvaluationColumnFlags? = nil) throws -> TrainingData {
        try flags.read(
          paths, for: selected.activeHead, like: selected.trainedInputs, evaluation: evaluation, console)
      }
      var training = HeadTraining(head, try rows(data[head] ?? []))
      for (name, paths) in evaluated where Self.parts(name).head == head {
        let own = try rows(paths, evaluation: columns)
        if let set = Self.parts(name).set {
          training.evaluationSets[set] = own
        } else {
          training.evaluationData = own
        }
      }
      return training
    }
  }
}

extension HeadDataFlags {
  /// What holds for one of several heads: what was given as `HEAD=VALUE`, else what was given without a head.
  func values(for head: String, among heads: [String]) -> HeadDataFlags {
    var flags = self
    flags.columns.textColumns = columns.textColumns.values(for: head, among: heads)
    flags.columns.pair.pairColumns = columns.pair.pairColumns.values(for: head, among: heads)
    flags.labelColumns = labelColumns.values(for: head, among: heads)
    flags.base.labelBases = base.labelBases.values(for: head)
    return flags
  }

  /// Makes sure that options name no heads but these.
  ///
  /// - Throws: `ValidationError` naming the option.
  func checkHeads(_ heads: [String], _ evaluation: EvaluationColumnFlags) throws {
    for (option, values) in [
      ("text-column", columns.textColumns), ("pair-column", columns.pair.pairColumns),
      ("label-column", labelColumns), ("eval-text-column", evaluation.evalTextColumns),
      ("eval-pair-column", evaluation.evalPairColumns), ("eval-label-column", evaluation.evalLabelColumns),
    ] {
      for value in values { try value.checkHead(heads, of: option) }
    }
    for (option, bases) in [
      ("label-base", base.labelBases), ("eval-label-base", evaluation.evalLabelBases),
    ] {
      if let name = bases.compactMap(\.head).first(where: { !heads.contains($0) }) {
        throw ValidationError("--\(option) \(name)=N: there is no --data \(name)=FILE.")
      }
    }
  }
}

extension EvaluationColumnFlags {
  /// As ``HeadDataFlags/values(for:among:)``.
  func values(for head: String, among heads: [String]) -> EvaluationColumnFlags {
    var flags = self
    flags.evalTextColumns = evalTextColumns.values(for: head, among: heads)
    flags.evalPairColumns = evalPairColumns.values(for: head, among: heads)
    flags.evalLabelColumns = evalLabelColumns.values(for: head, among: heads)
    flags.evalLabelBases = evalLabelBases.values(for: head)
    return flags
  }
}

extension [String] {
  fileprivate func values(for head: String, among heads: [String]) -> [String] {
    let own = filter { $0.hasPrefix("\(head)=") }.map { String($0.dropFirst(head.count + 1)) }
    return own.isEmpty ? filter { value in !heads.contains { value.hasPrefix("\($0)=") } } : own
  }
}

extension [HeadNumber] {
  fileprivate func values(for head: String) -> [HeadNumber] {
    let own = filter { $0.head == head }
    return own.isEmpty ? filter { $0.head == nil } : own
  }
}

extension String {
  /// Makes sure that a column is not that of a misspelt head. A column's own name may have a '='.
  fileprivate func checkHead(_ heads: [String], of option: String) throws {
    guard let end = firstIndex(of: "=") else { return }
    let name = String(self[..<end])
    guard !heads.contains(name), let nearest = NearestName.find(name, among: heads) else { return }
    throw ValidationError(
      "--\(option) \(name)=C: there is no --data \(name)=FILE. Did you mean '\(nearest)'?")
  }
}
