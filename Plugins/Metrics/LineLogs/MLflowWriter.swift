import Foundation
import GraftCore
import GraftTensors

/// Writes a run as MLflow's file store does, into `mlruns/0/RUN`: a file for each setting under `params`, one for each
/// score under `metrics`, with a line `milliseconds value step` for each time, and `tags`.
///
/// https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow/store/tracking/file_store.py
public final class MLflowWriter: MetricsWriter {
  public static let name = "mlflow"

  private let run: MLflowRun
  private let step: Int
  /// By the names of the scores.
  private var logs: [String: LineLog] = [:]

  public init(directory: URL, after step: Int) throws {
    self.step = step
    run = try MLflowRun(in: directory, isNew: step == 0)
    // What is of later steps goes now, also of scores that do not come again.
    for name in try run.scores { _ = try log(of: name) }
  }

  public func describe(_ run: RunDescription) throws {
    try self.run.describe(name: run.name)
    for (name, value) in run.settings {
      try self.run.write(value.string ?? value.text(), name, under: .params)
    }
  }

  public func add(_ values: [String: Double], step: Int) throws {
    let time = MLflowRun.milliseconds()
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      try log(of: MLflowRun.key(name)).append("\(time) \(value) \(step)")
    }
  }

  public func end(_ end: RunEnd, step: Int) throws { try run.end(end) }

  private func log(of name: String) throws -> LineLog {
    if let log = logs[name] { return log }
    let file = run.file(name, under: .metrics)
    let log = try LineLog(file.lastPathComponent, in: file.deletingLastPathComponent(), after: step) { line in
      line.split(separator: " ").last.flatMap { Int($0) }
    }
    logs[name] = log
    return log
  }
}
