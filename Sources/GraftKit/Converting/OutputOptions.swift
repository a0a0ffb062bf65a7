import Foundation
import GraftCore
import GraftTensors

/// Where a checkpoint is written, and how.
public struct OutputOptions: Sendable {
  /// A registered weight format.
  public var format: String
  /// A registered dialect; `nil` takes the format's usual one, or else the backbone's first.
  public var dialect: String?
  /// The name of a type that the format stores floating-point tensors as; `nil` keeps each as it is.
  public var dtype: String?
  /// The most bytes of tensors in one file; `nil` is what is usual for the format.
  public var shardLimit: Int?

  public init(
    format: String = DefaultPlugins.format, dialect: String? = nil, dtype: String? = nil,
    shardLimit: Int? = nil
  ) {
    self.format = format
    self.dialect = dialect
    self.dtype = dtype
    self.shardLimit = shardLimit
  }

  /// The plugins that the options name.
  ///
  /// - Throws: `GraftError` when one is not registered, or the format does not have the type.
  package func resolve(_ registry: Registry, for family: Family) throws -> Checkpoint.WriteOptions {
    let found = try registry.checkpointFormat(format)
    let types = found.type.storageTypes
    let type = types.first { $0.name == dtype }
    if let dtype, type == nil {
      throw GraftError(
        .unsupported, "the format '\(format)' does not store weights as \(dtype)",
        advice: "It takes \(types.map(\.name).joined(separator: ", ")).")
    }
    return Checkpoint.WriteOptions(
      format: found,
      dialect: try registry.dialect(dialect, of: family, in: format), dtype: type, shardLimit: shardLimit)
  }
}

extension Checkpoint {
  /// Writes a checkpoint directory that appears complete or not at all.
  ///
  /// - Parameters:
  ///   - url: The directory; it must not exist, or be empty, unless `replacing`.
  /// - Throws: `GraftError` when the directory exists or cannot be written.
  public func write(
    to url: URL, _ options: OutputOptions = OutputOptions(), replacing: Bool = false, registry: Registry
  ) throws {
    let resolved = try options.resolve(registry, for: family)
    try DirectoryWriter.write(url, replacing: replacing) { try write(into: $0, resolved) }
  }
}
