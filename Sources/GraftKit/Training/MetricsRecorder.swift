import Foundation
import GraftCore
import GraftTensors

/// Hands what a run logs to metrics writers, under the names that transformers' `Trainer` gives them:
/// `train/loss`, `eval/accuracy`.
///
/// It watches a run from outside. What cannot be written does not end the run: the writer is left out from then
/// on, and `warn` is told.
final class MetricsRecorder {
  private let types: [any MetricsWriter.Type]
  private let directory: URL
  private let warn: (GraftError) -> Void
  private var writers: [any MetricsWriter] = []
  private var step = 0
  /// What the run is.
  var description: RunDescription?

  /// - Parameters:
  ///   - types: The writers.
  ///   - output: The run's output directory; they write into `runs` in it.
  ///   - warn: Is told what could not be written.
  init(_ types: [any MetricsWriter.Type], output: URL, warn: @escaping (GraftError) -> Void) {
    self.types = types
    directory = output.appendingPathComponent(TrainingDirectory.metricsName, isDirectory: true)
    self.warn = warn
  }

  /// Takes note of an event.
  func record(_ event: TrainingEvent) {
    switch event {
    case .started(_, let completed):
      step = completed
      writers = types.compactMap { type in attempt { try type.init(directory: directory, after: completed) } }
      if let description { tell { try $0.describe(description) } }
    case .logged(let entry), .evaluated(let entry):
      let step = Int(entry["step"] ?? 0)
      let values: [String: Double] = entry.reduce(into: [:]) { values, member in
        if member.key != "step" { values[MetricsRecorder.name(member.key)] = member.value }
      }
      tell { try $0.add(values, step: step) }
    case .step(let report): step = report.step
    case .prepared, .evaluating, .saved, .removed, .noted, .warned: break
    }
  }

  /// Records the run, from its beginning to however it ends.
  func record(
    _ run: (@escaping (TrainingEvent) -> Void) throws -> TrainingOutcome
  ) throws -> TrainingOutcome {
    do {
      let outcome = try run(record)
      if case .interrupted = outcome { end(.interrupted) } else { end(.finished) }
      return outcome
    } catch {
      // A run that left nothing behind took its files with it.
      if FileManager.default.fileExists(atPath: directory.path) { end(.failed) }
      throw error
    }
  }

  private func end(_ end: RunEnd) { tell { try $0.end(end, step: step) } }

  /// Leaves out those of the writers that fail.
  private func tell(_ body: (any MetricsWriter) throws -> Void) {
    writers.removeAll { writer in attempt { try body(writer) } == nil }
  }

  private func attempt<Result>(_ body: () throws -> Result) -> Result? {
    do {
      return try body()
    } catch {
      warn(error as? GraftError ?? GraftError(.system, "\(error)", file: directory.path))
      return nil
    }
  }

  private static func name(_ key: String) -> String {
    key.hasPrefix("eval_") ? "eval/\(key.dropFirst("eval_".count))" : "train/\(key)"
  }
}
