import GraftCore

/// Registers the sequence-classification head.
public enum SequenceClassificationPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(SequenceClassificationHead.self)
  }
}
