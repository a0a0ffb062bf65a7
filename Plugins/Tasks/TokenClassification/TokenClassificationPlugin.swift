import GraftCore

/// Registers the token-classification task.
public enum TokenClassificationPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(TokenClassification.self)
  }
}
