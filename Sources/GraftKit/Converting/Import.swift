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
    format: String = "safetensors", dialect: String? = nil, dtype: String? = nil,
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

/// Brings a checkpoint of any format and dialect into Graft's own layout.
///
/// - Parameters:
///   - source: A checkpoint directory, or a weight file beside its `config.json`.
///   - output: The directory to create.
///   - options: The weight format, dialect, type and shard size of what is written.
///   - strict: Whether anything initialised, unexpected or not finite is an error.
///   - keepExtra: Whether tensors that nothing recognises are carried along.
///   - origin: Where the source comes from, for the checkpoint's lineage.
///   - registry: The plugins.
/// - Returns: What became of every tensor.
/// - Throws: `GraftError` when the source is broken or the output exists.
@discardableResult
public func importModel(
  _ source: URL, to output: URL, options: OutputOptions = OutputOptions(), strict: Bool = false,
  keepExtra: Bool = false, origin: LineageStep? = nil, registry: Registry
) throws -> LoadReport {
  try DirectoryWriter.checkVacant(output)
  var (opened, resolved) = try open(source, for: options, strict: strict, keepExtra: keepExtra, registry)
  let tally = NonFiniteTally(strict: strict)
  if let origin { opened.checkpoint.noteImport(origin) }
  if opened.checkpoint.tokenizer == nil {
    opened.report.notes.append("there is no tokenizer beside the weights: the model cannot read texts")
  }
  try opened.write(to: output, resolved, tally)
  return opened.report
}

/// Writes a checkpoint in another weight format or dialect.
///
/// - Parameters:
///   - source: A checkpoint directory or weight file.
///   - output: A directory to create; with a file extension, the one weight file to write.
///   - options: The weight format, dialect, type and shard size of what is written.
///   - strict: Whether anything initialised, unexpected or not finite is an error.
///   - keepExtra: Whether tensors that nothing recognises are carried along.
///   - registry: The plugins.
/// - Returns: What became of every tensor when the source was read, and what the output does not hold.
/// - Throws: `GraftError` when the source is broken, the output exists, its extension is another format's, or
///   one file was asked for and the model needs several.
@discardableResult
public func exportModel(
  _ source: URL, to output: URL, options: OutputOptions, strict: Bool = false, keepExtra: Bool = false,
  registry: Registry
) throws -> LoadReport {
  try DirectoryWriter.checkVacant(output)
  let isFile = try options.namesFile(output, registry)
  var (opened, resolved) = try open(source, for: options, strict: strict, keepExtra: keepExtra, registry)
  let tally = NonFiniteTally(strict: strict)
  if isFile {
    opened.report.notes += try opened.checkpoint.writeOneFile(output, resolved, tally)
    opened.report.nonFinite = tally.found
  } else {
    opened.checkpoint.card = try ModelCard.exported(
      opened.checkpoint, as: output.standardizedFileURL.lastPathComponent, dialect: resolved.dialect)
    try opened.write(to: output, resolved, tally)
  }
  return opened.report
}

/// Opens a checkpoint and takes off what is not carried along, which the report says.
private func open(
  _ source: URL, for options: OutputOptions, strict: Bool, keepExtra: Bool, _ registry: Registry
) throws -> (OpenedCheckpoint, Checkpoint.WriteOptions) {
  var opened = try registry.open(source)
  try opened.confirmCopies()
  if strict { try opened.report.requireStrict() }
  let resolved = try options.resolve(registry, for: opened.checkpoint.family)
  if !keepExtra {
    opened.checkpoint.extra = Weights()
  } else if !opened.report.unexpected.isEmpty {
    opened.report.notes.append("what is unexpected is carried along")
  }
  opened.report.notes +=
    try resolved.dialect.files.configuration?.differences(from: opened.checkpoint.configuration) ?? []
  opened.report.notes += try opened.checkpoint.leaveOut(whatIsUnknownTo: resolved.dialect)
  return (opened, resolved)
}

extension OpenedCheckpoint {
  /// Writes a directory, and reports what was found on the way.
  fileprivate mutating func write(
    to output: URL, _ options: Checkpoint.WriteOptions, _ tally: NonFiniteTally
  ) throws {
    try DirectoryWriter.write(output) { try checkpoint.write(into: $0, options, counting: tally) }
    report.nonFinite = tally.found
  }
}

extension OutputOptions {
  /// Whether a path is that of one weight file, by its extension, and not that of a directory.
  ///
  /// - Throws: `GraftError` when the extension is that of another format.
  fileprivate func namesFile(_ output: URL, _ registry: Registry) throws -> Bool {
    let own = try registry.checkpointFormat(format).extensions
    if own.contains(output.pathExtension) { return true }
    if let other = registry.checkpointFormats.first(where: { $0.extensions.contains(output.pathExtension) }) {
      throw GraftError(
        .refused, "the extension '.\(output.pathExtension)' is that of the format '\(other.name)'",
        file: output.path,
        expected: own.map { ".\($0)" }.joined(separator: ", ") + ", or the name of a directory",
        advice: "Set \(option: "format") to \(other.name), or choose another name.")
    }
    return false
  }
}

extension CheckpointFormat {
  /// What its files' names end in.
  fileprivate var extensions: [String] {
    fileNames.map { ($0 as NSString).pathExtension }
  }
}

extension Checkpoint {
  /// Writes the active weights, and what is carried along, as one file.
  ///
  /// - Returns: What the file does not hold, in sentences.
  /// - Throws: `GraftError` when they are more than one file may have.
  fileprivate func writeOneFile(
    _ output: URL, _ options: WriteOptions, _ tally: NonFiniteTally
  ) throws -> [String] {
    var file = try encodedFile(options)
    file.weights.tensors.merge(extra.tensors) { first, _ in first }
    let sharing = options.format.sharesTensors
    let shards =
      options.shardLimit.map { ShardIndex.split(file.weights, limit: $0, sharing: sharing).count } ?? 1
    guard shards == 1 else {
      throw GraftError(
        .refused, "the model does not fit in one file of the largest size", file: output.path,
        expected: options.shardLimit.map { "at most \($0) bytes" }, found: "\(file.weights.byteCount)",
        advice: "Name a directory for its \(shards) shards, or raise \(option: "max-shard-size").")
    }
    try write(file, to: output, options, counting: tally)
    let left = try leftOut(ofOneFileIn: options.dialect)
    let isWhole = !file.attributes.isEmpty
    return
      (isWhole
      ? [] : ["one file holds weights alone; name a directory to have config.json and the tokenizer too"])
      + (left.isEmpty ? [] : ["left out: \(left.joined(separator: ", "))"])
  }
}
