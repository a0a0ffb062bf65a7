import GraftCore

/// Registers the sentence-order task.
public enum SentenceOrderPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(SentenceOrder.self)
  }
}
