import Foundation
import GraftCore
import GraftTensors

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
  let isFile = try options.namesFile(output, registry)
  let claim = try isFile ? FileClaim(output) : nil
  defer { withExtendedLifetime(claim) {} }
  if !isFile { try DirectoryWriter.checkVacant(output) }
  var (opened, resolved) = try openSource(
    source, for: options, strict: strict, keepExtra: keepExtra, registry)
  opened.report.notes += try opened.checkpoint.notesOnOtherTools
  let tally = NonFiniteTally(strict: strict)
  if isFile {
    opened.report.notes += try opened.checkpoint.writeOneFile(output, resolved, tally)
    opened.report.nonFinite = tally.found
  } else {
    opened.checkpoint.card = try ModelCard.exported(
      opened.checkpoint, as: output.standardizedFileURL.lastPathComponent, dialect: resolved.dialect)
    if try opened.checkpoint.changeOfNumbers(in: resolved) != nil {
      opened.checkpoint.card?.removeQuantization()
    }
    try opened.write(to: output, resolved, tally)
  }
  return opened.report
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
