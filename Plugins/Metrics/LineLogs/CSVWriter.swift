import Foundation
import GraftCore
import GraftTensors

/// Writes `metrics.csv`, a line for each number: `step,name,value`. What is not a number is `nan`, `inf` or `-inf`.
public final class CSVWriter: MetricsWriter {
  public static let name = "csv-log"

  private let log: LineLog
  /// What was written last, and of which step: the log and the evaluation of a step both say its epoch.
  private var written: (step: Int, names: Set<String>) = (-1, [])

  public init(directory: URL, after step: Int) throws {
    log = try LineLog("metrics.csv", in: directory, after: step, header: "step,name,value") { line in
      line.split(separator: ",").first.flatMap { Int($0) }
    }
  }

  public func add(_ values: [String: Double], step: Int) throws {
    if written.step != step { written = (step, []) }
    let lines = values.filter { written.names.insert($0.key).inserted }.sorted { $0.key < $1.key }.map {
      "\(step),\($0.key),\($0.value)"
    }
    if !lines.isEmpty { try log.append(lines.joined(separator: "\n")) }
  }
}
