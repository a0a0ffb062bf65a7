import GraftCore

/// Registers the replaced-token-detection task.
public enum ReplacedTokenDetectionPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(ReplacedTokenDetection.self)
  }
}
