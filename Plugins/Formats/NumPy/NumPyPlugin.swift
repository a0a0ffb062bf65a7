import GraftCore

/// Registers the weight format `npz`.
public enum NumPyPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(NPZFormat.self)
  }
}
