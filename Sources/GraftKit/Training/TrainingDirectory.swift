import Foundation
import GraftTensors

/// The output directory of a run: `checkpoint-N` directories, and at the end the model.
///
/// A checkpoint is written beside its name and renamed, and renamed away before it is removed, so that under
/// its name it is always whole.
package struct TrainingDirectory {
  package let url: URL

  package init(url: URL) { self.url = url }

  /// What stands for all files of the model while they are written.
  private static let modelName = "model"

  /// Where metrics writers keep their files.
  package static let metricsName = "runs"

  /// The checkpoint's name after a number of steps.
  package static func name(ofStep step: Int) -> String { "checkpoint-\(step)" }

  package func checkpoint(_ step: Int) -> URL {
    url.appendingPathComponent(TrainingDirectory.name(ofStep: step), isDirectory: true)
  }

  /// The steps of all checkpoints, in order; none where there is no directory yet.
  ///
  /// - Throws: `GraftError` when the directory cannot be read.
  package var checkpoints: [Int] {
    get throws {
      try directoryContents(url).compactMap(Self.step).sorted()
    }
  }

  /// The number of steps that a checkpoint's name says; `nil` of any other name.
  package static func step(of name: String) -> Int? {
    guard name.hasPrefix("checkpoint-"), let step = Int(name.dropFirst("checkpoint-".count)), step >= 0,
      name == TrainingDirectory.name(ofStep: step)
    else { return nil }
    return step
  }

  /// Makes a place for a new run.
  ///
  /// - Throws: `GraftError` when something stands there.
  package func create() throws {
    if try hasRun {
      throw GraftError(
        .refused, "there is a training run in the output directory", file: url.path,
        advice: "Pass \(action: .resume) to go on with it, or choose another directory.")
    }
    // A run that was killed when it began.
    try removeDebris(isAlone: false)
    try DirectoryWriter.checkVacant(url)
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      throw GraftError(
        .system, "cannot be created", file: url.path, advice: "Choose a place that you may write to.")
    }
  }

  /// Removes what ``create()`` and the beginning of a run made, when there is nothing else.
  ///
  /// - Parameter removingIt: Whether the directory goes as well, or was there before.
  package func abandon(removingIt: Bool) {
    func isOwn(_ name: String) -> Bool {
      [TrainingArguments.fileName, TrainingDirectory.metricsName].contains(name) || DataSplit.isRecord(name)
    }
    // This follows an error, which is worth more than one about a directory that cannot be read.
    guard let contents = try? directoryContents(url), contents.allSatisfy(isOwn) else { return }
    for name in contents { try? FileManager.default.removeItem(at: url.appendingPathComponent(name)) }
    if removingIt { rmdir(url.path) }
  }

  /// Removes what a run that was killed left half-written or half-removed, and nothing else.
  ///
  /// - Parameter isAlone: Whether this process has the directory's lock.
  /// - Throws: `GraftError` when the directory cannot be read.
  package func removeDebris(isAlone: Bool) throws {
    let own: Set = [
      Self.modelName, TrainingArguments.fileName, TrainerState.fileName, TrainingLoop.trainResults,
      TrainingLoop.evalResults, TrainingLoop.allResults,
    ]
    for target in Set(try directoryContents(url).compactMap(TemporaryName.target))
    where own.contains(target) || DataSplit.isRecord(target) || Self.step(of: target) != nil {
      TemporaryName.clear(url.appendingPathComponent(target), isAlone: isAlone)
    }
  }

  /// Whether a run was begun here.
  ///
  /// - Throws: `GraftError` when the directory cannot be read.
  package var hasRun: Bool {
    get throws { try directoryContents(url).contains(TrainingArguments.fileName) }
  }

  /// Whether a run was begun here and ended before it saved anything to go on from.
  ///
  /// - Throws: `GraftError` when the directory cannot be read.
  package var lacksCheckpoint: Bool {
    get throws {
      let names = try directoryContents(url)
      return try names.contains(TrainingArguments.fileName) && !names.contains(TrainingLoop.allResults)
        && checkpoints.isEmpty
    }
  }

  /// Removes the oldest checkpoints beyond a limit, but never the newest, nor those of some steps.
  ///
  /// - Returns: What was removed.
  /// - Throws: `GraftError` when the directory cannot be read, or a checkpoint not be removed.
  package func rotate(keeping limit: Int?, steps protected: Set<Int>) throws -> [URL] {
    let steps = try checkpoints
    guard let limit, let newest = steps.last else { return [] }
    let kept = protected.union([newest]).intersection(steps)
    let excess = max(0, steps.count - max(limit, kept.count))
    return try steps.filter { !kept.contains($0) }.prefix(excess).map { step in
      try DirectoryWriter.remove(checkpoint(step))
      return checkpoint(step)
    }
  }

  /// Puts the files that `body` writes into the directory itself, each by a rename.
  package func publish(_ body: (URL) throws -> Void) throws {
    let files = FileManager.default
    let temporary = url.appendingPathComponent(
      ".\(Self.modelName).partial-\(ProcessInfo.processInfo.processIdentifier)")
    try? files.removeItem(at: temporary)
    defer { try? files.removeItem(at: temporary) }
    do {
      try files.createDirectory(at: temporary, withIntermediateDirectories: true)
    } catch {
      throw failure
    }
    try body(temporary)
    do {
      for name in try files.contentsOfDirectory(atPath: temporary.path).sorted() {
        let (source, target) = (temporary.appendingPathComponent(name), url.appendingPathComponent(name))
        if rename(source.path, target.path) != 0 {
          // A directory, such as the one of parked heads, does not replace another. After any other failure
          // what is there stays.
          guard [ENOTEMPTY, EEXIST, EISDIR].contains(errno) else { throw failure }
          try files.removeItem(at: target)
          try files.moveItem(at: source, to: target)
        }
      }
    } catch {
      throw failure
    }
  }

  private var failure: GraftError {
    GraftError(
      .system, "the model cannot be written", file: url.path,
      advice: "Free some space, or choose a place that you may write to, and go on with \(action: .resume).")
  }
}
