import Foundation
import GraftCore

/// Where a checkpoint is written, and how.
public struct OutputOptions: Sendable {
  /// A registered weight format.
  public var format: String
  /// A registered dialect; `nil` takes the format's usual one, or else the backbone's first.
  public var dialect: String?
  /// Converts floating-point tensors; `nil` keeps each as it is.
  public var dtype: DType?
  /// The most bytes of tensors in one file.
  public var shardLimit: Int

  public init(
    format: String = "safetensors", dialect: String? = nil, dtype: DType? = nil,
    shardLimit: Int = 5_000_000_000
  ) {
    self.format = format
    self.dialect = dialect
    self.dtype = dtype
    self.shardLimit = shardLimit
  }

  /// The plugins that the options name.
  ///
  /// - Throws: `GraftError` when one is not registered.
  func resolve(_ registry: Registry, backbone: String) throws -> Checkpoint.WriteOptions {
    Checkpoint.WriteOptions(
      format: try registry.formats.find(format),
      dialect: try registry.dialect(dialect, of: backbone, in: format), dtype: dtype, shardLimit: shardLimit)
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
    let resolved = try options.resolve(registry, backbone: backboneType.name)
    try DirectoryWriter.write(url, replacing: replacing) { try write(into: $0, resolved) }
  }
}

/// Brings a checkpoint of any format and dialect into Graft's own layout.
///
/// - Parameters:
///   - source: A checkpoint directory, or a weight file beside its `config.json`.
///   - output: The directory to create.
///   - options: The weight format, dialect, type and shard size of what is written.
///   - strict: Whether anything initialised or unexpected is an error.
///   - keepExtra: Whether tensors that nothing recognises are carried along.
///   - registry: The plugins.
/// - Returns: What became of every tensor.
/// - Throws: `GraftError` when the source is broken or the output exists.
@discardableResult
public func importModel(
  _ source: URL, to output: URL, options: OutputOptions = OutputOptions(), strict: Bool = false,
  keepExtra: Bool = false, registry: Registry
) throws -> LoadReport {
  try DirectoryWriter.checkVacant(output)
  var opened = try registry.open(source)
  if strict { try opened.report.requireStrict() }
  if !keepExtra { opened.checkpoint.extra = Weights() }
  try opened.checkpoint.write(to: output, options, registry: registry)
  return opened.report
}

/// Writes a checkpoint in another weight format or dialect.
///
/// - Parameters:
///   - source: A checkpoint directory or weight file.
///   - output: A directory to create; with a file extension, the one weight file to write.
///   - options: The weight format, dialect, type and shard size of what is written.
///   - strict: Whether anything initialised or unexpected in the source is an error.
///   - registry: The plugins.
/// - Returns: What became of every tensor when the source was read.
/// - Throws: `GraftError` when the source is broken, the output exists, or one file was asked for and the
///   model needs several.
@discardableResult
public func exportModel(
  _ source: URL, to output: URL, options: OutputOptions, strict: Bool = false, registry: Registry
) throws -> LoadReport {
  try DirectoryWriter.checkVacant(output)
  var opened = try registry.open(source)
  if strict { try opened.report.requireStrict() }
  let checkpoint = opened.checkpoint
  let resolved = try options.resolve(registry, backbone: checkpoint.backboneType.name)
  opened.report.notes +=
    try resolved.dialect.files.configuration?.differences(from: checkpoint.configuration) ?? []
  let extensions = Set(resolved.format.fileNames.map { ($0 as NSString).pathExtension })
  if extensions.contains(output.pathExtension) {
    let weights = try checkpoint.encodedWeights(resolved)
    let shards = ShardIndex.split(weights, limit: resolved.shardLimit).count
    guard shards <= 1 else {
      throw GraftError(
        .refused, "the model does not fit in one file of the largest size", file: output.path,
        expected: "at most \(resolved.shardLimit) bytes", found: "\(weights.byteCount)",
        advice: "Name a directory for its \(shards) shards, or raise --max-shard-size.")
    }
    try resolved.format.init().write(weights, to: output)
  } else {
    try checkpoint.write(to: output, options, registry: registry)
  }
  return opened.report
}
