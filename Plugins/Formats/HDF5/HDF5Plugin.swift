import GraftCore

/// Registers the weight format `hdf5`.
public enum HDF5Plugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(HDF5Format.self)
  }
}
