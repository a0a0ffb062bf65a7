import Foundation
import GraftCore
import GraftTensors

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
  var (opened, resolved) = try openSource(
    source, for: options, strict: strict, keepExtra: keepExtra, registry)
  let tally = NonFiniteTally(strict: strict)
  if let origin { opened.checkpoint.noteImport(origin) }
  if opened.checkpoint.tokenizer == nil, opened.checkpoint.unreadTokenizer == nil {
    opened.report.notes.append("there is no tokenizer beside the weights: the model cannot read texts")
  }
  try opened.write(to: output, resolved, tally)
  return opened.report
}
