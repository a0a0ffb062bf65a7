import Foundation
import GraftTensors
import OrderedCollections

/// What decides the result of a run: its model, its options, its data and its kernels. It is written beside each
/// checkpoint, so that only the same run is resumed.
package struct TrainingArguments: Equatable {
  package static let fileName = "training_args.json"

  /// By the names of the options.
  private(set) var values: OrderedDictionary<String, JSON>
  /// The metrics writers, which may be others when it is resumed.
  private let writers: [String]

  /// - Throws: `GraftError` when a generator's weights cannot be read.
  init(_ run: TrainingRun, _ heads: [RunHead], evaluations: [EvaluationSet]) throws {
    let names = heads.compactMap(\.name)
    writers = run.options.reportTo
    values = [
      "model": JSON(run.store.fingerprint),
      "head": names.isEmpty
        ? run.model.headName.map { JSON($0) } ?? .null : .array(names.map { .string($0) }),
      "data": TrainingArguments.json(heads.map { ($0.name, $0.data) }),
      "eval-data": TrainingArguments.json(evaluations.map { ($0.name, $0.data) }),
    ]
    values.merge(run.options.record) { first, _ in first }
    // Its path may hold another one by now.
    if let generator = heads.lazy.compactMap(\.generator).first {
      values["generator"] = JSON(try generator.checkpoint.contentHash())
    }
    values["backend"] = JSON(type(of: run.backend).name)
    values["precision"] = JSON(run.backend.precision.rawValue)
    if run.firstRanks > 1 { values[TrainingArguments.ranks] = JSON(run.firstRanks) }
    if !run.ranks.isAlone { values["gradient-precision"] = JSON(run.ranks.gradientPrecision.rawValue) }
  }

  /// How many ranks a run was begun with; not written of one process.
  private static let ranks = "ranks"

  /// How many batches make a step of all ranks, and how many ranks the run was begun with.
  ///
  /// A run that is resumed with the options that it was begun with keeps its steps on any number of ranks.
  ///
  /// - Parameters:
  ///   - options: Of each rank, or of all.
  ///   - directory: Of the run that is resumed; `nil` of a new one.
  /// - Throws: `GraftError` when its record cannot be read.
  static func batches(
    _ options: TrainingOptions, _ ranks: DataParallel, resuming directory: URL?
  ) throws -> (perStep: Int, ranks: Int) {
    let (own, count) = (options.gradientAccumulationSteps, ranks.accumulating)
    let found = try ranks.group.fromLeader {
      guard let directory, try TrainingDirectory(url: directory).hasRun else { return "{}" }
      return try JSON(file: directory.appendingPathComponent(fileName)).text()
    }
    let stored = try JSON(parsing: Array(found.utf8))
    let first = stored[Self.ranks]?.int ?? 1
    if let batches = stored["gradient-accumulation-steps"]?.int, (1...1_000_000).contains(first),
      [own * count, own * first].contains(batches)
    {
      return (batches, first)
    }
    return (own * count, count)
  }

  private static func json(_ sets: [(name: String?, data: Dataset)]) -> JSON {
    if sets.isEmpty { return .null }
    if sets.count == 1, sets[0].name == nil { return JSON(sets[0].data.fingerprint) }
    return .object(
      OrderedDictionary(sets.map { ($0.name ?? "", JSON($0.data.fingerprint)) }) { first, _ in first })
  }

  package var document: String {
    var members = values
    members[Self.writers] = .array(writers.map { .string($0) })
    return JSON.object(members).text(.pretty) + "\n"
  }

  private static let writers = "report-to"

  /// The metrics writers of this run that the one in a directory, which it goes on with, was begun without.
  ///
  /// - Throws: `GraftError` when its record cannot be read.
  func addedWriters(to directory: URL) throws -> [String] {
    let stored = try JSON(file: directory.appendingPathComponent(Self.fileName))[Self.writers]?.array
    guard let before = stored?.compactMap(\.string) else { return [] }
    return writers.filter { !before.contains($0) }
  }

  /// What says how long a run is.
  private static let lengths = [
    "epochs", "max-steps", "early-stopping-patience", "early-stopping-threshold",
  ]

  /// How many steps the run in a directory was to take.
  ///
  /// - Parameters:
  ///   - options: Those of this run, of which all but its length have to be the same.
  ///   - plan: Cuts this run's data into steps.
  /// - Throws: `GraftError` when its record cannot be read.
  static func length(
    in directory: URL, _ options: TrainingOptions, plan: (TrainingOptions) throws -> TrainingPlan
  ) throws -> Int {
    let stored = try JSON(file: directory.appendingPathComponent(fileName))
    var own = options
    own.maxSteps = stored["max-steps"]?.int
    own.epochs = stored["epochs"]?.double ?? own.epochs
    return own.problems.isEmpty ? try plan(own).totalSteps : 0
  }

  /// Makes sure that a directory's run is this one. How often it saves, and how much it keeps, may change.
  ///
  /// - Parameter mayBeLonger: Whether this one may be another length.
  /// - Throws: `GraftError` naming the option that differs.
  package func check(against directory: URL, mayBeLonger: Bool = false) throws {
    let file = directory.appendingPathComponent(TrainingArguments.fileName)
    let stored = TrainingArguments.currentNames(try JSON(file: file))
    // What an option did not do yet when a run began, it does not do by default.
    let defaults = TrainingOptions().record
    // Other rows than before follow from another split.
    let split = ["eval-split", "seed"]
    let ordered = split.compactMap { name in values[name].map { (key: name, value: $0) } } + values.elements
    for (flag, value) in ordered where (stored[flag] ?? defaults[flag]) != value {
      if mayBeLonger, TrainingArguments.lengths.contains(flag) { continue }
      // What one process has no use for.
      if flag == TrainingArguments.ranks || flag == "gradient-precision" && stored[flag] == nil { continue }
      if ["model", "data", "eval-data"].contains(flag), isOlderHash(stored[flag], of: value) { continue }
      // Heads settle more of what they learn since several are trained: hashes of before cannot be compared. What is read
      // of the run's model has its shapes in any case.
      if flag == "model", stored["head-weights"] == nil { continue }
      if flag == "model" {
        throw GraftError(
          .mismatch, "another checkpoint than that of the run that is resumed", file: file.path,
          advice: "Pass the same checkpoint, or start a new run in another directory.")
      }
      let isData = flag == "data" || flag == "eval-data"
      throw GraftError(
        .mismatch,
        isData
          ? "other rows or labels than those of the run that is resumed"
          : "differs from the run that is resumed",
        file: file.path,
        option: flag,
        expected: stored[flag].map { TrainingArguments.text($0) } ?? "nothing",
        found: TrainingArguments.text(value),
        advice: isData
          ? "Pass the same files and the same options for them, or start a new run in another directory."
          : "Pass the same value, or start a new run in another directory.")
    }
  }

  /// A stored document, with the names of today for what earlier versions called otherwise.
  private static func currentNames(_ document: JSON) -> JSON {
    guard var members = document.object else { return document }
    for (earlier, current) in renamed {
      if let value = members.removeValue(forKey: earlier) { members[current] = value }
    }
    return .object(members)
  }

  /// Version 0.1 called the optimizer a trainer.
  private static let renamed = ["trainer": "optimizer"]

  /// Whether a recorded hash is one of version 0.1, which had 64 bits, of as many rows. It cannot be compared.
  private func isOlderHash(_ stored: JSON?, of value: JSON) -> Bool {
    let old = stored?.string?.split(separator: "-") ?? []
    let new = value.string?.split(separator: "-") ?? []
    return old.count == new.count && !old.isEmpty && old.dropLast() == new.dropLast()
      && old.last.map { $0.count <= 16 && $0.allSatisfy(\.isHexDigit) } == true
  }

  private static func text(_ value: JSON) -> String {
    value == .null ? "nothing" : value.string ?? value.text()
  }
}
