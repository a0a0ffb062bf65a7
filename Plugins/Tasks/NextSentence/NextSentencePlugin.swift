import GraftCore

/// Registers the next-sentence task.
public enum NextSentencePlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(NextSentence.self)
  }
}
