import GraftCore

/// Registers the masked-language-model task.
public enum MaskedLMPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(MaskedLM.self)
  }
}
