import GraftCore

/// Registers the writer of TensorBoard's event files.
public enum TensorBoardPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(TensorBoardWriter.self)
  }
}
