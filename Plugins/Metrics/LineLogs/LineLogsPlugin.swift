import GraftCore

/// Registers the writers of CSV and of JSON Lines.
public enum LineLogsPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(CSVWriter.self)
    try registry.add(JSONLinesWriter.self)
  }
}
