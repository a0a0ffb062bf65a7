import GraftCore

/// Registers the weight format `safetensors`.
public enum SafetensorsPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(SafetensorsFormat.self)
  }
}
