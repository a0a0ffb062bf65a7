import GraftCore

/// Registers the weight format `tensorflow`.
public enum TensorFlowBundlePlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(TensorFlowBundleFormat.self)
  }
}
