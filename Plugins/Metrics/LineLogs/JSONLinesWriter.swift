import Foundation
import GraftCore
import GraftTensors
import OrderedCollections

/// Writes `metrics.jsonl`, an object for each line of the log: `{"step":5,"train/loss":0.5}`. What is not a number is
/// null.
public final class JSONLinesWriter: MetricsWriter {
  public static let name = "jsonl-log"

  private let log: LineLog

  public init(directory: URL, after step: Int) throws {
    log = try LineLog("metrics.jsonl", in: directory, after: step) { line in
      // The step comes first, so that a line needs no parser.
      let start = #"{"step":"#
      guard line.hasPrefix(start), line.last == "}" else { return nil }
      return Int(line.dropFirst(start.count).prefix { $0.isNumber })
    }
  }

  public func add(_ values: [String: Double], step: Int) throws {
    var members: OrderedDictionary<String, JSON> = ["step": JSON(step)]
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      members[name] = value.isFinite ? JSON(value) : .null
    }
    try log.append(JSON.object(members).text())
  }
}
