import GraftCore

/// Registers the BERT family.
public enum BERTPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(Family.bert) }
}
