import GraftCore

/// Registers the writers of CSV, of JSON Lines and of MLflow's files.
public enum LineLogsPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(CSVWriter.self)
    try registry.add(JSONLinesWriter.self)
    try registry.add(MLflowWriter.self)
  }
}
