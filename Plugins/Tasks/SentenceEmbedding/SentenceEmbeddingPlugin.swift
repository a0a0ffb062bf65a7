import GraftCore

/// Registers the sentence-embedding task.
public enum SentenceEmbeddingPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(SentenceEmbedding.self)
  }
}
