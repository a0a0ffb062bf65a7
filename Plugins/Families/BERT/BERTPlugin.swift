import GraftCore

/// Registers the BERT backbone and its dialects.
public enum BERTPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(BERTBackbone.self)
    try registry.add(Dialect.transformersBERT)
    try registry.add(Dialect.transformersTensorFlowBERT)
    try registry.add(Dialect.googleBERT)
    try registry.add(Dialect.kerasHubBERT)
    try registry.add(Dialect.ggufBERT)
  }
}
