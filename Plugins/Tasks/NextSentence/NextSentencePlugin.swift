import GraftCore

/// Registers the next-sentence head.
public enum NextSentencePlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(NextSentenceHead.self)
  }
}
