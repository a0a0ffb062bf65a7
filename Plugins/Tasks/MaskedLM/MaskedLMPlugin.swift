import GraftCore

/// Registers the masked-language-model head.
public enum MaskedLMPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(MaskedLMHead.self)
  }
}
