import Foundation
import GraftCore
import GraftKit
import GraftTensors
import OrderedCollections

/// What ranks that run an experiment together have in common.
extension ExperimentPlan {
  /// Makes sure that all ranks have made the same plan.
  ///
  /// - Throws: `GraftError` naming the first thing that differs, and the rank.
  func requireSameRanks(_ machine: ExperimentMachine, output: URL) throws {
    guard machine.group.size > 1 else { return }
    var facts: OrderedDictionary<String, JSON> = [
      "version": .string(graftVersion), "output": .string(output.path),
      "experiment": .string(ContentHash.of([ground.experiment.document.text(.sorted)])),
      "model": .string(baseHash), "kernels": .string(try machine.backend(machine.precision).summary),
    ]
    for (name, data) in data { facts["data '\(name)'"] = .string(data.sha256) }
    // Seeds, imports, options: whatever else decides a result.
    facts["plan"] = .string(ContentHash.of(stages.map(\.key)))
    try machine.group.requireSame(facts)
  }
}

extension TrainingOptions {
  /// Has a step be that of so many ranks: the key and the record of a stage are those of one process that accumulates as
  /// many batches.
  mutating func accumulate(for ranks: Int) {
    let (steps, isTooMany) = gradientAccumulationSteps.multipliedReportingOverflow(by: ranks)
    gradientAccumulationSteps = isTooMany ? .max : steps
  }
}

extension ExperimentSchedule {
  /// Makes sure that each rank has something to do in each step of what is to be trained, as far as that is known.
  ///
  /// - Throws: `GraftError` naming the stage where there are more ranks than batches.
  package func checkRanks(_ group: any ProcessGroup) throws {
    for index in pending.sorted() {
      let stage = plan.stages[index]
      do {
        try stage.trainingPlan?.checkRanks(group)
      } catch var error as GraftError {
        error.subject = "stage '\(stage.name)'"
        if plan.firstRanks < group.size {
          error.file = output.path
          error.advice =
            "Start as many as this directory's run was begun on, \(plan.firstRanks), or choose another directory."
        }
        throw error
      }
    }
  }
}

extension StageCache {
  /// Has how many ranks a run was begun on, where there were several.
  private var ranksFile: URL { directory.deletingLastPathComponent().appending(path: "ranks.json") }

  /// How many ranks the directory's run was begun on: steps of its training have the batches of all of them, whoever goes
  /// on with it.
  ///
  /// - Parameter size: How many there are now, which begin it where nothing is there.
  /// - Throws: `GraftError` when the directory cannot be read, or its record is damaged.
  func firstRanks(now size: Int) throws -> Int {
    let file = ranksFile
    // A run that was refused, or stopped before its first stage, begins anew.
    let isBegun =
      try FileManager.default.fileExists(atPath: directory.path)
      && directoryContents(directory).contains { TemporaryName.target(of: $0) == nil }
    guard isBegun else { return size }
    guard FileManager.default.fileExists(atPath: file.path) else { return 1 }
    let found = try JSON(file: file)
    guard let ranks = found["ranks"]?.int, (1...1_000_000).contains(ranks) else {
      throw GraftError(
        .malformed, "it does not say how many ranks the run was begun on", file: file.path,
        subject: "key 'ranks'", expected: "a whole number from 1 to 1000000", found: found.text(),
        advice: "Write the number there, or choose another directory.")
    }
    return ranks
  }

  /// Keeps how many ranks a run is begun on.
  ///
  /// - Throws: `GraftError` of kind `refused` when another one was begun meanwhile; when a file cannot be read or written.
  func begin(on ranks: Int, now size: Int) throws {
    let first = try firstRanks(now: size)
    guard first == ranks else {
      throw GraftError(
        .refused, "the plan has steps of other ranks than the run in the directory",
        file: directory.deletingLastPathComponent().path, expected: "a run that was begun on \(ranks)",
        found: "one on \(first)",
        advice: "Make the plan for this directory, with 'output:' of ExperimentPlan, or choose another.")
    }
    if ranks > 1 {
      try FileWriter.write(ranksFile, text: JSON.object(["ranks": JSON(ranks)]).text() + "\n")
    } else {
      try DirectoryWriter.remove(ranksFile)
    }
  }

  /// Makes sure that all ranks see the directory: a stage goes on from the models of others.
  ///
  /// - Throws: `GraftError` naming those that do not.
  func requireShared(_ group: any ProcessGroup) throws {
    guard group.size > 1 else { return }
    // A name that is in no other directory, and that is removed as debris.
    let name = try group.fromLeader {
      let name = ".ranks.partial-\(UInt64.random(in: 0...UInt64(Int64.max)))"
      try FileWriter.write(directory.appending(path: name), text: "")
      return name
    }
    let probe = directory.appending(path: name)
    let seen = try group.gather([FileManager.default.fileExists(atPath: probe.path) ? 1 : 0], for: .flag)
    try group.onLeader { try DirectoryWriter.remove(probe) }
    let blind = seen.indices.filter { seen[$0] != [1] }
    guard blind.isEmpty else {
      throw GraftError(
        .mismatch, "the output directory of rank 0 is not there",
        file: directory.deletingLastPathComponent().path,
        subject: blind.map(group.name(ofRank:)).joined(separator: ", "),
        advice: "Choose a directory on a file system that all ranks see.")
    }
  }
}
