import GraftCore

/// Registers the pretraining head.
public enum PretrainingPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(PretrainingHead.self)
  }
}
