import GraftCore

/// Registers the weight format `pytorch`.
public enum PyTorchPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(PyTorchFormat.self)
  }
}
