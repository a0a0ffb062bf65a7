import GraftCore

/// Registers the question-answering task.
public enum QuestionAnsweringPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(QuestionAnswering.self)
  }
}
