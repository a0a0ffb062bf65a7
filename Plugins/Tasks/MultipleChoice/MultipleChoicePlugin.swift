import GraftCore

/// Registers the multiple-choice task.
public enum MultipleChoicePlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(MultipleChoice.self)
  }
}
