import GraftCore

/// Registers the sequence-classification task.
public enum SequenceClassificationPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(SequenceClassification.self)
  }
}
